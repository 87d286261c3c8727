//! What goes wrong with an upstream, in words that its operator can act on.

use std::borrow::Cow;

use durward_cage::egress::EgressFault;
use durward_guard::oauth::Challenge;
use thiserror::Error;

/// Why a call, or a whole link, came to nothing.
#[derive(Debug, Clone, Error)]
#[error("{kind}")]
pub struct LinkFault {
    /// What happened.
    pub kind: FaultKind,
    /// May the request have run all the same? Then it must not be sent again unless it changes nothing.
    pub ran: bool,
}

/// What happened. The text names neither arguments nor credentials.
#[derive(Debug, Clone, Error)]
pub enum FaultKind {
    /// The program could not be started.
    #[error("the server could not be started: {0}")]
    NotStarted(String),
    /// The server ended or hung up; how, as far as is known.
    #[error("the server has ended ({0})")]
    Died(String),
    /// The link was closed by us.
    #[error("the link to the server is closed")]
    Closed,
    /// One message is longer than the limit.
    #[error("the server sent a message of more than {limit} bytes; `max_message` sets the limit")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The request is longer than the limit.
    #[error("the request is longer than {limit} bytes")]
    RequestTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Too much on its standard output was no message.
    #[error("the server writes to its standard output what is not JSON")]
    Garbage,
    /// It does not keep to the protocol.
    #[error("the server does not keep to the protocol: {0}")]
    Protocol(Cow<'static, str>),
    /// Something took too long.
    #[error("the server did not {0} in time")]
    Timeout(&'static str),
    /// An HTTP status that is no answer.
    #[error("the server answered with HTTP status {0}{hint}", hint = status_hint(*.0))]
    Status(u16),
    /// It wants credentials, or others.
    #[error("the server wants other credentials (HTTP status {status}){hint}", hint = login_hint(challenge.as_deref()))]
    Unauthorized {
        /// 401 or 403.
        status: u16,
        /// `WWW-Authenticate`, as it came.
        challenge: Option<Box<str>>,
    },
    /// It wants a login, and only a person can give it one.
    #[error("the server wants a login ({why}): run `durward auth login {server}`")]
    LoginNeeded {
        /// Its name in the configuration.
        server: String,
        /// Why what there is does not do.
        why: String,
    },
    /// It wants a token, and none could be had.
    #[error("there is no token for the server: {0}")]
    NoToken(String),
    /// The way there is closed.
    #[error("{0}")]
    Egress(EgressFault),
    /// No revision of the protocol in common.
    #[error("the server speaks no revision of the protocol that is spoken here, but {0}")]
    Revision(String),
    /// It forgot the session again as soon as there was a new one.
    #[error("the server forgets its sessions")]
    SessionLost,
    /// As many calls are in flight as may be.
    #[error("too many calls to the server are in flight")]
    Busy,
    /// It answers as a server of the other era would: it is to be asked anew which it is.
    #[error("the server no longer speaks the revision that it did")]
    OtherEra,
}

/// One that says where its OAuth metadata is takes a login (RFC 9728 section 5.1).
fn login_hint(challenge: Option<&str>) -> &'static str {
    match challenge.and_then(Challenge::parse) {
        Some(challenge) if challenge.resource_metadata.is_some() => {
            "; it takes a login: write `auth: { oauth: {} }`, then run `durward auth login`"
        }
        _ => "",
    }
}

fn status_hint(status: u16) -> &'static str {
    match status {
        300..=399 => "; redirects are not followed: write the URL that it redirects to",
        404 => "; is the path right?",
        429 => "; it is asked too often",
        _ => "",
    }
}

impl FaultKind {
    /// A stable word, for status and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotStarted(_) => "not_started",
            Self::Died(_) => "died",
            Self::Closed => "closed",
            Self::TooLong { .. } => "too_long",
            Self::RequestTooLong { .. } => "request_too_long",
            Self::Garbage => "garbage",
            Self::Protocol(_) => "protocol",
            Self::Timeout(_) => "timeout",
            Self::Status(_) => "status",
            Self::Unauthorized { .. } => "unauthorized",
            Self::LoginNeeded { .. } => "login_needed",
            Self::NoToken(_) => "no_token",
            Self::Egress(fault) => fault.word(),
            Self::Revision(_) => "revision",
            Self::SessionLost => "session_lost",
            Self::Busy => "busy",
            Self::OtherEra => "other_era",
        }
    }

    /// Before the server can have run the request.
    pub(crate) fn before(self) -> LinkFault {
        LinkFault {
            kind: self,
            ran: false,
        }
    }

    /// When the server may have run the request.
    pub(crate) fn after(self) -> LinkFault {
        LinkFault {
            kind: self,
            ran: true,
        }
    }
}

/// A fault of the protocol.
pub(crate) fn protocol(what: impl Into<Cow<'static, str>>) -> FaultKind {
    FaultKind::Protocol(what.into())
}
