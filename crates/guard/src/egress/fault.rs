//! Why a way out was refused or came to nothing, in words that name no address of the host.

use durward_core::{Refusal, RefusalCode};
use thiserror::Error;

/// What stopped a connection or a request. The text is for a model; [`Self::word`] is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum EgressFault {
    /// Not a URL, or one with an impossible host or port.
    #[error("this is not a URL that can be fetched; write it as in `https://example.com/path`")]
    InvalidUrl,
    /// A URL with a line break or another control character.
    #[error("the URL has a line break or another control character in it; percent-encode it")]
    CrlfInUrl,
    /// Another scheme than http or https.
    #[error("only http and https URLs can be fetched")]
    UnsupportedProtocol,
    /// A URL with a user name or password.
    #[error("the URL has a user name or password in it; leave out what stands before the `@`")]
    UserinfoInUrl,
    /// A header name that is no token (RFC 9110 section 5.1).
    #[error("a header's name may only have letters, digits and `-`")]
    InvalidHeaderName,
    /// A header value with a line break or another control character.
    #[error("a header's value has a line break or another control character in it")]
    CrlfInHeader,
    /// A header that callers may not set.
    #[error("this header can't be set here; leave it out")]
    HeaderNotAllowed,
    /// Too many headers, or too long ones.
    #[error("the headers are too many or too long")]
    HeadersTooLarge,
    /// A body with a method that has none.
    #[error("a GET or HEAD request has no body; use POST, or leave out the body")]
    BodyNotAllowed,
    /// The host is not on the list.
    #[error(
        "this host is not one that may be reached; `egress.hosts` of the configuration lists those"
    )]
    HostNotAllowed,
    /// The host is on the list, and the port is not.
    #[error("this port of the host may not be reached")]
    PortNotAllowed,
    /// A name that only means something inside a network.
    #[error("this name belongs to a private network and may not be reached")]
    NameBlocked,
    /// An address that is not public.
    #[error("this host has a private or reserved address and may not be reached")]
    PrivateIpBlocked,
    /// A redirect to a host or port that may not be reached.
    #[error("the server redirects to a host that may not be reached")]
    RedirectHostNotAllowed,
    /// A redirect from https to http.
    #[error("the server redirects from https to http, which is not followed")]
    RedirectDowngrade,
    /// More redirects than asked for.
    #[error("the server redirects too often")]
    TooManyRedirects,
    /// A redirect to what is no URL.
    #[error("the server redirects to what is not a URL that can be fetched")]
    InvalidRedirect,
    /// No name may be looked up.
    #[error("names can't be looked up here: `egress.dns` of the configuration is off")]
    DnsDisabled,
    /// This name may not be looked up.
    #[error("this name may not be looked up; `egress.dns.allow` of the configuration lists those")]
    NameNotAllowed,
    /// There is no such name.
    #[error("there is no host of this name; check the spelling")]
    Nxdomain,
    /// The name has no address.
    #[error("the host's name has no address")]
    EmptyAnswer,
    /// The name has more addresses than are judged.
    #[error("the host's name has too many addresses")]
    TooManyAnswers,
    /// The lookup failed.
    #[error("the host's name could not be looked up now; try again later")]
    DnsFailed,
    /// The lookup took too long.
    #[error("looking up the host's name took too long; try again later")]
    DnsTimeout,
    /// Nobody answers there.
    #[error("the host could not be connected to")]
    ConnectFailed,
    /// Connecting took too long.
    #[error("connecting to the host took too long")]
    ConnectTimeout,
    /// TLS could not be set up, or the certificate is not the name's.
    #[error("no secure connection to the host: its certificate or its TLS can't be trusted")]
    TlsFailed,
    /// The operator's proxy did not do it.
    #[error("the proxy on the way out did not let the connection through")]
    ProxyFailed,
    /// Too many connections at once.
    #[error("too many requests are on their way out at once; try again later")]
    TooBusy,
    /// No answer began in time.
    #[error("the host did not begin to answer in time")]
    FirstByteTimeout,
    /// The whole took too long.
    #[error("the request took too long")]
    Timeout,
    /// The body came too slowly.
    #[error("the host answered too slowly")]
    TooSlow,
    /// The connection ended early, or what came is not HTTP.
    #[error("the host's answer broke off or is not HTTP")]
    BadResponse,
    /// The head of the answer is too large.
    #[error("the headers of the host's answer are too large")]
    HeadTooLarge,
    /// Too many interim (1xx) answers.
    #[error("the host sent too many interim answers")]
    TooManyInterim,
    /// A content encoding that was not asked for.
    #[error("the host's answer is encoded in a way that can't be read")]
    UnknownEncoding,
    /// More than one layer of content encoding.
    #[error("the host's answer is compressed more than once, which is not read")]
    NestedEncoding,
    /// The compressed body is broken.
    #[error("the host's answer is compressed, and broken")]
    BadEncoding,
    /// The caller stopped it.
    #[error("the request was cancelled")]
    Cancelled,
}

impl EgressFault {
    /// The stable word, such as `redirect_host_not_allowed`.
    pub fn word(self) -> &'static str {
        self.words().1
    }

    /// The code that clients script against.
    pub fn code(self) -> RefusalCode {
        self.words().0
    }

    /// What the agent is told.
    pub fn refusal(self) -> Refusal {
        let (code, word) = self.words();
        let refusal = Refusal::new(code, self.to_string());
        if word == code.as_str() {
            refusal
        } else {
            refusal.detail(word)
        }
    }

    /// The same judgement where a redirect, not the caller, named the host.
    #[must_use]
    pub fn of_redirect(self) -> Self {
        match self {
            Self::HostNotAllowed | Self::PortNotAllowed => Self::RedirectHostNotAllowed,
            Self::InvalidUrl | Self::CrlfInUrl | Self::UserinfoInUrl => Self::InvalidRedirect,
            other => other,
        }
    }

    /// Was it a judgement of ours, rather than something that happened out there?
    pub fn is_judgement(self) -> bool {
        use RefusalCode::{Denied, HostNotAllowed, InvalidArguments, PrivateIpBlocked};
        matches!(
            self.code(),
            Denied | HostNotAllowed | InvalidArguments | PrivateIpBlocked
        )
    }

    fn words(self) -> (RefusalCode, &'static str) {
        use RefusalCode::{
            Cancelled, Denied, HostNotAllowed, InvalidArguments, NotFound, PrivateIpBlocked,
            Timeout, TooLarge, Unavailable,
        };
        match self {
            Self::InvalidUrl => (InvalidArguments, "invalid_url"),
            Self::CrlfInUrl => (InvalidArguments, "crlf_in_url"),
            Self::UnsupportedProtocol => (InvalidArguments, "unsupported_protocol"),
            Self::UserinfoInUrl => (InvalidArguments, "userinfo_in_url"),
            Self::InvalidHeaderName => (InvalidArguments, "invalid_header_name"),
            Self::CrlfInHeader => (InvalidArguments, "crlf_in_header"),
            Self::HeaderNotAllowed => (InvalidArguments, "header_not_allowed"),
            Self::HeadersTooLarge => (InvalidArguments, "headers_too_large"),
            Self::BodyNotAllowed => (InvalidArguments, "body_not_allowed"),
            Self::HostNotAllowed => (HostNotAllowed, "host_not_allowed"),
            Self::PortNotAllowed => (HostNotAllowed, "port_not_allowed"),
            Self::NameBlocked => (PrivateIpBlocked, "name_blocked"),
            Self::PrivateIpBlocked => (PrivateIpBlocked, "private_ip_blocked"),
            Self::RedirectHostNotAllowed => (HostNotAllowed, "redirect_host_not_allowed"),
            Self::RedirectDowngrade => (Denied, "redirect_downgrade"),
            Self::TooManyRedirects => (Denied, "too_many_redirects"),
            Self::InvalidRedirect => (Denied, "invalid_redirect"),
            Self::DnsDisabled => (HostNotAllowed, "dns_disabled"),
            Self::NameNotAllowed => (HostNotAllowed, "name_not_allowed"),
            Self::Nxdomain => (NotFound, "nxdomain"),
            Self::EmptyAnswer => (NotFound, "empty_answer"),
            Self::TooManyAnswers => (Unavailable, "too_many_answers"),
            Self::DnsFailed => (Unavailable, "dns_failed"),
            Self::DnsTimeout => (Timeout, "dns_timeout"),
            Self::ConnectFailed => (Unavailable, "connect_failed"),
            Self::ConnectTimeout => (Timeout, "connect_timeout"),
            Self::TlsFailed => (Unavailable, "tls_failed"),
            Self::ProxyFailed => (Unavailable, "proxy_failed"),
            Self::TooBusy => (Unavailable, "too_busy"),
            Self::FirstByteTimeout => (Timeout, "first_byte_timeout"),
            Self::Timeout => (Timeout, "timeout"),
            Self::TooSlow => (Timeout, "too_slow"),
            Self::BadResponse => (Unavailable, "bad_response"),
            Self::HeadTooLarge => (TooLarge, "response_head_too_large"),
            Self::TooManyInterim => (Unavailable, "too_many_interim"),
            Self::UnknownEncoding => (Unavailable, "unknown_encoding"),
            Self::NestedEncoding => (Unavailable, "nested_encoding"),
            Self::BadEncoding => (Unavailable, "bad_encoding"),
            Self::Cancelled => (Cancelled, "cancelled"),
        }
    }
}
