//! Folders and files of the owner alone, for the rooms that keep nothing themselves.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
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

/// May everyone on this machine put files into the folder, or take them out?
pub fn is_open_to_all(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.mode() & 0o002 != 0)
}

/// Writes a file of mode 0600, whole or not at all.
///
/// # Errors
/// Where the system refuses.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    file::replace(path, bytes)
}

/// Removes a folder of ours with all that is in it.
///
/// # Errors
/// Where the system refuses.
pub fn remove_all(path: &Path) -> io::Result<()> {
    std::fs::remove_dir_all(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_everyone_may_write_to_is_told_apart() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        make_private(&path).unwrap();
        assert!(!is_open_to_all(&path));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(is_open_to_all(&path));
    }
}
