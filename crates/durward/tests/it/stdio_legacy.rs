//! The pipe as clients of 2025-11-25 and earlier use it.

use durward_testkit::{LEGACY, legacy, notification};
use serde_json::{Value, json};

use crate::house;

#[test]
fn before_initialize_only_ping_is_answered() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    assert_eq!(pipe.ask("ping", json!({}))["result"], json!({}));
    for method in ["tools/list", "resources/list", "no/such"] {
        assert_eq!(
            pipe.ask(method, json!({}))["error"]["code"],
            -32602,
            "{method}"
        );
    }
    pipe.initialize("2025-11-25");
    assert!(pipe.ask("tools/list", json!({}))["result"].is_object());
    assert_eq!(pipe.ask("ping", json!({}))["result"], json!({}));
}

#[test]
fn each_revision_is_agreed_to_and_no_other_echoed() {
    let house = house();
    for (asked, agreed) in LEGACY
        .iter()
        .map(|date| (*date, *date))
        .chain([("banana", "2025-11-25"), ("2026-07-28", "2025-11-25")])
    {
        let mut pipe = house.stdio(&[]);
        assert_eq!(
            pipe.initialize(asked)["result"]["protocolVersion"],
            agreed,
            "{asked}"
        );
    }
}

#[test]
fn a_second_initialize_is_refused() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    let client = json!({"name": "t", "version": "1"});
    let again = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    assert_eq!(pipe.ask("initialize", again)["error"]["code"], -32600);
}

#[test]
fn a_notification_gets_no_line_back() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    for method in [
        "notifications/initialized",
        "notifications/unheard-of",
        "notifications/roots/list_changed",
    ] {
        pipe.send(&notification(method, json!({})));
    }
    pipe.send(&json!({"jsonrpc": "2.0", "id": "nobody-asked", "result": {}}));
    assert_eq!(
        pipe.answer_to(&legacy(5, "ping", json!({})).to_string())["id"],
        5
    );
}

#[test]
fn batches_are_for_2025_03_26_alone() {
    let house = house();
    let batch: Vec<Value> = (1..=3).map(|id| legacy(id, "ping", json!({}))).collect();
    for revision in LEGACY {
        let mut pipe = house.stdio(&[]);
        pipe.initialize(revision);
        let answer = pipe.answer_to(&json!(batch).to_string());
        if revision == "2025-03-26" {
            assert_eq!(answer.as_array().map(Vec::len), Some(3), "{answer}");
        } else {
            assert_eq!(answer["error"]["code"], -32600, "{revision}");
        }
    }
}

#[test]
fn the_tools_change_with_the_configuration_and_the_client_is_told() {
    let house = house();
    house.configure("identity: { os_user: { roles: { self: [some] } } }\nroles: { some: { allow: [\"tier:read\"] } }\n");
    let mut pipe = house.stdio(&[]);
    let agreed = pipe.initialize("2025-11-25");
    assert_eq!(
        agreed["result"]["capabilities"]["tools"]["listChanged"],
        true
    );
    assert_eq!(
        pipe.ask("tools/list", json!({}))["result"]["tools"]
            .as_array()
            .map(Vec::len),
        Some(5)
    );
    house.configure("identity: { os_user: { roles: { self: [some] } } }\nroles: { some: { allow: [\"tool:fs_stat\"] } }\n");
    assert_eq!(pipe.message()["method"], "notifications/tools/list_changed");
    assert_eq!(
        pipe.ask("tools/list", json!({}))["result"]["tools"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}
