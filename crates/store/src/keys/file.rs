//! The file that holds the keys' records.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use durward_core::{Clock, Fingerprint, Secret};
use serde::{Deserialize, Serialize};

use super::{KeyRecord, KeyRequest, new_key};
use crate::{StoreError, file};

/// `identity.keys.file`: JSON, the owner's alone. Every change is made under a lock, so that two
/// commands at a time lose nothing.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    keys: Vec<KeyRecord>,
}

/// The one form of the file that there is so far.
const VERSION: u32 = 1;

impl KeyFile {
    /// The file at `path`; it need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All records, oldest first; none where there is no file. A file that others can get at is
    /// refused.
    pub fn load(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let Some(bytes) = file::read_private(&self.path)? else {
            return Ok(Vec::new());
        };
        let content: Content =
            serde_json::from_slice(&bytes).map_err(|error| self.malformed(error.to_string()))?;
        if content.version != VERSION {
            return Err(
                self.malformed(format!("its version is {}, not {VERSION}", content.version))
            );
        }
        let strange = content
            .keys
            .iter()
            .find(|key| key.digest.fingerprint() != key.fingerprint);
        match strange {
            Some(key) => Err(self.malformed(format!("key {} has another digest", key.fingerprint))),
            None => Ok(content.keys),
        }
    }

    /// Makes a key. What comes back first is shown to its holder and then gone.
    pub fn add(
        &self,
        clock: &dyn Clock,
        request: KeyRequest,
    ) -> Result<(Secret, KeyRecord), StoreError> {
        self.change(|keys| Ok(added(clock, keys, request)))
    }

    /// Makes a key that takes the place of another: same label, roles, tenant and end. The old one
    /// works for `grace` more.
    pub fn rotate(
        &self,
        clock: &dyn Clock,
        old: &Fingerprint,
        grace: Duration,
    ) -> Result<(Secret, KeyRecord), StoreError> {
        self.change(|keys| {
            let now = clock.wall();
            let key = in_use(keys, old)?;
            if key.ends().is_some_and(|end| end <= now) {
                return Err(StoreError::KeyNotInUse(old.clone(), "expired"));
            }
            let request = KeyRequest {
                label: key.label.clone(),
                roles: key.roles.clone(),
                tenant: key.tenant.clone(),
                expires: key.expires,
            };
            let (secret, new) = added(clock, keys, request);
            let key = in_use(keys, old)?;
            key.replaced_by = Some(new.fingerprint.clone());
            key.grace_until = Some(now.after(grace));
            Ok((secret, new))
        })
    }

    /// Ends a key now.
    pub fn revoke(&self, clock: &dyn Clock, key: &Fingerprint) -> Result<KeyRecord, StoreError> {
        self.change(|keys| {
            let key = found(keys, key)?;
            if key.revoked.is_some() {
                return Err(StoreError::KeyNotInUse(key.fingerprint.clone(), "revoked"));
            }
            key.revoked = Some(clock.wall());
            Ok(key.clone())
        })
    }

    /// Reads, changes and replaces the file, alone.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<KeyRecord>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _alone = file::lock(&self.path)?;
        let mut keys = self.load()?;
        let result = change(&mut keys)?;
        let content = Content {
            version: VERSION,
            keys,
        };
        let mut bytes = serde_json::to_vec_pretty(&content)
            .map_err(|error| self.malformed(error.to_string()))?;
        bytes.push(b'\n');
        file::replace(&self.path, &bytes)?;
        Ok(result)
    }

    fn malformed(&self, why: String) -> StoreError {
        StoreError::Malformed {
            path: self.path.clone(),
            why,
        }
    }
}

/// Adds a key whose fingerprint is its own.
fn added(clock: &dyn Clock, keys: &mut Vec<KeyRecord>, request: KeyRequest) -> (Secret, KeyRecord) {
    loop {
        let (secret, record) = new_key(clock, request.clone());
        if keys.iter().all(|key| key.fingerprint != record.fingerprint) {
            keys.push(record.clone());
            return (secret, record);
        }
    }
}

fn found<'k>(
    keys: &'k mut [KeyRecord],
    wanted: &Fingerprint,
) -> Result<&'k mut KeyRecord, StoreError> {
    keys.iter_mut()
        .find(|key| key.fingerprint == *wanted)
        .ok_or_else(|| StoreError::NoSuchKey(wanted.clone()))
}

/// A key that was neither revoked nor replaced.
fn in_use<'k>(
    keys: &'k mut [KeyRecord],
    wanted: &Fingerprint,
) -> Result<&'k mut KeyRecord, StoreError> {
    let key = found(keys, wanted)?;
    match (&key.revoked, &key.replaced_by) {
        (Some(_), _) => Err(StoreError::KeyNotInUse(wanted.clone(), "revoked")),
        (None, Some(_)) => Err(StoreError::KeyNotInUse(wanted.clone(), "replaced")),
        (None, None) => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, thread};

    use durward_core::{ManualClock, RoleName, SystemClock};

    use super::*;

    fn request(label: &str) -> KeyRequest {
        let roles = vec![RoleName::new("reader")];
        KeyRequest {
            label: label.to_owned(),
            roles,
            ..KeyRequest::default()
        }
    }

    fn file() -> (tempfile::TempDir, KeyFile) {
        let home = tempfile::tempdir().unwrap();
        let file = KeyFile::new(home.path().join("state/keys.json"));
        (home, file)
    }

    #[test]
    fn keys_are_kept_as_digests() {
        let (_home, file) = file();
        assert!(file.load().unwrap().is_empty());
        let (secret, record) = file.add(&SystemClock::new(), request("ci")).unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        assert!(
            !text.contains(&secret.expose()[3..]) && text.contains(record.fingerprint.as_str())
        );
        let keys = file.load().unwrap();
        assert_eq!((keys.len(), keys[0].label.as_str()), (1, "ci"));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_left_alone() {
        let (_home, file) = file();
        file.add(&SystemClock::new(), request("a")).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(file.load(), Err(StoreError::Exposed { .. })));
        assert!(file.add(&SystemClock::new(), request("b")).is_err());
    }

    #[test]
    fn rotating_keeps_the_old_one_for_a_while() {
        let (_home, file) = file();
        let clock = ManualClock::new();
        let (_, old) = file.add(&clock, request("ci")).unwrap();
        let (_, new) = file
            .rotate(&clock, &old.fingerprint, Duration::from_secs(60))
            .unwrap();
        assert_eq!((new.label.as_str(), &new.roles), ("ci", &old.roles));
        let keys = file.load().unwrap();
        assert_eq!(keys[0].replaced_by.as_ref(), Some(&new.fingerprint));
        assert_eq!(
            keys[0].ends(),
            Some(clock.wall().after(Duration::from_secs(60)))
        );
        let again = file
            .rotate(&clock, &old.fingerprint, Duration::ZERO)
            .unwrap_err();
        assert!(matches!(again, StoreError::KeyNotInUse(_, "replaced")));
    }

    #[test]
    fn revoking_is_once_and_needs_a_key() {
        let (_home, file) = file();
        let clock = ManualClock::new();
        let (_, key) = file.add(&clock, request("ci")).unwrap();
        assert_eq!(
            file.revoke(&clock, &key.fingerprint).unwrap().revoked,
            Some(clock.wall())
        );
        let again = file.revoke(&clock, &key.fingerprint);
        assert!(matches!(again, Err(StoreError::KeyNotInUse(_, "revoked"))));
        assert!(
            file.rotate(&clock, &key.fingerprint, Duration::ZERO)
                .is_err()
        );
        let unknown = Fingerprint::try_from("00000000".to_owned()).unwrap();
        assert!(matches!(
            file.revoke(&clock, &unknown),
            Err(StoreError::NoSuchKey(_))
        ));
    }

    #[test]
    fn an_expired_key_is_not_rotated() {
        let (_home, file) = file();
        let clock = ManualClock::new();
        let expires = Some(clock.wall().after(Duration::from_secs(1)));
        let (_, key) = file
            .add(
                &clock,
                KeyRequest {
                    expires,
                    ..request("ci")
                },
            )
            .unwrap();
        clock.advance(Duration::from_secs(1));
        let error = file
            .rotate(&clock, &key.fingerprint, Duration::ZERO)
            .unwrap_err();
        assert!(matches!(error, StoreError::KeyNotInUse(_, "expired")));
    }

    #[test]
    fn many_at_once_lose_none() {
        let (_home, file) = file();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| file.add(&SystemClock::new(), request("x")).unwrap());
            }
        });
        assert_eq!(file.load().unwrap().len(), 8);
    }

    #[test]
    fn what_is_broken_is_said_and_not_replaced() {
        let (_home, file) = file();
        file.add(&SystemClock::new(), request("a")).unwrap();
        let sound = fs::read_to_string(file.path()).unwrap();
        for broken in [
            "",
            "{}",
            "[]",
            r#"{"version":2,"keys":[]}"#,
            r#"{"version":1,"keys":[],"more":1}"#,
            &sound.replacen("\"fingerprint\": \"", "\"fingerprint\": \"00000000", 1),
            &sound[..sound.len() / 2],
        ] {
            fs::write(file.path(), broken).unwrap();
            assert!(
                matches!(file.load(), Err(StoreError::Malformed { .. })),
                "{broken}"
            );
            assert!(file.add(&SystemClock::new(), request("b")).is_err());
            assert_eq!(fs::read_to_string(file.path()).unwrap(), broken);
        }
    }
}
