//! Where a client came in: at all servers together, or at one of them alone.

use std::borrow::Cow;

use durward_core::{Naming, ServerName};
use durward_guard::names;
use serde::{Deserialize, Serialize};

/// An endpoint. A session is sealed to its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub enum Endpoint {
    /// All that is offered; names of servers' things have the server's name in front.
    #[default]
    Merged,
    /// One server alone, under its own names.
    Server(ServerName),
}

impl Endpoint {
    /// Whose names are used here.
    pub(crate) fn naming(&self) -> Naming {
        match self {
            Self::Merged => Naming::Merged,
            Self::Server(_) => Naming::Own,
        }
    }

    /// The server that stands here alone.
    pub(crate) fn server(&self) -> Option<&ServerName> {
        match self {
            Self::Merged => None,
            Self::Server(server) => Some(server),
        }
    }

    /// What a URI of a client here is called among all servers (protocol.md, section 8).
    pub(crate) fn exposed<'a>(&self, uri: &'a str) -> Cow<'a, str> {
        match self {
            Self::Merged => Cow::Borrowed(uri),
            // A URI that no server can have leads nowhere.
            Self::Server(server) => {
                names::exposed_uri(server, uri).map_or(Cow::Borrowed(uri), Cow::Owned)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        enum Written {
            Merged,
            Server(String),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Merged => Self::Merged,
            Written::Server(name) => {
                Self::Server(ServerName::new(&name).map_err(serde::de::Error::custom)?)
            }
        })
    }
}
