//! Who durward is to an authorization server (RFC 7591), and how it proves it (RFC 6749 section 2.3).

use durward_core::Secret;
use serde::{Deserialize, Serialize};

use super::{Document, OAuthFault, fault::line_of};
use crate::egress::{Scheme, Target};

/// How a client proves who it is at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// By nothing: its name is in the request.
    None,
    /// By a password in `Authorization: Basic`.
    ClientSecretBasic,
    /// By a password in the request.
    ClientSecretPost,
}

impl ClientAuth {
    /// The word of the registry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }

    /// For a client that has a secret or has none, at a server that takes these. Where it says nothing, it
    /// takes the header (RFC 8414 section 2).
    pub fn choose(has_secret: bool, taken: Option<&[String]>) -> Self {
        let takes = |method: Self| taken.is_none_or(|all| all.iter().any(|m| m == method.as_str()));
        match has_secret {
            false => Self::None,
            true if !takes(Self::ClientSecretBasic) && takes(Self::ClientSecretPost) => {
                Self::ClientSecretPost
            }
            true => Self::ClientSecretBasic,
        }
    }

    /// What durward registers as: a program on a person's machine keeps no secret, unless it must.
    pub fn to_register(taken: Option<&[String]>) -> Self {
        let all = [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost];
        let taken =
            |method: &Self| taken.is_some_and(|all| all.iter().any(|m| m == method.as_str()));
        all.into_iter().find(taken).unwrap_or(Self::None)
    }
}

/// A client that was registered.
#[derive(Debug)]
pub struct Registered {
    /// Its name.
    pub id: String,
    /// Its password, if it was given one.
    pub secret: Option<Secret>,
    /// How it is to prove who it is, if the server says so.
    pub auth: Option<ClientAuth>,
}

#[derive(Deserialize)]
struct Written {
    client_id: String,
    client_secret: Option<String>,
    token_endpoint_auth_method: Option<String>,
}

/// Reads the answer to a registration.
///
/// # Errors
/// It is none, or names a way to prove who one is that durward does not have.
pub fn registered(body: &[u8]) -> Result<Registered, OAuthFault> {
    let malformed = |why: String| OAuthFault::Malformed(Document::Registration, why);
    let written: Written =
        serde_json::from_slice(body).map_err(|error| malformed(line_of(&error)))?;
    let fits = |text: &str| {
        (1..=4096).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b))
    };
    if !fits(&written.client_id) {
        return Err(malformed("its `client_id` is not visible ASCII".to_owned()));
    }
    // Some servers send an empty one to a client that has none.
    let secret = written.client_secret.filter(|secret| !secret.is_empty());
    if secret.as_deref().is_some_and(|secret| !fits(secret)) {
        return Err(malformed(
            "its `client_secret` is not visible ASCII".to_owned(),
        ));
    }
    let auth = match written.token_endpoint_auth_method.as_deref() {
        None => None,
        Some("none") => Some(ClientAuth::None),
        Some("client_secret_basic") => Some(ClientAuth::ClientSecretBasic),
        Some("client_secret_post") => Some(ClientAuth::ClientSecretPost),
        Some(_) => {
            return Err(malformed(
                "it wants a `token_endpoint_auth_method` that durward does not have".to_owned(),
            ));
        }
    };
    Ok(Registered {
        id: written.client_id,
        secret: secret.map(Secret::new),
        auth,
    })
}

/// Is a client's name the URL of a document that describes it: https, with a path (Client ID Metadata
/// Documents)?
pub fn is_metadata_url(client_id: &str) -> bool {
    Target::parse(client_id).is_ok_and(|target| {
        target.scheme() == Scheme::Https
            && target.path_and_query() != "/"
            && !client_id.contains('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_goes_where_it_is_taken() {
        let all = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect::<Vec<_>>());
        for (taken, chosen) in [
            (None, ClientAuth::ClientSecretBasic),
            (all(&["client_secret_post"]), ClientAuth::ClientSecretPost),
            (
                all(&["client_secret_post", "client_secret_basic"]),
                ClientAuth::ClientSecretBasic,
            ),
            (all(&["private_key_jwt"]), ClientAuth::ClientSecretBasic),
        ] {
            assert_eq!(ClientAuth::choose(true, taken.as_deref()), chosen);
            assert_eq!(
                ClientAuth::choose(false, taken.as_deref()),
                ClientAuth::None
            );
        }
        let post = all(&["private_key_jwt", "client_secret_post"]);
        assert_eq!(
            ClientAuth::to_register(post.as_deref()),
            ClientAuth::ClientSecretPost
        );
        assert_eq!(ClientAuth::to_register(None), ClientAuth::None);
    }

    #[test]
    fn an_answer_names_a_client_or_is_none() {
        let client = registered(br#"{"client_id":"a","client_secret":"","x":1}"#).unwrap();
        assert_eq!((client.id.as_str(), client.secret.is_none()), ("a", true));
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"client_id":""}"#,
            r#"{"client_id":7}"#,
            r#"{"client_id":"a\r\nb"}"#,
            r#"{"client_id":"a","client_id":"b"}"#,
            r#"{"client_id":"a","client_secret":"\u0000"}"#,
            r#"{"client_id":"a","token_endpoint_auth_method":"private_key_jwt"}"#,
        ] {
            assert!(registered(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_metadata_url_is_https_with_a_path() {
        assert!(is_metadata_url("https://x.example/client.json"));
        for other in [
            "https://x.example",
            "https://x.example/",
            "http://x.example/a",
            "my-client",
            "https://x.example/a#b",
        ] {
            assert!(!is_metadata_url(other), "{other}");
        }
    }
}
