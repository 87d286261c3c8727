//! Who is calling.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::Wall;

/// A caller's stable name: limits are counted, sessions bound and records signed with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallerId(Arc<str>);

impl CallerId {
    /// The caller that a key proves.
    pub fn of_key(fingerprint: &Fingerprint) -> Self {
        Self(format!("key:{fingerprint}").into())
    }

    /// The caller that the operating system names.
    pub fn of_os_user(uid: u32) -> Self {
        Self(format!("os:{uid}").into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The first eight hexadecimal digits of a key's SHA-256: enough to name it, no help in guessing it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of a SHA-256 digest.
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        Self(
            digest[..4]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }

    /// The eight digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let hex = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if text.len() == 8 && hex {
            Ok(Self(text))
        } else {
            Err("a fingerprint is eight lower-case hexadecimal digits")
        }
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of a role of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleName(Arc<str>);

impl RoleName {
    /// Takes a name; the policy decides whether there is such a role.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The organisation that a caller belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tenant(pub Arc<str>);

/// What showed who the caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// An API key, by its fingerprint.
    Key(Fingerprint),
    /// The operating system's word for the peer of a pipe.
    OsUser {
        /// The user's number.
        uid: u32,
    },
}

/// An identity with roles and a tenant.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The stable name.
    pub id: CallerId,
    /// What people call it: a key's label, a user's name.
    pub name: Arc<str>,
    /// What it may do, by name.
    pub roles: Arc<[RoleName]>,
    /// The organisation, if any.
    pub tenant: Option<Tenant>,
    /// How it was proved.
    pub proof: Proof,
    /// When the proof ends, if it does.
    pub expires: Option<Wall>,
}
