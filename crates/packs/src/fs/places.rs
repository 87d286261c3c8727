//! Where a path leads: which root, which path below it, and by what rules.

use std::sync::Arc;

use durward_cage::files::{FileFault, Kind, RelPath, Root};
use durward_core::{ClientRoots, Refusal};
use durward_guard::{
    path::{Absolute, DenyList, Lexical, PathScope, Relative, lexical},
    uri::file_path,
};

use super::{FsSettings, refuse};
use crate::PacksError;

/// All that is shared.
#[derive(Debug)]
pub(crate) struct Places {
    areas: Vec<Arc<Area>>,
    pub(super) max_read: u64,
    pub(super) max_write: u64,
    pub(super) durable: bool,
}

/// One root with its rules.
#[derive(Debug)]
pub(crate) struct Area {
    pub(crate) root: Arc<Root>,
    /// The path as the configuration says it, which may lead through links.
    given: Option<String>,
    deny: Arc<DenyList>,
    scope: Arc<PathScope>,
    /// The only folders and files below the root that count, where a client named its own.
    only: Option<Arc<[Relative]>>,
}

/// A path below a root.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) area: Arc<Area>,
    path: Relative,
}

impl Places {
    pub(crate) fn open(settings: &FsSettings) -> Result<Self, PacksError> {
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
            let scope = Arc::new(scope);
            let deny = Arc::clone(&deny);
            let given = given
                .path
                .to_str()
                .map(|path| path.trim_end_matches('/').to_owned());
            areas.push(Arc::new(Area {
                root: Arc::new(root),
                given,
                deny,
                scope,
                only: None,
            }));
        }
        Ok(Self {
            areas,
            max_read: settings.max_read,
            max_write: settings.max_write,
            durable: settings.durable,
        })
    }

    /// What is shared, root by root.
    pub(crate) fn areas(&self) -> &[Arc<Area>] {
        &self.areas
    }

    /// The same with no more than the roots of a client in it. A root of the client's that holds one
    /// of ours leaves all of that one; one that lies elsewhere leaves nothing.
    pub(crate) fn narrowed(&self, roots: &ClientRoots) -> Self {
        let named: Vec<_> = roots.0.iter().filter_map(|uri| host_path(uri)).collect();
        let elsewhere = named
            .iter()
            .filter(|path| self.areas.iter().all(|area| common(area, path).is_none()));
        let nothing = elsewhere.count() + roots.0.len() - named.len();
        if nothing > 0 {
            tracing::debug!(
                nothing,
                "roots of the client lie outside of what is shared, and leave nothing of it"
            );
        }
        let narrow = |area: &Arc<Area>| {
            let only = named.iter().filter_map(|path| common(area, path)).collect();
            Arc::new(Area {
                root: Arc::clone(&area.root),
                given: area.given.clone(),
                deny: Arc::clone(&area.deny),
                scope: Arc::clone(&area.scope),
                only: Some(only),
            })
        };
        Self {
            areas: self.areas.iter().map(narrow).collect(),
            max_read: self.max_read,
            max_write: self.max_write,
            durable: self.durable,
        }
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
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
        let areas = self.areas.iter();
        all.then(|| {
            areas
                .filter(|area| area.leads_to_shared(""))
                .map(|area| area.root.name())
                .collect()
        })
    }

    /// Where `input` leads: `name:path`, a path below the only root, or an absolute path that lies
    /// in a root.
    pub(crate) fn find(&self, input: &str) -> Result<Place, Refusal> {
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

/// The absolute path of a client's root; nothing where it is none.
fn host_path(uri: &str) -> Option<String> {
    let path = file_path(uri)?.ok()?;
    matches!(lexical(&path), Ok(Lexical::Absolute(_))).then_some(path)
}

/// What a folder of the host and a root have in common.
fn common(area: &Arc<Area>, folder: &str) -> Option<Relative> {
    let absolute = |path: &str| match lexical(path) {
        Ok(Lexical::Absolute(path)) => Some(path),
        _ => None,
    };
    let mut names = area.host_names();
    if names.any(|name| absolute(&format!("{name}/")).is_some_and(|it| it.below(folder).is_some()))
    {
        return Some(Relative::root());
    }
    within(area, &absolute(folder)?).map(|place| place.path)
}

/// Is a path the folder, or below it?
fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What an absolute path means in a root, if it lies there.
pub(super) fn within(area: &Arc<Area>, absolute: &Absolute) -> Option<Place> {
    let path = area.host_names().find_map(|root| absolute.below(root))?;
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
    /// A path below a root.
    pub(crate) fn at(area: &Arc<Area>, path: Relative) -> Self {
        Self {
            area: Arc::clone(area),
            path,
        }
    }

    /// The path below the root, for cage.
    pub(super) fn rel(&self) -> Result<RelPath<'_>, Refusal> {
        self.rel_path().map_err(|fault| self.refuse(&fault))
    }

    /// The same, for who says himself what is wrong with it.
    pub(crate) fn rel_path(&self) -> Result<RelPath<'_>, FileFault> {
        RelPath::new(self.path.as_str())
    }

    /// The path below the root; `""` for the root.
    pub(crate) fn path(&self) -> &str {
        self.path.as_str()
    }

    /// A path below the same root, as callers spell it.
    pub(crate) fn spell(&self, path: &str) -> String {
        let path = if path.is_empty() { "." } else { path };
        match self.area.root.name() {
            "" => path.to_owned(),
            name => format!("{name}:{path}"),
        }
    }

    /// Why cage did not reach it.
    pub(crate) fn refuse(&self, fault: &FileFault) -> Refusal {
        refuse::file(fault, &self.spell(self.path()))
    }

    /// Why cage did not change it.
    pub(super) fn refuse_change(&self, fault: &FileFault) -> Refusal {
        refuse::change(fault, &self.spell(self.path()))
    }
}

impl Area {
    /// The root's absolute paths, for comparing: as the system has it, and as the configuration does.
    pub(super) fn host_names(&self) -> impl Iterator<Item = &str> {
        let given = self.given.as_deref().filter(|path| path.starts_with('/'));
        let real = self.root.host_path();
        real.into_iter()
            .chain(given.filter(|given| real != Some(*given)))
    }

    /// May a file of this path be read?
    pub(super) fn judge_file(&self, path: &str) -> Result<(), FileFault> {
        self.keep_within(self.is_shared(path))?;
        self.judge(path, self.scope.allows_read(path))
    }

    /// May a directory of this path be listed? It may where something in it can be shared.
    pub(crate) fn judge_dir(&self, path: &str) -> Result<(), FileFault> {
        self.keep_within(self.leads_to_shared(path))?;
        self.judge(path, self.scope.may_contain_read(path))
    }

    /// May a file or a directory of this path be looked at?
    pub(crate) fn judge_node(&self, path: &str) -> Result<(), FileFault> {
        self.keep_within(self.leads_to_shared(path))?;
        self.judge(
            path,
            self.scope.allows_read(path) || self.scope.may_contain_read(path),
        )
    }

    /// May a file of this path be written?
    pub(super) fn judge_write(&self, path: &str) -> Result<(), FileFault> {
        self.keep_within(self.is_shared(path))?;
        self.judge(path, self.scope.allows_write(path))
    }

    /// May a directory of this path be made? It may where something in it could be written.
    pub(super) fn judge_mkdir(&self, path: &str) -> Result<(), FileFault> {
        self.keep_within(self.is_shared(path))?;
        self.judge(path, self.scope.may_contain_write(path))
    }

    /// May what stands at this path be moved or deleted, as far as is known without its kind? A root of
    /// the client's is as little its to move as ours.
    pub(super) fn judge_change(&self, path: &str) -> Result<(), FileFault> {
        let is_root = |only: &[Relative]| only.iter().any(|it| it.as_str() == path);
        self.keep_within(!self.only.as_deref().is_some_and(is_root))?;
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

    /// Is the path at or below what the client shares?
    fn is_shared(&self, path: &str) -> bool {
        self.only
            .as_deref()
            .is_none_or(|only| only.iter().any(|it| is_below(path, it.as_str())))
    }

    /// The same, or on the way there.
    fn leads_to_shared(&self, path: &str) -> bool {
        self.is_shared(path)
            || self
                .only
                .as_deref()
                .is_some_and(|only| only.iter().any(|it| is_below(it.as_str(), path)))
    }

    fn keep_within(&self, within: bool) -> Result<(), FileFault> {
        within.then_some(()).ok_or(FileFault::OutsideRoot)
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
