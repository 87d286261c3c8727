//! `packs`: the built-in tools.

mod shell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use shell::check;
pub use shell::{ProgramName, ShellPack};

use super::units::Size;

/// Built-in tools, each with the tier read, operate or danger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Packs {
    /// Files, as `files` allows.
    pub fs: FsPack,
    /// The web, as `egress` allows.
    pub http: HttpPack,
    /// Programs, within what `sandbox` allows.
    pub shell: ShellPack,
}

/// The pack `fs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FsPack {
    /// Whether its tools are offered.
    pub enabled: bool,
}

impl Default for FsPack {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// The pack `http`, which reaches what `egress` allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpPack {
    /// Whether `http_fetch` is offered.
    pub enabled: bool,
    /// How much of an answer's body is kept; what is beyond it is cut.
    pub max_body: Size,
    /// How many redirects are followed, at most 5, unless a call asks for fewer.
    pub redirects: Redirects,
    /// Whether HTML comes as Markdown, unless a call asks for its source.
    pub markdown: bool,
}

impl Default for HttpPack {
    fn default() -> Self {
        Self {
            enabled: false,
            max_body: Size::mebibytes(1),
            redirects: Redirects(3),
            markdown: true,
        }
    }
}

/// A number of redirects, 0 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(with = "u64", extend("maximum" = 5))]
pub struct Redirects(u8);

impl Redirects {
    /// The number.
    pub fn count(self) -> u8 {
        self.0
    }
}

impl TryFrom<u64> for Redirects {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        match u8::try_from(number) {
            Ok(count @ 0..=5) => Ok(Self(count)),
            _ => Err(format!("at most 5 redirects are followed, not {number}")),
        }
    }
}

impl From<Redirects> for u64 {
    fn from(redirects: Redirects) -> Self {
        redirects.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_redirects_than_are_ever_followed() {
        let counts = (0..8).map(|number| Redirects::try_from(number).ok().map(Redirects::count));
        let counts: Vec<_> = counts.collect();
        assert_eq!(counts[..6], [0, 1, 2, 3, 4, 5].map(Some));
        assert_eq!(counts[6..], [None, None]);
    }
}
