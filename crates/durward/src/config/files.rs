//! `files`: what the file tools may touch.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    text::{is_name, text_type},
    units::{Size, Unfit},
};

/// What `fs_*`, path parameters and working directories may touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Files {
    /// The folder that is shared. A relative path begins in the working folder, as everywhere here.
    pub root: PathBuf,
    /// Or several, by name, such as `{ docs: { path: /srv/docs } }`: then `docs:guide.md` names a file.
    #[schemars(with = "BTreeMap<String, NamedRoot>")]
    pub roots: BTreeMap<RootName, NamedRoot>,
    /// Whether the root may be `/`, `/proc`, `/sys`, `/dev` or what holds them; a home folder only gets
    /// a warning.
    pub allow_dangerous_root: bool,
    /// What may be read, as globs under the root.
    pub read: Vec<Glob>,
    /// What may be written, as globs under the root: `**` for everything. Nothing until said, and then
    /// no tool that writes is offered.
    pub write: Vec<Glob>,
    /// What may never be touched, beside the built-in list (`.env*`, `.ssh`, `*.pem`, …).
    pub deny: Vec<Glob>,
    /// Whether the built-in list holds.
    pub builtin_deny: bool,
    /// The largest file that is read.
    pub max_read: Size,
    /// The largest file that is written.
    pub max_write: Size,
    /// How much all files of a root may have together: a write that would bring them above it is refused.
    /// No limit unless said.
    pub quota: Option<Size>,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            root: ".".into(),
            roots: BTreeMap::new(),
            allow_dangerous_root: false,
            read: vec![Glob("**".to_owned())],
            write: Vec::new(),
            deny: Vec::new(),
            builtin_deny: true,
            max_read: Size::mebibytes(1),
            max_write: Size::mebibytes(1),
            quota: None,
        }
    }
}

impl Files {
    /// The folders that are shared: the named ones, or else the one that has no name.
    pub fn shared(&self) -> Vec<(Option<&RootName>, &Path)> {
        if self.roots.is_empty() {
            return vec![(None, &self.root)];
        }
        self.roots
            .iter()
            .map(|(name, root)| (Some(name), root.path.as_path()))
            .collect()
    }

    /// May anything be written, in any root?
    pub fn are_writable(&self) -> bool {
        match self.roots.is_empty() {
            true => !self.write.is_empty(),
            false => self
                .roots
                .values()
                .any(|root| !root.write.as_ref().unwrap_or(&self.write).is_empty()),
        }
    }
}

/// A shared folder that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedRoot {
    /// The folder.
    pub path: PathBuf,
    /// What may be written in it, where that is other than `files.write`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<Vec<Glob>>,
    /// How much its files may have together, where that is other than `files.quota`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<Size>,
}

/// The name of a shared folder: `[a-z][a-z0-9_-]{0,30}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RootName(String);

impl RootName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RootName {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if is_name(text, 31) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(
                text,
                "a root's name: a letter a-z, then up to 30 of a-z, 0-9, `-` and `_`",
            ))
        }
    }
}

impl fmt::Display for RootName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    RootName,
    "a root's name, such as `docs`",
    "^[a-z][a-z0-9_-]{0,30}$"
);

/// A pattern of paths under the root, such as `docs/**/*.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Glob {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if !text.is_empty() && !text.starts_with('/') && globset::Glob::new(text).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(
                text,
                "a pattern of paths under the root, such as `docs/**/*.md`",
            ))
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    Glob,
    "a pattern of paths under the root, such as `docs/**/*.md`",
    "^[^/].*$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_and_names() {
        assert!("notes/private/**".parse::<Glob>().is_ok());
        for text in ["", "/etc/*", "a[", "{a"] {
            assert!(text.parse::<Glob>().is_err(), "{text}");
        }
        for text in ["", "Docs", "1a", "a:b", "a/b"] {
            assert!(text.parse::<RootName>().is_err(), "{text}");
        }
    }
}
