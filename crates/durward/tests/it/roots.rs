//! A client's own roots narrow what its session may touch, and never widen it.

use std::time::Duration;

use durward_testkit::{House, Pipe, initialize_with, legacy, modern, notification, refusal};
use serde_json::{Value, json};

use crate::house;

const SOON: Duration = Duration::from_secs(10);

fn shared() -> House {
    let house = house();
    house.file("src/a.rs", "a");
    house.file("docs/b.md", "b");
    house.file("src/.env", "x");
    house
}

fn uri(house: &House, below: &str) -> Value {
    let root = house.root().canonicalize().unwrap();
    json!({"uri": format!("file://{}/{below}", root.display())})
}

fn opened(house: &House) -> Pipe {
    let mut pipe = house.stdio(&[]);
    let capabilities = json!({"roots": {"listChanged": true}});
    pipe.send(&initialize_with("2025-11-25", capabilities));
    assert!(pipe.message()["result"].is_object());
    pipe.send(&notification("notifications/initialized", json!({})));
    pipe
}

fn read(id: u64, path: &str) -> Value {
    legacy(
        id,
        "tools/call",
        json!({"name": "fs_read", "arguments": {"path": path}}),
    )
}

/// Sends a request; answers the question that comes instead of its answer.
fn ask(pipe: &mut Pipe, request: &Value, said: impl FnOnce(&Value) -> Value) -> Value {
    pipe.send(request);
    let question = pipe.message();
    assert_eq!(question["method"], "roots/list", "{question}");
    pipe.send(&said(&question["id"]));
    pipe.message()
}

fn listed(id: &Value, roots: &[Value]) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": {"roots": roots}})
}

#[test]
fn roots_narrow_tools_and_resources_alike() {
    let house = shared();
    let mut pipe = opened(&house);
    let roots = [uri(&house, "src")];
    let first = ask(&mut pipe, &read(1, "src/a.rs"), |id| listed(id, &roots));
    assert_eq!(
        first["result"]["structuredContent"]["content"], "a",
        "{first}"
    );
    let outside = pipe.answer_to(&read(2, "docs/b.md").to_string());
    assert_eq!(refusal(&outside), "path_outside_root");
    let denied = pipe.answer_to(&read(3, "src/.env").to_string());
    assert_eq!(refusal(&denied), "denylist_hit", "roots widen nothing");
    assert!(pipe.ask("resources/read", json!({"uri": "file:///src/a.rs"}))["result"].is_object());
    let outside = pipe.ask("resources/read", json!({"uri": "file:///docs/b.md"}));
    assert_eq!(outside["error"]["data"]["code"], "path_outside_root");
    let list = pipe.ask(
        "tools/call",
        json!({"name": "fs_search", "arguments": {"name": "*"}}),
    );
    assert!(!list.to_string().contains("b.md"), "{list}");
    pipe.send(&notification("notifications/roots/list_changed", json!({})));
    let roots = [
        uri(&house, "src"),
        uri(&house, "docs"),
        json!({"uri": "file:///etc"}),
    ];
    let both = ask(&mut pipe, &read(4, "docs/b.md"), |id| listed(id, &roots));
    assert_eq!(both["result"]["structuredContent"]["content"], "b");
    let outside = pipe.answer_to(&read(5, "/etc/passwd").to_string());
    assert_eq!(refusal(&outside), "path_outside_root");
}

#[test]
fn foreign_roots_leave_nothing_and_an_empty_list_leaves_all() {
    let foreign = [json!({"uri": "file:///etc"}), json!({"uri": "https://x/"})];
    for (roots, refused) in [(&foreign[..], "path_outside_root"), (&[], "")] {
        let house = shared();
        let mut pipe = opened(&house);
        let answer = ask(&mut pipe, &read(1, "src/a.rs"), |id| listed(id, roots));
        assert_eq!(refusal(&answer), refused, "{roots:?}");
    }
}

#[test]
fn garbage_too_much_and_silence_open_nothing() {
    let house = shared();
    let mut pipe = opened(&house);
    let many = vec![uri(&house, ""); 65];
    for (n, said) in (1..).zip([
        json!({"result": "all of them"}),
        json!({"result": {"roots": many}}),
        json!({"error": {"code": -32603, "message": "no"}}),
    ]) {
        let answer = ask(&mut pipe, &read(n, "src/a.rs"), |id| {
            let mut answer = said.clone();
            answer["jsonrpc"] = "2.0".into();
            answer["id"] = id.clone();
            answer
        });
        assert_eq!(refusal(&answer), "unavailable", "{said}");
    }
    pipe.send(&read(9, "src/a.rs"));
    assert_eq!(pipe.message()["method"], "roots/list");
    let refused = pipe.line(SOON).expect("an end to the waiting");
    assert_eq!(
        refusal(&serde_json::from_str(&refused).unwrap()),
        "unavailable"
    );
    // What has nothing to do with files goes on.
    assert!(pipe.ask("resources/read", json!({"uri": "durward://guide"}))["result"].is_object());
    let roots = [uri(&house, "")];
    let well = ask(&mut pipe, &read(10, "src/a.rs"), |id| listed(id, &roots));
    assert_eq!(well["result"]["structuredContent"]["content"], "a");
}

#[test]
fn over_http_the_question_comes_on_the_stream_of_the_call() {
    let house = shared();
    let daemon = house.serve(&[]);
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let session = daemon.session_with(revision, json!({"roots": {}}));
        let mut http = daemon.connect();
        http.send(&session.post(read(1, "docs/b.md").to_string()).bytes());
        let opening = http.opening().expect("an answer");
        assert!(
            opening
                .header("content-type")
                .unwrap()
                .starts_with("text/event-stream")
        );
        let mut next = || loop {
            let event = http.event(SOON).expect("an event");
            if !event.data.is_empty() {
                return serde_json::from_str::<Value>(&event.data).unwrap();
            }
        };
        let question = next();
        assert_eq!(question["method"], "roots/list", "{question}");
        let answer = listed(&question["id"], &[uri(&house, "src")]);
        assert_eq!(session.send(&answer).status, 202);
        assert_eq!(refusal(&next()), "path_outside_root");
        let known = session.call("fs_read", json!({"path": "src/a.rs"}));
        assert_eq!(known["result"]["structuredContent"]["content"], "a");
    }
}

#[test]
fn a_modern_client_that_has_roots_is_asked_with_each_call() {
    let house = shared();
    let daemon = house.serve(&[]);
    let mut pipe = house.stdio(&[]);
    let mut ask = |path: &str, answers: Option<Value>| {
        let mut params = json!({"name": "fs_read", "arguments": {"path": path}});
        if let Some(answers) = answers {
            params["inputResponses"] = answers;
        }
        let mut request = modern(1, "tools/call", params);
        let capabilities = "io.modelcontextprotocol/clientCapabilities";
        request["params"]["_meta"][capabilities] = json!({"roots": {}});
        let by_http = daemon.ask(&daemon.modern_post(&request)).json();
        [by_http, pipe.answer_to(&request.to_string())]
    };
    for first in ask("src/a.rs", None) {
        assert_eq!(first["result"]["resultType"], "input_required", "{first}");
        let question = &first["result"]["inputRequests"]["durward.roots"];
        assert_eq!(question["method"], "roots/list");
        assert!(!first.to_string().contains("content"), "{first}");
    }
    let said = json!({"durward.roots": {"roots": [uri(&house, "src")]}});
    for second in ask("src/a.rs", Some(said.clone())) {
        assert_eq!(
            second["result"]["structuredContent"]["content"], "a",
            "{second}"
        );
    }
    for outside in ask("docs/b.md", Some(said)) {
        assert_eq!(refusal(&outside), "path_outside_root");
    }
    assert_eq!(
        refusal(&daemon.call("fs_read", json!({"path": "none"}))),
        "not_found",
        "unasked"
    );
}
