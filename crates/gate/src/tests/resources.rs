//! Resources that a template covers: who reaches them, under which name, and who hears of a change.

use serde_json::{Value, json};

use super::{
    clients::{Legacy, modern, names},
    listen::Listening,
    pipe::Line,
    world::{ERIN_LASTS, World, on_stream, request, role},
};
use crate::{Endpoint, stream::GET_STREAM};

async fn read(world: &World, who: &str, uri: &str) -> Value {
    let params = json!({"uri": uri});
    modern(world, who, "resources/read", params).await.body
}

fn with_role(allow: &'static [&'static str], deny: &'static [&'static str]) -> World {
    World::planned(|plan| plan.policy.roles.extend([role("worker", allow, deny, &[])]))
}

#[tokio::test]
async fn what_a_template_covers_takes_the_walk_under_its_provider_s_name() {
    let world = World::new();
    for uri in ["thing:///a/b", "thing:///also/a/b"] {
        assert!(
            read(&world, "alice", uri).await["result"].is_object(),
            "{uri}"
        );
        assert_eq!(world.watched.seen().pop().unwrap().name, "thing:///a/b");
    }
    let records = format!("{:?}", world.records());
    assert!(
        records.contains("thing:///a/b") && !records.contains("also"),
        "{records}"
    );
    let refused = read(&world, "alice", "thing:///../x").await;
    assert_eq!(refused["error"]["data"]["code"], "path_outside_root");
    assert_eq!(world.last_status(), "refused");
    assert!(!world.watched.saw("thing:///../x"));
}

#[tokio::test]
async fn roles_judge_each_uri_by_all_its_names() {
    for (allow, deny, open, shut) in [
        (&["resource:thing:///docs/**"][..], &[][..], "docs/a", "a"),
        (
            &["resource:thing:///**"],
            &["resource:thing:///secret/**"],
            "a",
            "also/secret/a",
        ),
        (
            &["resource:thing:///**"],
            &["resource:thing:///host/secret/**"],
            "a",
            "secret/a",
        ),
        (&["resource:thing:///host/docs/*"], &[], "docs/a", "a"),
    ] {
        let world =
            World::planned(|plan| plan.policy.roles.extend([role("worker", allow, deny, &[])]));
        let may = read(&world, "alice", &format!("thing:///{open}")).await;
        assert!(may["result"].is_object(), "{allow:?} {deny:?}: {may}");
        let before = world.watched.seen().len();
        let may_not = read(&world, "alice", &format!("thing:///{shut}")).await;
        assert_eq!(may_not["error"]["code"], -32602, "{allow:?} {deny:?}");
        assert_eq!(world.watched.seen().len(), before);
    }
}

#[tokio::test]
async fn a_template_is_listed_where_something_below_it_can_be_read() {
    for (allow, deny, listed) in [
        (&["*"][..], &[][..], true),
        (&["resource:thing:///docs/**"], &[], true),
        (&["tool:*"], &[], false),
        (&["*"], &["resource:thing:**"], false),
        (&["*"], &["resource:thing:///docs/**"], true),
        (&["*"], &["resource:thing:///host/**"], false),
    ] {
        let world =
            World::planned(|plan| plan.policy.roles.extend([role("worker", allow, deny, &[])]));
        let list = modern(&world, "alice", "resources/templates/list", json!({})).await;
        let patterns = names(&list, "resourceTemplates", "uriTemplate");
        assert_eq!(
            patterns.contains(&"thing:///{+path}".to_owned()),
            listed,
            "{allow:?} {deny:?}"
        );
        // Who does not know of the template does not hear why a URI of it is wrong.
        let wrong = read(&world, "alice", "thing:///..").await;
        let code = if listed { 403 } else { -32602 };
        assert_eq!(wrong["error"]["code"], code, "{allow:?} {deny:?}");
    }
}

#[tokio::test]
async fn completing_a_path_is_judged_by_the_folder_that_was_typed() {
    let world = with_role(&["resource:thing:///**"], &["resource:thing:///secret/**"]);
    for (value, folder) in [
        ("a", "thing:///"),
        ("a b/c", "thing:///a%20b/"),
        ("d/e/", "thing:///d/e/"),
    ] {
        let params = json!({"ref": {"type": "ref/resource", "uri": "thing:///{+path}"},
            "argument": {"name": "path", "value": value}});
        let sent = modern(&world, "alice", "completion/complete", params).await;
        assert_eq!(sent.body["result"]["completion"]["values"], json!(["a"]));
        let seen = world.watched.seen().pop().unwrap();
        assert_eq!(
            (seen.name.as_str(), &seen.arguments["value"]),
            (folder, &json!(value))
        );
    }
    let before = world.watched.seen().len();
    for value in ["secret/", "../", "secret/x"] {
        let params = json!({"ref": {"type": "ref/resource", "uri": "thing:///{+path}"},
            "argument": {"name": "path", "value": value}});
        let sent = modern(&world, "alice", "completion/complete", params).await;
        assert!(sent.body["error"].is_object(), "{value}");
    }
    assert_eq!(world.watched.seen().len(), before);
    let params = json!({"ref": {"type": "ref/resource", "uri": "note://{name}"},
        "argument": {"name": "name", "value": "o"}});
    let sent = modern(&world, "carol", "completion/complete", params.clone()).await;
    assert!(sent.body["result"].is_object(), "{:?}", sent.body);
    let sent = modern(&world, "alice", "completion/complete", params).await;
    assert!(sent.body["error"].is_object(), "alice does not see it");
}

async fn hears(world: &World, client: &Legacy<'_>) -> Vec<Value> {
    let headers =
        durward_wire::http1::Headers::from_pairs([("mcp-session-id", client.token.as_bytes())]);
    let session = world
        .gate
        .session_of(&world.stand(client.who), &Endpoint::Merged, &headers)
        .unwrap();
    let all = on_stream(&session.streams, GET_STREAM, session.streams.unread()).await;
    all.iter()
        .filter(|it| it["method"] == "notifications/resources/updated")
        .map(|it| it["params"]["uri"].clone())
        .collect()
}

#[tokio::test]
async fn a_session_hears_of_what_it_subscribed_to_under_the_name_that_it_used() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    for uri in ["thing:///a", "thing:///also/b"] {
        let sent = client.ask("resources/subscribe", json!({"uri": uri})).await;
        assert_eq!(sent.body["result"], json!({}));
    }
    for _ in 0..3 {
        world.watched.change("thing:///a");
    }
    world.watched.change("thing:///b");
    world.watched.change("thing:///c");
    // What waits for a reader is merged, each resource for itself.
    assert_eq!(
        hears(&world, &client).await,
        ["thing:///a", "thing:///also/b"]
    );
    client
        .ask("resources/unsubscribe", json!({"uri": "thing:///a"}))
        .await;
    assert_eq!(world.watched.watching(), 1);
    let refused = client
        .ask("resources/subscribe", json!({"uri": "thing:///../x"}))
        .await;
    assert!(refused.body["error"].is_object());
    assert_eq!(world.watched.watching(), 1);
}

#[tokio::test]
async fn a_watch_ends_with_its_session_its_connection_and_its_listen() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    client
        .ask("resources/subscribe", json!({"uri": "thing:///a"}))
        .await;
    assert_eq!(
        (world.watched.watching(), world.gate.watches.count()),
        (1, 1)
    );
    let headers =
        durward_wire::http1::Headers::from_pairs([("mcp-session-id", client.token.as_bytes())]);
    let session = world
        .gate
        .session_of(&world.stand("alice"), &Endpoint::Merged, &headers)
        .unwrap();
    world.gate.end(&session).unwrap();
    assert_eq!(
        (world.watched.watching(), world.gate.watches.count()),
        (0, 0)
    );

    let mut line = Line::opened(&world, "alice", "2025-06-18").await;
    line.ask(&request(
        &json!(1),
        "resources/subscribe",
        &json!({"uri": "thing:///a"}),
    ))
    .await;
    world.watched.change("thing:///a");
    assert_eq!(line.next().await["params"], json!({"uri": "thing:///a"}));
    drop(line);
    assert_eq!(world.watched.watching(), 0);

    let wanted =
        json!({"resourceSubscriptions": ["thing:///a", "thing:///../b", "thing:///also/c"]});
    let (mut listening, params) = Listening::open(&world, "alice", json!(1), wanted).await;
    assert_eq!(
        params["notifications"]["resourceSubscriptions"],
        json!(["thing:///a", "thing:///also/c"])
    );
    world.watched.change("thing:///c");
    let told = listening.heard();
    assert_eq!(
        (told.len(), &told[0]["params"]["uri"]),
        (1, &json!("thing:///also/c"))
    );
    drop(listening);
    assert_eq!(
        (world.watched.watching(), world.gate.watches.count()),
        (0, 0)
    );
}

#[tokio::test]
async fn who_may_not_read_it_any_more_hears_nothing() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    client
        .ask("resources/subscribe", json!({"uri": "thing:///a"}))
        .await;
    client
        .ask("resources/subscribe", json!({"uri": "thing:///b"}))
        .await;
    let wanted = || json!({"resourceSubscriptions": ["thing:///a"]});
    let (mut listening, _) = Listening::open(&world, "alice", json!(1), wanted()).await;
    let (mut erin, _) = Listening::open(&world, "erin", json!(1), wanted()).await;
    let shut = role("worker", &["*"], &["resource:thing:///a"], &[]);
    world.reload(|plan| plan.policy.roles.extend([shut]));
    assert_eq!(world.watched.watching(), 1, "b, which may still be read");
    world.watched.change("thing:///a");
    world.watched.change("thing:///b");
    let told = hears(&world, &client).await;
    assert!(
        told.contains(&json!("thing:///b")) && !told.contains(&json!("thing:///a")),
        "{told:?}"
    );
    for heard in [listening.heard(), erin.heard()] {
        assert!(
            heard
                .iter()
                .all(|it| it["method"] != "notifications/resources/updated"),
            "{heard:?}"
        );
    }
}

#[tokio::test]
async fn an_expired_key_hears_nothing() {
    let world = World::new();
    let client = Legacy::open(&world, "erin", "2025-11-25").await;
    client
        .ask("resources/subscribe", json!({"uri": "thing:///a"}))
        .await;
    let headers =
        durward_wire::http1::Headers::from_pairs([("mcp-session-id", client.token.as_bytes())]);
    let session = world
        .gate
        .session_of(&world.stand("erin"), &Endpoint::Merged, &headers)
        .unwrap();
    world.clock.advance(ERIN_LASTS);
    world.watched.change("thing:///a");
    let told = on_stream(&session.streams, GET_STREAM, session.streams.unread()).await;
    assert_eq!(told, Vec::<Value>::new());
    assert_eq!(world.watched.watching(), 0);
}

#[tokio::test]
async fn so_many_are_watched_for_one_caller_and_no_more() {
    let world = World::new();
    let many = |from: u32| {
        let uris: Vec<_> = (from..from + 256)
            .map(|n| format!("thing:///{n}"))
            .collect();
        json!({"resourceSubscriptions": uris})
    };
    let mut open = Vec::new();
    for from in [0, 256] {
        open.push(Listening::open(&world, "alice", json!(from), many(from)).await);
    }
    let one = || json!({"resourceSubscriptions": ["thing:///x"]});
    let (_listening, params) = Listening::open(&world, "alice", json!("x"), one()).await;
    assert_eq!(params["notifications"], json!({}), "no more for alice");
    let (_listening, params) = Listening::open(&world, "bob", json!("x"), one()).await;
    assert_eq!(params["notifications"], one());
    world.reload(|_| {});
    assert_eq!(
        (world.watched.watching(), world.gate.watches.count()),
        (513, 513)
    );
    open.pop();
    let (_listening, params) = Listening::open(&world, "alice", json!("y"), one()).await;
    assert_eq!(params["notifications"], one());
}

#[tokio::test]
async fn sessions_that_nobody_uses_any_more_make_room() {
    let world = World::new();
    for from in [0, 256] {
        let client = Legacy::open(&world, "alice", "2025-11-25").await;
        for n in from..from + 256 {
            let uri = format!("thing:///{n}");
            client.ask("resources/subscribe", json!({"uri": uri})).await;
        }
    }
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let one = || json!({"uri": "thing:///x"});
    let refused = client.ask("resources/subscribe", one()).await;
    assert_eq!(refused.body["error"]["data"]["detail"], "too_many_watches");
    world.clock.advance(std::time::Duration::from_secs(1800));
    let done = client.ask("resources/subscribe", one()).await;
    assert_eq!(done.body["result"], json!({}));
    assert_eq!(
        (world.watched.watching(), world.gate.watches.count()),
        (1, 1)
    );
}
