//! Folders and files of the owner alone, for the rooms that keep nothing themselves.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::Path,
};

use crate::{StoreError, file};

/// Makes a folder of mode 0700, with those above it, where there is none. One that everyone may write to is
/// refused: its files could be others' by now.
///
/// # Errors
/// Where the system refuses, or the folder is open to all.
pub fn make_private(path: &Path) -> Result<(), StoreError> {
    let fail = |what| {
        move |cause| StoreError::Io {
            what,
            path: path.to_owned(),
            cause,
        }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(fail("make"))?;
    match std::fs::metadata(path).map_err(fail("look at"))?.mode() {
        mode if mode & 0o002 != 0 => Err(StoreError::OpenFolder(path.to_owned())),
        _ => Ok(()),
    }
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
    fn a_folder_that_everyone_may_write_to_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        make_private(&path).unwrap();
        make_private(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = make_private(&path).unwrap_err();
        assert!(error.to_string().contains("chmod o-w"), "{error}");
    }
}
