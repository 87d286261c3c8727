//! A plugin that stays: one object a line on its stdin, one on its stdout.
//!
//! `{"id": 1, "tool": "sha256", "arguments": {"text": "abc"}, "timeout_ms": 5000}` is answered by
//! `{"id": 1, "content": "ba78…", "structuredContent": {"sha256": "ba78…", "bytes": 3}}`.

use std::io::{self, BufRead, Write};

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    // It ends when durward closes its stdin.
    for line in io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        // It is done before anybody could want it to stop.
        if asked["cancel"] == true {
            continue;
        }
        let mut answer = answer(asked["tool"].as_str(), &asked["arguments"]);
        answer["id"] = asked["id"].clone();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// durward has held the arguments against the schema of the manifest.
fn answer(tool: Option<&str>, arguments: &Value) -> Value {
    match (tool, arguments["text"].as_str()) {
        (Some("sha256"), Some(text)) => {
            let digest = digest(&SHA256, text.as_bytes());
            let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
            let structure = json!({"sha256": hex, "bytes": text.len()});
            json!({"content": hex, "structuredContent": structure})
        }
        _ => json!({"content": "there is no such tool", "isError": true}),
    }
}
