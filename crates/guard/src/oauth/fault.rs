//! Why there is no login, in words that its user can act on.

use std::fmt;

use thiserror::Error;

use crate::names::is_hidden;

/// Which of the documents that a login is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// What the server says of itself (RFC 9728).
    Resource,
    /// What the authorization server says of itself (RFC 8414).
    Server,
    /// The answer to a registration (RFC 7591).
    Registration,
    /// The answer of the token endpoint (RFC 6749).
    Token,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resource => "the server's OAuth metadata",
            Self::Server => "the authorization server's metadata",
            Self::Registration => "the answer to the registration",
            Self::Token => "the answer of the token endpoint",
        })
    }
}

/// Why there is no login. No sentence has a token, a code or a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OAuthFault {
    /// A document is not what it should be.
    #[error("{0} can't be understood: {1}")]
    Malformed(Document, String),
    /// A URL of a document can't be asked.
    #[error("`{field}` in {document} is no URL that may be asked: {why}")]
    Url {
        /// Where it stands.
        document: Document,
        /// Under which name.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The metadata is of another server.
    #[error(
        "the server's OAuth metadata is for `{said}`, not for `{asked}`: a token for it is not \
         asked for"
    )]
    OtherResource {
        /// Whose it says it is.
        said: String,
        /// Whose was asked for.
        asked: String,
    },
    /// The server names nobody who could log in.
    #[error("the server's OAuth metadata names no authorization server")]
    NoAuthorizationServer,
    /// The metadata is of another authorization server.
    #[error("the authorization server's metadata is of `{said}`, not of `{asked}`")]
    OtherIssuer {
        /// Whose it says it is.
        said: String,
        /// Whose was asked for.
        asked: String,
    },
    /// It can't prove that the code comes to who asked for it.
    #[error(
        "the authorization server does not say that it takes PKCE with S256 \
         (`code_challenge_methods_supported`), without which a code could be stolen"
    )]
    NoPkce,
    /// It has no place where a person could agree.
    #[error("the authorization server has no `{0}`")]
    NoEndpoint(&'static str),
    /// It registers nobody by itself.
    #[error(
        "the authorization server registers no clients by itself: register durward there, with the \
         redirect `http://127.0.0.1/callback`, and write its `client_id` under `auth.oauth`"
    )]
    NoRegistration,
    /// The answer of the browser is not to this login.
    #[error("what came back does not belong to this login (its `state` is another)")]
    OtherState,
    /// The answer of the browser comes from another authorization server.
    #[error(
        "what came back does not come from the authorization server that was asked (its `iss` is \
         another, or missing): the code was not used"
    )]
    OtherSender,
    /// The answer of the browser is none.
    #[error("what came back is no answer to a login: {0}")]
    NoAnswer(&'static str),
    /// What was shown to the token endpoint is good for nothing (`invalid_grant`).
    #[error("the authorization server takes it no more ({0})")]
    InvalidGrant(String),
    /// The authorization server says no.
    #[error("the authorization server refused: {0}")]
    Refused(String),
}

/// What others wrote, fit for a terminal and a line.
pub(super) fn plain(text: &str) -> String {
    let cut = text.chars().take(200);
    cut.map(|c| if is_hidden(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Where a body is no JSON of the right kind, without what stands there: it may be a secret.
pub(super) fn line_of(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a member is missing or of another type",
        _ => "it is not JSON",
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}
