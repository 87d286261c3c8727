//! What one pack, command, action, plugin or server says of its walls: a word, or keys.

use std::{fmt, num::NonZeroU32};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor, value::MapAccessDeserializer},
};

use super::{NetworkWord, SandboxMode, SandboxPath};
use crate::config::{
    egress::{EgressHost, EgressNetwork},
    servers::EnvKey,
    units::{Period, Size},
};

/// The walls of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemSandbox {
    /// One of the rooms, as it is.
    Room(Room),
    /// A room with changes.
    Own(Box<OwnSandbox>),
}

/// A room, as a word of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Room {
    /// What `sandbox` says; the default of packs, commands and plugins.
    Box,
    /// What you may read but secrets, its folder, caches and `/tmp` to write, and the network; the default
    /// of servers.
    Home,
    /// No walls.
    Host,
}

impl Room {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::Home => "home",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A room with changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OwnSandbox {
    /// The room that the other keys change: `home` for servers, `box` for all else, unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// As `sandbox.mode`, for this one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<SandboxMode>,
    /// What may be read beside what its room allows. A secret that is named here is not hidden.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<SandboxPath>,
    /// What may be written beside what its room allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<SandboxPath>,
    /// Whom it may talk to: `none`, `egress` or `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkWord>,
    /// What `network: egress` reaches, instead of what `egress` says for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress: Option<ItemEgress>,
    /// How much it may use, where that is other than its room's.
    #[serde(skip_serializing_if = "ItemLimits::is_none")]
    pub limits: ItemLimits,
    /// Variables that it gets of durward's own environment, beside its room's.
    #[schemars(with = "Vec<String>")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvKey>,
}

/// What one item may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ItemEgress {
    /// Hosts, as in `egress.hosts`.
    #[schemars(with = "Vec<String>")]
    pub hosts: Vec<EgressHost>,
    /// Networks, as in `egress.networks`.
    #[schemars(with = "Vec<String>")]
    pub networks: Vec<EgressNetwork>,
}

/// How much one item may use, where something is said of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ItemLimits {
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Time of processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Period>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<NonZeroU32>,
    /// Open files of one process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<NonZeroU32>,
    /// What is kept of each of its outputs; of no use to a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Size>,
}

impl ItemLimits {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl<'de> Deserialize<'de> for ItemSandbox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Said;

        impl<'de> Visitor<'de> for Said {
            type Value = ItemSandbox;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`box`, `home`, `host`, or keys such as `{ network: egress }`")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<ItemSandbox, E> {
                let word = de::value::StrDeserializer::new(word);
                Room::deserialize(word).map(ItemSandbox::Room)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ItemSandbox, A::Error> {
                let keys = OwnSandbox::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ItemSandbox::Own(Box::new(keys)))
            }
        }

        deserializer.deserialize_any(Said)
    }
}

impl Serialize for ItemSandbox {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Room(room) => room.serialize(serializer),
            Self::Own(keys) => keys.serialize(serializer),
        }
    }
}

impl JsonSchema for ItemSandbox {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ItemSandbox".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (room, own) = (
            generator.subschema_for::<Room>(),
            generator.subschema_for::<OwnSandbox>(),
        );
        schemars::json_schema!({
            "description": "The walls around it: `box`, `home`, `host`, or keys.",
            "oneOf": [room, own],
        })
    }
}
