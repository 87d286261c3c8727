//! Proof that who redeems a code is who asked for it (RFC 7636).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use durward_core::{Clock, Secret};
use ring::digest::{SHA256, digest};

/// The method that is used, and no other is.
pub(super) const METHOD: &str = "S256";

/// What only who asked for a code knows.
#[derive(Debug)]
pub struct Verifier(Secret);

impl Verifier {
    /// A new one.
    pub fn new(clock: &dyn Clock) -> Self {
        Self(Secret::new(unguessable(clock)))
    }

    /// For the token endpoint alone.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// What the authorization endpoint is shown of it.
    pub fn challenge(&self) -> String {
        let digest = digest(&SHA256, self.0.expose().as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(digest)
    }
}

/// 256 bits as a text that fits everywhere.
pub(super) fn unguessable(clock: &dyn Clock) -> String {
    let mut bytes = [0; 32];
    clock.random(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        let verifier = Verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into());
        assert_eq!(
            verifier.challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
