//! What a server lists: asked for page by page, and kept as it was spelled.

use std::time::Duration;

use durward_core::RawJson;
use durward_wire::{bridge::lists::page, encode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Link, LinkFault, Outcome, Own, settings::May};

/// Most pages of one list, and most items of it (protocol.md, section 5).
const MOST_PAGES: usize = 1_000;
const MOST_ITEMS: usize = 10_000;
/// Most bytes of one list.
const MOST_BYTES: usize = 64 << 20;

/// All lists of one server.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Lists {
    pub(crate) tools: Vec<RawJson>,
    pub(crate) resources: Vec<RawJson>,
    pub(crate) templates: Vec<RawJson>,
    pub(crate) prompts: Vec<RawJson>,
    /// The least that the server said of any page.
    pub(crate) ttl: Option<Duration>,
}

/// A list that could not be had.
#[derive(Debug, Error)]
pub(crate) enum ListFault {
    #[error("{0}")]
    Link(#[from] LinkFault),
    #[error("`{method}` was answered with error {code}: {message}")]
    Refused {
        method: &'static str,
        code: i64,
        message: String,
    },
    #[error("`{method}`: {cause}")]
    Malformed { method: &'static str, cause: String },
    #[error("`{method}` has more than {MOST_ITEMS} items, {MOST_PAGES} pages or 64 MiB")]
    TooLong { method: &'static str },
}

/// What a server says that it has (schema.ts, `ServerCapabilities`).
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Capabilities {
    pub(crate) tools: Option<Listed>,
    pub(crate) resources: Option<Listed>,
    pub(crate) prompts: Option<Listed>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Listed {
    pub(crate) list_changed: bool,
    pub(crate) subscribe: bool,
}

impl Capabilities {
    /// Will it tell of every change of what it lists?
    pub(crate) fn tells_of_changes(&self) -> bool {
        let all = [&self.tools, &self.resources, &self.prompts];
        all.into_iter().flatten().all(|listed| listed.list_changed)
    }
}

/// Asks for all lists that the server has and may offer.
pub(crate) async fn fetch(link: &Link, may: May) -> Result<Lists, ListFault> {
    let has: Capabilities = link.hello().capabilities.parse().unwrap_or_default();
    let mut lists = Lists::default();
    if has.tools.is_some() && may.tools {
        lists.tools = list(link, "tools/list", "tools", &mut lists.ttl).await?;
    }
    if has.resources.is_some() && may.resources {
        lists.resources = list(link, "resources/list", "resources", &mut lists.ttl).await?;
        let templates = list(
            link,
            "resources/templates/list",
            "resourceTemplates",
            &mut lists.ttl,
        );
        lists.templates = match templates.await {
            // Many servers have resources and no templates, and say so in their own way.
            Err(ListFault::Refused { code, .. })
                if code == durward_wire::code::METHOD_NOT_FOUND =>
            {
                Vec::new()
            }
            templates => templates?,
        };
    }
    if has.prompts.is_some() && may.prompts {
        lists.prompts = list(link, "prompts/list", "prompts", &mut lists.ttl).await?;
    }
    Ok(lists)
}

async fn list(
    link: &Link,
    method: &'static str,
    member: &'static str,
    ttl: &mut Option<Duration>,
) -> Result<Vec<RawJson>, ListFault> {
    let mut items = Vec::new();
    let mut bytes = 0;
    let mut cursor: Option<RawJson> = None;
    for _ in 0..MOST_PAGES {
        let params = match &cursor {
            None => RawJson::empty_object(),
            Some(cursor) => encode::object(&[("cursor", cursor)]),
        };
        let result = match link.call(method, &params, &Own::default()).await? {
            Outcome::Result(result) => result,
            Outcome::Error(error) => {
                return Err(ListFault::Refused {
                    method,
                    code: error.code,
                    message: error.message.chars().take(200).collect(),
                });
            }
        };
        let page = page(&result, member).map_err(|error| ListFault::Malformed {
            method,
            cause: error.to_string(),
        })?;
        bytes += result.len();
        items.extend(page.items);
        *ttl = match (*ttl, page.ttl) {
            (Some(least), Some(new)) => Some(least.min(new)),
            (least, new) => least.or(new),
        };
        if items.len() > MOST_ITEMS || bytes > MOST_BYTES {
            break;
        }
        match page.next {
            None => return Ok(items),
            // A server that gives the same cursor again would be asked for ever.
            next if next == cursor => return Ok(items),
            next => cursor = next,
        }
    }
    Err(ListFault::TooLong { method })
}
