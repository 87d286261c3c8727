//! Servers that offer or send what they should not: contained, named, and nobody else feels it.

use durward_testkit::{Site, text};
use serde_json::{Value, json};

use crate::{
    eventually, house,
    processes::HttpUpstream,
    servers::raw_upstream,
    servers_faults::{ROOM, listed, serving, status},
};

/// A house with a good server beside a bad one.
fn beside(bad: &str) -> durward_testkit::House {
    let raw = raw_upstream();
    let house = house();
    house.configure(&format!(
        "servers:\n  good: {{ command: [{raw:?}], sandbox: host }}\n  bad: {bad}\n{ROOM}"
    ));
    house
}

#[test]
fn a_hundred_thousand_tools_are_not_taken() {
    let raw = raw_upstream();
    let bad = format!("{{ command: [{raw:?}, --tools, \"100000\"], sandbox: host }}");
    let house = beside(&bad);
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("good__fail", json!({}))), "failed");
    eventually("it is named", || {
        let status = status(&house, "bad");
        status["error"].is_string() || !status["notes"].as_array().unwrap().is_empty()
    });
    let tools = listed(&daemon);
    assert!(tools.len() < 20_000, "{}", tools.len());
    assert!(tools.iter().any(|tool| tool == "good__echo"));
    assert_eq!(text(&daemon.call("good__fail", json!({}))), "failed");
}

#[test]
fn hostile_names_and_schemas_are_left_out_and_named() {
    let house = house();
    let tool = |name: Value, schema: Value| json!({"name": name, "inputSchema": schema});
    let object = || json!({"type": "object"});
    let deep = (0..15).fold(
        object(),
        |schema, _| json!({"type": "object", "properties": {"a": schema}}),
    );
    let hostile = json!([
        tool(json!(""), object()),
        tool(json!("a b"), object()),
        tool(json!("x".repeat(1_100)), object()),
        tool(json!("sle\u{200b}ep"), object()),
        tool(json!("slеep"), object()),
        tool(json!("Sleep"), object()),
        tool(json!("../../etc"), object()),
        tool(json!("line\nbreak"), object()),
        tool(json!("no_schema"), Value::Null),
        tool(json!("list_schema"), json!([])),
        tool(
            json!("far_schema"),
            json!({"type": "object", "$ref": "http://169.254.169.254/schema"})
        ),
        tool(json!("bad_schema"), json!({"type": "objekt"})),
        tool(
            json!("slow_schema"),
            json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}})
        ),
        tool(json!("deep_schema"), deep),
    ]);
    let offer = house.file("offer.json", hostile.to_string());
    let raw = raw_upstream();
    house.configure(&format!(
        "servers:\n  good: {{ command: [{raw:?}], sandbox: host }}\n  \
         bad: {{ command: [{raw:?}, --offer, {offer:?}], sandbox: host }}\n{ROOM}"
    ));
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("good__fail", json!({}))), "failed");
    let tools = listed(&daemon);
    let bad: Vec<_> = tools
        .iter()
        .filter(|tool| tool.starts_with("bad__"))
        .collect();
    let plain = |name: &str| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    assert!(
        bad.iter().all(|name| plain(name) && name.len() <= 64),
        "{bad:?}"
    );
    assert!(bad.iter().any(|name| *name == "bad__echo"), "{bad:?}");
    let mut folded: Vec<_> = bad.iter().map(|name| name.to_lowercase()).collect();
    folded.sort();
    folded.dedup();
    assert_eq!(folded.len(), bad.len(), "{bad:?}");
    let notes = status(&house, "bad")["notes"].to_string();
    for named in ["no_schema", "U+200B", "xxxx"] {
        assert!(notes.contains(named), "{named} is not in {notes}");
    }
    assert_eq!(text(&daemon.call("bad__fail", json!({}))), "failed");
    let long = json!({"a": format!("{}!", "a".repeat(40))});
    let slow = daemon.call("bad__slow_schema", long);
    assert!(
        slow["result"].is_object() || slow["error"].is_object(),
        "{slow}"
    );
}

#[test]
fn a_redirect_is_not_followed_and_named() {
    let inside = Site::saying("secret");
    let upstream = HttpUpstream::start(&["--redirect", &inside.url("/latest")]);
    let house = beside(&format!("{{ url: \"{}\" }}", upstream.url));
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("good__fail", json!({}))), "failed");
    eventually("it is named", || {
        status(&house, "bad")["error"]
            .as_str()
            .is_some_and(|error| error.contains("redirect"))
    });
    assert_eq!(inside.connections(), 0);
    assert_eq!(text(&daemon.call("good__fail", json!({}))), "failed");
}
