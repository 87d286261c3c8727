//! A command as the file has it: a text, or keys.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use durward_core::Tier;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{Missing, Param};
use crate::config::{sandbox::ItemSandbox, servers::TierWord, units::Period};

/// A command as it is written.
pub(super) enum Command {
    Template(String),
    Keys(Box<Keys>),
}

/// A command with more said of it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// What runs: a program and its arguments, in which `{name:type}` is filled by the caller. No shell
    /// reads it.
    run: String,
    /// What a model is told of it; what runs, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// How much harm it can do: `read`, `operate` (the default) or `danger`.
    #[serde(default = "operate")]
    tier: TierWord,
    /// How long it may run; `limits.timeout`, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Period>,
    /// The folder that it runs in, below what `files` shares; the root, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cwd: Option<String>,
    /// Whether the program may be a shell, `rm` and the like.
    #[serde(default)]
    dangerous: bool,
    /// What happens where the program is not there at the start: `refuse` (durward does not start; the
    /// default) or `warn`.
    #[serde(default)]
    missing: Missing,
    /// Its walls: `box` (those of `sandbox`, the default), `home`, `host`, or keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sandbox: Option<ItemSandbox>,
    /// What else is said of its placeholders, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, Param>,
}

fn operate() -> TierWord {
    TierWord::Operate
}

impl From<Command> for super::Command {
    fn from(written: Command) -> Self {
        match written {
            Command::Template(run) => Self::of(run),
            Command::Keys(keys) => Self {
                run: keys.run,
                description: keys.description,
                tier: keys.tier.into(),
                timeout: keys.timeout,
                cwd: keys.cwd,
                dangerous: keys.dangerous,
                missing: keys.missing,
                sandbox: keys.sandbox,
                params: keys.params,
                by_variables: false,
            },
        }
    }
}

impl From<super::Command> for Command {
    fn from(command: super::Command) -> Self {
        Self::Keys(Box::new(Keys {
            run: command.run,
            description: command.description,
            tier: match command.tier {
                Tier::Read => TierWord::Read,
                Tier::Operate => TierWord::Operate,
                Tier::Danger => TierWord::Danger,
            },
            timeout: command.timeout,
            cwd: command.cwd,
            dangerous: command.dangerous,
            missing: command.missing,
            sandbox: command.sandbox,
            params: command.params,
        }))
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Template(run) => run.serialize(serializer),
            Self::Keys(keys) => keys.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Said;

        impl<'de> Visitor<'de> for Said {
            type Value = Command;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a template such as `du -sh {dir:path}`, or keys such as `run`")
            }

            fn visit_str<E: de::Error>(self, run: &str) -> Result<Command, E> {
                Ok(Command::Template(run.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Command, A::Error> {
                let keys = Keys::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Command::Keys(Box::new(keys)))
            }
        }

        deserializer.deserialize_any(Said)
    }
}

impl JsonSchema for Command {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> schemars::Schema {
        let keys = generator.subschema_for::<Keys>();
        schemars::json_schema!({
            "description": "A template such as `du -sh {dir:path}`, or keys such as `run`.",
            "oneOf": [{ "type": "string" }, keys],
        })
    }
}
