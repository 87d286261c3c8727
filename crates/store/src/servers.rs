//! What was last known of other MCP servers: a file each, replaced whole. It is only ever a shortcut: what
//! is lost here is asked for again.

use std::path::PathBuf;

use durward_core::ServerName;

use crate::{StoreError, file};

/// The files, in a folder of the state folder.
#[derive(Debug, Clone)]
pub struct KnownServers {
    folder: PathBuf,
}

impl KnownServers {
    /// Files in this folder, which is made when something is first kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// What was kept of this server; `None` where nothing was.
    ///
    /// # Errors
    /// The file is there and can't be read, or others could have written it.
    pub fn load(&self, server: &ServerName) -> Result<Option<Vec<u8>>, StoreError> {
        file::read_private(&self.path(server))
    }

    /// Keeps this of the server. Several processes may: one after the other.
    ///
    /// # Errors
    /// The file can't be replaced; what was there stays.
    pub fn keep(&self, server: &ServerName, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(server);
        let _lock = file::lock(&path)?;
        file::replace(&path, bytes)
    }

    fn path(&self, server: &ServerName) -> PathBuf {
        self.folder.join(format!("{server}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownServers::new(folder.path().join("servers"));
        let (crm, mail) = (
            ServerName::new("crm").unwrap(),
            ServerName::new("mail").unwrap(),
        );
        assert!(known.load(&crm).unwrap().is_none());
        known.keep(&crm, b"1").unwrap();
        known.keep(&crm, b"22").unwrap();
        assert_eq!(known.load(&crm).unwrap().unwrap(), b"22");
        assert!(known.load(&mail).unwrap().is_none());
    }
}
