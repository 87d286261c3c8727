//! Programs that really run.

use durward_cage::launch::{Launcher, Plan};
use durward_core::Era;

use super::{Client, Ear, raw, result};
use crate::{Command, EraPin, Link, LinkLimits, Reach, Target};

/// A legacy server of five lines: it answers the first request with an error, is initialised, and then
/// answers whatever comes with its own process id.
const SERVER: &str = r#"
read discover; printf '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}\n'
read initialize; printf '{"jsonrpc":"2.0","id":2,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}\n'
read initialized; echo "ready" >&2
while read line; do id=${line#*\"id\":}; printf '{"jsonrpc":"2.0","id":%s,"result":{"pid":%s}}\n' "${id%%,*}" $$; done
"#;

fn target(script: &str) -> Target {
    let plan = Plan::new(["sh", "-c", script]).inherit(["PATH"]);
    Target {
        reach: Reach::Command(Command::new(Launcher::new(), plan)),
        era: EraPin::Auto,
        capabilities: raw("{}"),
        shared: true,
        limits: LinkLimits::default(),
    }
}

#[tokio::test]
async fn a_program_is_called_and_stopped() {
    let link = Link::open(&target(SERVER), Ear::new(), None).await.unwrap();
    assert_eq!(link.hello().era(), Era::Legacy);
    let client = Client::of(1);
    let first = result(&link, "tools/call", "{}", &client).await;
    assert_eq!(result(&link, "tools/call", "{}", &client).await, first);
    assert_eq!(link.stderr_tail(), "ready\n");
    link.close().await;
}

#[tokio::test]
async fn a_line_without_an_end_is_the_end_of_its_program_alone() {
    let floods = SERVER.replace(
        "while read line; do",
        "read line; exec tr '\\0' x </dev/zero; while read line; do",
    );
    let mut flood = target(&floods);
    flood.limits.message = 1 << 20;
    let link = Link::open(&flood, Ear::new(), None).await.unwrap();
    let other = Link::open(&target(SERVER), Ear::new(), None).await.unwrap();
    let client = Client::of(1);
    let fault = link
        .call("tools/call", &raw("{}"), &client)
        .await
        .unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("too_long", true));
    result(&other, "tools/call", "{}", &client).await;
    link.close().await;
}

#[tokio::test]
async fn a_flood_on_standard_error_holds_up_nobody() {
    let complains = SERVER.replace(
        "while read line; do",
        "yes 'no cheese' >&2 & while read line; do",
    );
    let link = Link::open(&target(&complains), Ear::new(), None)
        .await
        .unwrap();
    let client = Client::of(1);
    for _ in 0..20 {
        result(&link, "tools/call", "{}", &client).await;
    }
    while link.stderr_tail().len() < 64 * 1024 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert!(link.stderr_tail().contains("no cheese"));
    link.close().await;
}

#[tokio::test]
async fn what_can_not_be_started_says_so() {
    let plan = Plan::new(["/nowhere/durward-test"]);
    let mut target = target("");
    target.reach = Reach::Command(Command::new(Launcher::new(), plan));
    let fault = Link::open(&target, Ear::new(), None).await.err().unwrap();
    assert_eq!((fault.kind.word(), fault.ran), ("not_started", false));
}

#[tokio::test]
async fn how_it_ended_is_told() {
    let script = format!("{SERVER}\nexit 3");
    let dies = script.replace(
        "while read line; do",
        "read line; exit 3; while read line; do",
    );
    let link = Link::open(&target(&dies), Ear::new(), None).await.unwrap();
    let fault = link
        .call("tools/call", &raw("{}"), &Client::of(1))
        .await
        .unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("died", true));
    assert!(fault.to_string().contains("exit code 3"), "{fault}");
    assert_eq!(link.gone().await.kind.word(), "died");
}
