//! Which of a server's tools are offered, under which name and tier.

use std::collections::BTreeMap;

use durward_core::Tier;

use crate::{
    GuardError,
    glob::{Glob, Span},
};

/// `servers.*.tools` of the configuration. Patterns and names are the server's own.
#[derive(Debug, Clone)]
pub struct ServerToolsSettings {
    /// Patterns of what is offered.
    pub allow: Vec<String>,
    /// Patterns of what is not, whatever allows it.
    pub deny: Vec<String>,
    /// Other names.
    pub rename: BTreeMap<String, String>,
    /// Tiers by pattern.
    pub tier: BTreeMap<String, Tier>,
}

impl Default for ServerToolsSettings {
    /// All tools, each `operate`: what a server says of its own tools is not believed.
    fn default() -> Self {
        Self {
            allow: vec!["*".to_owned()],
            deny: Vec::new(),
            rename: BTreeMap::new(),
            tier: BTreeMap::new(),
        }
    }
}

/// The same, compiled.
#[derive(Debug, Clone)]
pub struct ServerTools {
    allow: Vec<Glob>,
    deny: Vec<Glob>,
    rename: BTreeMap<String, String>,
    tier: Vec<(Glob, Tier)>,
}

/// A tool as it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered<'a> {
    /// Its name after `rename`, without the server's.
    pub name: &'a str,
    /// How much harm it can do.
    pub tier: Tier,
}

impl ServerTools {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// [`GuardError::Glob`], naming the pattern.
    pub fn build(settings: &ServerToolsSettings) -> Result<Self, GuardError> {
        let globs = |texts: &[String]| {
            let globs = texts.iter().map(|text| Glob::new(text, Span::Name));
            globs.collect::<Result<Vec<_>, _>>()
        };
        let tiers = settings.tier.iter().map(|(text, tier)| {
            let glob = Glob::new(text, Span::Name)?;
            Ok((glob, *tier))
        });
        Ok(Self {
            allow: globs(&settings.allow)?,
            deny: globs(&settings.deny)?,
            rename: settings.rename.clone(),
            tier: tiers.collect::<Result<_, _>>()?,
        })
    }

    /// As what the server's tool of this name is offered, if it is.
    pub fn offered<'a>(&'a self, own: &'a str) -> Option<Offered<'a>> {
        let any = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(own));
        if !any(&self.allow) || any(&self.deny) {
            return None;
        }
        let matching = self.tier.iter().filter(|(glob, _)| glob.matches(own));
        let exactest = matching.max_by_key(|(glob, tier)| (exactness(glob.as_str()), *tier));
        Some(Offered {
            name: self.rename.get(own).map_or(own, String::as_str),
            tier: exactest.map_or(Tier::Operate, |(_, tier)| *tier),
        })
    }
}

/// A name beats a pattern, and of two patterns the one with more letters of its own.
fn exactness(glob: &str) -> (bool, usize) {
    let wild = |c: &char| matches!(c, '*' | '?');
    let letters = glob.chars().filter(|c| !wild(c)).count();
    (!glob.contains(['*', '?']), letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(settings: ServerToolsSettings) -> ServerTools {
        ServerTools::build(&settings).unwrap()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn nothing_said_offers_all_as_operate() {
        let rules = rules(ServerToolsSettings::default());
        let offered = rules.offered("delete_everything").unwrap();
        assert_eq!(
            (offered.name, offered.tier),
            ("delete_everything", Tier::Operate)
        );
    }

    #[test]
    fn a_deny_wins_and_what_no_pattern_allows_is_not_there() {
        let rules = rules(ServerToolsSettings {
            allow: texts(&["get_*", "delete_draft"]),
            deny: texts(&["delete_*", "get_secret"]),
            // Neither is about what it is called here.
            rename: BTreeMap::from([("list".to_owned(), "get_all".to_owned())]),
            ..ServerToolsSettings::default()
        });
        assert!(rules.offered("get_user").is_some());
        for own in ["delete_draft", "get_secret", "list", "GET_user", ""] {
            assert_eq!(rules.offered(own), None, "{own}");
        }
    }

    #[test]
    fn the_exactest_pattern_says_the_tier_in_whatever_order_they_stand() {
        let tiers = [
            ("*", Tier::Operate),
            ("get_*", Tier::Read),
            ("get_*_key", Tier::Danger),
            ("get_the_key", Tier::Read),
            ("*_x", Tier::Danger),
            ("x_*", Tier::Read),
            ("ab?", Tier::Danger),
            ("abc", Tier::Read),
        ];
        let rules = rules(ServerToolsSettings {
            tier: tiers.map(|(glob, tier)| (glob.to_owned(), tier)).into(),
            rename: BTreeMap::from([("get_all".to_owned(), "find".to_owned())]),
            ..ServerToolsSettings::default()
        });
        let tier = |own: &str| rules.offered(own).unwrap().tier;
        assert_eq!(tier("put"), Tier::Operate);
        assert_eq!(tier("get_user"), Tier::Read);
        assert_eq!(tier("get_a_key"), Tier::Danger);
        assert_eq!(tier("get_the_key"), Tier::Read);
        assert_eq!(tier("abc"), Tier::Read);
        // Equally exact: the higher one.
        assert_eq!(tier("x_x"), Tier::Danger);
        let found = rules.offered("get_all").unwrap();
        assert_eq!((found.name, found.tier), ("find", Tier::Read));
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let settings = ServerToolsSettings {
            deny: texts(&[""]),
            ..ServerToolsSettings::default()
        };
        assert!(matches!(
            ServerTools::build(&settings),
            Err(GuardError::Glob { .. })
        ));
    }
}
