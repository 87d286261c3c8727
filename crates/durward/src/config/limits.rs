//! `limits`: how much, how fast and how many at once.

use std::{collections::BTreeMap, fmt, num::NonZeroU32, str::FromStr};

use durward_core::ToolName;
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    text::text_type,
    units::{Period, Size},
};

/// Token buckets and caps; the strictest that applies wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Calls of each caller.
    pub calls: Rate,
    /// Calls of all callers together, as in `1000/s`.
    pub total: Option<Rate>,
    /// Calls of each session.
    pub session: Option<Rate>,
    /// Calls that may come at once; each rate's own count, unless said.
    pub burst: Option<NonZeroU32>,
    /// Calls of each caller that may run at once.
    pub concurrency: NonZeroU32,
    /// Limits by tool: a rate, or `{ calls: 10/min, concurrency: 4 }`.
    #[schemars(with = "BTreeMap<String, ToolLimit>")]
    pub tools: BTreeMap<ToolKey, ToolLimit>,
    /// How long one call may take.
    pub timeout: Period,
    /// The largest result; beyond it the call ends as `too_large`.
    pub result: Size,
    /// Calls that wait for an answer to their question.
    pub exchange: Exchanges,
    /// When a tool that keeps failing is left alone for a while; only its execution faults count.
    pub breaker: Breaker,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: Rate::usual(),
            total: None,
            session: None,
            burst: None,
            concurrency: const { NonZeroU32::new(64).unwrap() },
            tools: BTreeMap::new(),
            timeout: Period::seconds(30),
            result: Size::mebibytes(16),
            exchange: Exchanges::default(),
            breaker: Breaker::default(),
        }
    }
}

/// Bounds of calls that wait for an answer to their question, and of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exchanges {
    /// How long an answer is waited for.
    pub ttl: Period,
    /// How often one call may ask.
    pub rounds: NonZeroU32,
    /// Calls of each caller that may wait at once, and tasks.
    pub each_caller: NonZeroU32,
    /// Calls of all callers that may wait at once, and tasks.
    pub all: NonZeroU32,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            ttl: Period::seconds(600),
            rounds: const { NonZeroU32::new(8).unwrap() },
            each_caller: const { NonZeroU32::new(16).unwrap() },
            all: const { NonZeroU32::new(1024).unwrap() },
        }
    }
}

/// When a tool that keeps failing is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// So many faults of one tool in a row open its breaker: its calls are `unavailable` at once. At
    /// most 1000.
    pub faults: NonZeroU32,
    /// The faults count that came within this time.
    pub window: Period,
    /// How long it stays open; then one call is tried, and what comes of it decides.
    pub cool_down: Period,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            faults: const { NonZeroU32::new(5).unwrap() },
            window: Period::seconds(60),
            cool_down: Period::seconds(30),
        }
    }
}

/// The limits of one tool, for each caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolLimit {
    /// Calls of the tool.
    pub calls: Option<Rate>,
    /// Calls that may come at once; the rate's own count, unless said.
    pub burst: Option<NonZeroU32>,
    /// Calls of the tool that may run at once.
    pub concurrency: Option<NonZeroU32>,
}

/// The long spelling of [`ToolLimit`].
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Calls of the tool, such as `10/min`.
    calls: Option<Rate>,
    /// Calls that may come at once; the rate's own count, unless said.
    burst: Option<NonZeroU32>,
    /// Calls of the tool that may run at once.
    concurrency: Option<NonZeroU32>,
}

impl<'de> Deserialize<'de> for ToolLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RateOrTable;

        impl<'de> Visitor<'de> for RateOrTable {
            type Value = ToolLimit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a rate, such as `20/min`, or keys such as `{ calls: 10/min, concurrency: 4 }`",
                )
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ToolLimit, E> {
                let calls = text.parse().map_err(E::custom)?;
                Ok(ToolLimit {
                    calls: Some(calls),
                    burst: None,
                    concurrency: None,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ToolLimit, A::Error> {
                let Table {
                    calls,
                    burst,
                    concurrency,
                } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ToolLimit {
                    calls,
                    burst,
                    concurrency,
                })
            }
        }

        deserializer.deserialize_any(RateOrTable)
    }
}

impl JsonSchema for ToolLimit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ToolLimit".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (rate, table) = (
            generator.subschema_for::<Rate>(),
            generator.subschema_for::<Table>(),
        );
        schemars::json_schema!({ "description": "The limits of one tool, for each caller.", "anyOf": [rate, table] })
    }
}

/// So many in so much time, such as `600/min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(durward_guard::limit::Rate);

impl Rate {
    /// What most callers never reach.
    fn usual() -> Self {
        // The text is right, as every test that loads a configuration shows.
        "600/min".parse().expect("a rate")
    }

    /// What people mind of a model that they pay for.
    pub(super) fn of_sampling() -> Self {
        // As right as the other.
        "5/min".parse().expect("a rate")
    }

    /// For the limiter.
    pub fn rate(self) -> durward_guard::limit::Rate {
        self.0
    }
}

impl FromStr for Rate {
    type Err = durward_guard::GuardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_type!(
    Rate,
    "a rate, such as `600/min`",
    "^[1-9][0-9]* ?/ ?(s|sec|second|min|m|minute|h|hour|d|day)$"
);

/// A tool's name, as a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolKey(ToolName);

impl ToolKey {
    /// The tool.
    pub fn name(&self) -> &ToolName {
        &self.0
    }
}

impl FromStr for ToolKey {
    type Err = durward_core::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ToolName::new(text).map(Self)
    }
}

impl fmt::Display for ToolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_type!(ToolKey, "a tool's name", "^[A-Za-z0-9_.-]{1,128}$");
