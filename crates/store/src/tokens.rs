//! Logins at other servers: a file each, sealed with the key that seals what clients carry, replaced whole.
//!
//! What is in them is for whoever uses them; here it is bytes that nobody else can read or make, and that
//! are good for one server's name alone.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use durward_core::{Clock, ServerName};
use zeroize::Zeroizing;

use crate::{StoreError, file, seal::Sealer, sealing};

/// Where the key comes from.
#[derive(Debug, Clone)]
pub enum SealingKey {
    /// From the configuration.
    Given(Zeroizing<[u8; 32]>),
    /// From this file, which is made where there is none.
    File(PathBuf),
}

/// The files, in a folder of the state folder. Nothing is read or made until it is needed.
pub struct TokenFiles {
    folder: PathBuf,
    key: SealingKey,
    clock: Arc<dyn Clock>,
    sealer: OnceLock<Sealer>,
}

/// One server's file while nobody else changes it: neither another thread nor another process.
pub struct TokenLock {
    files: Arc<TokenFiles>,
    server: ServerName,
    _lock: file::Lock,
}

impl TokenFiles {
    /// Files in this folder, sealed with this key.
    pub fn new(folder: impl Into<PathBuf>, key: SealingKey, clock: Arc<dyn Clock>) -> Self {
        Self {
            folder: folder.into(),
            key,
            clock,
            sealer: OnceLock::new(),
        }
    }

    /// The file of this server.
    pub fn path(&self, server: &ServerName) -> PathBuf {
        self.folder.join(format!("{server}.sealed"))
    }

    /// What is kept for this server; `None` where nothing is.
    ///
    /// # Errors
    /// It can't be read, others could have written it, or it was sealed with another key.
    pub fn load(&self, server: &ServerName) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let path = self.path(server);
        let Some(bytes) = file::read_private(&path)? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&bytes);
        let opened = self.sealer()?.open(&purpose(server), text.trim_end());
        let opened = opened.ok_or_else(|| StoreError::Malformed {
            path,
            why: format!(
                "it was sealed with another key; run `durward auth logout {server}`, then \
                 `durward auth login {server}`"
            ),
        })?;
        Ok(Some(Zeroizing::new(opened)))
    }

    /// Waits until nobody else changes this server's file. It blocks the thread.
    ///
    /// # Errors
    /// The system refuses.
    pub fn lock(self: &Arc<Self>, server: &ServerName) -> Result<TokenLock, StoreError> {
        Ok(TokenLock {
            files: Arc::clone(self),
            server: server.clone(),
            _lock: file::lock(&self.path(server))?,
        })
    }

    fn sealer(&self) -> Result<&Sealer, StoreError> {
        if let Some(sealer) = self.sealer.get() {
            return Ok(sealer);
        }
        let sealer = match &self.key {
            SealingKey::Given(key) => Sealer::new(key, Arc::clone(&self.clock)),
            SealingKey::File(path) => {
                let key = Zeroizing::new(sealing::of_file(path, &*self.clock)?);
                Sealer::new(&key, Arc::clone(&self.clock))
            }
        };
        // Who was first made the same one.
        Ok(self.sealer.get_or_init(|| sealer))
    }
}

impl TokenLock {
    /// As [`TokenFiles::load`].
    ///
    /// # Errors
    /// As there.
    pub fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.files.load(&self.server)
    }

    /// Keeps this for the server.
    ///
    /// # Errors
    /// The file can't be replaced; what was there stays.
    pub fn keep(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.files.path(&self.server);
        let sealed = self.files.sealer()?.seal(&purpose(&self.server), bytes);
        let sealed = sealed.ok_or_else(|| StoreError::Malformed {
            path: path.clone(),
            why: "it can't be sealed".to_owned(),
        })?;
        file::replace(&path, sealed.as_bytes())
    }

    /// Removes what is kept. True if there was something.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove(&self) -> Result<bool, StoreError> {
        file::remove(&self.files.path(&self.server))
    }
}

/// What is sealed for one server opens for no other.
fn purpose(server: &ServerName) -> String {
    format!("login {server}")
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use durward_core::ManualClock;

    use super::*;

    fn name(text: &str) -> ServerName {
        ServerName::new(text).unwrap()
    }

    fn files(folder: &std::path::Path) -> Arc<TokenFiles> {
        let key = SealingKey::File(folder.join("sealing.key"));
        let clock = Arc::new(ManualClock::new());
        Arc::new(TokenFiles::new(folder.join("oauth"), key, clock))
    }

    #[test]
    fn what_is_kept_comes_back_to_its_own_server_and_stands_nowhere_in_the_clear() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let (crm, mail) = (name("crm"), name("mail"));
        assert!(files.load(&crm).unwrap().is_none());
        files.lock(&crm).unwrap().keep(b"the token").unwrap();
        assert_eq!(&files.load(&crm).unwrap().unwrap()[..], b"the token");
        let raw = fs::read(files.path(&crm)).unwrap();
        assert!(!String::from_utf8_lossy(&raw).contains("token"));
        let mode = fs::metadata(files.path(&crm)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::copy(files.path(&crm), files.path(&mail)).unwrap();
        assert!(files.load(&mail).is_err());
        assert!(files.lock(&crm).unwrap().remove().unwrap());
        assert!(!files.lock(&crm).unwrap().remove().unwrap());
        assert!(files.load(&crm).unwrap().is_none());
    }

    #[test]
    fn another_key_or_a_byte_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let crm = name("crm");
        let first = files(folder.path());
        first.lock(&crm).unwrap().keep(b"the token").unwrap();
        let given = SealingKey::Given(Zeroizing::new([7; 32]));
        let clock = Arc::new(ManualClock::new());
        let other = TokenFiles::new(folder.path().join("oauth"), given, clock);
        let error = other.load(&crm).unwrap_err().to_string();
        assert!(error.contains("durward auth login crm"), "{error}");
        let mut raw = fs::read(first.path(&crm)).unwrap();
        raw[20] ^= 1;
        fs::write(first.path(&crm), raw).unwrap();
        assert!(first.load(&crm).is_err());
    }
}
