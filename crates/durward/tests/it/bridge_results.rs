//! The bridge, row by row: what is asked and answered, between clients and servers of both eras by both
//! transports.

use durward_testkit::{refusal, text};
use serde_json::{Value, json};

use crate::{
    bridge::{Client, KINDS, Kind, Stage},
    eventually,
};

const PROTOCOL: &str = "io.modelcontextprotocol/protocolVersion";

/// The definition of this name that a list has of this server.
fn listed(client: &mut Client<'_>, list: &str, key: &str, name: &str) -> Value {
    let got = client.ask(&format!("{list}/list"), json!({}));
    let member = got.answer["result"].as_object().expect("a result");
    let items = member.values().find_map(Value::as_array).expect("a list");
    let found = items.iter().find(|item| item[key] == name);
    found
        .unwrap_or_else(|| panic!("no {name}: {}", got.answer))
        .clone()
}

#[test]
fn a_client_s_ids_stay_with_it() {
    let stage = Stage::answering(json!({
        "tools/call id": [{"result": {"content": [{"type": "text", "text": "x"}], "x-id": "$id"}}]
    }));
    stage.each(|client, server| {
        let got = client.call(server, "id", json!({}));
        assert!(got.answer["result"]["x-id"].is_u64(), "{}", got.answer);
    });
    for server in KINDS {
        let record = stage.record(server);
        assert!(record.len() >= 4);
        assert!(!json!(record).to_string().contains("\"c-"), "{record:?}");
    }
}

#[test]
fn an_opening_is_answered_for_all_servers_at_once() {
    let script = json!({"instructions": format!("be kind {}", "x".repeat(4096)), "answers": {}});
    let stage = Stage::playing(script, "");
    for kind in KINDS {
        let mut client = stage.client(kind, "2025-11-25", json!({}));
        client.ask("tools/list", json!({}));
        let opened = match kind.is_modern {
            true => client.ask("server/discover", json!({})).answer,
            false => stage.opening(kind.is_pipe),
        };
        let result = &opened["result"];
        let capabilities = &result["capabilities"];
        for list in ["tools", "prompts", "resources"] {
            assert_eq!(capabilities[list]["listChanged"], true, "{opened}");
        }
        assert_eq!(capabilities["resources"]["subscribe"], true, "{opened}");
        assert!(capabilities["completions"].is_object() && capabilities["logging"].is_object());
        let instructions = result["instructions"].as_str().expect("instructions");
        for server in KINDS {
            assert!(instructions.contains(server.name()), "{instructions}");
        }
        assert_eq!(instructions.matches("be kind").count(), 4, "{instructions}");
        assert!(
            instructions.len() < 4 * 2300 + 2048,
            "2 KiB of each: {}",
            instructions.len()
        );
    }
}

#[test]
fn each_side_has_its_own_envelope() {
    let stage = Stage::answering(json!({
        "tools/call echo": [{"result": {"content": [], "x-params": "$params"}}],
        "resources/list": [{"result": {"resources": [{"uri": "a:b", "name": "b"}]}}],
        "resources/read a:b": [{"result": {"contents": [{"uri": "a:b", "text": "b"}],
            "resultType": "complete", "ttlMs": 90000, "cacheScope": "public"}}],
    }));
    stage.each(|client, server| {
        let got = client.call(server, "echo", json!({"a": 1}));
        let result = &got.answer["result"];
        let meta = &result["x-params"]["_meta"];
        assert_eq!(meta[PROTOCOL] == "2026-07-28", server.is_modern, "{meta}");
        assert_eq!(
            meta["io.modelcontextprotocol/clientCapabilities"].is_object(),
            server.is_modern
        );
        let named = &meta["io.modelcontextprotocol/clientInfo"]["name"];
        assert_eq!(named == "durward", server.is_modern, "{meta}");
        assert_eq!(result["resultType"] == "complete", client.kind.is_modern);
        let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"];
        assert_eq!(info == "durward", client.kind.is_modern, "{result}");
        let uri = format!("{}+a:b", server.name());
        let read = client.ask("resources/read", json!({"uri": uri})).answer;
        let [ttl, scope] = ["ttlMs", "cacheScope"].map(|key| read["result"][key].clone());
        match client.kind.is_modern {
            true if server.is_modern => {
                assert_eq!((ttl, scope), (json!(90000), json!("public")), "{read}");
            }
            true => assert_eq!((ttl, scope), (json!(0), json!("private")), "{read}"),
            // What a server of its own era adds is passed on, whatever it means by it.
            false if !server.is_modern => {}
            false => assert_eq!((ttl, scope), (Value::Null, Value::Null), "{read}"),
        }
    });
    let modern = Kind {
        is_modern: true,
        is_pipe: false,
    };
    let posts = stage.record(modern).into_iter();
    let calls: Vec<_> = posts
        .filter(|post| post["message"]["method"] == "tools/call")
        .collect();
    assert_eq!(calls.len(), 4);
    for call in calls {
        let headers = &call["headers"];
        assert_eq!(headers["mcp-method"], "tools/call", "{headers}");
        assert_eq!(headers["mcp-name"], "echo", "{headers}");
        assert_eq!(headers["mcp-protocol-version"], "2026-07-28", "{headers}");
        assert_eq!(headers["mcp-session-id"], Value::Null, "{headers}");
    }
    let legacy = Kind {
        is_modern: false,
        is_pipe: false,
    };
    for post in stage.record(legacy) {
        let headers = &post["headers"];
        let is_probe = post["message"]["method"] == "server/discover";
        assert!(is_probe || headers["mcp-name"].is_null(), "{headers}");
    }
}

#[test]
fn a_legacy_server_can_t_ask_by_a_result() {
    let questions = json!({"q": {"method": "sampling/createMessage", "params": {}}});
    let result = json!({"resultType": "input_required", "inputRequests": questions, "requestState": "s", "content": []});
    let stage = Stage::answering(json!({"tools/call sly": [{"result": result}]}));
    for is_pipe in [true, false] {
        let mut client = stage.client(
            Kind {
                is_modern: true,
                is_pipe,
            },
            "",
            json!({}),
        );
        let server = Kind {
            is_modern: false,
            is_pipe,
        };
        let got = client.call(server, "sly", json!({})).answer;
        assert_eq!(got["result"]["resultType"], "complete", "{got}");
    }
}

#[test]
fn structured_content_that_is_no_object_is_text_for_those_who_know_objects_alone() {
    let tool = |name, schema: Value| json!({"name": name, "inputSchema": {"type": "object"}, "outputSchema": schema});
    let script = json!({
        "tools": [tool("list", json!({"type": "array"})), tool("object", json!({"type": "object"}))],
        "answers": {
            "tools/call list": [{"result": {"content": [], "structuredContent": [1, 2]}}],
            "tools/call object": [{"result": {"content": [], "structuredContent": {"a": 1}}}],
        },
    });
    let stage = Stage::playing(script, "");
    stage.each(|client, server| {
        let is_modern = client.kind.is_modern;
        if !server.is_modern && !is_modern {
            return;
        }
        for (tool, is_kept) in [("list", is_modern), ("object", true)] {
            let name = format!("{}__{tool}", server.name());
            let definition = listed(client, "tools", "name", &name);
            assert_eq!(
                definition["outputSchema"].is_object(),
                is_kept,
                "{definition}"
            );
            let got = client.call(server, tool, json!({})).answer;
            assert_eq!(
                got["result"]["structuredContent"].is_null(),
                !is_kept,
                "{got}"
            );
        }
        let got = client.call(server, "list", json!({})).answer;
        let is_told = text(&got).replace(' ', "") == "[1,2]";
        assert_eq!(is_told, !is_modern, "{got}");
    });
}

#[test]
fn content_is_told_in_the_words_that_a_revision_has() {
    let content = json!([
        {"type": "audio", "data": "AA==", "mimeType": "audio/wav"},
        {"type": "resource_link", "uri": "a:b", "name": "b"},
        {"type": "image", "data": "AA==", "mimeType": "image/png", "x": 1},
    ]);
    let message = json!({"role": "user", "content": content[1]});
    let stage = Stage::answering(json!({
        "tools/call all": [{"result": {"content": content}}],
        "prompts/list": [{"result": {"prompts": [{"name": "p"}]}}],
        "prompts/get p": [{"result": {"messages": [message]}}],
    }));
    let kinds = |client: &mut Client<'_>, server: Kind| {
        let got = client.call(server, "all", json!({})).answer;
        let content = got["result"]["content"].clone();
        let kinds: Vec<_> = content
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["type"].clone())
            .collect();
        (json!(kinds), content)
    };
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18"] {
        stage.each_as(revision, &json!({}), |client, server| {
            let exposed = format!("{}+a:b", server.name());
            let (kinds, content) = kinds(client, server);
            let wanted = match (client.kind.is_modern, revision) {
                (false, "2024-11-05") => ["resource", "text", "image"],
                (false, "2025-03-26") => ["audio", "text", "image"],
                _ => ["audio", "resource_link", "image"],
            };
            assert_eq!(kinds, json!(wanted), "{revision}: {content}");
            if kinds[0] == "resource" {
                assert_eq!(content[0]["resource"]["blob"], "AA==", "{content}");
                assert_eq!(content[0]["resource"]["mimeType"], "audio/wav", "{content}");
            }
            // Whichever way it is told, it can be read by it.
            let told = if kinds[1] == "text" {
                &content[1]["text"]
            } else {
                &content[1]["uri"]
            };
            assert_eq!(*told, exposed, "{content}");
            assert_eq!(content[2]["x"], 1);
            let name = format!("{}__p", server.name());
            let prompt = client.ask("prompts/get", json!({"name": name})).answer;
            let block = &prompt["result"]["messages"][0]["content"];
            assert_eq!(block["type"], wanted[1], "{prompt}");
        });
    }
}

#[test]
fn lists_prompts_completions_and_trace_context_go_as_they_are() {
    let icons = json!([{"src": "https://example.org/i.png", "sizes": ["48x48"], "x": 1.5}]);
    let ui = json!({"ui": {"resourceUri": "ui://a"}, "example.org/kept": true});
    let script = json!({
        "tools": [{"name": "t", "title": "T", "icons": icons, "inputSchema": {"type": "object"}, "_meta": ui}],
        "answers": {
            "tools/call t": [{"result": {"content": [], "x-params": "$params"}}],
            "resources/list": [{"result": {"resources": [{"uri": "a:b", "name": "b", "icons": icons}]}}],
            "resources/templates/list": [{"result": {"resourceTemplates": [{"uriTemplate": "a:{x}", "name": "a", "icons": icons}]}}],
            "resources/read": [{"result": {"contents": [{"uri": "a:z", "text": "z"}]}}],
            "prompts/list": [{"result": {"prompts": [{"name": "p", "icons": icons, "arguments": [{"name": "a", "required": true}]}]}}],
            "prompts/get p": [{"result": {"messages": [], "x-params": "$params"}}],
            "completion/complete": [{"result": {"completion": {"values": ["v"], "total": 1, "hasMore": false}, "x-params": "$params"}}],
        },
    });
    let stage = Stage::playing(script, "");
    stage.each(|client, server| {
        let name = server.name();
        for (list, key, own) in [
            ("tools", "name", format!("{name}__t")),
            ("resources", "uri", format!("{name}+a:b")),
            (
                "resources/templates",
                "uriTemplate",
                format!("{name}+a:{{x}}"),
            ),
            ("prompts", "name", format!("{name}__p")),
        ] {
            let definition = listed(client, list, key, &own);
            assert_eq!(definition["icons"], icons, "{definition}");
        }
        let tool = listed(client, "tools", "name", &format!("{name}__t"));
        assert_eq!(
            tool["_meta"]["ui"]["resourceUri"],
            format!("{name}+ui://a"),
            "{tool}"
        );
        assert_eq!(tool["_meta"]["example.org/kept"], true, "{tool}");
        let trace = json!({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "tracestate": "a=b", "baggage": "c=d"});
        let params = json!({"name": format!("{name}__t"), "arguments": {}, "_meta": trace});
        let got = client.ask("tools/call", params).answer;
        for (key, value) in trace.as_object().unwrap() {
            assert_eq!(got["result"]["x-params"]["_meta"][key], *value, "{got}");
        }
        let read = client
            .ask("resources/read", json!({"uri": format!("{name}+a:z")}))
            .answer;
        assert_eq!(
            read["result"]["contents"][0]["uri"],
            format!("{name}+a:z"),
            "{read}"
        );
        let prompt = json!({"name": format!("{name}__p"), "arguments": {"a": "b"}});
        let got = client.ask("prompts/get", prompt).answer;
        assert_eq!(
            got["result"]["x-params"]["arguments"],
            json!({"a": "b"}),
            "{got}"
        );
        for (reference, key, own) in [
            (
                json!({"type": "ref/prompt", "name": format!("{name}__p")}),
                "name",
                "p",
            ),
            (
                json!({"type": "ref/resource", "uri": format!("{name}+a:{{x}}")}),
                "uri",
                "a:{x}",
            ),
        ] {
            let params = json!({"ref": reference, "argument": {"name": "x", "value": "v"},
                "context": {"arguments": {"y": "z"}}});
            let got = client.ask("completion/complete", params).answer["result"].clone();
            assert_eq!(got["completion"]["values"], json!(["v"]), "{got}");
            assert_eq!(got["x-params"]["ref"][key], own, "{got}");
            assert_eq!(got["x-params"]["context"]["arguments"]["y"], "z", "{got}");
        }
    });
}

/// The servers say it each in the code of its era.
fn not_found(code: i64, data: &Value) -> Stage {
    let mut error = json!({"code": code, "message": "not there"});
    if !data.is_null() {
        error["data"] = data.clone();
    }
    Stage::answering(json!({"resources/read": [{"error": error}]}))
}

#[test]
fn a_resource_that_is_not_there_has_the_code_of_the_client_s_era() {
    let data = json!({"uri": "a:gone", "x": 1});
    for (code, data) in [(-32002, &data), (-32602, &data), (-32002, &Value::Null)] {
        let stage = not_found(code, data);
        stage.each(|client, server| {
            if server.is_modern == (code == -32002) {
                return;
            }
            let uri = format!("{}+a:gone", server.name());
            let error = client.ask("resources/read", json!({"uri": uri})).answer["error"].clone();
            let wanted = match (client.kind.is_modern, server.is_modern) {
                (true, _) => -32602,
                (false, _) => -32002,
            };
            assert_eq!(error["code"], wanted, "{error}");
            assert_eq!(error["message"], "not there");
            if client.kind.is_modern || !data.is_null() {
                assert_eq!(error["data"]["uri"], uri, "{error}");
            }
            assert_eq!(error["data"]["x"], data["x"], "{error}");
        });
    }
}

#[test]
fn errors_come_as_they_are_but_for_codes_that_the_client_s_era_reserves() {
    let codes = [
        -32601, -32000, -32019, -32020, -32021, -32022, -32050, -32099, -32100, 7,
    ];
    let tools = codes.map(|code| {
        let error = json!({"code": code, "message": "an error", "data": {"kept": 1}});
        (format!("tools/call e{}", -code), json!([{"error": error}]))
    });
    let stage = Stage::answering(Value::Object(tools.into_iter().collect()));
    stage.each(|client, server| {
        for code in codes {
            // Then it is opened anew, and that takes its time: below.
            if server.is_modern && code == -32022 {
                continue;
            }
            let answer = client
                .call(server, &format!("e{}", -code), json!({}))
                .answer;
            if server.is_modern && code == -32020 {
                // What durward could not set right is no matter of the client's.
                assert_eq!(refusal(&answer), "unavailable", "{answer}");
                continue;
            }
            let error = &answer["error"];
            let is_reserved = (-32099..=-32020).contains(&code);
            let is_its_own = server.is_modern && code == -32021;
            let wanted = match client.kind.is_modern {
                true if is_reserved && !is_its_own => -32603,
                _ => code,
            };
            assert_eq!(
                error["code"], wanted,
                "{:?} at {server:?}: {error}",
                client.kind
            );
            if wanted == code {
                assert_eq!(error["message"], "an error", "{error}");
                assert_eq!(error["data"], json!({"kept": 1}), "{error}");
            }
        }
    });
}

#[test]
fn a_modern_server_that_no_longer_speaks_its_revision_is_asked_anew() {
    let error = json!({"code": -32022, "message": "no", "data": {"supported": ["2026-07-28"]}});
    let done = json!([{"result": {"content": [{"type": "text", "text": "done"}]}}]);
    let stage =
        Stage::answering(json!({"tools/call no": [{"error": error}], "tools/call quick": done}));
    let mut client = stage.client(KINDS[3], "", json!({}));
    for server in KINDS.into_iter().filter(|server| server.is_modern) {
        let refused = client.call(server, "no", json!({})).answer;
        assert_eq!(refusal(&refused), "unavailable", "{refused}");
        eventually("it is back", || {
            text(&client.call(server, "quick", json!({})).answer) == "done"
        });
        assert!(stage.got(server, "server/discover").len() >= 2);
    }
}
