//! What can go wrong with stored state.

use std::{io, path::PathBuf};

use durward_core::Fingerprint;
use thiserror::Error;

/// State that can't be read, written or changed. The text is for whoever runs durward.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The operating system says no.
    #[error("can't {what} `{}`: {cause}", path.display())]
    Io {
        /// As in `read` or `replace`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Others than the owner may read or write the file.
    #[error(
        "`{}` has mode {mode:04o}, so that others can get at it; run `chmod 600 {}` (and replace \
         its keys if others may have read them)", path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to someone else, or is no plain file.
    #[error("`{}` is not used: {why}", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// It does not hold what it should.
    #[error("`{}` can't be understood: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such key.
    #[error("there is no key {0}; `durward keys list` shows those that there are")]
    NoSuchKey(Fingerprint),
    /// The key is not in use any more.
    #[error("key {0} is {1} already")]
    KeyNotInUse(Fingerprint, &'static str),
    /// A key of the configuration is none.
    #[error("`{0}` must be 32 bytes, as 64 hexadecimal digits or in base64")]
    BadKey(&'static str),
    /// A bounded store has no room.
    #[error("no more than {0} revoked sessions can be remembered at a time")]
    Full(usize),
}
