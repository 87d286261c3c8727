//! JSON-RPC messages as the two eras spell them, and what tests read from answers.

use serde_json::{Value, json};

/// The four revisions that begin with `initialize`, oldest first.
pub const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// The self-contained revision.
pub const MODERN: &str = "2026-07-28";

/// A request without the modern `_meta`.
pub fn legacy(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

/// A self-contained request: `params` with the `_meta` that 2026-07-28 demands.
pub fn modern(id: impl Into<Value>, method: &str, mut params: Value) -> Value {
    let given = params["_meta"].take();
    let mut meta = modern_meta();
    if let (Some(meta), Some(given)) = (meta.as_object_mut(), given.as_object()) {
        meta.extend(given.clone());
    }
    params["_meta"] = meta;
    legacy(id, method, params)
}

/// The `_meta` of a client that speaks 2026-07-28 and can do nothing special.
pub fn modern_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "testkit", "version": "1"},
    })
}

/// How a session begins.
pub fn initialize(revision: &str) -> Value {
    initialize_with(revision, json!({}))
}

/// How a session of a client with these capabilities begins.
pub fn initialize_with(revision: &str, capabilities: Value) -> Value {
    let client = json!({"name": "testkit", "version": "1"});
    let params =
        json!({"protocolVersion": revision, "capabilities": capabilities, "clientInfo": client});
    legacy(0, "initialize", params)
}

/// A notification.
pub fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

/// The text of a tool's answer.
pub fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_default()
}

/// The stable code of a refused call, or an empty string where the call was not refused.
pub fn refusal(answer: &Value) -> &str {
    if answer["result"]["isError"] != json!(true) {
        return "";
    }
    answer["result"]["_meta"]["dev.durward/refusal"]["code"]
        .as_str()
        .unwrap_or("(no code)")
}
