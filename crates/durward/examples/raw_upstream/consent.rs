//! A tool that wants a URL opened first (-32042 of 2025-11-25), and the `data` of errors that have to say more.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::tell;

pub(super) const TOOL: &str = "consent";
const WANTED: i64 = -32042;
const ID: &str = "e-1";

/// How often it was called.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// Refuses until a URL was opened, so many `times`; `done_ms` after each time it says that it was.
pub(super) fn call(arguments: &Value) -> Result<String, (i64, String)> {
    let calls = CALLS.fetch_add(1, Ordering::SeqCst) + 1;
    if calls <= arguments["times"].as_u64().unwrap_or(1) {
        if let Some(ms) = arguments["done_ms"].as_u64() {
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(ms));
                tell(
                    "notifications/elicitation/complete",
                    &json!({"elicitationId": ID}),
                );
            });
        }
        return Err((WANTED, "Consent is wanted.".to_owned()));
    }
    let content = json!([{"type": "text", "text": format!("call {calls}")}]);
    Ok(json!({"content": content}).to_string())
}

/// What an error of this code says beside its message.
pub(super) fn data(code: i64) -> &'static str {
    match code {
        WANTED => {
            r#"{"elicitations":[{"mode":"url","elicitationId":"e-1","url":"https://a.example/consent","message":"Open"}]}"#
        }
        -32021 => r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#,
        _ => r#"{"kept":1.0}"#,
    }
}
