//! Servers behind the gate: what is listed of them, under which names, and who hears of a change.

use std::time::Duration;

use durward_core::{Naming, Offer, Operation, RawJson, ServerName};
use serde_json::{Value, json};

use super::{
    clients::{Legacy, call, initialize, modern, modern_at, names},
    listen::Listening,
    served::{Served, prompt, resource, template, tool_as, tools},
    world::{World, in_time, refusal, role, sent},
};
use crate::{Endpoint, stream::GET_STREAM};

const STALE: &str = "dev.durward/stale";

fn all() -> Offer {
    Offer {
        resources: vec![resource("crm", "note:///z"), resource("crm", "note:///a")],
        templates: vec![template("crm", "note:///{id}")],
        prompts: vec![prompt("crm", "greet")],
        capabilities: Some(RawJson::from_static(
            r#"{"tools":{},"resources":{"subscribe":true},"experimental":{"x":1.0},"tasks":{}}"#,
        )),
        instructions: Some("Ask for customers by name.".to_owned()),
        ..tools(&["find", "add"])
    }
}

async fn listed(world: &World, server: Option<&str>, method: &str, kind: &str) -> Vec<String> {
    let list = match server {
        None => modern(world, "dora", method, json!({})).await,
        Some(server) => modern_at(world, server, "dora", method, json!({})).await,
    };
    let key = match kind {
        "resources" => "uri",
        "resourceTemplates" => "uriTemplate",
        _ => "name",
    };
    names(&list, kind, key)
}

#[tokio::test]
async fn a_definition_is_passed_on_as_it_was_spelled_but_for_the_name() {
    let world = World::serving(&[&Served::new("crm", all())]);
    let list = super::world::running(
        super::clients::Modern::new(json!(1), "tools/list", json!({})).post(&world, "dora"),
    );
    let crate::Reply::Message { body, .. } = in_time(list.0).await else {
        panic!("no answer")
    };
    let body = String::from_utf8(body.into_bytes().to_vec()).unwrap();
    let expected = r#"{"x":1.50, "name":"crm__find","inputSchema":{"type":"object"}}"#;
    assert!(body.contains(expected), "{body}");
}

#[tokio::test]
async fn a_legacy_client_sees_no_output_schema_of_anything_but_objects() {
    let offer = Offer {
        tools: vec![
            tool_as("crm__list", "list", r#","outputSchema":{"type":"array"}"#),
            tool_as("crm__show", "show", r#","outputSchema":{"type":"object"}"#),
        ],
        ..Offer::default()
    };
    let world = World::serving(&[&Served::new("crm", offer)]);
    let schemas = |list: Value| -> Vec<bool> {
        let tools = list["result"]["tools"].as_array().unwrap().clone();
        let crm = tools
            .iter()
            .filter(|tool| tool["name"].as_str().unwrap().starts_with("crm"));
        crm.map(|tool| tool.get("outputSchema").is_some()).collect()
    };
    let list = modern(&world, "dora", "tools/list", json!({})).await;
    assert_eq!(schemas(list.body), [true, true]);
    let legacy = Legacy::open(&world, "dora", "2025-11-25").await;
    let list = legacy.ask("tools/list", json!({})).await;
    assert_eq!(schemas(list.body), [false, true]);
}

#[tokio::test]
async fn an_endpoint_of_its_own_has_the_server_s_names_and_order() {
    let served = Served::new("crm", all());
    let world = World::serving(&[&served]);
    for (method, kind, own, exposed) in [
        (
            "tools/list",
            "tools",
            &["find", "add"][..],
            &["crm__add", "crm__find"][..],
        ),
        (
            "resources/list",
            "resources",
            &["note:///z", "note:///a"],
            &["crm+note:///a", "crm+note:///z"],
        ),
        (
            "resources/templates/list",
            "resourceTemplates",
            &["note:///{id}"],
            &["crm+note:///{id}"],
        ),
        ("prompts/list", "prompts", &["greet"], &["crm__greet"]),
    ] {
        assert_eq!(listed(&world, Some("crm"), method, kind).await, own);
        let merged = listed(&world, None, method, kind).await;
        let crm: Vec<_> = merged
            .iter()
            .filter(|name| name.starts_with("crm"))
            .collect();
        assert_eq!(crm, exposed);
    }
    for (method, params, target) in [
        ("tools/call", json!({"name": "find"}), "crm__find"),
        (
            "resources/read",
            json!({"uri": "note:///a"}),
            "crm+note:///a",
        ),
        (
            "resources/read",
            json!({"uri": "note:///new"}),
            "crm+note:///new",
        ),
        ("prompts/get", json!({"name": "greet"}), "crm__greet"),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "a", "value": "b"}}),
            "crm__greet",
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/resource", "uri": "note:///{id}"}, "argument": {"name": "id", "value": "b"}}),
            "crm+note:///{id}",
        ),
    ] {
        let answer = modern_at(&world, "crm", "dora", method, params.clone()).await;
        assert!(answer.body["result"].is_object(), "{answer:?}");
        let reached = served.reached().pop().unwrap();
        assert_eq!(
            (reached.target.as_str(), reached.naming),
            (target, Naming::Own)
        );
        let raw: Value = serde_json::from_str(&reached.params).unwrap();
        for (key, value) in params.as_object().unwrap() {
            assert_eq!(raw[key], *value);
        }
        let records = world.records();
        assert!(
            records
                .iter()
                .rev()
                .take(2)
                .any(|record| record["target"] == target)
        );
    }
    // The names of all servers together are none of its own, and what is not its own is not there.
    for name in ["crm__find", "look"] {
        let params = json!({"name": name});
        let unknown = modern_at(&world, "crm", "dora", "tools/call", params).await;
        assert_eq!(unknown.body["error"]["code"], -32602);
    }
    let params = json!({"uri": "durward://guide"});
    let unknown = modern_at(&world, "crm", "dora", "resources/read", params).await;
    assert_eq!(unknown.body["error"]["code"], -32602);
    assert!(
        unknown.body["error"]["message"]
            .as_str()
            .unwrap()
            .ends_with(": durward://guide")
    );
}

#[tokio::test]
async fn a_role_s_rules_hold_at_a_server_s_own_endpoint() {
    let served = Served::new("crm", all());
    let world = World::planned(|plan| {
        plan.servers = vec![served.clone()];
        let (name, settings) = role("boss", &["*"], &["tool:crm__add"], &[]);
        plan.policy.roles.insert(name, settings);
    });
    assert_eq!(
        listed(&world, Some("crm"), "tools/list", "tools").await,
        ["find"]
    );
    let denied = modern_at(&world, "crm", "dora", "tools/call", json!({"name": "add"})).await;
    assert_eq!(denied.body["error"]["code"], -32602);
    assert_eq!(denied.body["error"]["message"], "Unknown tool: add");
    assert!(served.reached().is_empty());
}

#[tokio::test]
async fn an_endpoint_of_its_own_says_what_the_server_says_of_itself() {
    let world = World::serving(&[
        &Served::new("crm", all()),
        &Served::new("mail", Offer::default()),
    ]);
    let merged = modern(&world, "dora", "server/discover", json!({}))
        .await
        .body["result"]
        .clone();
    let instructions = merged["instructions"].as_str().unwrap();
    assert!(instructions.contains("durward guards these tools"));
    assert!(instructions.ends_with("\n\n# crm\n\nAsk for customers by name."));
    let mut keys: Vec<_> = merged["capabilities"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["completions", "logging", "prompts", "resources", "tools"]
    );
    let own = modern_at(&world, "crm", "dora", "server/discover", json!({})).await;
    let own = &own.body["result"];
    assert_eq!(own["instructions"], "Ask for customers by name.");
    assert_eq!(
        own["capabilities"],
        json!({
            "tools": {"listChanged": true},
            "resources": {"subscribe": true, "listChanged": true},
            "experimental": {"x": 1.0},
        })
    );
    // Who may see nothing of it is told nothing of it.
    world.reload(|plan| {
        let (name, settings) = role("boss", &["*"], &["server:crm"], &[]);
        plan.policy.roles.insert(name, settings);
    });
    let told = modern(&world, "dora", "server/discover", json!({}))
        .await
        .body;
    assert!(
        !told["result"]["instructions"]
            .as_str()
            .unwrap()
            .contains("crm")
    );
}

#[tokio::test]
async fn long_instructions_are_cut_where_all_are_together() {
    let offer = Offer {
        instructions: Some("é".repeat(2000)),
        ..all()
    };
    let world = World::serving(&[&Served::new("crm", offer)]);
    let opened = initialize(&world, "dora", "2025-06-18").await.body;
    let text = opened["result"]["instructions"].as_str().unwrap();
    assert_eq!(text.matches('é').count(), 1024);
    let own = modern_at(&world, "crm", "dora", "server/discover", json!({}))
        .await
        .body;
    assert_eq!(
        own["result"]["instructions"]
            .as_str()
            .unwrap()
            .chars()
            .count(),
        2000
    );
}

#[tokio::test]
async fn a_session_is_sealed_to_its_endpoint() {
    let world = World::serving(&[&Served::new("crm", all())]);
    let crm = Endpoint::Server(ServerName::new("crm").unwrap());
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
    let body = super::world::request(&json!(1), "initialize", &params).to_string();
    let opened = sent(world.post_at(&crm, "dora", &[], &body)).await;
    let token = opened.session.unwrap();
    let list = super::world::request(&json!(2), "tools/list", &json!({})).to_string();
    let headers = [("mcp-session-id", token.as_str())];
    let own = sent(world.post_at(&crm, "dora", &headers, &list)).await;
    assert_eq!(names(&own, "tools", "name"), ["find", "add"]);
    assert_eq!(sent(world.post("dora", &headers, &list)).await.status, 404);
    let merged = Legacy::open(&world, "dora", "2025-11-25").await;
    let headers = [("mcp-session-id", merged.token.as_str())];
    assert_eq!(
        sent(world.post_at(&crm, "dora", &headers, &list))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_change_of_an_offer_is_told_in_both_eras_where_it_is_seen() {
    let (crm, mail) = (
        Served::new("crm", all()),
        Served::new("mail", Offer::default()),
    );
    let world = World::serving(&[&crm, &mail]);
    let legacy = Legacy::open(&world, "dora", "2025-11-25").await;
    let wanted = json!({"toolsListChanged": true, "promptsListChanged": true,
        "resourcesListChanged": true, "resourceSubscriptions": ["crm+note:///a"]});
    let (mut listening, _) = Listening::open(&world, "dora", json!(1), wanted).await;
    let subscribed = legacy
        .ask("resources/subscribe", json!({"uri": "crm+note:///a"}))
        .await;
    assert_eq!(subscribed.body["result"], json!({}));

    crm.offers(Offer {
        tools: vec![tool_as("crm__new", "new", "")],
        ..all()
    });
    assert_eq!(
        methods(&listening.heard()),
        ["notifications/tools/list_changed"]
    );
    let headers =
        durward_wire::http1::Headers::from_pairs([("mcp-session-id", legacy.token.as_bytes())]);
    let session = world
        .gate
        .session_of(&world.stand("dora"), &Endpoint::Merged, &headers)
        .unwrap();
    let told = super::world::on_stream(&session.streams, GET_STREAM, 0).await;
    assert_eq!(methods(&told), ["notifications/tools/list_changed"]);
    let called = call(&world, "dora", "crm__new", json!({})).await;
    assert!(called.body["result"]["content"].is_array());

    // Offered anew as it is: nothing to tell. Subscriptions are kept all the while.
    crm.offers(Offer {
        tools: vec![tool_as("crm__new", "new", "")],
        ..all()
    });
    assert_eq!(listening.heard(), Vec::<Value>::new());
    crm.updates("crm+note:///a");
    let heard = listening.heard();
    assert_eq!(methods(&heard), ["notifications/resources/updated"]);
    assert_eq!(heard[0]["params"]["uri"], "crm+note:///a");
    let told = super::world::on_stream(&session.streams, GET_STREAM, 0).await;
    assert_eq!(told.last().unwrap()["params"]["uri"], "crm+note:///a");
}

fn methods(messages: &[Value]) -> Vec<&str> {
    let method = |message: &'_ Value| message["method"].as_str().map(str::len);
    assert!(messages.iter().all(|message| method(message).is_some()));
    messages
        .iter()
        .filter_map(|message| message["method"].as_str())
        .collect()
}

#[tokio::test]
async fn what_is_not_seen_at_an_endpoint_is_not_told_there() {
    let (crm, mail) = (
        Served::new("crm", all()),
        Served::new("mail", Offer::default()),
    );
    let world = World::serving(&[&crm, &mail]);
    let endpoint = Endpoint::Server(ServerName::new("mail").unwrap());
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
    let body = super::world::request(&json!(1), "initialize", &params).to_string();
    let token = sent(world.post_at(&endpoint, "dora", &[], &body))
        .await
        .session
        .unwrap();
    let headers = durward_wire::http1::Headers::from_pairs([("mcp-session-id", token.as_bytes())]);
    let session = world
        .gate
        .session_of(&world.stand("dora"), &endpoint, &headers)
        .unwrap();
    crm.offers(tools(&["other"]));
    let told = super::world::on_stream(&session.streams, GET_STREAM, 0).await;
    assert_eq!(told, Vec::<Value>::new());
    mail.offers(Offer {
        tools: vec![tool_as("mail__send", "send", "")],
        ..Offer::default()
    });
    let told = super::world::on_stream(&session.streams, GET_STREAM, 0).await;
    assert_eq!(methods(&told), ["notifications/tools/list_changed"]);
}

#[tokio::test(start_paused = true)]
async fn lists_wait_once_for_all_servers_of_which_nothing_is_known() {
    let (crm, mail) = (Served::unknown("crm"), Served::unknown("mail"));
    let world = World::serving(&[&crm, &mail]);
    let begun = tokio::time::Instant::now();
    let (first, ()) = tokio::join!(listed(&world, None, "tools/list", "tools"), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        crm.offers(tools(&["find"]));
    });
    assert!(first.contains(&"crm__find".to_owned()));
    let waited = begun.elapsed();
    assert!(
        waited >= Duration::from_secs(2) && waited < Duration::from_secs(4),
        "{waited:?}"
    );
    world.clock.advance(Duration::from_secs(3));
    let begun = tokio::time::Instant::now();
    let list = modern(&world, "dora", "tools/list", json!({})).await.body["result"].clone();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(list["_meta"][STALE], json!(["mail"]));
    assert_eq!(list["ttlMs"], 5000);
}

#[tokio::test(start_paused = true)]
async fn a_call_of_what_nobody_knows_yet_waits_for_its_server() {
    let crm = Served::unknown("crm");
    let world = World::serving(&[&crm]);
    let (called, ()) = tokio::join!(call(&world, "dora", "crm__find", json!({})), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        crm.offers(tools(&["find"]));
    });
    assert!(called.body["result"]["content"].is_array(), "{called:?}");
}

#[tokio::test]
async fn stale_servers_are_named_to_those_who_see_them() {
    let crm = Served::new("crm", all());
    crm.holds(true, None);
    let world = World::planned(|plan| {
        plan.servers = vec![crm.clone()];
        plan.policy.roles.insert(
            role("worker", &["*"], &["server:crm"], &[]).0,
            role("worker", &["*"], &["server:crm"], &[]).1,
        );
    });
    let list = modern(&world, "dora", "resources/list", json!({}))
        .await
        .body["result"]
        .clone();
    assert_eq!(
        (&list["_meta"][STALE], &list["ttlMs"]),
        (&json!(["crm"]), &json!(5000))
    );
    let legacy = Legacy::open(&world, "dora", "2025-03-26").await;
    let told = legacy.ask("tools/list", json!({})).await.body;
    assert_eq!(told["result"]["_meta"][STALE], json!(["crm"]));
    let blind = modern(&world, "alice", "tools/list", json!({})).await.body["result"].clone();
    assert_eq!(
        (&blind["_meta"][STALE], &blind["ttlMs"]),
        (&Value::Null, &json!(60000))
    );

    crm.holds(false, Some(Duration::from_secs(15)));
    let list = modern(&world, "dora", "tools/list", json!({})).await.body["result"].clone();
    assert_eq!(
        (&list["_meta"][STALE], &list["ttlMs"]),
        (&Value::Null, &json!(15000))
    );
}

#[tokio::test]
async fn pages_of_a_server_s_own_list_end_when_it_changes() {
    let own: Vec<String> = (0..1500)
        .rev()
        .map(|number| format!("t{number:04}"))
        .collect();
    let named: Vec<&str> = own.iter().map(String::as_str).collect();
    let crm = Served::new("crm", tools(&named));
    let world = World::serving(&[&crm]);
    let first = modern_at(&world, "crm", "dora", "tools/list", json!({})).await;
    let cursor = first.body["result"]["nextCursor"].clone();
    let second = modern_at(
        &world,
        "crm",
        "dora",
        "tools/list",
        json!({"cursor": cursor}),
    )
    .await;
    let mut all = names(&first, "tools", "name");
    all.extend(names(&second, "tools", "name"));
    assert_eq!(all, own);
    crm.offers(tools(&named[1..]));
    let late = modern_at(
        &world,
        "crm",
        "dora",
        "tools/list",
        json!({"cursor": cursor}),
    )
    .await;
    assert_eq!(late.body["error"]["code"], -32602);
}

#[tokio::test]
async fn names_that_collide_are_refused_at_a_reload_and_left_out_at_run_time() {
    let one = |exposed: &str| Offer {
        tools: vec![tool_as(exposed, "find", "")],
        ..Offer::default()
    };
    let (crm, mail) = (
        Served::new("crm", one("crm__find")),
        Served::new("mail", Offer::default()),
    );
    let world = World::serving(&[&crm, &mail]);
    mail.offers(one("CRM__Find"));
    assert_eq!(
        listed(&world, None, "tools/list", "tools")
            .await
            .iter()
            .filter(|name| name.eq_ignore_ascii_case("crm__find"))
            .collect::<Vec<_>>(),
        ["crm__find"]
    );
    assert_eq!(
        listed(&world, Some("mail"), "tools/list", "tools").await,
        Vec::<String>::new()
    );
    let flaws = world.gate.flaws();
    assert_eq!(flaws[0].provider.as_str(), "mail");
    assert_eq!(
        flaws[0].why,
        "`crm__find` and `CRM__Find` differ only in case"
    );
    let why = world.refused_reload(|_| {});
    assert!(
        why.contains("the tools `crm__find` and `CRM__Find` differ only in case"),
        "{why}"
    );
    mail.offers(Offer {
        tools: vec![
            tool_as("mail__get", "get", ""),
            tool_as("mail__g_t_abcdef", "g\u{435}t", ""),
        ],
        ..Offer::default()
    });
    assert_eq!(
        listed(&world, Some("mail"), "tools/list", "tools").await,
        ["get"]
    );
    // What one server does to itself stops nobody.
    mail.offers(Offer {
        tools: vec![tool_as("mail__a", "a", ""), tool_as("mail__A", "A", "")],
        ..Offer::default()
    });
    world.reload(|_| {});
    assert_eq!(
        listed(&world, Some("mail"), "tools/list", "tools").await,
        ["a"]
    );
}

#[tokio::test]
async fn a_bare_uri_is_taken_where_one_server_alone_lists_it() {
    let of = |server: &str| Offer {
        resources: vec![resource(server, "note:///a")],
        ..Offer::default()
    };
    let (crm, mail) = (
        Served::new("crm", of("crm")),
        Served::new("mail", Offer::default()),
    );
    let world = World::serving(&[&crm, &mail]);
    let read = || {
        modern(
            &world,
            "dora",
            "resources/read",
            json!({"uri": "note:///a"}),
        )
    };
    assert!(read().await.body["result"].is_object());
    assert_eq!(crm.reached()[0].operation, Operation::ReadResource);
    assert_eq!(crm.reached()[0].target, "crm+note:///a");
    mail.offers(of("mail"));
    assert_eq!(read().await.body["error"]["code"], -32602);
}

#[tokio::test]
async fn a_schema_that_is_none_is_refused_by_its_name() {
    let mut tool = tool_as("crm__find", "find", "");
    tool.input_schema = RawJson::from_static(r#"{"type":"nonsense"}"#);
    let offer = Offer {
        tools: vec![tool],
        ..Offer::default()
    };
    let crm = Served::new("crm", offer);
    let world = World::serving(&[&crm]);
    let refused = call(&world, "dora", "crm__find", json!({})).await;
    assert_eq!(refusal(&refused.body), "unavailable");
    let text = refused.body["result"]["content"][0]["text"]
        .as_str()
        .unwrap();
    assert!(text.contains("not sound JSON Schema"), "{text}");
    assert!(crm.reached().is_empty());
    let flaws = world.gate.flaws();
    assert!(
        flaws[0]
            .why
            .starts_with("the schema of the tool `crm__find`: "),
        "{flaws:?}"
    );
}
