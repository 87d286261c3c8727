//! Private files: 0600 in a folder 0700, read with care, replaced whole.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::StoreError;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// Names the file and the act in an error.
fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StoreError + 'a {
    move |cause| StoreError::Io {
        what,
        path: path.to_owned(),
        cause,
    }
}

/// Reads a file that must be the owner's alone; `None` where there is none.
pub(crate) fn read_private(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    // Without NONBLOCK, opening a FIFO would wait for a writer.
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(io("open", path)(cause)),
    };
    judge(&file, path)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(io("read", path))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(not_ours(path, "it is larger than 64 MiB"));
    }
    Ok(Some(bytes))
}

fn judge(file: &File, path: &Path) -> Result<(), StoreError> {
    let meta = file.metadata().map_err(io("look at", path))?;
    let owner = rustix::process::geteuid().as_raw();
    if !meta.is_file() {
        return Err(not_ours(path, "it is no plain file"));
    }
    if meta.uid() != owner {
        return Err(not_ours(path, "it belongs to another user"));
    }
    match meta.mode() & 0o7777 {
        mode if mode & 0o077 != 0 => Err(StoreError::Exposed {
            path: path.to_owned(),
            mode,
        }),
        _ => Ok(()),
    }
}

fn not_ours(path: &Path, why: &'static str) -> StoreError {
    StoreError::NotOurs {
        path: path.to_owned(),
        why,
    }
}

/// Puts `bytes` in the place of the file: at every moment there is the old content or the new,
/// on disk when this returns.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = folder_of(path)?;
    let temporary = beside(path, ".new");
    // Left over from a crash; the lock or the single writer makes sure that nobody uses it.
    match fs::remove_file(&temporary) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            return Err(io("remove", &temporary)(cause));
        }
        _ => {}
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(cause) = written {
        // What is left of a failed write is of no use; that it can't be removed changes nothing.
        let _ = fs::remove_file(&temporary);
        return Err(io("replace", path)(cause));
    }
    File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io("sync", &folder))
}

/// Removes the file. True if there was one.
pub(crate) fn remove(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(io("remove", path)(cause)),
    }
}

/// The file's folder, made 0700 where it is missing.
fn folder_of(path: &Path) -> Result<PathBuf, StoreError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(io("make the folder", folder))?;
    Ok(folder.to_owned())
}

/// Held by whoever reads, changes and replaces a file; others wait.
pub(crate) struct Lock(#[expect(dead_code, reason = "closing it gives the lock back")] File);

/// Locks a file by one beside it, for the file itself is replaced.
pub(crate) fn lock(path: &Path) -> Result<Lock, StoreError> {
    folder_of(path)?;
    let beside = beside(path, ".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(&beside)
        .map_err(io("open", &beside))?;
    flock(&file, FlockOperation::LockExclusive)
        .map_err(|cause| io("lock", &beside)(cause.into()))?;
    Ok(Lock(file))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn files_are_made_private_and_replaced_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new/state.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(read_private(&path).unwrap().unwrap(), b"two");
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_left_over_of_a_crash_is_no_hindrance() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state.json");
        fs::write(beside(&path, ".new"), "half").unwrap();
        replace(&path, b"whole").unwrap();
        assert_eq!(read_private(&path).unwrap().unwrap(), b"whole");
    }

    #[test]
    fn what_others_can_read_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("keys.json");
        replace(&path, b"{}").unwrap();
        for bits in [0o644, 0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
            let error = read_private(&path).unwrap_err();
            assert!(
                matches!(error, StoreError::Exposed { mode, .. } if mode == bits),
                "{error}"
            );
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn what_is_no_plain_file_is_refused_and_nothing_is_none() {
        let home = tempfile::tempdir().unwrap();
        assert!(read_private(&home.path().join("none")).unwrap().is_none());
        assert!(matches!(
            read_private(home.path()),
            Err(StoreError::NotOurs { .. })
        ));
        let link = home.path().join("link");
        std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
        assert!(matches!(read_private(&link), Err(StoreError::Io { .. })));
    }
}
