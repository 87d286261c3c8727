//! URLs that a server of 2025-11-25 wants opened before it does anything (-32042): protocol.md, section 6.2.

use durward_testkit::{House, Pipe, refusal, text};
use serde_json::{Value, json};

use crate::{
    house,
    servers::{guarding, raw_upstream},
    servers_tasks::{MAY_ASK, ask, opened, until},
};

/// A server that wants a URL opened before it does anything.
fn consenting(options: &[&str]) -> House {
    let mut all = vec!["--era", "legacy"];
    all.extend(options);
    guarding(&all, MAY_ASK)
}

fn may_open() -> Value {
    json!({"elicitation": {"url": {}}})
}

/// The question that comes first, and the call that brings the answer to it.
fn consented(pipe: &mut Pipe, arguments: &Value, answer: Value) -> Value {
    let mut params = json!({"name": "raw__consent", "arguments": arguments});
    let wanted = ask(pipe, &may_open(), "tools/call", params.clone());
    let question = &wanted["result"]["inputRequests"]["q1"];
    assert_eq!(question["method"], "elicitation/create", "{wanted}");
    let asked = &question["params"];
    assert_eq!(
        (&asked["mode"], &asked["message"]),
        (&json!("url"), &json!("[raw] Open"))
    );
    assert_eq!(asked["url"], "https://a.example/consent");
    assert_eq!(asked.get("elicitationId"), None, "{wanted}");
    params["requestState"] = wanted["result"]["requestState"].clone();
    params["inputResponses"] = json!({"q1": answer});
    ask(pipe, &may_open(), "tools/call", params)
}

#[test]
fn a_url_that_a_legacy_server_wants_opened_is_a_question_and_the_call_is_made_anew() {
    let house = consenting(&[]);
    let mut pipe = house.stdio(&[]);
    // The server says that it is done, long before it would be asked anew for want of that.
    let done = consented(
        &mut pipe,
        &json!({"done_ms": 1000}),
        json!({"action": "accept"}),
    );
    assert_eq!(text(&done), "call 2", "{done}");
}

#[test]
fn a_server_that_says_nothing_more_is_asked_anew_after_a_while() {
    let house = house();
    let raw = raw_upstream().display().to_string();
    let command = format!("command: [\"{raw}\", --era, legacy], sandbox: host");
    house.configure(&format!(
        "limits: {{ timeout: 2s }}\nservers:\n  raw: {{ {command}, capabilities: [tools, elicitation] }}\n"
    ));
    let mut pipe = house.stdio(&[]);
    let done = consented(&mut pipe, &json!({}), json!({"action": "accept"}));
    assert_eq!(text(&done), "call 2", "{done}");
}

#[test]
fn a_url_that_is_not_opened_ends_the_call() {
    for action in ["decline", "cancel"] {
        let house = consenting(&[]);
        let mut pipe = house.stdio(&[]);
        let ended = consented(&mut pipe, &json!({}), json!({"action": action}));
        assert_eq!(refusal(&ended), "cancelled", "{ended}");
        assert_eq!(ended["result"]["resultType"], "complete");
    }
}

#[test]
fn who_can_not_open_urls_is_told_what_it_takes() {
    let house = consenting(&[]);
    let mut pipe = house.stdio(&[]);
    let params = json!({"name": "raw__consent", "arguments": {"times": 9}});
    for capabilities in [json!({}), json!({"elicitation": {}})] {
        let refused = ask(&mut pipe, &capabilities, "tools/call", params.clone());
        assert_eq!(refused["error"]["code"], -32021, "{refused}");
        let wanted = &refused["error"]["data"]["requiredCapabilities"];
        assert_eq!(*wanted, json!({"elicitation": {"url": {}}}));
    }
}

#[test]
fn an_older_client_reads_which_url_to_open() {
    for (revision, has_error) in [("2025-06-18", false), ("2025-11-25", true)] {
        let house = consenting(&[]);
        let (mut pipe, _) = opened(&house, revision, json!({}));
        let answer = pipe.ask("tools/call", json!({"name": "raw__consent"}));
        if has_error {
            assert_eq!(answer["error"]["code"], -32042, "{answer}");
            let first = &answer["error"]["data"]["elicitations"][0];
            assert_eq!(first["elicitationId"], "e-1");
        } else {
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            assert!(
                text(&answer).contains("https://a.example/consent"),
                "{answer}"
            );
        }
    }
}

#[test]
fn a_session_hears_that_its_url_was_opened() {
    let house = consenting(&[]);
    let (mut pipe, _) = opened(&house, "2025-11-25", json!({}));
    let params = json!({"name": "raw__consent", "arguments": {"done_ms": 1000}});
    let refused = pipe.ask("tools/call", params);
    assert_eq!(refused["error"]["code"], -32042, "{refused}");
    let told = until(&mut pipe, |it| {
        it["method"] == "notifications/elicitation/complete"
    });
    assert_eq!(told["params"], json!({"elicitationId": "e-1"}), "{told}");
}

#[test]
fn a_server_that_may_ask_nothing_opens_nothing() {
    let house = guarding(&["--era", "legacy"], "");
    let mut pipe = house.stdio(&[]);
    let params = json!({"name": "raw__consent"});
    let refused = ask(&mut pipe, &may_open(), "tools/call", params);
    assert_eq!(refused["error"]["code"], -32603, "{refused}");
}
