//! Why there is no token, in words that its user can act on.

use durward_cage::egress::EgressFault;
use durward_guard::oauth::OAuthFault;
use durward_store::StoreError;
use thiserror::Error;

/// Why there is no token. No sentence has a token, a code or a secret.
#[derive(Debug, Error)]
pub enum AuthFault {
    /// What was said does not hold.
    #[error(transparent)]
    OAuth(#[from] OAuthFault),
    /// Nobody was reached.
    #[error("{what} at `{url}` can't be asked: {fault}")]
    Egress {
        /// What was wanted.
        what: &'static str,
        /// From where.
        url: String,
        /// Why it was not had.
        fault: EgressFault,
    },
    /// Somebody was reached, and it was of no use.
    #[error("{what} at `{url}` answered with HTTP status {status}")]
    Status {
        /// What was wanted.
        what: &'static str,
        /// From where.
        url: String,
        /// What came.
        status: u16,
    },
    /// There is no document where one was named.
    #[error("{what} is not at `{url}`, where it was said to be")]
    NoDocument {
        /// What was wanted.
        what: &'static str,
        /// From where.
        url: String,
    },
    /// An answer had no end.
    #[error("{what} at `{url}` is longer than durward reads")]
    TooLong {
        /// What was wanted.
        what: &'static str,
        /// From where.
        url: String,
    },
    /// There is no metadata where there should be.
    #[error("`{issuer}` has no metadata of an authorization server")]
    NoMetadata {
        /// Who should have it.
        issuer: String,
    },
    /// The credentials of the configuration belong to another authorization server.
    #[error(
        "the server now names `{now}` for its authorization server, and the client of the configuration \
         belongs to `{bound}`: if that is meant, run `durward auth logout {server}` first"
    )]
    OtherIssuer {
        /// Who is named.
        now: String,
        /// Who was before.
        bound: String,
        /// The server.
        server: String,
    },
    /// The configuration says too little.
    #[error("`auth.oauth` needs {0}")]
    Settings(&'static str),
    /// What is kept can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is kept is of another version of durward.
    #[error(
        "what is kept of the login can't be understood; run `durward auth logout {0}` and log in again"
    )]
    Kept(String),
    /// The work ended before it was done.
    #[error("durward is ending")]
    Ending,
}
