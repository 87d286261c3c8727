//! Names of what servers offer: what leads where, and what can't stand beside another.

use durward_testkit::{Site, text};
use serde_json::{Value, json};

use crate::{
    bridge::{KINDS, Kind, Stage},
    eventually, house,
    servers::{guarding, raw_upstream},
    servers_faults::{ROOM, listed, serving, status},
};

#[test]
fn a_uri_as_a_server_gave_it_leads_back_to_that_server_for_that_caller() {
    let link = |uri: &str| json!({"type": "resource_link", "uri": uri, "name": "x"});
    let told = json!({"result": {"content": [link("a:unlisted"), link("https://example.org/x")]}});
    let read = json!([{"result": {"contents": [{"uri": "a:unlisted", "text": "x"}]}}]);
    let script = json!({"answers": {"tools/call tell": [told], "resources/read": read}});
    for server in KINDS {
        let stage = Stage::playing(script.clone(), "");
        let http = Kind {
            is_modern: true,
            is_pipe: false,
        };
        let mut client = stage.client(http, "", json!({}));
        let mut stranger = stage.client(http, "", json!({}));
        stranger.key = Some(stage.other_key.clone());
        for uri in ["a:unlisted", "https://example.org/x"] {
            let unknown = client.ask("resources/read", json!({"uri": uri})).answer;
            assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
        }
        client.call(server, "tell", json!({}));
        for uri in ["a:unlisted", "https://example.org/x"] {
            let before = stage.got(server, "resources/read").len();
            let read = client.ask("resources/read", json!({"uri": uri})).answer;
            assert!(read["result"].is_object(), "{uri} at {server:?}: {read}");
            let got = stage.got(server, "resources/read");
            assert_eq!(got.len(), before + 1);
            assert_eq!(got.last().unwrap()["params"]["uri"], uri);
            let unknown = stranger.ask("resources/read", json!({"uri": uri})).answer;
            assert_eq!(
                unknown["error"]["code"], -32602,
                "another caller: {unknown}"
            );
        }
        // Two gave it: it could be either.
        let second = KINDS.into_iter().find(|kind| *kind != server).unwrap();
        client.call(second, "tell", json!({}));
        let either = client
            .ask("resources/read", json!({"uri": "a:unlisted"}))
            .answer;
        assert_eq!(either["error"]["code"], -32602, "{either}");
    }
}

#[test]
fn a_uri_that_was_given_is_judged_by_the_rules_like_any_other() {
    let link = json!({"type": "resource_link", "uri": "a:secret/x", "name": "x"});
    let script = json!({"answers": {
        "tools/call tell": [{"result": {"content": [link]}}],
        "resources/read": [{"result": {"contents": [{"uri": "a:secret/x", "text": "x"}]}}],
    }});
    let rules = "roles: { developer: { allow: ['*'], deny: ['resource:lh+a:secret/**'] } }\n";
    let stage = Stage::playing(script, rules);
    let http = Kind {
        is_modern: true,
        is_pipe: false,
    };
    let mut client = stage.client(http, "", json!({}));
    let server = Kind {
        is_modern: false,
        is_pipe: false,
    };
    client.call(server, "tell", json!({}));
    for uri in ["a:secret/x", "lh+a:secret/x"] {
        let denied = client.ask("resources/read", json!({"uri": uri})).answer;
        assert!(denied["error"].is_object(), "{denied}");
    }
    assert!(stage.got(server, "resources/read").is_empty());
}

/// A file of tools for a server to offer besides its own.
fn offer(house: &durward_testkit::House, names: &[&str]) -> std::path::PathBuf {
    let tool = |name: &&str| json!({"name": name, "inputSchema": {"type": "object"}});
    let tools: Vec<_> = names.iter().map(tool).collect();
    house.file("offer.json", json!(tools).to_string())
}

#[test]
fn servers_whose_names_look_alike_are_refused_at_start_and_on_reload() {
    let raw = raw_upstream();
    let house = house();
    let section = |names: &[&str]| {
        let of = |name: &&str| format!("  {name}: {{ command: [{raw:?}], sandbox: host }}\n");
        let all: String = names.iter().map(of).collect();
        format!("servers:\n{all}{ROOM}")
    };
    for alike in [["crm1", "crml"], ["a0", "ao"]] {
        house.configure(&section(&alike));
        let ran = house.run(&["check"]);
        assert_eq!(ran.code, 3, "{alike:?}: {ran:?}");
        assert!(ran.stderr.contains("rename one of them"), "{ran:?}");
    }
    house.configure(&section(&["crm1"]));
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("crm1__fail", json!({}))), "failed");
    house.configure(&section(&["crm1", "crml"]));
    eventually("it is refused", || daemon.log().contains("look the same"));
    let tools = listed(&daemon);
    assert!(
        !tools.iter().any(|tool| tool.starts_with("crml__")),
        "{tools:?}"
    );
    assert_eq!(text(&daemon.call("crm1__fail", json!({}))), "failed");
}

#[test]
fn tools_that_can_t_be_told_apart_are_left_out_also_when_they_come_later() {
    let house = house();
    let raw = raw_upstream();
    // Like tools of its own, and of a name that another server's tool would have without its server.
    let colliding = ["Echo", "slеep", "ec\u{200b}ho", "b__echo", "pr0gress"];
    let offer = offer(&house, &colliding);
    house.configure(&format!(
        "servers:\n  a: {{ command: [{raw:?}, --offer, {offer:?}], sandbox: host }}\n  \
         b: {{ command: [{raw:?}], sandbox: host }}\n{ROOM}"
    ));
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("a__fail", json!({}))), "failed");
    assert_eq!(text(&daemon.call("b__fail", json!({}))), "failed");
    let tools = listed(&daemon);
    let of_a: Vec<_> = tools
        .iter()
        .filter(|tool| tool.starts_with("a__"))
        .collect();
    for lost in ["a__Echo", "a__slеep", "a__pr0gress"] {
        assert!(!of_a.iter().any(|tool| *tool == lost), "{of_a:?}");
    }
    // What looks like another server's is under its own server's name, and the other's is undisturbed.
    let got = daemon.call("b__echo", json!({"canary": 1}));
    assert!(
        got["result"]["structuredContent"]["params"].is_object(),
        "{got}"
    );
    let notes = status(&house, "a")["notes"].to_string();
    for named in ["Echo", "pr0gress", "U+200B"] {
        assert!(notes.contains(named), "{named} is not in {notes}");
    }
}

#[test]
fn what_collides_in_the_catalogue_is_named_in_the_status() {
    let prompt = |name: &str| json!({"name": name});
    let prompts = json!([prompt("ask"), prompt("Ask")]);
    let stage = Stage::playing(
        json!({"answers": {"prompts/list": [{"result": {"prompts": prompts}}]}}),
        "",
    );
    let http = Kind {
        is_modern: true,
        is_pipe: false,
    };
    let mut client = stage.client(http, "", json!({}));
    let list = client.ask("prompts/list", json!({})).answer["result"]["prompts"].clone();
    for server in KINDS {
        let of = list.as_array().unwrap().iter().filter(|it| {
            it["name"]
                .as_str()
                .unwrap_or_default()
                .starts_with(server.name())
        });
        assert_eq!(of.count(), 1, "{list}");
        let notes = status(&stage.house, server.name())["notes"].to_string();
        assert!(notes.contains("Ask"), "{server:?}: {notes}");
    }
}

#[test]
fn a_name_with_a_slash_is_allowed_by_a_star() {
    let house = house();
    let raw = raw_upstream();
    let offer = offer(&house, &["ns/read"]);
    house.configure(&format!(
        "servers:\n  raw: {{ command: [{raw:?}, --offer, {offer:?}], sandbox: host, tools: {{ allow: ['*'] }} }}\n{ROOM}"
    ));
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
    let tools = listed(&daemon);
    let fitted = tools
        .iter()
        .find(|tool| tool.starts_with("raw__ns_read_"))
        .expect("the tool");
    assert_eq!(text(&daemon.call(fitted, json!({}))), "?");
    let alone = daemon.modern_post(&durward_testkit::modern(
        1,
        "tools/call",
        json!({"name": "ns/read"}),
    ));
    assert_eq!(text(&daemon.ask(&alone.target("/mcp/raw")).json()), "?");
}

#[test]
fn prompts_resources_and_templates_that_are_denied_are_hidden_and_blocked() {
    let script = json!({"answers": {
        "prompts/list": [{"result": {"prompts": [{"name": "open"}, {"name": "secret_a"}]}}],
        "prompts/get": [{"result": {"messages": []}}],
        "resources/list": [{"result": {"resources": [{"uri": "a:open", "name": "o"}, {"uri": "a:secret/1", "name": "s"}]}}],
        "resources/templates/list": [{"result": {"resourceTemplates": [
            {"uriTemplate": "a:open/{x}", "name": "o"}, {"uriTemplate": "a:secret/{x}", "name": "s"}]}}],
        "resources/read": [{"result": {"contents": []}}],
        "completion/complete": [{"result": {"completion": {"values": []}}}],
    }});
    let rules = "roles: { developer: { allow: ['*'], deny: ['prompt:*__secret_*', 'resource:*+a:secret/**'] } }\n";
    let stage = Stage::playing(script, rules);
    stage.each(|client, server| {
        if client.kind.is_pipe {
            return;
        }
        let name = server.name();
        for list in ["prompts", "resources", "resources/templates"] {
            let got = client
                .ask(&format!("{list}/list"), json!({}))
                .answer
                .to_string();
            assert!(
                got.contains(&format!("{name}__open")) || got.contains(&format!("{name}+a:open")),
                "{got}"
            );
            assert!(!got.contains("secret"), "{got}");
        }
        let before = stage.record(server).len();
        let reference = json!({"type": "ref/resource", "uri": format!("{name}+a:secret/{{x}}")});
        for (method, params) in [
            ("prompts/get", json!({"name": format!("{name}__secret_a")})),
            (
                "resources/read",
                json!({"uri": format!("{name}+a:secret/1")}),
            ),
            (
                "resources/read",
                json!({"uri": format!("{name}+a:secret/2")}),
            ),
            (
                "completion/complete",
                json!({"ref": reference, "argument": {"name": "x", "value": "1"}}),
            ),
        ] {
            let got = client.ask(method, params).answer;
            assert!(got["error"].is_object(), "{method}: {got}");
        }
        let canary = json!(stage.record(server)[before..]).to_string();
        assert!(!canary.contains("secret"), "{canary}");
    });
}

#[test]
fn secrets_of_the_file_that_a_server_repeats_are_not_shown() {
    let house = house();
    let raw = raw_upstream();
    house.file("key.txt", "hunter2-exact-value\n");
    std::fs::set_permissions(
        house.path("root/key.txt"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let file = house.path("root/key.txt");
    house.configure(&format!(
        "secrets: {{ t: {{ file: {file:?} }} }}\nservers:\n  raw:\n    \
         command: [sh, -c, \"echo the key is $KEY >&2; exec {raw}\"]\n    \
         env: {{ KEY: \"k-${{secret:t}}\" }}\n    sandbox: host\n{ROOM}",
        raw = raw.display()
    ));
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
    let mut status = Value::Null;
    eventually("it is said", || {
        status = crate::servers_faults::status(&house, "raw");
        status["stderr"]
            .as_array()
            .is_some_and(|lines| !lines.is_empty())
    });
    assert_eq!(status["stderr"][0], "the key is k-[REDACTED]", "{status}");
    let text = house.run(&["status"]).ok().stdout;
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_client_s_own_key_reaches_no_server() {
    let script = json!({"answers": {"tools/call echo": [{"result": {"content": []}}]}});
    let stage = Stage::playing(script, "");
    let http = Kind {
        is_modern: true,
        is_pipe: false,
    };
    let mut client = stage.client(http, "", json!({}));
    client.key = Some(stage.other_key.clone());
    for server in KINDS {
        client.call(server, "echo", json!({}));
        let record = json!(stage.record(server)).to_string();
        let key = stage.other_key.as_str();
        let secret = &key[key.len() - 20..];
        assert!(
            record.contains("tools/call") && !record.contains(secret),
            "{server:?}"
        );
        assert!(!record.contains("authorization"), "{server:?}");
    }
}

#[test]
fn a_server_s_own_token_goes_to_it_alone() {
    let seen = Site::saying("nothing");
    let house = guarding(&[], "");
    let config = std::fs::read_to_string(house.config()).unwrap();
    let config = config.replace(
        "servers:\n",
        &format!(
            "secrets: {{ t: {{ env: PATH }} }}\nservers:\n  other: {{ url: \"{}\", auth: {{ bearer: \"${{secret:t}}\" }} }}\n",
            seen.url("/mcp")
        ),
    );
    house.configure_exactly(&config);
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
    eventually("it was asked", || !seen.asked().is_empty());
    let asked = seen.asked();
    assert!(asked.iter().all(|asked| {
        let token = asked.header("authorization").unwrap_or_default();
        token.starts_with("Bearer /usr")
    }));
}
