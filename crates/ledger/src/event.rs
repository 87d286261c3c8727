//! Security events: what is recorded beside calls.

use std::{borrow::Cow, net::IpAddr};

use durward_core::{CallId, CallerId, Door, Fingerprint, PackName};

/// The stable word for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventName(&'static str);

impl EventName {
    /// durward began to serve.
    pub const STARTED: Self = Self("started");
    /// durward stopped in order.
    pub const STOPPED: Self = Self("stopped");
    /// Another configuration is in force.
    pub const CONFIG_RELOADED: Self = Self("config_reloaded");
    /// A changed configuration was not taken.
    pub const CONFIG_REFUSED: Self = Self("config_refused");
    /// Other plugins are offered, or the same made of something else.
    pub const PLUGINS_RELOADED: Self = Self("plugins_reloaded");
    /// Changed plugins were not taken.
    pub const PLUGINS_REFUSED: Self = Self("plugins_refused");
    /// Nobody could be made out behind a request.
    pub const AUTH_FAILED: Self = Self("auth_failed");
    /// A request was refused before it became a call: Host, Origin, size, form.
    pub const REQUEST_REFUSED: Self = Self("request_refused");
    /// A limit was met outside of a call.
    pub const RATE_LIMITED: Self = Self("rate_limited");
    /// A provider is left alone for a while.
    pub const BREAKER_OPENED: Self = Self("breaker_opened");
    /// A provider is asked again.
    pub const BREAKER_CLOSED: Self = Self("breaker_closed");
    /// A tool is not the one that was approved.
    pub const DEFINITION_CHANGED: Self = Self("definition_changed");
    /// An upstream asked a client something.
    pub const UPSTREAM_ASKED: Self = Self("upstream_asked");
    /// An upstream asked for what it may not have.
    pub const UPSTREAM_BLOCKED: Self = Self("upstream_blocked");
    /// durward runs with less protection than it could.
    pub const PROTECTION_REDUCED: Self = Self("protection_reduced");
    /// A key, a role or a token was given, changed or revoked.
    pub const CREDENTIAL_CHANGED: Self = Self("credential_changed");
    /// A human agreed or declined.
    pub const APPROVAL: Self = Self("approval");

    /// Another one: a word in snake case.
    pub const fn new(word: &'static str) -> Self {
        Self(word)
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// Something that happened beside calls.
#[derive(Debug, Clone)]
pub struct Event {
    pub(crate) name: EventName,
    pub(crate) caller: Option<CallerId>,
    pub(crate) key: Option<Fingerprint>,
    pub(crate) remote: Option<IpAddr>,
    pub(crate) door: Option<Door>,
    pub(crate) call: Option<CallId>,
    pub(crate) method: Option<Cow<'static, str>>,
    pub(crate) provider: Option<PackName>,
    pub(crate) subject: Option<Cow<'static, str>>,
    pub(crate) code: Option<Cow<'static, str>>,
    pub(crate) why: Option<Cow<'static, str>>,
}

impl Event {
    /// That it happened.
    pub fn new(name: EventName) -> Self {
        Self {
            name,
            caller: None,
            key: None,
            remote: None,
            door: None,
            call: None,
            method: None,
            provider: None,
            subject: None,
            code: None,
            why: None,
        }
    }

    /// Who did it.
    #[must_use]
    pub fn caller(mut self, caller: CallerId) -> Self {
        self.caller = Some(caller);
        self
    }

    /// With which key, known or not.
    #[must_use]
    pub fn key(mut self, key: Fingerprint) -> Self {
        self.key = Some(key);
        self
    }

    /// From which address.
    #[must_use]
    pub fn remote(mut self, remote: IpAddr) -> Self {
        self.remote = Some(remote);
        self
    }

    /// By which door.
    #[must_use]
    pub fn door(mut self, door: Door) -> Self {
        self.door = Some(door);
        self
    }

    /// In which call.
    #[must_use]
    pub fn call(mut self, call: CallId) -> Self {
        self.call = Some(call);
        self
    }

    /// By which method.
    #[must_use]
    pub fn method(mut self, method: impl Into<Cow<'static, str>>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// By which provider.
    #[must_use]
    pub fn provider(mut self, provider: PackName) -> Self {
        self.provider = Some(provider);
        self
    }

    /// To what: an upstream, a tool, a limit.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<Cow<'static, str>>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The stable word or number that the other side got.
    #[must_use]
    pub fn code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Why, in a few words without secrets.
    #[must_use]
    pub fn why(mut self, why: impl Into<Cow<'static, str>>) -> Self {
        self.why = Some(why.into());
        self
    }
}
