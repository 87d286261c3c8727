//! The defaults as a tree, below everything that was said.

use super::{
    Config,
    node::{Key, Map, Node, Place, Style, Value},
    origin::TextId,
};

const NOWHERE: Place = Place {
    text: TextId::DEFAULTS,
    span: 0..0,
};

/// Every key with its default; `${…}` still stands in it.
pub(super) fn tree() -> Node {
    node(json())
}

/// The same as JSON, in the order of the types.
pub(super) fn json() -> serde_json::Value {
    // Keys are texts and no value fails to serialize, so this can't fail.
    serde_json::to_value(Config::default()).unwrap_or_default()
}

/// An empty map that nobody wrote.
pub(super) fn empty_map() -> Node {
    Node {
        value: Value::Map(Map::default()),
        place: NOWHERE,
    }
}

fn node(value: serde_json::Value) -> Node {
    use serde_json::Value as Json;
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Scalar(value.to_string(), Style::Plain),
        Json::Number(number) => Value::Scalar(number.to_string(), Style::Plain),
        Json::String(text) => Value::Scalar(text, Style::Quoted),
        Json::Array(items) => Value::List(items.into_iter().map(node).collect()),
        Json::Object(entries) => {
            let key = |text| Key {
                text,
                place: NOWHERE,
            };
            Value::Map(Map(entries
                .into_iter()
                .map(|(text, value)| (key(text), node(value)))
                .collect()))
        }
    };
    Node {
        value,
        place: NOWHERE,
    }
}
