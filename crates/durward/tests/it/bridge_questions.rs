//! The bridge, row by row: what servers ask of clients, between both eras by both transports, and the record of it.

use std::thread;

use durward_testkit::{refusal, text};
use serde_json::{Value, json};

use crate::{
    bridge::{KINDS, Kind, Stage},
    eventually,
};

/// Servers may use clients' models, and often.
pub(crate) const SAMPLING: &str = "inspect: { sampling: { allow: true, calls: 1000/min } }\n";

/// A client that can be asked anything.
pub(crate) fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {"listChanged": true}})
}

pub(crate) fn form(message: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    json!({"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema, "x": 1}})
}

pub(crate) fn sample(tokens: u32) -> Value {
    let messages = json!([{"role": "user", "content": {"type": "text", "text": "hi"}}]);
    json!({"method": "sampling/createMessage", "params": {"messages": messages, "maxTokens": tokens,
        "includeContext": "allServers"}})
}

pub(crate) fn roots() -> Value {
    json!({"method": "roots/list", "params": {}})
}

/// It answers with what it was answered.
pub(crate) fn answers() -> Value {
    json!({"result": {"content": [], "x-answers": "$answers"}})
}

pub(crate) fn script(tools: Value) -> Value {
    json!({"answers": tools})
}

/// The events of the ledger that say what servers asked, oldest first, as `provider method code`.
pub(crate) fn asked(stage: &Stage) -> Vec<String> {
    let query = [
        "audit", "query", "--json", "--last", "1h", "--limit", "1000",
    ];
    let entries = stage.house.run(&query).ok().lines();
    let of = |entry: &Value| {
        let is_asked = ["upstream_asked", "upstream_blocked"]
            .map(Value::from)
            .contains(&entry["event"]);
        let word = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
        is_asked.then(|| format!("{} {} {}", word("provider"), word("method"), word("code")))
    };
    entries.iter().rev().filter_map(of).collect()
}

#[test]
fn a_question_reaches_the_client_and_its_answer_the_server() {
    let tools = json!({
        "tools/call form": [{"ask": {"q": form("sure?")}}, answers()],
        "tools/call model": [{"ask": {"q": sample(100)}}, answers()],
        "tools/call roots": [{"ask": {"q": roots()}}, answers()],
        "tools/call all": [{"ask": {"a": form("sure?"), "b": sample(100), "c": roots()}}, answers()],
    });
    let stage = Stage::playing(script(tools), SAMPLING);
    let reply = |question: &Value| match question["method"].as_str().unwrap() {
        "elicitation/create" => json!({"action": "accept", "content": {"a": "b"}, "x": 1}),
        "sampling/createMessage" => {
            json!({"role": "assistant", "content": {"type": "text", "text": "ho"}, "model": "m", "x": 1})
        }
        _ => json!({"roots": [{"uri": "file:///r", "name": "r", "x": 1}]}),
    };
    stage.each_as("2025-11-25", &able(), |client, server| {
        for (tool, wanted) in [("form", 1), ("model", 1), ("roots", 1), ("all", 3)] {
            let name = format!("{}__{tool}", server.name());
            let mut seen = Vec::new();
            let got = client.converse(
                "tools/call",
                json!({"name": name, "arguments": {}}),
                |question| {
                    seen.push(question.clone());
                    reply(question)
                },
            );
            assert_eq!(
                seen.len(),
                wanted,
                "{:?} at {server:?}: {seen:?}",
                client.kind
            );
            let given = &got.answer["result"]["x-answers"];
            assert_eq!(
                given.as_object().map(serde_json::Map::len),
                Some(wanted),
                "{}",
                got.answer
            );
            for question in &seen {
                let params = &question["params"];
                let answer = reply(question);
                assert!(
                    given.as_object().unwrap().values().any(|it| *it == answer),
                    "{given}"
                );
                match question["method"].as_str().unwrap() {
                    "elicitation/create" => {
                        assert_eq!(params["message"], format!("[{}] sure?", server.name()));
                        assert_eq!(params["x"], 1, "{params}");
                    }
                    "sampling/createMessage" => {
                        assert_eq!(params["includeContext"], "none", "{params}");
                        assert_eq!(params["maxTokens"], 100);
                    }
                    _ => {}
                }
            }
        }
    });
    let events = asked(&stage);
    for server in KINDS {
        let of = |method: &str, code: &str| {
            let line = format!("{} {method} {code}", server.name());
            events.iter().filter(|it| **it == line).count()
        };
        // Each client is asked twice; what modern servers ask of modern clients is passed on.
        let (answered, passed_on) = if server.is_modern { (4, 4) } else { (8, 0) };
        assert_eq!(of("elicitation/create", "accept"), answered, "{events:?}");
        assert_eq!(
            of("elicitation/create", "passed_on"),
            passed_on,
            "{events:?}"
        );
        for method in ["sampling/createMessage", "roots/list"] {
            assert_eq!(of(method, "answered"), answered, "{events:?}");
            assert_eq!(of(method, "passed_on"), passed_on, "{events:?}");
        }
    }
}

#[test]
fn sampling_that_is_not_allowed_is_blocked_and_recorded() {
    let tools = json!({"tools/call model": [{"ask": {"q": sample(100)}}, answers()]});
    let stage = Stage::playing(script(tools), "");
    stage.each_as("2025-11-25", &able(), |client, server| {
        let got = client.call(server, "model", json!({})).answer;
        if server.is_modern {
            let code = refusal(&got);
            assert!(["denied", "unavailable"].contains(&code), "{got}");
            assert!(text(&got).contains("sampling/createMessage"), "{got}");
        } else {
            assert_eq!(got["result"]["x-answers"]["q"]["code"], -32601, "{got}");
        }
    });
    let events = asked(&stage);
    for server in KINDS {
        let line = format!("{} sampling/createMessage not_allowed", server.name());
        assert_eq!(
            events.iter().filter(|it| **it == line).count(),
            4,
            "{events:?}"
        );
    }
    let query = [
        "audit",
        "query",
        "--json",
        "--last",
        "1h",
        "--code",
        "not_allowed",
    ];
    let entry = stage.house.run(&query).ok().lines().remove(0);
    assert_eq!(entry["event"], "upstream_blocked", "{entry}");
    assert!(
        entry["call"].is_string() && entry["caller"].is_string(),
        "{entry}"
    );
    assert!(
        entry["target"].as_str().unwrap().ends_with("__model"),
        "{entry}"
    );
}

#[test]
fn a_sampling_is_clipped_and_counted() {
    let tools = json!({"tools/call model": [{"ask": {"q": sample(9000)}}, answers()]});
    let rules = "inspect: { sampling: { allow: true, max_tokens: 512, calls: 2/hour } }\n";
    for server in KINDS {
        let stage = Stage::playing(script(tools.clone()), rules);
        for is_modern in [false, true] {
            let kind = Kind {
                is_modern,
                is_pipe: !is_modern,
            };
            let mut client = stage.client(kind, "2025-11-25", able());
            let params = json!({"name": format!("{}__model", server.name()), "arguments": {}});
            let mut seen = Vec::new();
            for number in 0..3 {
                let got = client.converse("tools/call", params.clone(), |question| {
                    seen.push(question["params"]["maxTokens"].clone());
                    json!({"role": "assistant", "content": {"type": "text", "text": "ho"}, "model": "m"})
                });
                let answer = &got.answer["result"]["x-answers"]["q"];
                assert_eq!(answer["role"] == "assistant", number < 2, "{}", got.answer);
            }
            assert_eq!(seen, [512, 512], "{kind:?} at {server:?}");
        }
    }
}

#[test]
fn what_a_client_did_not_declare_is_not_asked() {
    let tools = json!({
        "tools/call form": [{"ask": {"q": form("sure?")}}, answers()],
        "tools/call link": [{"ask": {"q": {"method": "elicitation/create",
            "params": {"mode": "url", "message": "open", "url": "https://a.example/", "elicitationId": "e"}}}}, answers()],
        "tools/call odd": [{"ask": {"q": {"method": "tools/list", "params": {}}}}, answers()],
    });
    let stage = Stage::playing(script(tools), SAMPLING);
    let forms = json!({"elicitation": {}});
    for (capabilities, tool, code) in [
        (json!({}), "form", -32601),
        (forms.clone(), "link", -32602),
        (able(), "odd", -32601),
    ] {
        stage.each_as("2025-11-25", &capabilities, |client, server| {
            let got = client.call(server, tool, json!({})).answer;
            let answer = &got["result"]["x-answers"]["q"];
            match (server.is_modern, client.kind.is_modern, tool) {
                (false, ..) => assert_eq!(answer["code"], code, "{tool}: {got}"),
                // A modern server can't be told why; a person did not choose, so it is `cancel`.
                (true, false, "link") => assert_eq!(answer["action"], "cancel", "{tool}: {got}"),
                (true, ..) => assert!(
                    ["denied", "unavailable"].contains(&refusal(&got)),
                    "{tool}: {got}"
                ),
            }
        });
    }
}

#[test]
fn a_modern_server_hears_what_its_client_can_do_and_its_revision_has() {
    let tools = json!({"tools/call echo": [{"result": {"content": [], "x-params": "$params"}}]});
    let stage = Stage::playing(script(tools), SAMPLING);
    for (revision, wanted) in [
        ("2025-11-25", able()),
        (
            "2025-06-18",
            json!({"elicitation": {}, "sampling": {}, "roots": {"listChanged": true}}),
        ),
        (
            "2025-03-26",
            json!({"sampling": {}, "roots": {"listChanged": true}}),
        ),
    ] {
        for server in KINDS.into_iter().filter(|it| it.is_modern) {
            let legacy = Kind {
                is_modern: false,
                is_pipe: true,
            };
            let mut client = stage.client(legacy, revision, able());
            let got = client.call(server, "echo", json!({})).answer;
            let meta = &got["result"]["x-params"]["_meta"];
            assert_eq!(
                meta["io.modelcontextprotocol/clientCapabilities"], wanted,
                "{revision}"
            );
        }
    }
}

#[test]
fn a_form_is_put_in_the_words_that_a_revision_has() {
    let field = json!({"type": "string", "oneOf": [{"const": "a", "title": "A"}]});
    let ask = |field: &Value| {
        let schema = json!({"type": "object", "properties": {"c": field}});
        json!({"ask": {"q": {"method": "elicitation/create",
            "params": {"mode": "form", "message": "m", "requestedSchema": schema}}}})
    };
    let several = json!({"type": "array", "items": {"type": "string", "enum": ["a"]}});
    let tools = json!({"tools/call one": [ask(&field), answers()], "tools/call several": [ask(&several), answers()]});
    let stage = Stage::playing(script(tools), "");
    let capabilities = json!({"elicitation": {}});
    stage.each_as("2025-06-18", &capabilities, |client, server| {
        if client.kind.is_modern {
            return;
        }
        let params =
            |tool: &str| json!({"name": format!("{}__{tool}", server.name()), "arguments": {}});
        let mut seen = Vec::new();
        client.converse("tools/call", params("one"), |question| {
            seen.push(question["params"].clone());
            json!({"action": "decline"})
        });
        assert_eq!(seen[0]["mode"], Value::Null, "{seen:?}");
        let field = &seen[0]["requestedSchema"]["properties"]["c"];
        assert_eq!(
            *field,
            json!({"type": "string", "enum": ["a"], "enumNames": ["A"]})
        );
        let got = client.call(server, "several", json!({})).answer;
        let answer = &got["result"]["x-answers"]["q"];
        match server.is_modern {
            true => assert_eq!(answer["action"], "cancel", "{got}"),
            false => assert_eq!(answer["code"], -32602, "{got}"),
        }
    });
}

#[test]
fn to_agree_to_a_link_is_not_yet_to_be_done() {
    let link = json!({"method": "elicitation/create",
        "params": {"mode": "url", "message": "open", "url": "https://a.example/x"}});
    // Until the change it asks the same again.
    let tools = json!({
        "tools/call link": [{"before": [{"ask": {"q": link}}, {"ask": {"again": link}}]}, answers()],
        "tools/call done": ["change", {"result": {"content": []}}],
    });
    for is_pipe in [true, false] {
        let stage = Stage::playing(script(tools.clone()), "");
        let server = Kind {
            is_modern: true,
            is_pipe: false,
        };
        let mut client = stage.client(
            Kind {
                is_modern: false,
                is_pipe,
            },
            "2025-11-25",
            able(),
        );
        let mut other = stage.client(KINDS[3], "", json!({}));
        let mut seen = Vec::new();
        let name = format!("{}__link", server.name());
        let got = thread::scope(|scope| {
            // When the first retry has been asked for the same link, and the second is waited for.
            scope.spawn(|| {
                eventually("it was asked again", || {
                    stage.got(server, "tools/call").len() == 2
                });
                other.call(server, "done", json!({}));
            });
            client.converse(
                "tools/call",
                json!({"name": name, "arguments": {}}),
                |question| {
                    seen.push(question["params"].clone());
                    json!({"action": "accept"})
                },
            )
        });
        let retries = stage.got(server, "tools/call");
        assert_eq!(
            retries.last().unwrap()["params"]["inputResponses"],
            json!({"again": {"action": "accept"}})
        );
        assert_eq!(seen.len(), 1, "{seen:?}");
        let id = seen[0]["elicitationId"].as_str().expect("an id");
        let told = got.told("notifications/elicitation/complete");
        assert_eq!(told.len(), 1, "{got:?}");
        assert_eq!(told[0]["elicitationId"], id);
    }
}

#[test]
fn a_modern_client_sees_no_id_of_a_link() {
    let link = json!({"method": "elicitation/create",
        "params": {"mode": "url", "message": "open", "url": "https://a.example/x", "elicitationId": "e-1"}});
    let tools = json!({"tools/call link": [{"ask": {"q": link}}, answers()]});
    let stage = Stage::playing(script(tools), "");
    for is_pipe in [true, false] {
        for server in KINDS.into_iter().filter(|it| !it.is_modern) {
            let mut client = stage.client(
                Kind {
                    is_modern: true,
                    is_pipe,
                },
                "",
                able(),
            );
            let name = format!("{}__link", server.name());
            let mut seen = Vec::new();
            client.converse(
                "tools/call",
                json!({"name": name, "arguments": {}}),
                |question| {
                    seen.push(question["params"].clone());
                    json!({"action": "accept"})
                },
            );
            assert_eq!(seen[0]["url"], "https://a.example/x", "{seen:?}");
            assert_eq!(seen[0]["elicitationId"], Value::Null, "{seen:?}");
        }
    }
}
