//! Which configurations of working folders may be used: pins of path and content.

use std::{
    fmt,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A SHA-256 digest; shown as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        let mut copy = [0; 32];
        copy.copy_from_slice(digest.as_ref());
        Self(copy)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The pins can't be read or written.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A file or folder can't be used.
    #[error("{path}: {cause}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file of pins is not what durward wrote.
    #[error("{path} is not a list of pins: {cause}; remove it and trust again")]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: serde_json::Error,
    },
}

/// The pins of `durward trust`, in `trusted.json` of the state folder.
#[derive(Debug)]
pub struct Trust {
    file: PathBuf,
    pins: Vec<Pin>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pin {
    path: PathBuf,
    sha256: String,
}

impl Trust {
    /// Reads the pins of this state folder; there need not be any.
    pub fn open(state: &Path) -> Result<Self, TrustError> {
        let file = state.join("trusted.json");
        let pins = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|cause| TrustError::Broken {
                path: file.clone(),
                cause,
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(cause) => return Err(TrustError::Io { path: file, cause }),
        };
        Ok(Self { file, pins })
    }

    /// What is to be pinned: the file's path with its links resolved, and its content.
    pub fn read(file: &Path) -> Result<(PathBuf, Vec<u8>), TrustError> {
        let fail = |cause| TrustError::Io {
            path: file.to_owned(),
            cause,
        };
        let path = std::fs::canonicalize(file).map_err(fail)?;
        let content = std::fs::read(&path).map_err(fail)?;
        Ok((path, content))
    }

    /// Whether this content of this file was pinned. The path must be absolute, with links resolved.
    pub fn holds(&self, path: &Path, content: &[u8]) -> bool {
        self.pins.contains(&pin(path, content))
    }

    /// Pins this content of this file, in the place of what was pinned before, and writes it down.
    pub fn pin(&mut self, path: &Path, content: &[u8]) -> Result<(), TrustError> {
        self.pins.retain(|pin| pin.path != path);
        self.pins.push(pin(path, content));
        self.write().map_err(|cause| TrustError::Io {
            path: self.file.clone(),
            cause,
        })
    }

    /// Whole or not at all: a new file takes the place of the old one.
    fn write(&self) -> std::io::Result<()> {
        if let Some(folder) = self.file.parent() {
            folder_for_oneself(folder)?;
        }
        let text = serde_json::to_vec_pretty(&self.pins)?;
        let new = self.file.with_extension("json.new");
        let mut file = file_for_oneself(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&new, &self.file)
    }
}

fn pin(path: &Path, content: &[u8]) -> Pin {
    Pin {
        path: path.to_owned(),
        sha256: Digest::of(content).to_string(),
    }
}

fn folder_for_oneself(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn file_for_oneself(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create(true).truncate(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_of_a_path_and_a_content() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("new");
        let path = Path::new("/srv/durward.yaml");
        let mut trust = Trust::open(&folder).unwrap();
        assert!(!trust.holds(path, b"a"));
        trust.pin(path, b"a").unwrap();
        let again = Trust::open(&folder).unwrap();
        assert!(again.holds(path, b"a"));
        assert!(!again.holds(path, b"b") && !again.holds(Path::new("/other"), b"a"));
    }

    #[test]
    fn a_new_pin_takes_the_place_of_the_old_one() {
        let state = tempfile::tempdir().unwrap();
        let path = Path::new("/srv/durward.yaml");
        let mut trust = Trust::open(state.path()).unwrap();
        trust.pin(path, b"a").unwrap();
        trust.pin(path, b"b").unwrap();
        assert!(trust.holds(path, b"b") && !trust.holds(path, b"a"));
    }

    #[test]
    fn broken_pins_are_an_error() {
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join("trusted.json"), "{").unwrap();
        assert!(matches!(
            Trust::open(state.path()),
            Err(TrustError::Broken { .. })
        ));
    }

    #[test]
    fn a_digest_is_hexadecimal() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), empty);
    }
}
