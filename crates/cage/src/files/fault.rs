//! What can go wrong with a file, and with a root.

use std::path::PathBuf;

use rustix::io::Errno;
use thiserror::Error;

/// Why a file was not reached. No variant names a path of the host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileFault {
    /// It lies outside the root, or a link on the way leads outside.
    #[error("the path leads outside the root")]
    OutsideRoot,
    /// The rules of the configuration do not share it.
    #[error("the path is not shared")]
    NotShared,
    /// Its name is on the deny list.
    #[error("the path matches `{pattern}` of the deny list")]
    Denied {
        /// The pattern that it matches.
        pattern: String,
    },
    /// There is nothing by that name.
    #[error("there is no such file or directory")]
    NotFound,
    /// A directory, FIFO, socket or device where a file is wanted.
    #[error("it is not a regular file")]
    NotARegularFile,
    /// Something else where a directory is wanted.
    #[error("it is not a directory")]
    NotADirectory,
    /// It has more bytes than may be read.
    #[error("the file has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// Its bytes, as far as they are known.
        size: u64,
        /// How many may be read.
        limit: u64,
    },
    /// The path, or a name in it, is longer than the system takes.
    #[error("the path, or a name in it, is too long")]
    NameTooLong,
    /// The path is spelled in a way that is not taken.
    #[error("the path can't be used: {0}")]
    Malformed(&'static str),
    /// Links lead in a circle, or to too many others.
    #[error("too many symbolic links")]
    LinkLoop,
    /// There is something by that name already.
    #[error("there is something by that name already")]
    Exists,
    /// It is not what it was when it was looked at.
    #[error("it changed meanwhile")]
    Conflict,
    /// The file has other names: what is written to it would show elsewhere.
    #[error("the file has other names")]
    HardLinked,
    /// A directory that holds something, where an empty one is wanted.
    #[error("the directory is not empty")]
    NotEmpty,
    /// More lies below a directory than is moved or deleted at once.
    #[error("more lies below it than the limit, {entries} entries and {depth} levels")]
    TooMany {
        /// How many entries may.
        entries: usize,
        /// How many levels deep.
        depth: usize,
    },
    /// The root itself can't be written, moved or deleted.
    #[error("it is the root itself")]
    RootItself,
    /// What is to be moved and its new place lie on different file systems.
    #[error("the two lie on different file systems")]
    AcrossFileSystems,
    /// The disk, or the user's share of it, is full.
    #[error("the disk is full")]
    NoSpace,
    /// The root may not hold so much.
    #[error("the files of the root may have {limit} bytes in all")]
    OverQuota {
        /// How many bytes it may hold.
        limit: u64,
    },
    /// Whoever asked for it wants it no more.
    #[error("the work was stopped")]
    Stopped,
    /// The system's permissions forbid it.
    #[error("the system's permissions forbid it")]
    PermissionDenied,
    /// Everything else, by its error number.
    #[error("the system failed: {0}")]
    Io(Errno),
}

impl From<Errno> for FileFault {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::XDEV => Self::OutsideRoot,
            Errno::NOENT => Self::NotFound,
            Errno::NOTDIR => Self::NotADirectory,
            // What `open` says of a socket, and of a device without a driver.
            Errno::NXIO | Errno::NODEV => Self::NotARegularFile,
            Errno::NAMETOOLONG => Self::NameTooLong,
            Errno::LOOP => Self::LinkLoop,
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::PermissionDenied,
            Errno::EXIST => Self::Exists,
            Errno::NOTEMPTY => Self::NotEmpty,
            Errno::NOSPC | Errno::DQUOT => Self::NoSpace,
            other => Self::Io(other),
        }
    }
}

impl From<std::io::Error> for FileFault {
    fn from(error: std::io::Error) -> Self {
        Errno::from_io_error(&error).map_or(Self::Io(Errno::IO), Self::from)
    }
}

/// Why a folder can't be a root. For whoever wrote the configuration: it names paths of the host.
#[derive(Debug, Error)]
pub enum RootFault {
    /// It can't be opened.
    #[error("the root `{}` can't be opened: {source}", path.display())]
    Unreachable {
        /// The folder.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// It is not a directory.
    #[error("the root `{}` is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// It is, or holds, what a machine is run with.
    #[error("`{}` is dangerous as a root; choose a folder below it, or set `allow_dangerous_root: true`", .0.display())]
    Dangerous(PathBuf),
    /// It lies in one of durward's own folders.
    #[error("the root `{}` lies in durward's own folder `{}`", root.display(), own.display())]
    Own {
        /// The root.
        root: PathBuf,
        /// Durward's folder.
        own: PathBuf,
    },
}
