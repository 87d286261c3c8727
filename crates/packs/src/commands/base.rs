//! Where the paths of commands lie: below what is shared, found and judged as the file tools do it.
//!
//! What a program is given is the whole path, links followed by us: it begins nowhere else, whatever
//! folder the program runs in, and never with a dash. Between our look and the program's lies a moment in
//! which whoever may write there can put a link in its place; then it leads no further than the walls.

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use durward_cage::{
    files::{FileFault, RootSettings},
    launch::{Level, Walls},
};
use durward_core::{ClientRoots, Refusal, RefusalCode};
use durward_guard::{
    path::{Lexical, Relative, lexical},
    template::path_forms,
};

use super::CommandsSettings;
use crate::{
    PacksError,
    fs::{
        FsSettings,
        places::{Place, Places},
        refuse,
    },
};

/// Windows into the kernel; never a path of a command's where nothing is shared.
const KERNEL: [&str; 3] = ["proc", "sys", "dev"];

/// What the paths of commands are relative to.
#[derive(Debug)]
pub(super) enum Base {
    /// The roots that are shared.
    Shared(Places),
    /// Nothing is shared: whole paths, as far as a command's walls go.
    Nothing(Places),
}

/// A folder that is held open: whatever is put at its path later, it is this one.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) held: Arc<OwnedFd>,
}

impl Base {
    pub(super) fn open(settings: &CommandsSettings) -> Result<Self, PacksError> {
        match &settings.files {
            Some(files) => Places::open(files).map(Self::Shared),
            None => Places::open(&FsSettings {
                roots: vec![RootSettings {
                    path: "/".into(),
                    allow_dangerous: true,
                    ..RootSettings::default()
                }],
                forbidden: settings.forbidden.clone(),
                ..FsSettings::default()
            })
            .map(Self::Nothing),
        }
    }

    /// The folder that a command runs in, held open; the first root where none is said. None where nothing is
    /// shared and a tree of its own has a folder for that.
    pub(super) fn folder(
        &self,
        said: Option<&str>,
        walls: Option<&Walls>,
    ) -> Result<Option<Folder>, Refusal> {
        let own_tree = walls.is_some_and(|walls| walls.level == Level::Full);
        if matches!(self, Self::Nothing(_)) && said.is_none() && own_tree {
            return Ok(None);
        }
        let first = self.places().areas().first();
        let usual = match (self, first.map(|area| area.root.name())) {
            (Self::Nothing(_), _) => "/".to_owned(),
            (_, Some("") | None) => ".".to_owned(),
            (_, Some(name)) => format!("{name}:."),
        };
        let place = self.places().find(said.unwrap_or(&usual))?;
        let judge = |path: &str| place.area.judge_dir(path);
        let opened = place
            .rel_path()
            .and_then(|path| place.area.root.open_folder(path, &judge));
        let (held, path) = opened.map_err(|fault| place.refuse(&fault))?;
        Ok(Some(Folder {
            path,
            held: Arc::new(held),
        }))
    }

    /// The whole path that a value stands for.
    pub(super) fn path(
        &self,
        value: &str,
        within: Option<&ClientRoots>,
        walls: Option<&Walls>,
    ) -> Result<String, Refusal> {
        let narrowed;
        let places = match within.filter(|roots| !roots.0.is_empty()) {
            Some(roots) => {
                narrowed = self.places().narrowed(roots);
                &narrowed
            }
            None => self.places(),
        };
        if matches!(self, Self::Nothing(_)) && !value.starts_with('/') {
            return Err(Refusal::new(
                RefusalCode::PathOutsideRoot,
                "nothing is shared that a relative path could begin in; give a whole path",
            ));
        }
        let place = places.find(value)?;
        let judge = |path: &str| self.judge(&place, path, walls);
        for form in path_forms(value).unwrap_or_default() {
            if let Ok(Lexical::Relative(form)) = lexical(&form) {
                judge(form.as_str()).map_err(|fault| place.refuse(&fault))?;
            }
        }
        let found = reached(&place, &judge).map_err(|fault| place.refuse(&fault))?;
        let whole = beneath(&place, &found);
        // Its names came from a text, and its root's path was compared with one.
        whole
            .into_os_string()
            .into_string()
            .map_err(|_| refuse::outside())
    }

    fn places(&self) -> &Places {
        match self {
            Self::Shared(places) | Self::Nothing(places) => places,
        }
    }

    fn judge(&self, place: &Place, path: &str, walls: Option<&Walls>) -> Result<(), FileFault> {
        if let Self::Nothing(_) = self {
            let top = path.split('/').next().unwrap_or_default();
            if KERNEL.contains(&top) || !walls.is_none_or(|walls| holds(walls, path)) {
                return Err(FileFault::OutsideRoot);
            }
        }
        place.area.judge_node(path)
    }
}

/// Do these walls let it be reached?
fn holds(walls: &Walls, path: &str) -> bool {
    let whole = Path::new("/").join(path);
    let mut open = walls.read.iter().chain(&walls.write);
    open.any(|folder| whole.starts_with(folder))
        && !walls.hide.iter().any(|hidden| whole.starts_with(hidden))
}

/// The path that is really reached. Of one that is yet to be made, the folder that it would be made in is
/// reached, and the rest is as it was said.
fn reached(
    place: &Place,
    judge: &dyn Fn(&str) -> Result<(), FileFault>,
) -> Result<String, FileFault> {
    let root = &place.area.root;
    match root.locate(place.rel_path()?, judge) {
        Ok((_, found)) => return Ok(found),
        Err(FileFault::NotFound) => {}
        Err(fault) => return Err(fault),
    }
    judge(place.path())?;
    let mut missing = place.path().to_owned();
    let mut parent = parent_of(&missing);
    loop {
        let there = Place::at(&place.area, parent.clone());
        match root.locate(there.rel_path()?, judge) {
            Ok((_, found)) => {
                let rest = missing.split_off(parent.as_str().len());
                let rest = rest.trim_start_matches('/');
                let separator = if found.is_empty() { "" } else { "/" };
                let whole = format!("{found}{separator}{rest}");
                judge(&whole)?;
                return Ok(whole);
            }
            Err(FileFault::NotFound) if !parent.is_root() => {
                parent = parent_of(parent.as_str());
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// The folder of a path that is a clean one; the root where there is none.
fn parent_of(path: &str) -> Relative {
    match lexical(path) {
        Ok(Lexical::Relative(path)) => path.parent().unwrap_or_else(Relative::root),
        _ => Relative::root(),
    }
}

/// A path below a root, from `/` on.
fn beneath(place: &Place, path: &str) -> PathBuf {
    let root = place.area.root.host_path().unwrap_or_default();
    match path {
        "" => whole(root),
        path => whole(root).join(path),
    }
}

/// A root's own path, which is empty where it is `/`.
fn whole(root: &str) -> PathBuf {
    match root {
        "" => PathBuf::from("/"),
        root => PathBuf::from(root),
    }
}
