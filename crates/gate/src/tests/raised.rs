//! A tool whose tier depends on its arguments.

use durward_guard::limit::LimitsSettings;
use serde_json::{Value, json};

use super::{
    clients::{Modern, call},
    world::{World, refusal, role, sent},
};

const GET: fn() -> Value = || json!({"method": "GET"});
const POST: fn() -> Value = || json!({"method": "POST"});

async fn guide(world: &World, who: &str) -> String {
    let params = json!({"uri": "durward://guide"});
    let request = Modern::new(json!(1), "resources/read", params);
    let body = sent(request.post(world, who)).await.body;
    let text = &body["result"]["contents"][0]["text"];
    text.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_may_read_calls_it_as_far_as_it_reads() {
    let world = World::new();
    for arguments in [json!({}), GET(), json!({"verb": "GET"})] {
        let done = call(&world, "carol", "fetch", arguments).await;
        assert_eq!(done.body["result"]["content"][0]["text"], "seen");
    }
    let refused = call(&world, "carol", "fetch", POST()).await.body;
    assert_eq!(refusal(&refused), "denied");
    let sentence = refused["result"]["content"][0]["text"].as_str().unwrap();
    assert_eq!(
        sentence,
        "Your roles allow this tool only where `method` is GET."
    );
    let done = call(&world, "alice", "fetch", POST()).await;
    assert_eq!(refusal(&done.body), "");
}

#[tokio::test]
async fn the_record_has_the_tier_that_the_arguments_make() {
    let world = World::new();
    for (who, arguments, kind, tier) in [
        ("carol", POST(), "refusal", "operate"),
        ("alice", GET(), "intent", "read"),
        ("alice", POST(), "intent", "operate"),
        ("alice", json!({"verb": "PUT"}), "intent", "operate"),
    ] {
        call(&world, who, "fetch", arguments.clone()).await;
        let records = world.records();
        let last = records
            .iter()
            .rfind(|record| record["target"] == "fetch")
            .unwrap();
        assert_eq!(
            (&last["kind"], &last["tier"]),
            (&json!(kind), &json!(tier)),
            "{arguments}"
        );
    }
}

#[tokio::test]
async fn what_is_raised_is_written_down_before_it_is_done() {
    let world = World::new();
    call(&world, "alice", "fetch", POST()).await;
    let seen = world.watched.seen();
    let last = seen[0].journal.last().unwrap();
    assert_eq!(
        (&last["kind"], &last["target"]),
        (&json!("intent"), &json!("fetch"))
    );
}

#[tokio::test]
async fn a_confirmation_may_be_wanted_of_either() {
    for (confirm, get, post) in [
        ("tier:operate", "", "needs_approval"),
        ("tier:read", "needs_approval", "needs_approval"),
    ] {
        let world = World::planned(|plan| {
            let (name, settings) = role("reader", &["*"], &[], &[confirm]);
            plan.policy.roles.insert(name, settings);
        });
        let of = async |arguments| {
            let body = call(&world, "carol", "fetch", arguments).await.body;
            refusal(&body).to_owned()
        };
        assert_eq!(
            (of(GET()).await.as_str(), of(POST()).await.as_str()),
            (get, post)
        );
    }
}

#[tokio::test]
async fn who_may_not_read_does_not_see_it() {
    let world = World::planned(|plan| {
        let (name, settings) = role("reader", &["tier:operate"], &[], &[]);
        plan.policy.roles.insert(name, settings);
        plan.limits = LimitsSettings::default();
    });
    let refused = call(&world, "carol", "fetch", POST()).await.body;
    assert_eq!(refused["error"]["message"], "Unknown tool: fetch");
}

#[tokio::test]
async fn the_guide_says_what_arguments_make_of_it() {
    let world = World::new();
    let reader = guide(&world, "carol").await;
    assert!(
        reader.contains("- `fetch` (changes nothing; not for you: method other than GET)"),
        "{reader}"
    );
    assert!(reader.contains("There is something to watch."), "{reader}");
    let worker = guide(&world, "alice").await;
    assert!(
        worker.contains("- `fetch` (changes nothing; method other than GET: changes things)"),
        "{worker}"
    );
}

#[tokio::test]
async fn a_note_is_for_those_who_see_a_tool_of_its_provider() {
    let world = World::planned(|plan| {
        let (name, settings) = role("reader", &["resource:**"], &[], &[]);
        plan.policy.roles.insert(name, settings);
    });
    let blind = guide(&world, "carol").await;
    assert!(!blind.contains("There is something to watch."), "{blind}");
}
