//! Envelopes: what the scan takes, serde_json takes as well, and what it hands out are slices of it.
#![no_main]

use bytes::Bytes;
use durward_wire::{Message, Params, ScanLimits, encode, era, members, meta, scan};
use serde_json::{Value, value::RawValue};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let body = Bytes::copy_from_slice(data);
    match scan(&body, ScanLimits { depth: 64 }) {
        Ok(message) => accepted(&body, &message),
        Err(malformed) => assert!([-32700, -32600].contains(&malformed.code())),
    }
});

fn accepted(body: &Bytes, message: &Message) {
    if let Message::Batch(batch) = message {
        return same_members(body, batch);
    }
    let value: Value = serde_json::from_slice(body).expect("serde_json takes it too");
    match message {
        Message::Request(request) => {
            assert_eq!(value["method"], request.method.as_str());
            assert_eq!(
                value["id"],
                request.id.raw().parse::<Value>().expect("an id")
            );
            same_params(&value, &request.params);
            let answer = encode::result(&request.id, request.params.raw(), &[]);
            let answer: Value = serde_json::from_slice(&answer).expect("our own envelope");
            assert_eq!(answer["id"], value["id"]);
        }
        Message::Notification(notification) => same_params(&value, &notification.params),
        Message::Response(_) | Message::Batch(_) => {}
    }
    let _ = era::of_line(message, false, true);
}

/// Only a member's own scan judges its depth and its keys, so as a whole it is no more than sound JSON.
fn same_members(body: &Bytes, batch: &[Bytes]) {
    let raw: Vec<&RawValue> = serde_json::from_slice(body).expect("serde_json splits it too");
    assert_eq!(raw.len(), batch.len());
    for (raw, member) in raw.iter().zip(batch) {
        assert_eq!(raw.get().as_bytes(), &member[..]);
    }
}

fn same_params(value: &Value, params: &Params) {
    let parsed: Value = params.raw().parse().expect("params");
    assert!(value.get("params").is_none_or(|given| *given == parsed));
    for (key, member) in members(params.raw()) {
        assert_eq!(parsed[&*key], member.parse::<Value>().expect("a member"));
        assert_eq!(
            params.get(&key).map(|found| found.len()),
            Some(member.len())
        );
    }
    let _ = meta::read(params);
}
