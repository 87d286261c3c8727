//! What keeps failing is left alone for a while: L06 to L09.

use std::{thread, time::Duration};

use durward_testkit::{Pipe, refusal, text};
use serde_json::{Value, json};

use crate::servers::guarding;

fn broken(pipe: &mut Pipe) -> Value {
    pipe.call("raw__error", json!({"code": 32603}))
}

fn detail(answer: &Value) -> &str {
    let facts = &answer["result"]["_meta"]["dev.durward/refusal"];
    facts["detail"].as_str().unwrap_or_default()
}

fn is_open(answer: &Value) -> bool {
    detail(answer) == "breaker_open"
}

#[test]
fn only_the_tool_that_keeps_failing_is_left_alone() {
    let house = guarding(&[], "limits: { breaker: { faults: 3, cool_down: 1h } }\n");
    let mut pipe = house.stdio(&[]);
    for _ in 0..3 {
        assert_eq!(broken(&mut pipe)["error"]["code"], -32603);
    }
    assert!(is_open(&broken(&mut pipe)));
    assert_eq!(text(&pipe.call("raw__fail", json!({}))), "failed");
}

#[test]
fn arguments_that_are_wrong_never_open_it() {
    let house = guarding(&["--offer", "OFFER"], "");
    let offer = house.path("offer.json");
    let closed = json!([{"name": "strict", "inputSchema": {"type": "object",
        "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}}]);
    std::fs::write(&offer, closed.to_string()).unwrap();
    let config = std::fs::read_to_string(house.config()).unwrap();
    let config = config.replace("OFFER", &offer.display().to_string());
    house.configure_exactly(&format!(
        "{config}limits: {{ breaker: {{ faults: 2, cool_down: 1h }} }}\n"
    ));
    let mut pipe = house.stdio(&[]);
    for _ in 0..100 {
        let refused = pipe.call("raw__strict", json!({"n": "no number"}));
        assert_eq!(refusal(&refused), "invalid_arguments", "{refused}");
        // Nor does it count if the server itself says so (-32602).
        let refused = pipe.call("raw__error", json!({"code": 32602}));
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    assert_eq!(text(&pipe.call("raw__strict", json!({"n": 1}))), "?");
    assert_eq!(broken(&mut pipe)["error"]["code"], -32603);
}

#[test]
fn a_success_forgets_the_faults_before_it() {
    let house = guarding(&[], "limits: { breaker: { faults: 3, cool_down: 1h } }\n");
    let mut pipe = house.stdio(&[]);
    for _ in 0..4 {
        for _ in 0..2 {
            assert_eq!(broken(&mut pipe)["error"]["code"], -32603);
        }
        let answered = pipe.call("raw__error", json!({"code": 32602}));
        assert_eq!(answered["error"]["code"], -32602, "{answered}");
    }
}

#[test]
fn after_its_time_one_call_is_tried_and_decides() {
    let house = guarding(&[], "limits: { breaker: { faults: 2, cool_down: 2s } }\n");
    let key = house.key("developer");
    let daemon = house.serve(&[]).with_key(key);
    let session = daemon.session("2025-11-25");
    let call = |code: u64| session.call("raw__error", json!({"code": code}));
    let opened = || {
        for _ in 0..1_000 {
            if is_open(&call(32603)) {
                return;
            }
        }
        panic!("it did not open");
    };
    opened();
    let told = |house: &durward_testkit::House| {
        let status = house.run(&["status", "--json"]).ok().json();
        status["breakers"].as_array().unwrap().clone()
    };
    let breakers = told(&house);
    assert_eq!(breakers[0]["tool"], "raw__error", "{breakers:?}");
    let shown = house.run(&["status"]).ok().stdout;
    assert!(shown.contains("breaker raw__error is "), "{shown}");
    thread::sleep(Duration::from_millis(2_100));
    let breakers = told(&house);
    assert_eq!(breakers[0]["state"], "half_open", "{breakers:?}");
    // The one that is tried fails: it is open again.
    assert_eq!(call(32603)["error"]["code"], -32603);
    assert!(is_open(&call(32602)));
    thread::sleep(Duration::from_millis(2_100));
    // It is answered: closed, and the faults are forgotten.
    assert_eq!(call(32602)["error"]["code"], -32602);
    assert_eq!(call(32603)["error"]["code"], -32603);
    assert_eq!(call(32602)["error"]["code"], -32602);
    assert!(told(&house).is_empty());
}
