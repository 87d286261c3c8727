//! JSON Schema: do the arguments fit, and if not, what should a model do about it?

mod sentence;

use durward_core::RawJson;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::GuardError;

/// How far a pattern with look-around may backtrack. Patterns without run in linear time.
const BACKTRACK: usize = 10_000;
/// The largest compiled pattern, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// A compiled JSON Schema, 2020-12 unless `$schema` names an older draft.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    source: Value,
    properties: Vec<String>,
}

/// The first thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, as a JSON Pointer (RFC 6901); the whole is the empty one.
    pub path: String,
    /// One sentence for a model. It names the argument and what is wanted, never the value.
    pub message: String,
}

impl Schema {
    /// Compiles a schema. References are looked up inside of it and nowhere else.
    pub fn compile(schema: &RawJson) -> Result<Self, GuardError> {
        let fault = |why: String| GuardError::Schema {
            why: why.chars().take(300).collect(),
        };
        let source: Value = schema.parse().map_err(|error| fault(error.to_string()))?;
        let patterns = PatternOptions::fancy_regex()
            .backtrack_limit(BACKTRACK)
            .size_limit(PATTERN_SIZE);
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .build(&source)
            .map_err(|error| fault(error.to_string()))?;
        let properties = member_names(&source);
        Ok(Self {
            validator,
            source,
            properties,
        })
    }

    /// Does the value fit?
    pub fn check(&self, value: &Value) -> Result<(), Violation> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        self.validator
            .validate(value)
            .map_err(|error| sentence::violation(&error, &self.source))
    }

    /// The names of the arguments at the top.
    pub fn properties(&self) -> &[String] {
        &self.properties
    }
}

/// The keys of a schema's `properties`.
fn member_names(schema: &Value) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .map(|members| members.keys().cloned().collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
