//! Going through a folder by names alone: nothing in it is opened.

use std::{
    collections::VecDeque,
    fs::DirEntry,
    path::{Path, PathBuf},
};

use durward_cage::launch::{executed_later, is_executed_later};

/// Folders of other people's code: what looks like a key there is a test's, or the list of authorities
/// that TLS needs.
const PASSED_BY: [&str; 6] = [
    ".git",
    "node_modules",
    "site-packages",
    "dist-packages",
    ".venv",
    "venv",
];

/// So many names are looked at below one folder.
const LOOKED_AT: usize = 50_000;
/// So far down.
pub(super) const DEEP: usize = 8;
/// So many places are closed below one folder, for each costs every start a little.
const CLOSED: usize = 500;

/// Shows each name below a folder, the nearest first, with its path from there; `look` says whether to go into
/// it. False where not all were shown.
pub(super) fn walk(
    folder: &Path,
    depth: usize,
    mut look: impl FnMut(&DirEntry, &Path) -> bool,
) -> bool {
    let mut left = LOOKED_AT;
    let mut folders = VecDeque::from([(folder.to_owned(), depth)]);
    while let Some((inner, depth)) = folders.pop_front() {
        for entry in inner.read_dir().into_iter().flatten().flatten() {
            left = left.saturating_sub(1);
            if left == 0 {
                return false;
            }
            let path = entry.path();
            let goes_in = look(&entry, path.strip_prefix(folder).unwrap_or(&path));
            let is_passed = PASSED_BY.iter().any(|passed| entry.file_name() == *passed);
            let is_folder = || entry.file_type().is_ok_and(|kind| kind.is_dir());
            if goes_in && !is_passed && depth > 1 && is_folder() {
                folders.push_back((path, depth - 1));
            }
        }
    }
    true
}

/// What others execute later (`.git/hooks`, the settings of editors and agents …) in projects below a folder; in
/// the folder itself the walls close it anyway.
pub(super) fn executed_later_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut last = PathBuf::new();
    let is_whole = walk(folder, DEEP, |entry, relative| {
        let project = relative.parent().unwrap_or(relative);
        let is_below = !project.as_os_str().is_empty();
        if is_below && project != last && is_executed_later(&entry.file_name()) {
            found.extend(executed_later(&folder.join(project)));
            project.clone_into(&mut last);
        }
        found.len() < CLOSED
    });
    if !is_whole || found.len() >= CLOSED {
        tracing::warn!(
            "{} holds very much: not all hooks and settings in projects further below can be closed to programs \
             that may write there; name the projects themselves in `sandbox.write`",
            folder.display()
        );
        found.truncate(CLOSED);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn projects_are_found_below_and_not_in_other_peoples_code() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for made in [
            ".vscode",
            "one/.git/hooks",
            "deep/er/two/.vscode",
            "one/node_modules/x/.vscode",
            "none/src",
        ] {
            fs::create_dir_all(root.join(made)).unwrap();
        }
        fs::write(root.join("one/.git/config"), "").unwrap();
        fs::write(root.join("one/.mcp.json"), "{}").unwrap();
        std::os::unix::fs::symlink("/etc", root.join("none/.zed")).unwrap();
        let mut found = executed_later_in(root);
        found.sort();
        let relative: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(root).unwrap().to_str().unwrap())
            .collect();
        let expected = [
            "deep/er/two/.vscode",
            "one/.git/commondir",
            "one/.git/config",
            "one/.git/config.worktree",
            "one/.git/hooks",
            "one/.mcp.json",
        ];
        assert_eq!(relative, expected);
    }
}
