//! What a server comes to once all is put in: what makes two of them the same.

use std::collections::BTreeMap;

use super::{
    client::{Bases, Speaks},
    reference::{Piece, Words},
    server::{Definition, Reach},
};
use crate::config::{self, Auth, Transport};

/// A server as it comes out once all is put in: what makes two of them the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settled {
    words: Vec<String>,
    /// Variables or headers.
    named: BTreeMap<String, String>,
    /// The folder, or the transport where it is said.
    place: Option<String>,
    is_site: bool,
    only: Vec<String>,
    without: Vec<String>,
}

impl Settled {
    /// Whether they are one server. A transport that one of them leaves open is no difference.
    pub(super) fn is(&self, other: &Self) -> bool {
        let open = self.is_site && (self.place.is_none() || other.place.is_none());
        let alike = Self {
            place: match open {
                true => other.place.clone(),
                false => self.place.clone(),
            },
            ..self.clone()
        };
        alike == *other
    }

    /// The address, of a site.
    pub(super) fn site(&self) -> Option<&str> {
        self.words
            .first()
            .map(String::as_str)
            .filter(|_| self.is_site)
    }

    /// What a definition comes to.
    ///
    /// # Errors
    /// Why durward can't have it, as a clause.
    pub(super) fn of(definition: &Definition, bases: &Bases) -> Result<Self, String> {
        let named = |map: &BTreeMap<String, Words>| -> BTreeMap<String, String> {
            map.iter()
                .map(|(key, value)| (key.clone(), settle(value, bases)))
                .collect()
        };
        let (is_site, words, named, place) = match &definition.reach {
            Reach::Program { command, env, cwd } => (
                false,
                command.iter().map(|word| settle(word, bases)).collect(),
                named(env),
                cwd.as_ref().map(|cwd| settle(cwd, bases)),
            ),
            Reach::Site {
                url,
                speaks,
                headers,
            } => {
                let text = settle(url, bases);
                let url: config::ServerUrl = text
                    .parse()
                    .map_err(|_| "durward can't reach its address".to_owned())?;
                let place = match speaks {
                    Speaks::Either => None,
                    Speaks::Http => Some("http".to_owned()),
                    Speaks::Sse => Some("sse".to_owned()),
                };
                (true, vec![url.to_string()], named(headers), place)
            }
        };
        Ok(Self {
            words,
            named,
            place,
            is_site,
            only: definition.only.clone(),
            without: definition.without.clone(),
        })
    }

    /// A server that durward has.
    pub(super) fn of_config(server: &config::Server) -> Self {
        let names = |globs: &[config::ToolGlob]| -> Vec<String> {
            globs.iter().map(|glob| glob.as_str().to_owned()).collect()
        };
        let only = names(&server.tools.allow);
        let (is_site, words, named, place) = match &server.reach {
            config::Reach::Program(program) => {
                let env = program.env.iter();
                let env = env.map(|(key, value)| (key.to_string(), value.expose().to_owned()));
                let cwd = program.cwd.as_ref().map(|path| path.display().to_string());
                (
                    false,
                    program.command.as_slice().to_vec(),
                    env.collect(),
                    cwd,
                )
            }
            config::Reach::Http(http) => {
                let headers = http.headers.iter();
                let headers =
                    headers.map(|(key, value)| (key.to_string(), value.expose().to_owned()));
                let mut headers: BTreeMap<_, _> = headers.collect();
                if let Some(Auth::Bearer(token)) = &http.auth {
                    let value = format!("Bearer {}", token.secret().expose());
                    headers.insert("authorization".to_owned(), value);
                }
                let place = match http.transport {
                    Transport::Auto => None,
                    Transport::Http => Some("http".to_owned()),
                    Transport::Sse => Some("sse".to_owned()),
                };
                (true, vec![http.url.to_string()], headers, place)
            }
        };
        Self {
            words,
            named,
            place,
            is_site,
            only: match only.as_slice() {
                [all] if all == "*" => Vec::new(),
                _ => only,
            },
            without: names(&server.tools.deny),
        }
    }
}

/// A text with the values of its variables, as durward will read it.
pub(super) fn settle(words: &Words, bases: &Bases) -> String {
    let text: String = words
        .0
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Variable(name) => bases.var(name).unwrap_or_default(),
        })
        .collect();
    match text.strip_prefix("~/") {
        Some(rest) => bases.home.join(rest).display().to_string(),
        None => text,
    }
}
