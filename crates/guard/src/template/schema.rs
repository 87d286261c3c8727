//! The input schema of a command tool.

use serde_json::{Map, Value, json};

use super::{Kind, LONGEST_VALUE, Slot, Template};

impl Template {
    /// The JSON Schema of what a caller gives: all places, and nothing else.
    pub fn input_schema(&self) -> Value {
        let properties: Map<String, Value> = self
            .slots
            .iter()
            .map(|slot| (slot.name.clone(), slot.schema()))
            .collect();
        let required: Vec<_> = self.slots.iter().map(|slot| slot.name.as_str()).collect();
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

impl Slot {
    fn schema(&self) -> Value {
        let mut schema = Map::new();
        let mut put = |key: &str, value: Value| {
            schema.insert(key.to_owned(), value);
        };
        let (kind, least, most) = match &self.kind {
            Kind::Int => ("integer", "minimum", "maximum"),
            Kind::Number => ("number", "minimum", "maximum"),
            Kind::Bool => ("boolean", "", ""),
            _ => ("string", "minLength", "maxLength"),
        };
        put("type", json!(kind));
        put("description", json!(self.described()));
        for (key, bound) in [(least, self.min), (most, self.max)] {
            if let Some(bound) = bound {
                put(key, number(bound));
            }
        }
        match &self.kind {
            Kind::Enum(items) | Kind::Flag(items) => put("enum", json!(items)),
            kind if kind.is_text() => {
                if self.max.is_none() {
                    put("maxLength", json!(LONGEST_VALUE));
                }
                if let Some(pattern) = &self.pattern {
                    put("pattern", json!(format!("^(?:{})$", pattern.text)));
                }
            }
            _ => {}
        }
        Value::Object(schema)
    }

    /// What a model should know of it.
    fn described(&self) -> String {
        let rule = match &self.kind {
            Kind::Strict => {
                "Words, an e-mail address or a URL: no characters that mean something to shells, and \
                 no word that begins with a dash."
            }
            Kind::Path => "A path relative to the root.",
            Kind::Int => "A whole number.",
            Kind::Number => "A number.",
            Kind::Bool => "True or false.",
            Kind::Enum(_) => "One of the values.",
            Kind::Regex if self.pattern.is_none() => "A regular expression.",
            Kind::Regex => "A text that matches the pattern.",
            Kind::Text => "Any text on one line.",
            Kind::Flag(_) => "An option of the program.",
            Kind::Command(items) => {
                let list = items.join(", ");
                return self.introduced(&format!(
                    "A command line of plain words that begins with one of: {list}."
                ));
            }
        };
        self.introduced(rule)
    }

    fn introduced(&self, rule: &str) -> String {
        match self.description.as_deref().map(str::trim_end) {
            Some(said) if said.ends_with(['.', '!', '?']) => format!("{said} {rule}"),
            Some(said) if !said.is_empty() => format!("{said}. {rule}"),
            _ => rule.to_owned(),
        }
    }
}

/// A bound as it was written: `5`, not `5.0`.
fn number(bound: f64) -> Value {
    let exact = bound.fract() == 0.0 && bound.abs() < 9e15;
    match exact {
        // It is whole and fits.
        true => json!(bound as i64),
        false => json!(bound),
    }
}
