//! The Open Cybersecurity Schema Framework 1.5, as far as an entry says something: API Activity (class 6003)
//! for calls, Authentication (3002) and Base Event (0) for the rest. What a call does to its target is not
//! known from its name, so the activity is Other (99).

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::Entry;

/// Writes an object a line.
pub(super) fn write(entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
    let events: Vec<Value> = entries.iter().map(event).collect();
    super::lines(&events, out)
}

fn event(entry: &Entry) -> Value {
    let class = match (entry.kind.as_str(), entry.event.as_deref()) {
        ("call", _) => 6003,
        (_, Some("auth_failed")) => 3002,
        _ => 0,
    };
    let activity = if class == 3002 { 1 } else { 99 };
    let (status, status_name) = status(entry);
    let mut out = json!({
        "class_uid": class,
        "category_uid": class / 1000,
        "activity_id": activity,
        "type_uid": class * 100 + activity,
        "severity_id": if status == 2 { 3 } else { 1 },
        "time": entry.t / 1000,
        "status_id": status,
        "status": status_name,
        "metadata": {
            "version": "1.5.0",
            "product": { "name": "durward", "vendor_name": "durward" },
            "uid": format!("{}-{}", entry.chain, entry.seq),
            "log_name": entry.chain,
            "sequence": entry.seq,
        },
        "actor": { "user": user(entry), "session": { "uid": entry.session } },
        "src_endpoint": { "ip": entry.remote, "name": entry.door },
        "status_code": entry.code,
        "status_detail": entry.reason,
        "duration": entry.us.map(|us| us / 1000),
        "unmapped": { "tier": entry.tier, "rule": entry.rule, "event": entry.event, "arguments": entry.args,
            "room": entry.room, "level": entry.level },
    });
    if class == 6003 {
        out["activity_name"] = entry.method.clone().into();
        out["api"] = api(entry);
        let resource = json!({ "type": entry.target_kind, "name": entry.target });
        out["resources"] = Value::Array(vec![resource]);
    }
    without_nulls(out)
}

fn status(entry: &Entry) -> (u8, &str) {
    match entry.status.as_deref() {
        Some("ok") => (1, "ok"),
        Some("open") => (0, "open"),
        Some(word) => (2, word),
        None if entry.event.as_deref() == Some("auth_failed") => (2, "refused"),
        None => (99, "event"),
    }
}

fn user(entry: &Entry) -> Value {
    json!({
        "uid": entry.caller,
        "name": entry.name,
        "org": { "name": entry.tenant },
        "credential_uid": entry.key,
    })
}

fn api(entry: &Entry) -> Value {
    json!({
        "operation": entry.method,
        "version": entry.revision,
        "service": { "name": entry.provider },
        "request": { "uid": entry.call },
    })
}

/// OCSF has no nulls: what is not known is left out.
fn without_nulls(value: Value) -> Value {
    let Value::Object(fields) = value else {
        return value;
    };
    let kept = fields
        .into_iter()
        .map(|(key, value)| (key, without_nulls(value)));
    let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    Value::Object(kept.filter(|(_, value)| !empty(value)).collect())
}
