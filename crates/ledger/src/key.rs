//! The key that signs checkpoints, and what it signs.

use std::{
    fmt, fs, io,
    io::{Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use durward_core::{Clock, Secret};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Serialize, Serializer};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    LedgerError, SigningKey,
    chain::Hash,
    encode::{hex, unhex},
};

const DOMAIN: &[u8] = b"durward checkpoint 1\0";

/// An Ed25519 public key (RFC 8032).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// From 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text.trim()).map(Self)
    }

    pub(crate) fn verifies(&self, checkpoint: &Checkpoint, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(&checkpoint.message(), signature)
            .is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// Where the signing key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPlace {
    /// With the secrets of the configuration.
    Configured,
    /// In a file of this machine's state: whoever can write the journal may be able to read it.
    State,
}

impl KeyPlace {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::State => "state",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Configured, Self::State]
            .into_iter()
            .find(|place| place.as_str() == word)
    }
}

/// What a signature vouches for: this chain had this hash before this record, which stands there.
pub(crate) struct Checkpoint {
    pub(crate) chain: Uuid,
    pub(crate) seq: u64,
    pub(crate) segment: u32,
    /// Where in the segment its frame begins.
    pub(crate) offset: u64,
    pub(crate) hash: Hash,
    pub(crate) wall: u64,
    pub(crate) monotonic: u64,
    pub(crate) boot: Uuid,
}

impl Checkpoint {
    fn message(&self) -> Vec<u8> {
        [
            DOMAIN,
            self.chain.as_bytes(),
            &self.seq.to_le_bytes(),
            &self.segment.to_le_bytes(),
            &self.offset.to_le_bytes(),
            &self.hash,
            &self.wall.to_le_bytes(),
            &self.monotonic.to_le_bytes(),
            self.boot.as_bytes(),
        ]
        .concat()
    }
}

/// The private key.
pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    pub(crate) public: PublicKey,
    pub(crate) place: KeyPlace,
}

impl Signer {
    /// Takes the configured key, or reads or makes the one in the file.
    pub(crate) fn load(key: &SigningKey, clock: &dyn Clock) -> Result<Self, LedgerError> {
        match key {
            SigningKey::Seed(secret) => Self::of_seed(secret.expose(), KeyPlace::Configured, None),
            SigningKey::File(path) => {
                let text = match read_private(path) {
                    Ok(Some(text)) => text,
                    Ok(None) => {
                        return Err(LedgerError::Key {
                            path: Some(path.clone()),
                            why: "others can get at it; run `chmod 600` on it, and replace it if others \
                                  may have read it",
                        });
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, clock)?,
                    Err(error) => return Err(LedgerError::io("read", path)(error)),
                };
                Self::of_seed(text.expose(), KeyPlace::State, Some(path))
            }
        }
    }

    fn of_seed(text: &str, place: KeyPlace, path: Option<&Path>) -> Result<Self, LedgerError> {
        let wrong = |why| LedgerError::Key {
            path: path.map(Into::into),
            why,
        };
        let text = text.trim();
        let seed = unhex::<32>(text).or_else(|| STANDARD.decode(text).ok()?.try_into().ok());
        let seed =
            Zeroizing::new(seed.ok_or_else(|| {
                wrong("it must be 32 bytes as 64 hexadecimal digits or as base64")
            })?);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
            .map_err(|_| wrong("Ed25519 does not take it"))?;
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Ok(Self {
            pair,
            public: PublicKey(public),
            place,
        })
    }

    pub(crate) fn sign(&self, checkpoint: &Checkpoint) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(self.pair.sign(&checkpoint.message()).as_ref());
        out
    }
}

/// Reads the key; `None` where others may read or write its file.
fn read_private(path: &Path) -> io::Result<Option<Secret>> {
    let mut file = fs::File::open(path)?;
    if file.metadata()?.mode() & 0o077 != 0 {
        return Ok(None);
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(Some(Secret::new(text)))
}

/// Makes the key, or takes the one of a process that began at the same time. The file has its name only
/// once it is whole and on disk.
fn make(path: &Path, clock: &dyn Clock) -> Result<Secret, LedgerError> {
    if let Some(parent) = path.parent() {
        crate::folder::make(parent)?;
    }
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let private = |path: &Path| {
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
    };
    let lock = beside(".lock");
    let alone = private(&lock).map_err(LedgerError::io("open", &lock))?;
    alone.lock().map_err(LedgerError::io("lock", &lock))?;
    if let Ok(text) = fs::read_to_string(path) {
        return Ok(Secret::new(text));
    }
    let mut seed = Zeroizing::new([0; 32]);
    clock.random(seed.as_mut_slice());
    let text = Secret::new(hex(seed.as_slice()));
    let new = beside(".new");
    private(&new)
        .and_then(|mut file| {
            file.write_all(text.expose().as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&new, path))
        .map_err(LedgerError::io("write", path))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use durward_core::ManualClock;

    use super::*;

    #[test]
    fn a_key_that_others_can_get_at_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.key");
        let key = SigningKey::File(path.clone());
        let clock = ManualClock::new();
        Signer::load(&key, &clock).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Signer::load(&key, &clock).err().unwrap().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn those_that_begin_at_once_have_one_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let key = SigningKey::File(folder.path().join("audit.key"));
            let start = std::sync::Barrier::new(8);
            let public = || {
                start.wait();
                let signer = Signer::load(&key, &durward_core::SystemClock::new());
                signer.unwrap().public.to_string()
            };
            let keys: std::collections::BTreeSet<_> = std::thread::scope(|scope| {
                let begun: Vec<_> = (0..8).map(|_| scope.spawn(public)).collect();
                begun.into_iter().map(|one| one.join().unwrap()).collect()
            });
            assert_eq!(keys.len(), 1);
        }
    }

    #[test]
    fn a_made_key_is_private_and_stays() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/audit.key");
        let key = SigningKey::File(path.clone());
        let first = Signer::load(&key, &ManualClock::new()).unwrap();
        let second = Signer::load(&key, &ManualClock::new()).unwrap();
        assert_eq!(first.public, second.public);
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_signature_holds_for_nothing_else() {
        let seed = SigningKey::Seed(Secret::new("ab".repeat(32)));
        let signer = Signer::load(&seed, &ManualClock::new()).unwrap();
        let checkpoint = |seq| Checkpoint {
            chain: Uuid::nil(),
            seq,
            segment: 1,
            offset: 4,
            hash: [7; 32],
            wall: 1,
            monotonic: 2,
            boot: Uuid::nil(),
        };
        let signature = signer.sign(&checkpoint(3));
        assert!(signer.public.verifies(&checkpoint(3), &signature));
        assert!(!signer.public.verifies(&checkpoint(4), &signature));
    }

    #[test]
    fn a_wrong_key_is_named() {
        for text in ["", "abc", &"zz".repeat(32)] {
            let seed = SigningKey::Seed(Secret::new(text.to_owned()));
            assert!(matches!(
                Signer::load(&seed, &ManualClock::new()),
                Err(LedgerError::Key { .. })
            ));
        }
    }
}
