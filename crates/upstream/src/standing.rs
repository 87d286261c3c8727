//! What a legacy session was told and must be told again when it is opened anew.

use std::collections::BTreeMap;

use durward_core::RawJson;
use durward_wire::members;

/// Subscriptions that are remembered at most; a server that has more of them loses the rest with its session.
const MOST: usize = 10_000;

/// Level and subscriptions, as params.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    level: Option<RawJson>,
    subscriptions: BTreeMap<String, RawJson>,
}

impl Standing {
    /// Is it a method that says what stands?
    pub(crate) fn matters(method: &str) -> bool {
        matches!(
            method,
            "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe"
        )
    }

    /// A request that the server has granted.
    pub(crate) fn granted(&mut self, method: &str, params: &RawJson) {
        if method == "logging/setLevel" {
            self.level = Some(params.clone());
            return;
        }
        let uri = members(params).into_iter().find(|(key, _)| key == "uri");
        let Some(uri) = uri.and_then(|(_, uri)| uri.parse::<String>().ok()) else {
            return;
        };
        if method == "resources/unsubscribe" {
            self.subscriptions.remove(&uri);
        } else if self.subscriptions.len() < MOST {
            self.subscriptions.insert(uri, params.clone());
        }
    }

    /// What a new session is to be told: methods and params.
    pub(crate) fn requests(&self) -> Vec<(&'static str, RawJson)> {
        let level = self
            .level
            .iter()
            .map(|params| ("logging/setLevel", params.clone()));
        let subscriptions = self.subscriptions.values();
        let subscriptions = subscriptions.map(|params| ("resources/subscribe", params.clone()));
        level.chain(subscriptions).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_stands() {
        let mut standing = Standing::default();
        let mut grant = |method, params| standing.granted(method, &RawJson::from_static(params));
        grant("logging/setLevel", r#"{"level":"info"}"#);
        grant("logging/setLevel", r#"{"level":"error"}"#);
        grant("resources/subscribe", r#"{"uri":"a:1"}"#);
        grant("resources/subscribe", r#"{"uri":"a:2"}"#);
        grant("resources/unsubscribe", r#"{"uri":"a:\u0031"}"#);
        let requests = standing.requests();
        let text: Vec<_> = requests
            .iter()
            .map(|(method, params)| (*method, params.as_str()))
            .collect();
        assert_eq!(
            text,
            [
                ("logging/setLevel", r#"{"level":"error"}"#),
                ("resources/subscribe", r#"{"uri":"a:2"}"#)
            ]
        );
    }
}
