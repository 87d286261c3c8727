//! `manifest.yaml`: what a plugin says of itself. The program reads the file; what it may say is judged here.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use durward_core::Tier;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use serde_json::Value;

/// A plugin's manifest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name, which is its folder's.
    pub name: String,
    /// Its version, for people.
    pub version: Version,
    /// What it is for, for people.
    #[serde(default)]
    pub description: Option<String>,
    /// What runs: a file of its folder.
    pub executable: String,
    /// What that is given on its command line.
    #[serde(default)]
    pub args: Vec<String>,
    /// What else of its folder it is made of: pinned with it, and watched.
    #[serde(default)]
    pub files: Vec<String>,
    /// How it is spoken to.
    #[serde(default)]
    pub mode: Mode,
    /// How many of its calls may run at once.
    #[serde(default)]
    pub concurrency: Option<NonZeroU32>,
    /// How long one of its calls may take; never longer than `limits.timeout`.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// What it offers.
    pub tools: Vec<ManifestTool>,
}

/// How a plugin is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is started for each call: one object on its stdin, one on its stdout.
    #[default]
    PerCall,
    /// It is started once: an object a line, with ids.
    Persistent,
}

impl Mode {
    /// The word of the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PerCall => "per_call",
            Self::Persistent => "persistent",
        }
    }
}

/// One tool of a plugin.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestTool {
    /// The name under which it is offered.
    pub name: String,
    /// What people read.
    #[serde(default)]
    pub title: Option<String>,
    /// What a model reads.
    pub description: String,
    /// JSON Schema of its arguments; as MCP spells it, too.
    #[serde(alias = "inputSchema")]
    pub input_schema: Value,
    /// JSON Schema of `structuredContent`.
    #[serde(default, alias = "outputSchema")]
    pub output_schema: Option<Value>,
    /// How much harm it can do; `operate` unless said.
    #[serde(default = "operate")]
    pub tier: Tier,
    /// How long one call may take, where that is other than the plugin's.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// Hints for clients, where they are other than the tier says.
    #[serde(default)]
    pub annotations: Hints,
}

fn operate() -> Tier {
    Tier::Operate
}

/// Tool annotations (schema.ts, `ToolAnnotations`), as far as they are said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Hints {
    /// What people read.
    pub title: Option<String>,
    /// Changes nothing.
    pub read_only_hint: Option<bool>,
    /// May destroy something.
    pub destructive_hint: Option<bool>,
    /// A second time changes nothing more.
    pub idempotent_hint: Option<bool>,
    /// Reaches beyond its folder.
    pub open_world_hint: Option<bool>,
}

/// A version: a text, or what YAML takes for a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Version;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a version, such as `1.0.0`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Version, E> {
                if text.is_empty() || text.len() > 64 || text.chars().any(char::is_control) {
                    return Err(E::custom("a version has 1 to 64 characters"));
                }
                Ok(Version(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Version, E> {
                Ok(Version(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Version, E> {
                // With its point: `1.0` is not version 1.
                Ok(Version(format!("{number:?}")))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

/// A length of time: `500ms`, `5s`, `2m`, or a whole number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(Duration);

/// No call takes longer; whoever needs more wants a service.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Span {
    /// As the standard library's.
    pub fn duration(self) -> Duration {
        self.0
    }

    fn of(duration: Duration) -> Result<Self, &'static str> {
        match duration {
            Duration::ZERO => Err("a call needs some time"),
            long if long > LONGEST => Err("a call takes a day at most"),
            fit => Ok(Self(fit)),
        }
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let unfit = "expected a length of time, such as `500ms`, `5s` or `2m`";
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u32 = number.parse().map_err(|_| unfit)?;
        let each = match unit.trim_start_matches(' ') {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            _ => return Err(unfit),
        };
        Self::of(each * number)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time, such as `5s`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Span, E> {
                Span::of(Duration::from_secs(seconds)).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(manifest: Value) -> Result<Manifest, String> {
        serde_json::from_value(manifest).map_err(|error| error.to_string())
    }

    fn least() -> Value {
        json!({
            "name": "hash", "version": "1.0.0", "executable": "hash",
            "tools": [{"name": "sha256", "description": "d", "input_schema": {"type": "object"}}],
        })
    }

    #[test]
    fn the_least_manifest_is_enough() {
        let manifest = read(least()).unwrap();
        assert_eq!(manifest.mode, Mode::PerCall);
        assert_eq!(manifest.tools[0].tier, Tier::Operate);
        assert_eq!(manifest.tools[0].annotations, Hints::default());
        assert!(manifest.args.is_empty() && manifest.timeout.is_none());
    }

    #[test]
    fn what_is_misspelt_or_missing_is_told() {
        for (change, told) in [
            (json!({"tols": []}), "tols"),
            (json!({"mode": "daemon"}), "per_call"),
            (json!({"timeout": "5 sec"}), "length of time"),
            (json!({"timeout": "0s"}), "some time"),
            (json!({"timeout": 90_000}), "a day"),
            (json!({"concurrency": 0}), "nonzero"),
            (json!({"version": ""}), "1 to 64"),
            (
                json!({"tools": [{"name": "a", "description": "d"}]}),
                "input_schema",
            ),
            (
                json!({"tools": [{"name": "a", "description": "d", "input_schema": {}, "tier": "root"}]}),
                "danger",
            ),
        ] {
            let mut manifest = least();
            for (key, value) in change.as_object().unwrap() {
                manifest[key] = value.clone();
            }
            let error = read(manifest).unwrap_err();
            assert!(error.contains(told), "{told}: {error}");
        }
        assert!(read(json!({"name": "a"})).is_err());
    }

    #[test]
    fn a_version_may_look_like_a_number() {
        for (version, wanted) in [
            (json!("1.10"), "1.10"),
            (json!(2), "2"),
            (json!(1.0), "1.0"),
        ] {
            let mut manifest = least();
            manifest["version"] = version;
            assert_eq!(read(manifest).unwrap().version.as_str(), wanted);
        }
    }

    #[test]
    fn lengths_of_time_are_read() {
        for (text, millis) in [
            ("500ms", 500),
            ("5s", 5_000),
            ("2m", 120_000),
            ("7 s", 7_000),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.duration(), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1.5s", "5h", "99999999999s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text: String) {
            let _ = text.parse::<Span>();
            let _ = serde_json::from_str::<Manifest>(&text);
        }
    }
}
