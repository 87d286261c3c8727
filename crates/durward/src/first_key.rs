//! The key that durward makes when nobody has one yet: shown once.

use std::{io::IsTerminal, path::PathBuf};

use durward_core::{Clock, RoleName, Secret};
use durward_store::{
    StoreError,
    keys::{KeyFile, KeyRequest},
};

use crate::config::Config;

/// A key that was just made.
pub(crate) enum FirstKey {
    /// To be shown on the terminal.
    Shown(Secret),
    /// In a file of its own, since stdout may end in a log.
    Written(PathBuf),
}

/// Makes the first key, of the role reader, where there is none at all.
pub(crate) fn make(config: &Config, clock: &dyn Clock) -> Result<Option<FirstKey>, StoreError> {
    let file = KeyFile::new(&config.identity.keys.file);
    if !config.identity.keys.accept.is_empty() || !file.load()?.is_empty() {
        return Ok(None);
    }
    let secret = secret(config, clock)?;
    if std::io::stdout().is_terminal() {
        return Ok(Some(FirstKey::Shown(secret)));
    }
    let path = config.state.join("first-key");
    durward_store::folder::write_private(&path, secret.expose().as_bytes())?;
    Ok(Some(FirstKey::Written(path)))
}

/// Makes a key of the role reader.
pub(crate) fn secret(config: &Config, clock: &dyn Clock) -> Result<Secret, StoreError> {
    let wanted = KeyRequest {
        label: "first key".to_owned(),
        roles: vec![RoleName::new("reader")],
        tenant: None,
        expires: None,
    };
    let file = KeyFile::new(&config.identity.keys.file);
    file.add(clock, wanted).map(|(secret, _)| secret)
}
