//! Which URLs of a document may be asked at all.

use super::{Document, OAuthFault, fault::plain};
use crate::egress::{Scheme, Target};

/// Where the server stands that a login is for: only one on this machine may speak plain HTTP, and only of
/// this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// On this machine.
    ThisMachine,
    /// Anywhere else.
    Elsewhere,
}

impl Ground {
    /// Of a server, by its URL in the configuration.
    pub fn of(server: &Target) -> Self {
        match server.host().is_this_machine() {
            true => Self::ThisMachine,
            false => Self::Elsewhere,
        }
    }

    /// May this be asked? Its addresses are judged when it is.
    pub(super) fn judge(self, target: &Target) -> Result<(), String> {
        let is_here = self == Self::ThisMachine && target.host().is_this_machine();
        match target.scheme() {
            Scheme::Https => Ok(()),
            Scheme::Http if is_here => Ok(()),
            Scheme::Http => Err("it is not https".to_owned()),
        }
    }

    /// Reads a URL of a document.
    pub(super) fn read(
        self,
        document: Document,
        field: &'static str,
        text: &str,
    ) -> Result<Target, OAuthFault> {
        let read = Target::parse(text).map_err(|fault| fault.word().to_owned());
        let read = read.and_then(|target| self.judge(&target).map(|()| target));
        read.map_err(|why| OAuthFault::Url {
            document,
            field,
            why,
        })
    }
}

/// An authorization server's own name (RFC 8414 section 2): a URL without query and fragment, compared byte
/// by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    target: Target,
}

impl Issuer {
    /// Reads one that a server names, or the operator.
    ///
    /// # Errors
    /// [`OAuthFault::Url`].
    pub fn parse(ground: Ground, text: &str) -> Result<Self, OAuthFault> {
        let (document, field) = (Document::Resource, "authorization_servers");
        let target = ground.read(document, field, text)?;
        if text.contains(['?', '#']) {
            let why = format!("`{}` has a query or a fragment", plain(text));
            return Err(OAuthFault::Url {
                document,
                field,
                why,
            });
        }
        Ok(Self {
            text: text.to_owned(),
            target,
        })
    }

    /// The server's own origin, which revision 2025-03-26 takes for its authorization server.
    pub fn of_origin(server: &Target) -> Self {
        let text = server.origin().to_string();
        // An origin that was just written is a URL.
        let target = Target::parse(&text).unwrap_or_else(|_| server.clone());
        Self { text, target }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As what can be asked.
    pub fn target(&self) -> &Target {
        &self.target
    }
}
