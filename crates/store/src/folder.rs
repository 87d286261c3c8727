//! Folders and files of the owner alone, for the rooms that keep nothing themselves.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use crate::{StoreError, file};

/// Makes a folder of mode 0700, with those above it, where there is none.
///
/// # Errors
/// Where the system refuses.
pub fn make_private(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|cause| StoreError::Io {
            what: "make",
            path: path.to_owned(),
            cause,
        })
}

/// Writes a file of mode 0600, whole or not at all.
///
/// # Errors
/// Where the system refuses.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    file::replace(path, bytes)
}

/// Opens a file of mode 0600 to add to it.
///
/// # Errors
/// Where the system refuses.
pub fn append_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// Removes a folder of ours with all that is in it.
///
/// # Errors
/// Where the system refuses.
pub fn remove_all(path: &Path) -> io::Result<()> {
    std::fs::remove_dir_all(path)
}
