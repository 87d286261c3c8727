//! The key that seals what clients carry.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use durward_core::{Clock, Secret};

use crate::{StoreError, file};

/// Reads the key of a file, making the file where there is none.
///
/// # Errors
/// Where others can get at the file, or it does not hold a key.
pub fn of_file(path: &Path, clock: &dyn Clock) -> Result<[u8; 32], StoreError> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    // Several processes may begin at once on one folder; one of them makes the key.
    let _alone = file::lock(path)?;
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let mut key = [0; 32];
    clock.random(&mut key);
    file::replace(path, BASE64_STANDARD.encode(key).as_bytes())?;
    Ok(key)
}

fn read(path: &Path) -> Result<Option<[u8; 32]>, StoreError> {
    let Some(bytes) = file::read_private(path)? else {
        return Ok(None);
    };
    let text = Secret::new(String::from_utf8_lossy(&bytes).trim().to_owned());
    decode(&text)
        .map(Some)
        .ok_or_else(|| StoreError::Malformed {
            path: path.to_owned(),
            why: "it does not hold 32 bytes in base64; remove it, and sessions begin anew"
                .to_owned(),
        })
}

/// Reads the key of the configuration: 64 hexadecimal digits, or 32 bytes in base64.
///
/// # Errors
/// [`StoreError::BadKey`], without the key.
pub fn parse(key: &Secret) -> Result<[u8; 32], StoreError> {
    decode(key).ok_or(StoreError::BadKey("cluster.sealing_key"))
}

fn decode(key: &Secret) -> Option<[u8; 32]> {
    let text = key.expose().as_bytes();
    if text.len() == 64 {
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(text.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        return Some(out);
    }
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use durward_core::ManualClock;

    use super::*;

    #[test]
    fn the_key_of_a_file_stays_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sealing.key");
        let clock = ManualClock::new();
        let first = of_file(&path, &clock).unwrap();
        assert_eq!(first, of_file(&path, &clock).unwrap());
        assert_ne!(first, [0; 32]);
    }

    #[test]
    fn a_key_is_hexadecimal_or_base64_and_32_bytes() {
        let of = |text: &str| parse(&Secret::new(text.to_owned()));
        assert_eq!(of(&"0f".repeat(32)).unwrap(), [15; 32]);
        assert_eq!(of(&BASE64_STANDARD.encode([7; 32])).unwrap(), [7; 32]);
        for bad in [
            "",
            "short",
            &"zz".repeat(32),
            &BASE64_STANDARD.encode([7; 31]),
        ] {
            let error = of(bad).unwrap_err().to_string();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
    }
}
