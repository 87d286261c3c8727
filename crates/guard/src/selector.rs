//! What a line of a role, such as `tool:fs_*`, speaks of.

use std::fmt;

use durward_core::Tier;

use crate::{
    GuardError,
    glob::{Glob, Span},
    policy::{Kind, Subject},
};

/// A set of subjects, as written in the configuration.
#[derive(Debug, Clone)]
pub enum Selector {
    /// `tool:fs_*`
    Tool(Glob),
    /// `tier:read`: everything of that tier; resources and prompts are `read`.
    Tier(Tier),
    /// `server:github`: everything that this provider offers.
    Server(Glob),
    /// `resource:file:///srv/docs/**`
    Resource(Glob),
    /// `prompt:triage`
    Prompt(Glob),
    /// `*`
    All,
}

impl Selector {
    /// Parses a selector; the error says what is allowed.
    pub fn parse(text: &str) -> Result<Self, GuardError> {
        let fault = |why: &str| GuardError::Selector {
            selector: text.chars().take(120).collect(),
            why: why.to_owned(),
        };
        let glob = |glob: &str, span| {
            Glob::new(glob, span).map_err(|error| match error {
                GuardError::Glob { why, .. } => fault(&why),
                other => other,
            })
        };
        if text == "*" {
            return Ok(Self::All);
        }
        let (kind, rest) = text
            .split_once(':')
            .ok_or_else(|| fault("it has no kind"))?;
        match kind {
            "tool" => glob(rest, Span::Name).map(Self::Tool),
            "server" => glob(rest, Span::Name).map(Self::Server),
            "prompt" => glob(rest, Span::Name).map(Self::Prompt),
            "resource" => glob(rest, Span::Uri).map(Self::Resource),
            "tier" => tier(rest)
                .map(Self::Tier)
                .ok_or_else(|| fault("there is no such tier")),
            _ => Err(fault("there is no such kind")),
        }
    }

    /// Does it speak of this subject?
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Tool(glob) => subject.kind == Kind::Tool && glob.matches(subject.name),
            Self::Tier(tier) => subject.tier == *tier,
            Self::Server(glob) => glob.matches(subject.provider),
            Self::Resource(glob) => subject.kind == Kind::Resource && glob.matches(subject.name),
            Self::Prompt(glob) => subject.kind == Kind::Prompt && glob.matches(subject.name),
            Self::All => true,
        }
    }
}

impl Selector {
    /// Does it speak of everything whose name begins as this subject's does?
    pub fn covers(&self, prefix: &Subject<'_>) -> bool {
        match self {
            // What ends so matches, with a beginning, all that goes on from it.
            Self::Resource(glob) => {
                prefix.kind == Kind::Resource
                    && glob.as_str().ends_with("**")
                    && glob.matches(prefix.name)
            }
            Self::Tool(_) | Self::Prompt(_) => false,
            Self::Tier(_) | Self::Server(_) | Self::All => self.matches(prefix),
        }
    }

    /// Could it speak of something whose name begins as this subject's does?
    pub fn overlaps(&self, prefix: &Subject<'_>) -> bool {
        match self {
            Self::Resource(glob) => {
                let glob = glob.as_str();
                let literal = &glob[..glob.find(['*', '?']).unwrap_or(glob.len())];
                prefix.kind == Kind::Resource
                    && (literal.starts_with(prefix.name) || prefix.name.starts_with(literal))
            }
            Self::Tool(_) | Self::Prompt(_) => false,
            Self::Tier(_) | Self::Server(_) | Self::All => self.matches(prefix),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(glob) => write!(f, "tool:{}", glob.as_str()),
            Self::Tier(tier) => write!(f, "tier:{tier}"),
            Self::Server(glob) => write!(f, "server:{}", glob.as_str()),
            Self::Resource(glob) => write!(f, "resource:{}", glob.as_str()),
            Self::Prompt(glob) => write!(f, "prompt:{}", glob.as_str()),
            Self::All => f.write_str("*"),
        }
    }
}

fn tier(word: &str) -> Option<Tier> {
    [Tier::Read, Tier::Operate, Tier::Danger]
        .into_iter()
        .find(|tier| tier.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject<'a>(kind: Kind, name: &'a str, provider: &'a str, tier: Tier) -> Subject<'a> {
        Subject {
            kind,
            name,
            also: &[],
            provider,
            tier,
        }
    }

    #[test]
    fn each_kind_speaks_of_its_own() {
        let read = subject(Kind::Tool, "fs_read", "fs", Tier::Read);
        let prompt = subject(Kind::Prompt, "fs_read", "fs", Tier::Read);
        let is = |text: &str, subject| Selector::parse(text).unwrap().matches(subject);
        assert!(is("tool:fs_*", &read) && !is("tool:fs_*", &prompt));
        assert!(is("prompt:fs_*", &prompt) && !is("prompt:fs_*", &read));
        assert!(is("tier:read", &read) && is("tier:read", &prompt) && !is("tier:danger", &read));
        assert!(is("server:f?", &read) && !is("server:github", &read));
        assert!(is("*", &read) && is("tool:*", &read) && !is("resource:**", &read));
    }

    #[test]
    fn a_resource_keeps_its_own_colons() {
        let uri = subject(Kind::Resource, "file:///srv/docs/a/b", "fs", Tier::Read);
        assert!(
            Selector::parse("resource:file:///srv/docs/**")
                .unwrap()
                .matches(&uri)
        );
    }

    #[test]
    fn every_selector_is_shown_as_it_was_written() {
        for text in [
            "*",
            "tool:a*",
            "tier:danger",
            "server:x",
            "resource:a://**",
            "prompt:p?",
        ] {
            assert_eq!(Selector::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_named_with_what_is_allowed() {
        for text in ["", "fs_read", "tier:write", "tool:", "tols:x", "resource:"] {
            let error = Selector::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{text}` is not a selector")),
                "{error}"
            );
            assert!(error.contains("tier:read|operate|danger"), "{error}");
        }
    }
}
