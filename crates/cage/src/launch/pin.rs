//! A program that was found once, and runs for only as long as it is the same file with the same content.

use std::{
    fmt,
    fs::File,
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use ring::digest::{Context, SHA256};
use rustix::fs::{Mode, OFlags, open};

use super::{LaunchFault, Plan, program};

/// So much of a program is read at once.
const CHUNK: usize = 256 * 1024;

/// A program as it was when it was pinned. What is put in its place later, or before it in `PATH`, never runs.
///
/// Between the look at the file and execve(2) lies a moment, in which whoever may write to its folder
/// could still replace it; what runs then has the same walls.
#[derive(Clone)]
pub struct Pin(Arc<Pinned>);

struct Pinned {
    path: PathBuf,
    /// None where it may be run and not read: then its file must not change at all.
    digest: Option<[u8; 32]>,
    looks: Mutex<Looks>,
}

/// The last file that was looked at, and what was found.
struct Looks {
    stamp: Stamp,
    same: bool,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    node: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Pin {
    /// The program that this plan would run now: every link to it is followed here, once and for all.
    ///
    /// # Errors
    /// [`LaunchFault`], where there is none.
    pub fn of(plan: &Plan) -> Result<Self, LaunchFault> {
        let found = program::find(plan)?;
        let path = std::fs::canonicalize(&found).map_err(|_| LaunchFault::NotThere(found))?;
        let stamp = Stamp::of(&path).ok_or_else(|| LaunchFault::NotThere(path.clone()))?;
        Ok(Self(Arc::new(Pinned {
            digest: digest(&path),
            path,
            looks: Mutex::new(Looks { stamp, same: true }),
        })))
    }

    /// The file itself, behind all links.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The file's own name, whatever the links to it are called.
    pub fn name(&self) -> &str {
        let name = self.0.path.file_name().and_then(|name| name.to_str());
        name.unwrap_or_default()
    }

    /// The file to run, if it is still the one. One whose stamp alone changed is read again.
    pub(super) fn check(&self) -> Result<PathBuf, LaunchFault> {
        let path = &self.0.path;
        let stamp = Stamp::of(path).ok_or_else(|| LaunchFault::NotThere(path.clone()))?;
        let mut looks = self.looks();
        if looks.stamp != stamp {
            let same = self.0.digest.is_some() && digest(path) == self.0.digest;
            *looks = Looks { stamp, same };
        }
        if looks.same {
            Ok(path.clone())
        } else {
            Err(LaunchFault::Replaced(path.clone()))
        }
    }

    fn looks(&self) -> std::sync::MutexGuard<'_, Looks> {
        // What it holds is whole whenever the lock is let go.
        self.0.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Two are the same where the same content is run from the same place.
impl PartialEq for Pin {
    fn eq(&self, other: &Self) -> bool {
        self.0.path == other.0.path && self.0.digest == other.0.digest
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pin").field(&self.0.path).finish()
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            node: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// The SHA-256 of a file; none where it can't be read.
fn digest(path: &Path) -> Option<[u8; 32]> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut file = File::from(open(path, flags, Mode::empty()).ok()?);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut context = Context::new(&SHA256);
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).ok()? {
            0 => break,
            read => context.update(&chunk[..read]),
        }
    }
    context.finish().as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn write(path: &Path, text: &str) {
        // By a rename, as installers do: the file is another one.
        let draft = path.with_extension("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(&draft, path).unwrap();
    }

    #[test]
    fn what_is_put_in_its_place_or_before_it_never_runs() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        for place in [&first, &second] {
            std::fs::create_dir(place).unwrap();
        }
        let real = second.join("real-1.2");
        write(&real, "one");
        symlink("real-1.2", second.join("tool")).unwrap();
        let path = format!("{}:{}", first.display(), second.display());
        let plan = Plan::new(["tool"]).env("PATH", path);
        let pin = Pin::of(&plan).unwrap();
        assert_eq!(pin.path(), real.canonicalize().unwrap());
        assert_eq!(pin.name(), "real-1.2");
        let pinned = plan.clone().pinned(pin.clone());
        let found = || program::find(&pinned);

        // Shadowed, or the link led elsewhere: what was pinned is what runs.
        write(&first.join("tool"), "impostor");
        std::fs::remove_file(second.join("tool")).unwrap();
        symlink("/bin/sh", second.join("tool")).unwrap();
        assert_eq!(found().unwrap(), pin.path());

        // Touched, or installed again as it was: the same program.
        write(&real, "one");
        assert_eq!(found().unwrap(), pin.path());

        // Replaced, or written over in place: never; and back again, it is itself.
        write(&real, "two");
        assert!(matches!(found(), Err(LaunchFault::Replaced(_))));
        assert!(matches!(found(), Err(LaunchFault::Replaced(_))));
        write(&real, "one");
        assert!(found().is_ok());
        std::fs::write(&real, "eno").unwrap();
        assert!(matches!(found(), Err(LaunchFault::Replaced(_))));
        std::fs::remove_file(&real).unwrap();
        assert!(matches!(found(), Err(LaunchFault::NotThere(_))));
    }

    #[test]
    fn nothing_is_no_program() {
        let plan = Plan::new(["no-such-program"]).env("PATH", "/usr/bin");
        assert!(matches!(Pin::of(&plan), Err(LaunchFault::NotInPath(_))));
    }
}
