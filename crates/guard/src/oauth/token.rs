//! What the token endpoint answers (RFC 6749 section 5).

use std::time::Duration;

use durward_core::Secret;
use serde::Deserialize;
use serde_json::Number;

use super::{
    Document, OAuthFault, Scopes,
    fault::{line_of, plain},
};

/// More than any token has.
const LONGEST: usize = 16 * 1024;
/// Whatever lasts longer lasts so long.
const AGE: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What it gave.
#[derive(Debug)]
pub struct Tokens {
    /// For the server.
    pub access: Secret,
    /// For another one later.
    pub refresh: Option<Secret>,
    /// How long the first one is good, if that was said.
    pub lifetime: Option<Duration>,
    /// What it is good for, if that was said.
    pub scope: Option<Scopes>,
}

#[derive(Deserialize)]
struct Written {
    access_token: String,
    token_type: String,
    refresh_token: Option<String>,
    expires_in: Option<Seconds>,
    scope: Option<String>,
}

/// A number; some servers write it as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(Number),
    Text(String),
}

/// Reads what was given.
///
/// # Errors
/// It is no bearer token that a header can hold.
pub fn tokens(body: &[u8]) -> Result<Tokens, OAuthFault> {
    let malformed = |why: &str| OAuthFault::Malformed(Document::Token, why.to_owned());
    let written: Written =
        serde_json::from_slice(body).map_err(|error| malformed(&line_of(&error)))?;
    if !written.token_type.eq_ignore_ascii_case("bearer") {
        return Err(malformed("its `token_type` is not `Bearer`"));
    }
    let fits = |text: &str| {
        (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    };
    if !fits(&written.access_token) {
        return Err(malformed(
            "its `access_token` is not visible ASCII, or longer than 16 KiB",
        ));
    }
    let refresh = written.refresh_token.filter(|token| !token.is_empty());
    if refresh.as_deref().is_some_and(|token| !fits(token)) {
        return Err(malformed(
            "its `refresh_token` is not visible ASCII, or longer than 16 KiB",
        ));
    }
    let seconds = match written.expires_in {
        None => None,
        Some(Seconds::Number(number)) => whole(&number.to_string()),
        Some(Seconds::Text(text)) => whole(&text),
    };
    Ok(Tokens {
        access: Secret::new(written.access_token),
        refresh: refresh.map(Secret::new),
        lifetime: seconds.map(|seconds| Duration::from_secs(seconds).min(AGE)),
        scope: written.scope.as_deref().map(Scopes::parse),
    })
}

/// The whole seconds of a number; what is none is not said.
fn whole(text: &str) -> Option<u64> {
    let text = text.split(['.', 'e', 'E']).next().unwrap_or_default();
    text.parse().ok()
}

/// Why the token endpoint refused, from the body of its refusal.
pub fn token_fault(status: u16, body: &[u8]) -> OAuthFault {
    #[derive(Deserialize)]
    struct Written {
        error: String,
        error_description: Option<String>,
    }
    let sentence = match serde_json::from_slice::<Written>(body) {
        Ok(Written {
            error,
            error_description: Some(why),
        }) => format!("{}: {}", plain(&error), plain(&why)),
        Ok(written) => plain(&written.error),
        Err(_) => format!("HTTP status {status}"),
    };
    match sentence.starts_with("invalid_grant") {
        true => OAuthFault::InvalidGrant(sentence),
        false => OAuthFault::Refused(sentence),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_given_is_read() {
        let given = tokens(
            br#"{"access_token":"a.b-c","token_type":"BEARER","expires_in":"3600","refresh_token":"r","scope":"x y","id_token":"i"}"#,
        )
        .unwrap();
        assert_eq!(given.access.expose(), "a.b-c");
        assert_eq!(given.lifetime, Some(Duration::from_secs(3600)));
        assert_eq!(given.scope.unwrap().to_string(), "x y");
        let seconds = |text: &str| {
            let body =
                format!(r#"{{"access_token":"a","token_type":"bearer","expires_in":{text}}}"#);
            tokens(body.as_bytes()).unwrap().lifetime
        };
        assert_eq!(seconds("60.9"), Some(Duration::from_secs(60)));
        assert_eq!(seconds("0"), Some(Duration::ZERO));
        assert_eq!(seconds("-1"), None);
        assert_eq!(seconds("18446744073709551615"), Some(AGE));
    }

    #[test]
    fn no_other_kind_of_token_and_none_that_breaks_a_header() {
        for bad in [
            "",
            "{}",
            r#"{"access_token":"a"}"#,
            r#"{"access_token":"a","token_type":"mac"}"#,
            r#"{"access_token":"","token_type":"bearer"}"#,
            r#"{"access_token":"a\r\nX: y","token_type":"bearer"}"#,
            r#"{"access_token":"a b","token_type":"bearer"}"#,
            r#"{"access_token":"é","token_type":"bearer"}"#,
            r#"{"access_token":"a","token_type":"bearer","refresh_token":"\n"}"#,
            r#"{"access_token":"a","access_token":"b","token_type":"bearer"}"#,
        ] {
            assert!(tokens(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fault_has_nothing_of_what_was_sent() {
        let fault = tokens(br#"{"access_token":"s3cret","token_type":5}"#).unwrap_err();
        assert!(!fault.to_string().contains("s3cret"), "{fault}");
        let fault = tokens(br#"{"access_token":"s3cret"#).unwrap_err();
        assert!(!fault.to_string().contains("s3cret"), "{fault}");
        let refused = token_fault(
            400,
            br#"{"error":"invalid_grant","error_description":"a\u001bb"}"#,
        );
        assert_eq!(
            refused.to_string(),
            "the authorization server takes it no more (invalid_grant: a\u{fffd}b)"
        );
        assert!(token_fault(502, b"<html>").to_string().contains("502"));
    }

    proptest! {
        #[test]
        fn any_body_is_judged(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = tokens(&body);
            let _ = token_fault(400, &body);
        }
    }
}
