//! The disk: what is there, and how a file is put in the place of another, whole or not at all.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::edit;

/// A file as it was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Where the client looks for it.
    pub(super) path: PathBuf,
    /// Where it is: the end of all links.
    pub(super) target: PathBuf,
    pub(super) content: Vec<u8>,
    /// Its permissions, with the bits above them.
    pub(super) mode: u32,
    /// Why it can't be changed, as a clause.
    pub(super) obstacle: Option<&'static str>,
}

/// Looks for a file; `None` where there is none.
///
/// # Errors
/// Why it can't be read, as a clause.
pub(super) fn look(path: &Path) -> Result<Option<Found>, String> {
    match fs::symlink_metadata(path) {
        Ok(_) => {}
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(said(&error)),
    }
    let target = fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "its link leads nowhere".to_owned(),
        _ => said(&error),
    })?;
    let facts = fs::metadata(&target).map_err(|error| said(&error))?;
    if !facts.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let file = fs::File::open(&target).map_err(|error| said(&error))?;
    let mut content = Vec::new();
    file.take(edit::LONGEST as u64 + 1)
        .read_to_end(&mut content)
        .map_err(|error| said(&error))?;
    if content.len() > edit::LONGEST {
        return Err("it is too long".to_owned());
    }
    Ok(Some(Found {
        path: path.to_owned(),
        obstacle: obstacle(&target, &facts),
        target,
        content,
        mode: facts.mode() & 0o7777,
    }))
}

fn obstacle(target: &Path, facts: &fs::Metadata) -> Option<&'static str> {
    let folder = target.parent().unwrap_or(target);
    if facts.uid() != rustix::process::geteuid().as_raw() {
        Some("it belongs to another user")
    } else if facts.nlink() > 1 {
        Some("it has another name on the disk too (a hard link)")
    } else if facts.mode() & 0o200 == 0 {
        Some("it is read-only")
    } else if rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err() {
        Some("its folder can't be written to")
    } else {
        None
    }
}

/// Files of a folder whose names begin and end so, in order.
pub(super) fn matching(folder: &Path, begins: &str, ends: &str) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let fits = |name: &str| {
        name.len() >= begins.len() + ends.len() && name.starts_with(begins) && name.ends_with(ends)
    };
    let mut found: Vec<_> = names
        .filter(|entry| entry.file_name().to_str().is_some_and(fits))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// What a file holds, and its permissions; `None` where there is none.
///
/// # Errors
/// Where it is there and can't be read.
pub(super) fn content(path: &Path) -> io::Result<Option<(Vec<u8>, u32)>> {
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mode = file.metadata()?.mode() & 0o7777;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(Some((content, mode)))
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The nearest folder at or above this one that has something of this name.
pub(super) fn above(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut folders = folder.ancestors();
    folders
        .find(|it| it.join(name).exists())
        .map(Path::to_owned)
}

/// Folders that are missing, from the top: each is the person's alone.
pub(super) fn make_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let missing: Vec<_> = folder
        .ancestors()
        .take_while(|it| !it.as_os_str().is_empty() && !it.exists())
        .map(Path::to_owned)
        .collect();
    for folder in missing.iter().rev() {
        fs::DirBuilder::new().mode(0o700).create(folder)?;
        sync_folder_of(folder)?;
    }
    Ok(missing.into_iter().rev().collect())
}

/// Takes a folder away if nothing is in it.
pub(super) fn remove_empty(folder: &Path) {
    // With something in it, it is not ours alone.
    let _ = fs::remove_dir(folder);
}

/// Where the new content of a file waits, beside it.
pub(super) fn waiting(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.durward-new"))
}

/// Writes what is to take a file's place beside it, down to the disk. Nobody else can read it before it
/// has the permissions that it is to have.
///
/// # Errors
/// Where it can't; then nothing is left of it.
pub(super) fn stage(target: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let new = waiting(target);
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    let written = file
        .write_all(content)
        .and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)))
        .and_then(|()| file.sync_all());
    written.inspect_err(|_| {
        discard(target);
    })
}

/// Puts what waits into its place.
pub(super) fn commit(target: &Path) -> io::Result<()> {
    fs::rename(waiting(target), target)?;
    sync_folder_of(target)
}

/// Takes away what waits; whether anything did.
pub(super) fn discard(target: &Path) -> bool {
    // What can't be removed will be in the way and named the next time.
    fs::remove_file(waiting(target)).is_ok()
}

/// Takes a file away, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder_of(path),
        Err(error) if is_absence(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes a file of durward's own, whole or not at all.
pub(super) fn write_own(path: &Path, content: &[u8]) -> io::Result<()> {
    discard(path);
    stage(path, content, 0o600)?;
    commit(path)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// The lock of a state folder's init: one at a time; it ends with the process.
pub(super) fn lock(path: &Path) -> io::Result<Option<fs::File>> {
    let mut options = fs::OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// An error of the system as a clause.
pub(super) fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::QuotaExceeded => "the quota is used up".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::PermissionDenied => "it is not allowed".to_owned(),
        io::ErrorKind::AlreadyExists => "something is in the way".to_owned(),
        _ => error.to_string(),
    }
}
