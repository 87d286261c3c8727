//! A UNIX socket for its owner alone.

use std::{
    io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::lock_file::{LockFault, LockFile};

/// Why a socket can't be opened.
#[derive(Debug, Error)]
pub enum SocketFault {
    /// Another process listens there.
    #[error(
        "another durward listens on `{0}`; stop it first, or give this one a `listen.socket` of its own"
    )]
    Taken(PathBuf),
    /// Something else is in the way.
    #[error("`{0}` is not a socket; remove it, or choose another `listen.socket`")]
    NotASocket(PathBuf),
    /// The system refused.
    #[error("the socket `{path}` can't be opened: {error}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A listening socket; its file goes with it.
#[derive(Debug)]
pub struct OwnSocket {
    path: PathBuf,
    listener: UnixListener,
    /// Of two that find a dead socket at once, one takes it over.
    _alone: LockFile,
}

impl OwnSocket {
    /// Opens a socket of mode 0600 in a folder that is made with mode 0700 where there is none. A
    /// socket that a dead process left is taken over; a living one is not.
    ///
    /// # Errors
    /// [`SocketFault`].
    pub fn open(path: &Path) -> Result<Self, SocketFault> {
        let fail = |error| SocketFault::Io {
            path: path.to_owned(),
            error,
        };
        if let Some(folder) = path.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(fail)?;
        }
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let alone = match LockFile::take(Path::new(&lock), &format!("{}\n", std::process::id())) {
            Err(LockFault::Held { .. }) => return Err(SocketFault::Taken(path.to_owned())),
            Err(LockFault::Io { error, .. }) => return Err(fail(error)),
            Ok(alone) => alone,
        };
        clear(path)?;
        let listener = UnixListener::bind(path).map_err(fail)?;
        let socket = Self {
            path: path.to_owned(),
            listener,
            _alone: alone,
        };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
        socket.listener.set_nonblocking(true).map_err(fail)?;
        Ok(socket)
    }

    /// A handle to accept with.
    ///
    /// # Errors
    /// Where the process has no descriptor left.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for OwnSocket {
    fn drop(&mut self) {
        // It may be gone already, with its folder.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn clear(path: &Path) -> Result<(), SocketFault> {
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(SocketFault::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(SocketFault::Taken(path.to_owned())),
        Err(_) => std::fs::remove_file(path).map_err(|error| SocketFault::Io {
            path: path.to_owned(),
            error,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_socket_is_left_alone_and_a_dead_one_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/durward.sock");
        let first = OwnSocket::open(&path).unwrap();
        assert!(matches!(OwnSocket::open(&path), Err(SocketFault::Taken(_))));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(first);
        assert!(!path.exists());
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        OwnSocket::open(&path).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("precious");
        std::fs::write(&path, "x").unwrap();
        assert!(matches!(
            OwnSocket::open(&path),
            Err(SocketFault::NotASocket(_))
        ));
        assert!(path.exists());
    }
}
