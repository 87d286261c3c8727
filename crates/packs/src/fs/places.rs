//! Where a path leads: which root, which path below it, and by what rules.

use std::sync::Arc;

use durward_cage::files::{FileFault, Kind, RelPath, Root};
use durward_core::Refusal;
use durward_guard::path::{Absolute, DenyList, Lexical, PathScope, Relative, lexical};

use super::{FsSettings, refuse};
use crate::PacksError;

/// All that is shared.
#[derive(Debug)]
pub(super) struct Places {
    areas: Vec<Arc<Area>>,
    pub(super) max_read: u64,
    pub(super) max_write: u64,
    pub(super) durable: bool,
}

/// One root with its rules.
#[derive(Debug)]
pub(super) struct Area {
    pub(super) root: Root,
    /// The path as the configuration says it, which may lead through links.
    given: Option<String>,
    deny: Arc<DenyList>,
    scope: PathScope,
}

/// A path below a root.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) area: Arc<Area>,
    path: Relative,
}

impl Places {
    pub(super) fn open(settings: &FsSettings) -> Result<Self, PacksError> {
        check_names(settings)?;
        let deny = Arc::new(DenyList::build(settings.builtin_deny, &settings.deny)?);
        let mut areas = Vec::with_capacity(settings.roots.len());
        for given in &settings.roots {
            let mut root = Root::open(given)?;
            for folder in &settings.forbidden {
                root.forbid(folder)?;
            }
            let write = settings.write_in.get(&given.name);
            let scope = PathScope::build(&settings.read, write.unwrap_or(&settings.write))?;
            let deny = Arc::clone(&deny);
            let given = given
                .path
                .to_str()
                .map(|path| path.trim_end_matches('/').to_owned());
            areas.push(Arc::new(Area {
                root,
                given,
                deny,
                scope,
            }));
        }
        Ok(Self {
            areas,
            max_read: settings.max_read,
            max_write: settings.max_write,
            durable: settings.durable,
        })
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        self.areas
            .iter()
            .filter_map(|area| area.root.warning())
            .collect()
    }

    /// May anything be written at all?
    pub(super) fn are_writable(&self) -> bool {
        self.areas
            .iter()
            .any(|area| area.scope.may_contain_write(""))
    }

    /// The names of the roots, where `path` means all of them and there are several.
    pub(super) fn top(&self, path: &str) -> Option<Vec<&str>> {
        let all = self.areas.len() > 1 && matches!(path, "" | "." | "./");
        all.then(|| self.areas.iter().map(|area| area.root.name()).collect())
    }

    /// Where `input` leads: `name:path`, a path below the only root, or an absolute path that lies
    /// in a root.
    pub(super) fn find(&self, input: &str) -> Result<Place, Refusal> {
        if let Some((name, rest)) = input.split_once(':')
            && let Some(area) = self.areas.iter().find(|area| area.root.name() == name)
        {
            return match lexical(rest).map_err(refuse::path)? {
                Lexical::Relative(path) => Ok(Place {
                    area: Arc::clone(area),
                    path,
                }),
                Lexical::Absolute(path) => within(area, &path).ok_or_else(refuse::outside),
            };
        }
        match lexical(input).map_err(refuse::path)? {
            Lexical::Relative(path) => match self.areas.as_slice() {
                [area] => Ok(Place {
                    area: Arc::clone(area),
                    path,
                }),
                _ => Err(self.say_which()),
            },
            Lexical::Absolute(path) => self
                .areas
                .iter()
                .find_map(|area| within(area, &path))
                .ok_or_else(refuse::outside),
        }
    }

    fn say_which(&self) -> Refusal {
        let names: Vec<_> = self
            .areas
            .iter()
            .map(|area| format!("`{}:…`", area.root.name()))
            .collect();
        refuse::argument("/path", format!("say in which root: {}", names.join(", ")))
    }
}

/// What an absolute path means in a root, if it lies there.
fn within(area: &Arc<Area>, absolute: &Absolute) -> Option<Place> {
    let names = [area.root.host_path(), area.given.as_deref()];
    let path = names
        .into_iter()
        .flatten()
        .find_map(|root| absolute.below(root))?;
    Some(Place {
        area: Arc::clone(area),
        path,
    })
}

fn check_names(settings: &FsSettings) -> Result<(), PacksError> {
    let mut names: Vec<_> = settings
        .roots
        .iter()
        .map(|root| root.name.as_str())
        .collect();
    names.sort_unstable();
    match names.as_slice() {
        [] => Err(PacksError::Roots("there is no root")),
        [_] => Ok(()),
        several if several.contains(&"") => {
            Err(PacksError::Roots("of several roots each needs a name"))
        }
        several if several.windows(2).any(|pair| pair[0] == pair[1]) => {
            Err(PacksError::Roots("two roots have the same name"))
        }
        _ => Ok(()),
    }
}

impl Place {
    /// The path below the root, for cage.
    pub(super) fn rel(&self) -> Result<RelPath<'_>, Refusal> {
        self.rel_path().map_err(|fault| self.refuse(&fault))
    }

    /// The same, for who says himself what is wrong with it.
    pub(super) fn rel_path(&self) -> Result<RelPath<'_>, FileFault> {
        RelPath::new(self.path.as_str())
    }

    /// The path below the root; `""` for the root.
    pub(super) fn path(&self) -> &str {
        self.path.as_str()
    }

    /// A path below the same root, as callers spell it.
    pub(super) fn spell(&self, path: &str) -> String {
        let path = if path.is_empty() { "." } else { path };
        match self.area.root.name() {
            "" => path.to_owned(),
            name => format!("{name}:{path}"),
        }
    }

    /// Why cage did not reach it.
    pub(super) fn refuse(&self, fault: &FileFault) -> Refusal {
        refuse::file(fault, &self.spell(self.path()))
    }

    /// Why cage did not change it.
    pub(super) fn refuse_change(&self, fault: &FileFault) -> Refusal {
        refuse::change(fault, &self.spell(self.path()))
    }
}

impl Area {
    /// May a file of this path be read?
    pub(super) fn judge_file(&self, path: &str) -> Result<(), FileFault> {
        self.judge(path, self.scope.allows_read(path))
    }

    /// May a directory of this path be listed? It may where something in it can be shared.
    pub(super) fn judge_dir(&self, path: &str) -> Result<(), FileFault> {
        self.judge(path, self.scope.may_contain_read(path))
    }

    /// May a file or a directory of this path be looked at?
    pub(super) fn judge_node(&self, path: &str) -> Result<(), FileFault> {
        self.judge(
            path,
            self.scope.allows_read(path) || self.scope.may_contain_read(path),
        )
    }

    /// May a file of this path be written?
    pub(super) fn judge_write(&self, path: &str) -> Result<(), FileFault> {
        self.judge(path, self.scope.allows_write(path))
    }

    /// May a directory of this path be made? It may where something in it could be written.
    pub(super) fn judge_mkdir(&self, path: &str) -> Result<(), FileFault> {
        self.judge(path, self.scope.may_contain_write(path))
    }

    /// May what stands at this path be moved or deleted, as far as is known without its kind?
    pub(super) fn judge_change(&self, path: &str) -> Result<(), FileFault> {
        self.judge_write(path).or_else(|_| self.judge_mkdir(path))
    }

    /// May something of this path and kind be moved or deleted?
    pub(super) fn judge_change_of(&self, path: &str, kind: Kind) -> Result<(), FileFault> {
        match kind {
            Kind::Directory => self.judge_change(path),
            _ => self.judge_write(path),
        }
    }

    /// May a file be read at one path and not at another? Then it does not go from there to here.
    pub(super) fn would_reveal(&self, from: &str, to: &str) -> bool {
        !self.scope.allows_read(from) && self.scope.allows_read(to)
    }

    fn judge(&self, path: &str, shared: bool) -> Result<(), FileFault> {
        match self.deny.hit(path) {
            Some(pattern) => Err(FileFault::Denied {
                pattern: pattern.to_owned(),
            }),
            None if shared => Ok(()),
            None => Err(FileFault::NotShared),
        }
    }
}
