//! Where each value came from.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use super::node::{Node, Place, Value};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The file, at this line.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Env {
        /// Its name.
        name: String,
    },
    /// `--set`.
    Set,
    /// `--command`.
    Command,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env { name } => f.write_str(name),
            Self::Set => f.write_str("--set"),
            Self::Command => f.write_str("--command"),
        }
    }
}

/// One of the texts that a configuration is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TextId(u32);

impl TextId {
    /// The defaults, which have no text.
    pub(super) const DEFAULTS: Self = Self(0);
}

#[derive(Debug, Clone)]
pub(super) enum Source {
    File(PathBuf),
    Env(String),
    Set,
    Command,
}

/// The texts, in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts(Vec<(Source, Arc<str>)>);

impl Texts {
    pub(super) fn add(&mut self, source: Source, text: &str) -> TextId {
        self.0.push((source, text.into()));
        TextId(u32::try_from(self.0.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn get(&self, id: TextId) -> Option<(&Source, &Arc<str>)> {
        let index = usize::try_from(id.0.checked_sub(1)?).ok()?;
        self.0.get(index).map(|(source, text)| (source, text))
    }

    /// Puts stars in the place of a value that nobody may see.
    pub(super) fn cover(&mut self, place: &Place) {
        let index = place
            .text
            .0
            .checked_sub(1)
            .and_then(|index| usize::try_from(index).ok());
        let Some((_, text)) = index.and_then(|index| self.0.get_mut(index)) else {
            return;
        };
        let span = &place.span;
        if let (Some(before), Some(value), Some(after)) = (
            text.get(..span.start),
            text.get(span.clone()),
            text.get(span.end..),
        ) {
            // As many bytes and lines as before, so that every other place stays where it is.
            let stars: String = value
                .bytes()
                .map(|byte| if byte == b'\n' { '\n' } else { '*' })
                .collect();
            *text = format!("{before}{stars}{after}").into();
        }
    }

    fn origin(&self, node: &Node) -> Origin {
        match self.get(node.place.text) {
            None => Origin::Default,
            Some((Source::Env(name), _)) => Origin::Env { name: name.clone() },
            Some((Source::Set, _)) => Origin::Set,
            Some((Source::Command, _)) => Origin::Command,
            Some((Source::File(path), text)) => {
                let before = text
                    .as_bytes()
                    .get(..node.place.span.start)
                    .unwrap_or_default();
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                Origin::File {
                    path: path.clone(),
                    line,
                }
            }
        }
    }
}

/// The origin of every value, by its path of keys.
#[derive(Debug, Clone, Default)]
pub struct Origins(BTreeMap<Vec<String>, Origin>);

impl Origins {
    pub(super) fn of(root: &Node, texts: &Texts) -> Self {
        let mut origins = Self::default();
        origins.collect(root, texts, &mut Vec::new());
        origins
    }

    fn collect(&mut self, node: &Node, texts: &Texts, path: &mut Vec<String>) {
        if let Value::Map(map) = &node.value {
            for (key, child) in &map.0 {
                path.push(key.text.clone());
                self.0.insert(path.clone(), texts.origin(child));
                self.collect(child, texts, path);
                path.pop();
            }
        }
    }

    /// The origin of the value at a path of keys, or of what holds it.
    pub fn of_path<S: AsRef<str>>(&self, path: &[S]) -> &Origin {
        let mut path: Vec<String> = path.iter().map(|key| key.as_ref().to_owned()).collect();
        while !path.is_empty() {
            if let Some(origin) = self.0.get(&path) {
                return origin;
            }
            path.pop();
        }
        &Origin::Default
    }

    /// The origin of the value at a dotted path, such as `listen.http`.
    pub fn of_key(&self, dotted: &str) -> &Origin {
        self.of_path(&dotted.split('.').collect::<Vec<_>>())
    }
}
