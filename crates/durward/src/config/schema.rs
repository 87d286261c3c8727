//! `durward config schema`: for editors and validators.

use serde_json::Value;

use super::Config;

/// The JSON Schema (2020-12) of the configuration file, with every key's meaning and default.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Config).to_value();
    schema["title"] = "durward.yaml".into();
    schema["required"] = serde_json::json!(["version"]);
    schema
}
