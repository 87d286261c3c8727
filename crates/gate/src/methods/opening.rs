//! How a conversation begins: `initialize`, and `server/discover`.

use durward_core::{Client, ProtocolError, RawJson, Revision};
use durward_wire::{encode, scan::Params};
use serde::Serialize;

use crate::{encode::server_info, methods::invalid, request::required};

const INSTRUCTIONS: &str = "durward guards these tools: each call is checked and recorded. Read the \
    resource durward://guide to learn what you may do here and within which limits. A refused call \
    says why, and what to do instead.";

/// What a server of ours can do (schema.ts, `ServerCapabilities`).
#[derive(Serialize)]
struct Capabilities {
    tools: Changing,
    resources: Resources,
    prompts: Changing,
    #[serde(skip_serializing_if = "Option::is_none")]
    completions: Option<Nothing>,
    logging: Nothing,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Changing {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    list_changed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resources {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    subscribe: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    list_changed: bool,
}

#[derive(Serialize)]
struct Nothing {}

impl Capabilities {
    /// `lasting`: there is a way to tell the client what it did not ask for just now.
    fn of(revision: Revision, lasting: bool) -> Self {
        Self {
            tools: Changing {
                list_changed: lasting,
            },
            resources: Resources {
                subscribe: lasting,
                list_changed: lasting,
            },
            prompts: Changing {
                list_changed: lasting,
            },
            completions: (revision >= Revision::V2025_03_26).then_some(Nothing {}),
            logging: Nothing {},
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Initialized {
    protocol_version: &'static str,
    capabilities: Capabilities,
    server_info: RawJson,
    instructions: &'static str,
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

/// The result of `initialize`.
pub(crate) fn initialized(revision: Revision, lasting: bool) -> Result<RawJson, ProtocolError> {
    written(&Initialized {
        protocol_version: revision.as_str(),
        capabilities: Capabilities::of(revision, lasting),
        server_info: server_info(),
        instructions: INSTRUCTIONS,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovered {
    supported_versions: [&'static str; 5],
    capabilities: Capabilities,
    instructions: &'static str,
}

/// The result of `server/discover`.
pub(crate) fn discover() -> Result<RawJson, ProtocolError> {
    written(&Discovered {
        supported_versions: Revision::ALL.map(Revision::as_str),
        capabilities: Capabilities::of(Revision::V2026_07_28, true),
        instructions: INSTRUCTIONS,
    })
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
