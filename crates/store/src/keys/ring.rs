//! The keys that are accepted, ready to be looked up.

use std::{collections::HashMap, fmt, sync::Arc};

use durward_core::{Caller, CallerId, Fingerprint, Proof, RoleName, Secret, Wall};
use thiserror::Error;

use super::{Digest, KeyRecord};

/// The longest key that is looked at, in bytes.
const MAX_KEY: usize = 4096;

/// `identity.keys.accept`: a key that exists already.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The key; only its digest is kept.
    pub key: Secret,
    /// What its holder may do.
    pub role: RoleName,
}

/// Why a key does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// It is no key of ours.
    #[error("the key is not known")]
    Unknown,
    /// It has ended.
    #[error("the key has expired")]
    Expired,
    /// It was revoked.
    #[error("the key was revoked")]
    Revoked,
}

/// All keys of one configuration: an immutable snapshot.
#[derive(Default)]
pub struct KeyRing {
    /// By the first bytes of the digest.
    keys: HashMap<[u8; 8], Vec<Entry>>,
}

struct Entry {
    digest: Digest,
    caller: Arc<Caller>,
    is_revoked: bool,
}

impl KeyRing {
    /// Of the records of a file and the keys of the configuration. Where both have a key, the
    /// record counts: what was revoked stays revoked.
    pub fn new(records: &[KeyRecord], accepted: &[Accepted]) -> Self {
        let mut ring = Self::default();
        let records = records.iter().map(Entry::of_record);
        for entry in records.chain(accepted.iter().map(Entry::of_accepted)) {
            let same = ring.keys.entry(entry.digest.prefix()).or_default();
            if same.iter().all(|held| !held.digest.is(&entry.digest)) {
                same.push(entry);
            }
        }
        ring
    }

    /// True where there is no key at all, so that nobody could come in by one.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whose key is this? Any bytes may be asked for; above 4 KiB none is a key.
    pub fn authenticate(&self, presented: &[u8], now: Wall) -> Result<Arc<Caller>, KeyFault> {
        if presented.len() > MAX_KEY {
            return Err(KeyFault::Unknown);
        }
        let digest = Digest::of(presented);
        let same = self
            .keys
            .get(&digest.prefix())
            .map(Vec::as_slice)
            .unwrap_or_default();
        let entry = same
            .iter()
            .find(|held| held.digest.is(&digest))
            .ok_or(KeyFault::Unknown)?;
        if entry.is_revoked {
            return Err(KeyFault::Revoked);
        }
        if entry.caller.expires.is_some_and(|end| end <= now) {
            return Err(KeyFault::Expired);
        }
        Ok(Arc::clone(&entry.caller))
    }

    /// The caller of a key that was not revoked, by the key's name; it may have expired.
    pub fn caller(&self, fingerprint: &Fingerprint) -> Option<Arc<Caller>> {
        self.entries()
            .find(|entry| !entry.is_revoked && entry.digest.fingerprint() == *fingerprint)
            .map(|entry| Arc::clone(&entry.caller))
    }

    /// Is there a key of this name that was not revoked?
    pub fn holds(&self, fingerprint: &Fingerprint) -> bool {
        self.caller(fingerprint).is_some()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.keys.values().flatten()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.entries().map(|entry| entry.digest.fingerprint()))
            .finish()
    }
}

impl Entry {
    fn of_record(record: &KeyRecord) -> Self {
        let caller = Caller {
            id: CallerId::of_key(&record.fingerprint),
            name: record.label.as_str().into(),
            roles: record.roles.clone().into(),
            tenant: record.tenant.clone(),
            proof: Proof::Key(record.fingerprint.clone()),
            expires: record.ends(),
        };
        let is_revoked = record.revoked.is_some();
        Self {
            digest: record.digest,
            caller: Arc::new(caller),
            is_revoked,
        }
    }

    fn of_accepted(accepted: &Accepted) -> Self {
        let digest = Digest::of(accepted.key.expose().as_bytes());
        let fingerprint = digest.fingerprint();
        let caller = Caller {
            id: CallerId::of_key(&fingerprint),
            name: format!("key {fingerprint}").into(),
            roles: [accepted.role.clone()].into(),
            tenant: None,
            proof: Proof::Key(fingerprint),
            expires: None,
        };
        Self {
            digest,
            caller: Arc::new(caller),
            is_revoked: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use durward_core::{Clock, ManualClock};
    use proptest::prelude::*;

    use super::super::{KeyRequest, new_key};
    use super::*;

    fn key(clock: &ManualClock, label: &str) -> (Secret, KeyRecord) {
        let roles = vec![RoleName::new("reader")];
        new_key(
            clock,
            KeyRequest {
                label: label.to_owned(),
                roles,
                ..KeyRequest::default()
            },
        )
    }

    fn ask(ring: &KeyRing, key: &Secret, now: Wall) -> Result<Arc<Caller>, KeyFault> {
        ring.authenticate(key.expose().as_bytes(), now)
    }

    #[test]
    fn each_key_is_its_own_caller() {
        let clock = ManualClock::new();
        let ((one, first), (two, second)) = (key(&clock, "one"), key(&clock, "two"));
        let ring = KeyRing::new(&[first, second.clone()], &[]);
        let (one, two) = (
            ask(&ring, &one, clock.wall()),
            ask(&ring, &two, clock.wall()),
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!((&*one.name, &*two.name), ("one", "two"));
        assert_ne!(one.id, two.id);
        assert_eq!(two.proof, Proof::Key(second.fingerprint.clone()));
        assert!(ring.holds(&second.fingerprint));
    }

    #[test]
    fn revoked_and_expired_keys_say_so() {
        let clock = ManualClock::new();
        let ((gone, mut revoked), (old, mut ending)) = (key(&clock, "a"), key(&clock, "b"));
        revoked.revoked = Some(clock.wall());
        ending.expires = Some(Wall(clock.wall().0 + 1));
        let ring = KeyRing::new(&[revoked.clone(), ending], &[]);
        assert_eq!(
            ask(&ring, &gone, clock.wall()).unwrap_err(),
            KeyFault::Revoked
        );
        assert!(!ring.holds(&revoked.fingerprint));
        assert!(ask(&ring, &old, clock.wall()).is_ok());
        assert_eq!(
            ask(&ring, &old, Wall(clock.wall().0 + 1)).unwrap_err(),
            KeyFault::Expired
        );
    }

    #[test]
    fn a_replaced_key_works_until_its_grace_ends() {
        let clock = ManualClock::new();
        let (old, mut record) = key(&clock, "a");
        record.expires = Some(Wall(clock.wall().0 + 1_000));
        record.grace_until = Some(Wall(clock.wall().0 + 10));
        let ring = KeyRing::new(&[record], &[]);
        assert!(ask(&ring, &old, Wall(clock.wall().0 + 9)).is_ok());
        assert_eq!(
            ask(&ring, &old, Wall(clock.wall().0 + 10)).unwrap_err(),
            KeyFault::Expired
        );
    }

    #[test]
    fn existing_keys_are_accepted_and_a_revocation_outlives_that() {
        let clock = ManualClock::new();
        let accepted = |key: &str| Accepted {
            key: Secret::new(key.to_owned()),
            role: RoleName::new("developer"),
        };
        let (revoked, mut record) = key(&clock, "a");
        record.revoked = Some(clock.wall());
        let ring = KeyRing::new(
            &[record],
            &[accepted("old-key"), accepted(revoked.expose())],
        );
        let caller = ring.authenticate(b"old-key", clock.wall()).unwrap();
        assert_eq!(caller.roles[0].as_str(), "developer");
        assert_eq!(
            ask(&ring, &revoked, clock.wall()).unwrap_err(),
            KeyFault::Revoked
        );
        assert!(!format!("{ring:?}").contains("old-key"));
    }

    #[test]
    fn an_empty_ring_opens_to_nothing() {
        let ring = KeyRing::default();
        assert!(ring.is_empty());
        assert_eq!(
            ring.authenticate(b"", Wall(0)).unwrap_err(),
            KeyFault::Unknown
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_unknown(bytes in prop::collection::vec(any::<u8>(), 0..5_000)) {
            let (_, record) = key(&ManualClock::new(), "a");
            let ring = KeyRing::new(&[record], &[]);
            prop_assert_eq!(ring.authenticate(&bytes, Wall(0)).unwrap_err(), KeyFault::Unknown);
        }
    }
}
