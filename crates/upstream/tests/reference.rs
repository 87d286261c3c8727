//! Links to the conformance suite's reference server: a real SDK, both eras, pipes and HTTP. It is built by
//! `tests/conformance/run`; without it these tests have nothing to talk to, and say so.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use durward_cage::{
    egress::{Connector, EgressSettings},
    launch::{Launcher, Plan},
};
use durward_core::{BoxFuture, Era, LogLevel, ProtocolError, RawJson};
use durward_guard::egress::{EgressRules, Target as Address};
use durward_upstream::{
    Command, EraPin, Exchange, Headers, Hears, Link, LinkLimits, Outcome, Pinned, Reach, Target,
    Url,
};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

fn reference() -> Option<String> {
    let built = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/reference/release/reference-upstream");
    let path = std::env::var_os("DURWARD_REFERENCE").map_or(built, PathBuf::from);
    if path.exists() {
        return path.to_str().map(str::to_owned);
    }
    eprintln!("skipped: {} is not built", path.display());
    None
}

fn raw(text: &str) -> RawJson {
    RawJson::from_scanned(text.into())
}

fn target(reach: Reach) -> Target {
    Target {
        reach,
        era: EraPin::Auto,
        capabilities: raw(r#"{"elicitation":{},"sampling":{},"roots":{}}"#),
        shared: true,
        limits: LinkLimits::default(),
    }
}

#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Hears for Ear {
    fn notified(&self, method: &str, _: &RawJson) {
        self.0.lock().unwrap().push(method.to_owned());
    }
}

struct Client {
    capabilities: RawJson,
    told: Mutex<Vec<&'static str>>,
    asked: Mutex<Vec<String>>,
}

impl Client {
    fn new() -> Self {
        Self {
            capabilities: raw(r#"{"elicitation":{},"sampling":{},"roots":{}}"#),
            told: Mutex::default(),
            asked: Mutex::default(),
        }
    }
}

impl Exchange for Client {
    fn client_capabilities(&self) -> &RawJson {
        &self.capabilities
    }

    fn log_level(&self) -> Option<LogLevel> {
        Some(LogLevel::Debug)
    }

    fn wants_progress(&self) -> bool {
        true
    }

    fn caller(&self) -> Option<u64> {
        Some(1)
    }

    fn progress(&self, _: &RawJson) {
        self.told.lock().unwrap().push("progress");
    }

    fn log(&self, _: &RawJson) {
        self.told.lock().unwrap().push("log");
    }

    fn ask<'a>(
        &'a self,
        method: &'a str,
        _: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, ProtocolError>> {
        self.asked.lock().unwrap().push(method.to_owned());
        let answer = r#"{"action":"accept","content":{"username":"ada","email":"a@b.c"}}"#;
        Box::pin(async move { Ok(raw(answer)) })
    }
}

async fn call(link: &Link, tool: &str, client: &Client) -> Value {
    let params = raw(&format!(
        r#"{{"name":"{tool}","arguments":{{"message":"?","prompt":"?"}}}}"#
    ));
    match link.call("tools/call", &params, client).await.unwrap() {
        Outcome::Result(result) => result.parse().unwrap(),
        Outcome::Error(error) => panic!("{tool}: {error:?}"),
    }
}

/// What every pairing of era and transport can do.
async fn exercise(target: &Target, era: Era) {
    let ear = Arc::new(Ear::default());
    let link = Link::open(target, Arc::clone(&ear) as _, None)
        .await
        .unwrap();
    assert_eq!(link.hello().era(), era);
    let client = Client::new();
    let params = RawJson::empty_object();
    let Outcome::Result(tools) = link.call("tools/list", &params, &client).await.unwrap() else {
        panic!("no list");
    };
    assert!(tools.as_str().contains("test_simple_text"));
    let answer = call(&link, "test_simple_text", &client).await;
    assert!(answer["content"][0]["text"].is_string(), "{answer}");

    call(&link, "test_tool_with_progress", &client).await;
    let progress = client
        .told
        .lock()
        .unwrap()
        .drain(..)
        .filter(|kind| *kind == "progress")
        .count();
    assert_eq!(progress, 3, "{era:?} {:?}", link.counts());
    if era == Era::Legacy {
        let level = raw(r#"{"level":"debug"}"#);
        link.call("logging/setLevel", &level, &client)
            .await
            .unwrap();
    }
    call(&link, "test_tool_with_logging", &client).await;
    let logs = client
        .told
        .lock()
        .unwrap()
        .drain(..)
        .filter(|kind| *kind == "log")
        .count();
    assert_eq!(logs, 3);

    let answer = call(&link, "test_elicitation", &client).await;
    let asked = client.asked.lock().unwrap().clone();
    if era == Era::Legacy {
        assert_eq!(asked, ["elicitation/create"]);
        assert!(
            answer["content"][0]["text"]
                .as_str()
                .unwrap()
                .contains("accept"),
            "{answer}"
        );
    } else {
        assert!(asked.is_empty());
        assert_eq!(answer["resultType"], "input_required", "{answer}");
    }
    if era == Era::Legacy {
        call(&link, "test_reconnection", &client).await;
        call(&link, "test_trigger_tool_change", &client).await;
        while !ear
            .0
            .lock()
            .unwrap()
            .contains(&"notifications/tools/list_changed".to_owned())
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert_eq!(link.counts().strays, 0);
    link.close().await;
}

#[tokio::test]
async fn programs_of_both_eras() {
    let Some(reference) = reference() else { return };
    for (flag, era) in [
        ("legacy", Era::Legacy),
        ("modern", Era::Modern),
        ("both", Era::Modern),
    ] {
        let plan = Plan::new([reference.as_str(), "--stdio", "--era", flag]);
        exercise(
            &target(Reach::Command(Command::new(Launcher::new(), plan))),
            era,
        )
        .await;
    }
}

#[tokio::test]
async fn endpoints_of_both_eras() {
    let Some(reference) = reference() else { return };
    for (flag, era) in [
        ("legacy", Era::Legacy),
        ("modern", Era::Modern),
        ("both", Era::Modern),
    ] {
        let plan = Plan::new([reference.as_str(), "--http", "127.0.0.1:0", "--era", flag]);
        let mut child = Launcher::new().spawn(&plan).await.unwrap();
        let mut lines = BufReader::new(&mut child.stdout).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap();
        let settings = EgressSettings {
            rules: EgressRules {
                written_urls: vec![url.to_owned()],
                ..EgressRules::default()
            },
            ..EgressSettings::default()
        };
        let reach = Reach::Url(Box::new(Url {
            target: Address::parse(url).unwrap(),
            transport: Pinned::Auto,
            connector: Connector::new(settings).unwrap(),
            headers: Headers::default(),
            auth: None,
        }));
        exercise(&target(reach), era).await;
        child.stop(Duration::from_secs(1)).await;
    }
}
