//! Sealed texts: what a client carries, or a disk, and nobody but us can read or make.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use durward_core::Clock;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Seals and opens short texts with ChaCha20-Poly1305 (RFC 8439), a random nonce for each.
pub struct Sealer {
    key: LessSafeKey,
    clock: Arc<dyn Clock>,
}

impl Sealer {
    /// With this key; replicas share one.
    pub fn new(key: &[u8; 32], clock: Arc<dyn Clock>) -> Self {
        // The key has the length that the algorithm wants, which is all that can go wrong here.
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).expect("32 bytes are a key");
        Self {
            key: LessSafeKey::new(key),
            clock,
        }
    }

    /// Seals `text` for one `purpose`; the result is visible ASCII.
    pub fn seal(&self, purpose: &str, text: &[u8]) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        self.clock.random(&mut nonce);
        let mut sealed = text.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .ok()?;
        let mut whole = nonce.to_vec();
        whole.append(&mut sealed);
        Some(BASE64_URL_SAFE_NO_PAD.encode(whole))
    }

    /// Opens what was sealed for the same purpose with the same key; anything else is `None`.
    pub fn open(&self, purpose: &str, token: &str) -> Option<Vec<u8>> {
        let mut whole = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        if whole.len() < NONCE_LEN {
            return None;
        }
        let mut sealed = whole.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&whole).ok()?;
        let text = self
            .key
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut sealed)
            .ok()?;
        Some(text.to_vec())
    }
}
