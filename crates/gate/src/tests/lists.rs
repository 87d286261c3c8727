//! What is listed is exactly what can be called, whatever the policy says.

use std::{cell::Cell, collections::BTreeSet};

use durward_core::Provider;
use durward_guard::{
    limit::ToolTable,
    policy::{Combine, RoleSettings},
};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use serde_json::json;

use super::{
    clients::{Legacy, call, modern, names},
    world::{World, refusal, role},
};

const SELECTORS: [&str; 14] = [
    "*",
    "tier:read",
    "tier:operate",
    "tier:danger",
    "tool:*",
    "tool:look",
    "tool:s*",
    "tool:change",
    "server:watched",
    "server:durward",
    "resource:note://**",
    "resource:durward://guide",
    "prompt:greet",
    "prompt:*",
];

/// An allow, a deny and a confirm list for each of two roles.
fn roles() -> impl Strategy<Value = [RoleSettings; 2]> {
    let list = |most| vec(select(&SELECTORS[..]).prop_map(str::to_owned), 0..most);
    let one = move || {
        (list(4), list(2), list(3)).prop_map(|(allow, deny, confirm)| RoleSettings {
            allow,
            deny,
            confirm,
            ..RoleSettings::default()
        })
    };
    [one(), one()]
}

#[test]
fn what_is_listed_is_exactly_what_can_be_called() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let combine = select(&[Combine::Union, Combine::Intersect][..]);
    let config = ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let listed = Cell::new(0);
    TestRunner::new(config)
        .run(&(roles(), combine), |(roles, combine)| {
            let [first, second] = roles;
            world.reload(|plan| {
                plan.limits.tools = ToolTable::default();
                let policy = &mut plan.policy;
                policy.combine = combine;
                policy.roles.insert(role("one", &[], &[], &[]).0, first);
                policy.roles.insert(role("two", &[], &[], &[]).0, second);
                let carol = plan
                    .keys
                    .iter_mut()
                    .find(|key| key.label == "carol")
                    .unwrap();
                carol.roles = ["one", "two"]
                    .map(|name| role(name, &[], &[], &[]).0)
                    .into();
            });
            listed.set(listed.get() + runtime.block_on(compare(&world))?);
            Ok(())
        })
        .unwrap();
    assert!(listed.get() > 0, "some policy showed something");
}

/// Asks for everything there is; gives how much of it was listed.
async fn compare(world: &World) -> Result<usize, TestCaseError> {
    let who = "carol";
    let list = modern(world, who, "tools/list", json!({})).await;
    let tools: BTreeSet<_> = names(&list, "tools", "name").into_iter().collect();
    let offer = world.watched.offer();
    for tool in &offer.tools {
        // Unsound for all of them: what is let through goes no further than the schema.
        let sent = call(world, who, tool.name.as_str(), json!({"unknown": 1})).await;
        let is_there = tools.contains(tool.name.as_str());
        let expected = if is_there { "invalid_arguments" } else { "" };
        prop_assert_eq!(
            refusal(&sent.body),
            expected,
            "{}: {}",
            tool.name,
            sent.body
        );
        prop_assert_eq!(
            sent.body["error"]["code"] == -32602,
            !is_there,
            "{}",
            sent.body
        );
    }
    let list = modern(world, who, "resources/list", json!({})).await;
    let resources = names(&list, "resources", "uri");
    for uri in ["note://one", "durward://guide", "note://none"] {
        let sent = modern(world, who, "resources/read", json!({"uri": uri})).await;
        let unknown = sent.body["error"]["code"] == -32602;
        prop_assert_eq!(
            !unknown,
            resources.iter().any(|it| it == uri),
            "{}",
            sent.body
        );
    }
    let list = modern(world, who, "prompts/list", json!({})).await;
    let prompts = names(&list, "prompts", "name");
    let sent = modern(world, who, "prompts/get", json!({"name": "greet"})).await;
    let unknown = sent.body["error"]["code"] == -32602;
    prop_assert_eq!(unknown, prompts.is_empty(), "{}", sent.body);
    Ok(tools.len() + resources.len() + prompts.len())
}

#[tokio::test]
async fn an_alias_is_never_listed_and_what_is_denied_is_as_if_it_were_not_there() {
    let world = World::new();
    let list = modern(&world, "alice", "tools/list", json!({})).await;
    let tools = names(&list, "tools", "name");
    assert!(
        tools.is_sorted() && tools.contains(&"look".to_owned()),
        "{tools:?}"
    );
    assert!(!tools.contains(&"peek".to_owned()) && !tools.contains(&"elsewhere".to_owned()));
    let denied = call(&world, "alice", "elsewhere", json!({})).await.body["error"].to_string();
    let absent = call(&world, "alice", "elsewherf", json!({})).await.body["error"].to_string();
    assert_eq!(denied.replace("elsewhere", "elsewherf"), absent);
}

#[tokio::test]
async fn a_cursor_that_is_none_of_ours_is_refused() {
    let world = World::new();
    let legacy = Legacy::open(&world, "alice", "2025-06-18").await;
    let of_prompts = durward_wire::cursor::encode(durward_wire::cursor::ListKind::Prompts, "a");
    for cursor in [json!("garbage"), json!(""), json!(7), json!(of_prompts)] {
        let params = json!({"cursor": cursor});
        let sent = modern(&world, "alice", "tools/list", params.clone()).await;
        assert_eq!(
            (sent.status, &sent.body["error"]["code"]),
            (200, &json!(-32602)),
            "{cursor}"
        );
        let sent = legacy.ask("tools/list", params).await;
        assert_eq!(
            (sent.status, &sent.body["error"]["code"]),
            (200, &json!(-32602)),
            "{cursor}"
        );
    }
    let after_look = durward_wire::cursor::encode(durward_wire::cursor::ListKind::Tools, "look");
    let sent = modern(&world, "alice", "tools/list", json!({"cursor": after_look})).await;
    let tools = names(&sent, "tools", "name");
    assert_eq!(
        tools,
        [
            "panics",
            "panics_at_once",
            "single",
            "slow",
            "strict",
            "tagged"
        ]
    );
}

#[tokio::test]
async fn a_revision_sees_what_it_knows() {
    let world = World::new();
    for (revision, members) in [
        ("2024-11-05", vec!["description", "inputSchema", "name"]),
        (
            "2025-03-26",
            vec!["annotations", "description", "inputSchema", "name"],
        ),
        (
            "2025-06-18",
            vec![
                "_meta",
                "annotations",
                "description",
                "inputSchema",
                "name",
                "outputSchema",
                "title",
            ],
        ),
    ] {
        let client = Legacy::open(&world, "alice", revision).await;
        let list = client.ask("tools/list", json!({})).await;
        let tools = list.body["result"]["tools"].as_array().unwrap();
        let strict = tools.iter().find(|tool| tool["name"] == "strict").unwrap();
        let mut held: Vec<_> = strict.as_object().unwrap().keys().collect();
        held.sort();
        assert_eq!(held, members, "{revision}");
    }
}
