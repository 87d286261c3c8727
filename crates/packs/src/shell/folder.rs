//! The folder that a program begins in: below what is shared, found by handle and kept by it.

use std::{os::fd::OwnedFd, path::PathBuf, sync::Arc};

use durward_cage::files::FileFault;
use durward_core::{ClientRoots, Refusal, RefusalCode};

use crate::fs::places::Places;

/// A folder that is held open: whatever is put at its path later, it is this one.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) held: Arc<OwnedFd>,
}

/// Where a program begins; in the first root, unless a folder is asked for.
pub(super) fn find(
    places: &Places,
    cwd: Option<&str>,
    within: Option<&ClientRoots>,
) -> Result<Folder, Refusal> {
    let narrowed;
    let places = match within.filter(|roots| !roots.0.is_empty()) {
        Some(roots) => {
            narrowed = places.narrowed(roots);
            &narrowed
        }
        None => places,
    };
    let first = places.areas().first().map(|area| area.root.name());
    let usual = match first {
        Some("") | None => ".".to_owned(),
        Some(name) => format!("{name}:."),
    };
    let place = places.find(cwd.unwrap_or(&usual)).map_err(refused)?;
    let judge = |path: &str| place.area.judge_dir(path);
    let folder = place
        .rel_path()
        .and_then(|path| place.area.root.open_folder(path, &judge));
    match folder {
        Ok((held, path)) => Ok(Folder {
            path,
            held: Arc::new(held),
        }),
        Err(FileFault::NotFound) => Err(cwd_is(
            RefusalCode::NotFound,
            "there is no such folder; `fs_list` shows what is there",
            "cwd_not_found",
        )),
        Err(FileFault::NotADirectory | FileFault::NotARegularFile) => Err(cwd_is(
            RefusalCode::InvalidArguments,
            "`cwd` is a file; give a folder",
            "cwd_not_dir",
        )),
        Err(fault) => Err(refused(place.refuse(&fault))),
    }
}

/// The same refusal, of this argument.
fn refused(refusal: Refusal) -> Refusal {
    match refusal.code {
        RefusalCode::PathOutsideRoot => refusal.detail("cwd_outside_root").path("/cwd"),
        _ => refusal.path("/cwd"),
    }
}

fn cwd_is(code: RefusalCode, reason: &'static str, detail: &'static str) -> Refusal {
    Refusal::new(code, reason).detail(detail).path("/cwd")
}
