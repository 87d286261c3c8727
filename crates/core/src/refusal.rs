//! Why a call was not done.

use std::{borrow::Cow, fmt, time::Duration};

use serde::Serialize;

/// The stable word for a refusal. Clients and people script against these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The arguments decided it.
    Denied,
    /// A human must agree, and none can be asked.
    NeedsApproval,
    /// It must be confirmed by an argument.
    ConfirmRequired,
    /// Too many, too fast, or too many at once.
    RateLimited,
    /// They don't fit the tool's schema.
    InvalidArguments,
    /// It lies outside what is shared.
    PathOutsideRoot,
    /// Its name is on the deny list.
    DenylistHit,
    /// It is larger than the limit.
    TooLarge,
    /// A directory, FIFO, socket or device where a file is wanted.
    NotARegularFile,
    /// The host is not on the allow list.
    HostNotAllowed,
    /// The address is private.
    PrivateIpBlocked,
    /// The command is not on the allow list.
    CommandNotAllowed,
    /// It took too long.
    Timeout,
    /// The client stopped it.
    Cancelled,
    /// What would do it is not there now.
    Unavailable,
    /// There is no such thing.
    NotFound,
    /// There is one already.
    Exists,
    /// It changed meanwhile.
    Conflict,
    /// The disk is full, or as full as it may be.
    NoSpace,
    /// Inspection stopped it.
    BlockedContent,
    /// The tool is not the one that was approved.
    DefinitionChanged,
    /// Our fault; the log has the cause under the reference.
    Internal,
}

impl RefusalCode {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NeedsApproval => "needs_approval",
            Self::ConfirmRequired => "confirm_required",
            Self::RateLimited => "rate_limited",
            Self::InvalidArguments => "invalid_arguments",
            Self::PathOutsideRoot => "path_outside_root",
            Self::DenylistHit => "denylist_hit",
            Self::TooLarge => "too_large",
            Self::NotARegularFile => "not_a_regular_file",
            Self::HostNotAllowed => "host_not_allowed",
            Self::PrivateIpBlocked => "private_ip_blocked",
            Self::CommandNotAllowed => "command_not_allowed",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Unavailable => "unavailable",
            Self::NotFound => "not_found",
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::NoSpace => "no_space",
            Self::BlockedContent => "blocked_content",
            Self::DefinitionChanged => "definition_changed",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A refusal: a code, a sentence that a model can act on, and what decided it. Nothing in it names
/// a path, address or port of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable word.
    pub code: RefusalCode,
    /// The finer word, such as `null_byte`.
    pub detail: Option<&'static str>,
    /// The sentence.
    pub reason: Cow<'static, str>,
    /// The rule of the configuration that decided, if one did.
    pub rule: Option<Box<str>>,
    /// When trying again makes sense.
    pub retry_after: Option<Duration>,
    /// The argument at fault, as a JSON Pointer (RFC 6901).
    pub path: Option<Box<str>>,
    /// What the log calls the cause, for [`RefusalCode::Internal`].
    pub reference: Option<Box<str>>,
}

impl Refusal {
    /// The detail of a refusal that only a person's login mends: what was asked is well.
    pub const LOGIN_NEEDED: &str = "login_needed";

    /// The detail of a refusal that says nothing of the tool: the time that there was had run out before the
    /// program was begun.
    pub const NOT_BEGUN: &str = "not_begun";

    /// A refusal with a code and a sentence.
    pub fn new(code: RefusalCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: None,
            reason: reason.into(),
            rule: None,
            retry_after: None,
            path: None,
            reference: None,
        }
    }

    /// Adds the finer word.
    #[must_use]
    pub fn detail(mut self, detail: &'static str) -> Self {
        self.detail = Some(detail);
        self
    }

    /// Adds the rule that decided.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<Box<str>>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// Adds when to try again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Adds the argument at fault, as a JSON Pointer.
    #[must_use]
    pub fn path(mut self, path: impl Into<Box<str>>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Adds what the log calls the cause.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<Box<str>>) -> Self {
        self.reference = Some(reference.into());
        self
    }
}
