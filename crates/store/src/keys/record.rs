//! One key, as it is stored.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use durward_core::{Clock, Fingerprint, RoleName, Secret, Tenant, Wall};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What every key begins with, so that people and scanners know one when they see it.
const PREFIX: &str = "dw_";

/// A key's SHA-256.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of a key, whatever its bytes.
    pub fn of(key: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, key).as_ref());
        Self(bytes)
    }

    /// Its first eight digits.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_digest(&self.0)
    }

    /// Compares in a time that does not depend on where the two differ.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Enough of it to find it by.
    pub(crate) fn prefix(&self) -> [u8; 8] {
        let mut prefix = [0; 8];
        prefix.copy_from_slice(&self.0[..8]);
        prefix
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({}…)", self.fingerprint())
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "a digest is 64 hexadecimal digits";
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(WRONG);
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}

/// A key as the file has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecord {
    /// The key's name: the first eight digits of its digest.
    pub fingerprint: Fingerprint,
    /// The key's SHA-256.
    pub digest: Digest,
    /// What people call it.
    pub label: String,
    /// What its holder may do.
    pub roles: Vec<RoleName>,
    /// The organisation that its holder belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
    /// When it was made.
    pub created: Wall,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Wall>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Wall>,
    /// The key that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<Fingerprint>,
    /// Until when it works beside that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_until: Option<Wall>,
}

impl KeyRecord {
    /// When it ends: the earlier of its own end and that of its grace.
    pub fn ends(&self) -> Option<Wall> {
        [self.expires, self.grace_until].into_iter().flatten().min()
    }
}

/// What is wanted of a new key.
#[derive(Debug, Clone, Default)]
pub struct KeyRequest {
    /// What people call it.
    pub label: String,
    /// What its holder may do.
    pub roles: Vec<RoleName>,
    /// The organisation that its holder belongs to.
    pub tenant: Option<Tenant>,
    /// When it is to end by itself.
    pub expires: Option<Wall>,
}

/// Makes a key of 256 random bits, `dw_` and 43 characters, and its record. The key is nowhere
/// else: whoever asked must show it now.
pub fn new_key(clock: &dyn Clock, request: KeyRequest) -> (Secret, KeyRecord) {
    let mut random = Zeroizing::new([0; 32]);
    clock.random(&mut *random);
    let mut key = String::with_capacity(PREFIX.len() + 43);
    key.push_str(PREFIX);
    URL_SAFE_NO_PAD.encode_string(random.as_slice(), &mut key);
    let digest = Digest::of(key.as_bytes());
    let record = KeyRecord {
        fingerprint: digest.fingerprint(),
        digest,
        label: request.label,
        roles: request.roles,
        tenant: request.tenant,
        created: clock.wall(),
        expires: request.expires,
        revoked: None,
        replaced_by: None,
        grace_until: None,
    };
    (Secret::new(key), record)
}

#[cfg(test)]
mod tests {
    use durward_core::{ManualClock, SystemClock};

    use super::*;

    #[test]
    fn a_key_has_its_prefix_and_256_bits() {
        let (key, record) = new_key(&SystemClock::new(), KeyRequest::default());
        let random = key.expose().strip_prefix("dw_").unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(random).unwrap().len(), 32);
        assert_eq!(
            record.fingerprint,
            Digest::of(key.expose().as_bytes()).fingerprint()
        );
        let (other, _) = new_key(&SystemClock::new(), KeyRequest::default());
        assert_ne!(key.expose(), other.expose());
    }

    #[test]
    fn a_record_goes_to_json_and_back_and_never_holds_the_key() {
        let (key, record) = new_key(&ManualClock::new(), KeyRequest::default());
        let text = serde_json::to_string(&record).unwrap();
        let back: KeyRecord = serde_json::from_str(&text).unwrap();
        assert!(back.digest.is(&record.digest));
        assert!(
            !text.contains(&key.expose()[3..])
                && !format!("{record:?}").contains(&key.expose()[3..])
        );
    }

    #[test]
    fn digests_are_sha256_and_read_strictly() {
        let text = String::from(Digest::of(b"abc"));
        assert_eq!(
            text,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Digest::of(b"abc").fingerprint().as_str(), "ba7816bf");
        for wrong in [
            "",
            "ba78",
            &"g".repeat(64),
            &"é".repeat(32),
            &format!("{text}0"),
        ] {
            assert!(Digest::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
