//! How a conversation begins: `initialize`, and `server/discover`.

use std::fmt::Write;

use durward_core::{Client, ProtocolError, RawJson, Revision};
use durward_wire::{encode, scan::Params};
use serde::Serialize;

use crate::{
    encode::server_info,
    endpoint::Endpoint,
    methods::{capabilities, invalid},
    request::required,
    standing::Standing,
};

const INSTRUCTIONS: &str = "durward guards these tools: each call is checked and recorded. Read the \
    resource durward://guide to learn what you may do here and within which limits. A refused call \
    says why, and what to do instead.";

/// Most bytes that a server's instructions may have among those of all servers.
const MOST_INSTRUCTIONS: usize = 2048;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Initialized {
    protocol_version: &'static str,
    capabilities: RawJson,
    server_info: RawJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<String>,
}

/// Reads `initialize`: the revision that is agreed on and what the client says of itself.
pub(crate) fn read(params: &Params) -> Result<Client, ProtocolError> {
    let asked = required(params, "protocolVersion")?;
    let revision = Revision::parse(&asked)
        .filter(|revision| *revision <= Revision::NEWEST_LEGACY)
        .unwrap_or(Revision::NEWEST_LEGACY);
    let object = |key: &str| match params.get(key) {
        Some(value) if !value.as_str().starts_with('{') => {
            Err(invalid(format!("`{key}` must be an object")))
        }
        other => Ok(other),
    };
    let capabilities =
        object("capabilities")?.ok_or_else(|| invalid("`capabilities` is missing"))?;
    Ok(Client::new(revision, capabilities, object("clientInfo")?))
}

/// The result of `initialize`. `lasting`: there is a way to tell the client what it did not ask for just
/// now.
pub(crate) fn initialized(
    standing: &Standing,
    endpoint: &Endpoint,
    revision: Revision,
    lasting: bool,
) -> Result<RawJson, ProtocolError> {
    written(&Initialized {
        protocol_version: revision.as_str(),
        capabilities: capabilities::of(standing, endpoint, revision, lasting),
        server_info: server_info(),
        instructions: instructions(standing, endpoint),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovered {
    supported_versions: [&'static str; 5],
    capabilities: RawJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<String>,
}

/// The result of `server/discover`.
pub(crate) fn discover(standing: &Standing, endpoint: &Endpoint) -> Result<RawJson, ProtocolError> {
    written(&Discovered {
        supported_versions: Revision::ALL.map(Revision::as_str),
        capabilities: capabilities::of(standing, endpoint, Revision::V2026_07_28, true),
        instructions: instructions(standing, endpoint),
    })
}

/// Our own words, and a section of each server's that the caller can see anything of; at a server's own
/// endpoint, the server's.
fn instructions(standing: &Standing, endpoint: &Endpoint) -> Option<String> {
    let shelves = standing.house().catalogue.shelves();
    let mut seen = shelves
        .iter()
        .filter(|(server, _)| standing.view().reaches(server))
        .filter_map(|(server, shelf)| Some((server, shelf.instructions.as_deref()?)));
    if let Some(only) = endpoint.server() {
        let (_, own) = seen.find(|(server, _)| *server == only)?;
        return Some(own.to_owned());
    }
    let mut text = INSTRUCTIONS.to_owned();
    for (server, own) in seen {
        let end = own.floor_char_boundary(MOST_INSTRUCTIONS);
        // Writing to a `String` can't fail.
        let _ = write!(text, "\n\n# {server}\n\n{}", &own[..end]);
    }
    Some(text)
}

fn written<T: Serialize>(value: &T) -> Result<RawJson, ProtocolError> {
    RawJson::of(value).map_err(|error| ProtocolError {
        code: durward_wire::code::INTERNAL_ERROR,
        message: error.to_string(),
        data: None,
    })
}

/// What a client says of itself can be long; the session id that carries it can't.
pub(crate) fn shortened(client: &Client) -> Client {
    #[derive(serde::Deserialize, Serialize)]
    struct Info {
        name: Option<String>,
        version: Option<String>,
    }
    let known = ["roots", "sampling", "elicitation"];
    let all: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
        client.capabilities.parse().unwrap_or_default();
    let kept: Vec<_> = known
        .into_iter()
        .filter(|key| all.contains_key(*key))
        .map(|key| (key, RawJson::empty_object()))
        .collect();
    let kept: Vec<_> = kept.iter().map(|(key, value)| (*key, value)).collect();
    let cut = |text: String| text.chars().take(64).collect::<String>();
    let info = client
        .info
        .as_ref()
        .and_then(|info| info.parse::<Info>().ok())
        .map(|info| Info {
            name: info.name.map(cut),
            version: info.version.map(cut),
        });
    let info = info.and_then(|info| RawJson::of(&info).ok());
    Client::new(client.revision, encode::object(&kept), info)
}
