//! What others execute later: files that a program outside obeys, which none inside may write.
//!
//! Where such a file is not there, it has to be kept from being made, and that takes something there that
//! can be covered: a *placeholder*, a file or folder that says nothing, with a mode that nobody else gives
//! (sticky, its owner's alone). Who is outside may use it as if it was his. Boxes share it by locks; the last one
//! takes it away if it still says nothing. One that was left by a killed keeper is known by its mode, and goes
//! with the next box.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Stat, fchmod, flock, fstat, mkdirat,
        openat, statat, unlinkat,
    },
    io::{Errno, write},
    mount::{UnmountFlags, unmount},
};

use super::tree::{Right, Tree};

/// In every folder that may be written. A `/` at the end: a folder.
const IN_PROJECTS: [&str; 21] = [
    ".git/hooks/",
    ".git/config",
    // Where git finds another configuration and other hooks (gitrepository-layout(5)).
    ".git/commondir",
    ".git/config.worktree",
    ".git/worktrees/",
    ".git/modules/",
    ".mcp.json",
    ".vscode/",
    ".idea/",
    ".zed/",
    ".cursor/",
    ".claude/",
    ".codex/",
    ".gemini/",
    ".continue/",
    ".windsurf/",
    ".roo/",
    ".junie/",
    ".opencode/",
    ".devcontainer/",
    ".husky/",
];

/// The same, but closed only where they are there: everybody would see what stands in for them.
const IN_PROJECTS_IF_THERE: [&str; 3] = ["opencode.json", "opencode.jsonc", ".githooks/"];

/// Of those, what every repository has or can be given.
const OF_GIT: [&str; 4] = [
    ".git/hooks/",
    ".git/config",
    ".git/commondir",
    ".git/config.worktree",
];

/// In the home folder, where it may be written.
const AT_HOME: [&str; 54] = [
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".zlogout",
    ".kshrc",
    ".cshrc",
    ".tcshrc",
    ".login",
    ".inputrc",
    ".xprofile",
    ".xsession",
    ".xsessionrc",
    ".xinitrc",
    ".pam_environment",
    ".gitconfig",
    ".ssh/",
    ".gnupg/",
    ".vimrc",
    ".vim/",
    ".emacs",
    ".emacs.d/",
    ".npmrc",
    ".claude.json",
    ".local/bin/",
    ".cargo/bin/",
    ".cargo/config.toml",
    ".config/git/",
    ".config/fish/",
    ".config/autostart/",
    ".config/systemd/",
    ".config/environment.d/",
    ".config/durward/",
    ".config/Claude/",
    ".config/Cursor/User/",
    ".config/Code/User/",
    ".config/Code - Insiders/User/",
    ".config/VSCodium/User/",
    ".config/nvim/",
    ".config/zed/",
    ".config/opencode/",
    ".config/goose/",
    ".codeium/",
    ".lmstudio/",
    ".cline/",
    ".local/share/applications/",
    ".tmux.conf",
    ".pyenv/shims/",
];

const AT_HOME_IF_THERE: [&str; 1] = ["bin/"];

/// How often a placeholder is asked for that another box is just taking away.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(1);

/// What may not be written beneath this folder, from it on.
pub(crate) fn beneath(root: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let at_home = home.into_iter().filter(|home| home.starts_with(root));
    let at_home = at_home.flat_map(|home| {
        let names = AT_HOME_IF_THERE.into_iter();
        let there = names.filter(|name| home.join(name).exists());
        AT_HOME.into_iter().chain(there).map(|name| home.join(name))
    });
    let names = IN_PROJECTS_IF_THERE.into_iter();
    let there = names.filter(|name| root.join(name).exists());
    IN_PROJECTS
        .into_iter()
        .chain(there)
        .map(|name| root.join(name))
        .chain(at_home)
        .collect()
}

/// Of what is closed beneath the folders that may be written, what is a link, or lies behind one.
pub(super) fn link_beneath(roots: &[PathBuf], home: Option<&Path>) -> Option<PathBuf> {
    let closed = |root: &PathBuf| {
        let root = root.canonicalize().ok()?;
        let mut places = beneath(&root, home).into_iter();
        places.find_map(|place| {
            let on_the_way = place.strip_prefix(&root).ok()?.ancestors();
            let places = on_the_way.filter(|name| !name.as_os_str().is_empty());
            let places = places.map(|name| root.join(name));
            places.into_iter().find(|place| place.is_symlink())
        })
    };
    roots
        .iter()
        .filter(|root| is_project(root))
        .find_map(closed)
}

/// Whether it is a place of a project that is not there any more: nothing has to stand in for that.
pub(super) fn is_gone(place: &Path) -> bool {
    let mut all = IN_PROJECTS.into_iter().chain(IN_PROJECTS_IF_THERE);
    all.any(|name| {
        let depth = Path::new(name).components().count();
        let of_git = name.starts_with(".git/");
        let base = place.ancestors().nth(depth - usize::from(of_git));
        place.ends_with(name) && base.is_some_and(|base| !base.exists())
    })
}

/// Whether the name is the first of one of those.
pub(super) fn is_in_projects(name: &OsStr) -> bool {
    let first = |path: &str| Path::new(path).iter().next() == Some(name);
    let mut all = IN_PROJECTS.into_iter().chain(IN_PROJECTS_IF_THERE);
    all.any(first)
}

/// Whether people work there: not a file, and not a folder into which everybody may write.
pub(super) fn is_project(root: &Path) -> bool {
    root.metadata()
        .is_ok_and(|found| found.is_dir() && found.mode() & 0o1002 != 0o1002)
}

/// What is there of it in a folder further below, links aside; and of a repository what could be.
pub(super) fn there(project: &Path) -> Vec<PathBuf> {
    let is_repository = project.join(".git").is_dir();
    let all = IN_PROJECTS.into_iter().chain(IN_PROJECTS_IF_THERE);
    let is_held = |name: &&str| {
        let place = project.join(name.trim_end_matches('/'));
        let mut on_the_way = place.ancestors().take_while(|above| *above != project);
        let is_wanted = place.exists() || is_repository && OF_GIT.contains(name);
        is_wanted && on_the_way.all(|above| !above.is_symlink())
    };
    all.filter(is_held).map(|name| project.join(name)).collect()
}

/// Places that can't be renamed, since something is mounted there, and what may be done in them.
pub(super) type Pinned = HashMap<PathBuf, Right>;

/// Something that is held in its place while boxes run.
pub(super) struct Placeholder {
    parent: OwnedFd,
    name: OsString,
    held: OwnedFd,
    path: PathBuf,
    is_folder: bool,
}

/// Closes a path to writing beneath a root that may be written, so that neither it nor a folder on the way can be
/// put aside. `pinned` has what can't be renamed already, and what may be done there.
pub(super) fn close(
    tree: &Tree,
    root: &Path,
    path: &Path,
    pinned: &mut Pinned,
) -> Result<Option<Placeholder>, Errno> {
    let wants_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let below: Vec<_> = path
        .strip_prefix(root)
        .map_err(|_| Errno::INVAL)?
        .components()
        .collect();
    let mut place = root.to_owned();
    for (number, name) in below.iter().enumerate() {
        let parent = place.clone();
        place.push(name);
        match pinned.get(&place) {
            Some(Right::Write) => continue,
            Some(Right::Read) => break,
            None => {}
        }
        let is_last = number + 1 == below.len();
        let found = match statat(CWD, &place, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Some(found),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(errno),
        };
        let Some(found) = found.filter(|found| !is_placeholder(name.as_os_str(), found)) else {
            let is_folder = wants_folder || !is_last;
            let held = match Placeholder::hold(&parent, name.as_os_str(), is_folder) {
                // Nobody with these rights can make it.
                Err(Errno::ACCESS | Errno::ROFS | Errno::PERM) => return Ok(None),
                held => held?,
            };
            tree.bind(&place, Right::Read)?;
            pinned.insert(place, Right::Read);
            return Ok(Some(held));
        };
        let right = match FileType::from_raw_mode(found.st_mode) {
            // Whoever can change the link can change where it leads to.
            FileType::Symlink => return Err(Errno::LOOP),
            FileType::Directory if !is_last => Right::Write,
            _ => Right::Read,
        };
        tree.bind(&place, right)?;
        pinned.insert(place.clone(), right);
        if right == Right::Read {
            break;
        }
    }
    Ok(None)
}

/// Keeps the folders on the way to one from being renamed, so that what is covered below stays where it is.
pub(super) fn pin(tree: &Tree, root: &Path, path: &Path, pinned: &mut Pinned) -> Result<(), Errno> {
    let mut place = root.to_owned();
    for name in path
        .strip_prefix(root)
        .map_err(|_| Errno::INVAL)?
        .components()
    {
        place.push(name);
        match pinned.get(&place) {
            Some(Right::Write) => {}
            Some(Right::Read) => break,
            None => {
                tree.bind(&place, Right::Write)?;
                pinned.insert(place.clone(), Right::Write);
            }
        }
    }
    Ok(())
}

fn mode(is_folder: bool) -> Mode {
    let enters = if is_folder { Mode::XUSR } else { Mode::empty() };
    Mode::SVTX | Mode::RUSR | Mode::WUSR | enters
}

/// What says nothing to who reads a file of that name.
fn nothing(name: &OsStr) -> &'static str {
    if name == "commondir" {
        // Where it would be without it.
        ".\n"
    } else if Path::new(name)
        .extension()
        .is_some_and(|kind| kind == "json")
    {
        "{\"mcpServers\":{}}\n"
    } else {
        ""
    }
}

fn is_placeholder(name: &OsStr, found: &Stat) -> bool {
    let kind = FileType::from_raw_mode(found.st_mode);
    let is_ours = Mode::from_raw_mode(found.st_mode) == mode(kind.is_dir());
    let length = nothing(name).len();
    is_ours && (kind.is_dir() || kind.is_file() && usize::try_from(found.st_size) == Ok(length))
}

impl Placeholder {
    fn hold(parent: &Path, name: &OsStr, is_folder: bool) -> Result<Self, Errno> {
        let path = parent.join(name);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let parent = openat(CWD, parent, flags | OFlags::DIRECTORY, Mode::empty())?;
        for _ in 0..TRIES {
            let made = if is_folder {
                mkdirat(&parent, name, mode(true))
            } else {
                let new = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::CREATE | OFlags::EXCL;
                openat(&parent, name, new, mode(false))
                    .and_then(|made| write(made, nothing(name).as_bytes()))
                    .map(drop)
            };
            if !matches!(made, Ok(()) | Err(Errno::EXIST)) {
                return Err(made.err().unwrap_or(Errno::IO));
            }
            if let Ok(held) = openat(&parent, name, flags, Mode::empty())
                && flock(&held, FlockOperation::NonBlockingLockShared).is_ok()
                && fstat(&held)?.st_nlink > 0
            {
                let is_folder = FileType::from_raw_mode(fstat(&held)?.st_mode).is_dir();
                return Ok(Self {
                    parent,
                    name: name.to_owned(),
                    held,
                    path,
                    is_folder,
                });
            }
            // The last box is just taking it away.
            thread::sleep(PAUSE);
        }
        Err(Errno::BUSY)
    }
}

impl Drop for Placeholder {
    /// Takes it away, if no other box needs it and it is what it was. Within the box's mounts, where there are
    /// such by now.
    fn drop(&mut self) {
        // Nothing can be taken away on which something is mounted, here: it may be hidden, too.
        while unmount(&self.path, UnmountFlags::DETACH).is_ok() {}
        let is_last = flock(&self.held, FlockOperation::NonBlockingLockExclusive).is_ok();
        let there = statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        let (Ok(there), Ok(held)) = (there, fstat(self.held.as_fd())) else {
            return;
        };
        let is_same = (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino);
        if is_last && is_same && is_placeholder(&self.name, &there) {
            let flags = if self.is_folder {
                AtFlags::REMOVEDIR
            } else {
                AtFlags::empty()
            };
            if unlinkat(&self.parent, &self.name, flags) == Err(Errno::NOTEMPTY) {
                // Somebody uses it: it is theirs now.
                let _ = fchmod(&self.held, mode(true) - Mode::SVTX);
            }
        }
    }
}
