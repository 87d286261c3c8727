//! The pack `http`: a tool that reaches the web, through cage's connector and nothing else.

mod answer;
mod arguments;
mod charset;
mod content;
mod fetch;
mod markdown;
mod media;
mod offer;
mod page;

#[cfg(test)]
mod tests;

use durward_cage::egress::Connector;
use durward_core::{Answer, BoxFuture, Call, Offer, PackName, Provider, Refusal, RefusalCode};

use crate::PacksError;

/// How the web is reached: `packs.http` of the configuration.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The most bytes of an answer's body that are kept.
    pub max_body: usize,
    /// How many redirects are followed, unless a call asks for fewer.
    pub redirects: u8,
    /// Does HTML come as Markdown, unless a call asks for its source?
    pub markdown: bool,
    /// What callers are told about the hosts that may be reached.
    pub note: String,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            max_body: 1024 * 1024,
            redirects: 3,
            markdown: true,
            note: String::new(),
        }
    }
}

/// The pack: `http_fetch`.
pub struct HttpPack {
    name: PackName,
    offer: Offer,
    connector: Connector,
    settings: HttpSettings,
}

impl HttpPack {
    /// A pack that reaches what the connector lets it reach.
    ///
    /// # Errors
    /// A name of ours is not one.
    pub fn new(connector: Connector, settings: HttpSettings) -> Result<Self, PacksError> {
        Ok(Self {
            name: PackName::new("http")?,
            offer: Offer {
                tools: vec![offer::fetch()?],
                notes: vec![settings.note.clone()],
                ..Offer::default()
            },
            connector,
            settings,
        })
    }
}

impl Provider for HttpPack {
    fn name(&self) -> &PackName {
        &self.name
    }

    fn offer(&self) -> Offer {
        self.offer.clone()
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        Box::pin(async move {
            match call.target.name() {
                "http_fetch" => fetch::run(&self.connector, &self.settings, call).await,
                _ => Err(Refusal::new(
                    RefusalCode::NotFound,
                    "there is no such tool for the web",
                )),
            }
        })
    }
}
