//! Each stage keeps a promise that nothing else keeps: without it, the promise is broken.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use durward_core::{Answer, Cancel, Client, Door, RawJson, RefusalCode, Revision};
use durward_wire::{
    headers::SentParams,
    meta::RequestMeta,
    scan::{Message, ScanLimits, scan},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::world::{ERIN_LASTS, World, params};
use crate::{
    Endpoint, Session,
    methods::calls,
    pipeline::{Stage, WALK},
    request::{Origin, Speaking},
    session::Unsolicited,
    walk::Ended,
};

/// A stage and the promises that fall with it.
const PROMISES: [(&str, &[&str]); 11] = [
    ("caller", &["an expired key does nothing"]),
    (
        "authorize",
        &[
            "what a role denies is not there",
            "arguments make no more of a tool than a role allows",
        ],
    ),
    ("limits", &["a rate holds"]),
    ("headers", &["headers say what the arguments say"]),
    ("schema", &["unsound arguments reach nobody"]),
    ("roots", &["a client's own roots narrow what it does"]),
    ("ask", &["what must be confirmed is not done unasked"]),
    ("intent", &["what changes something is written down before"]),
    ("provider", &["a call that may be done is done"]),
    ("size", &["a large answer stays inside"]),
    ("outcome", &["an answer that is out is on record"]),
];

#[tokio::test]
async fn with_all_stages_every_promise_holds() {
    assert_eq!(broken(WALK).await, Vec::<&str>::new());
}

#[tokio::test]
async fn without_any_one_stage_its_promise_is_broken() {
    let names: Vec<_> = WALK.iter().map(Stage::name).collect();
    assert_eq!(names, PROMISES.map(|(stage, _)| stage), "all stages");
    for (place, (stage, promises)) in PROMISES.into_iter().enumerate() {
        let mut stages = WALK.to_vec();
        stages.remove(place);
        let broken = broken(&stages).await;
        for promise in promises {
            assert!(broken.contains(promise), "without {stage}: {broken:?}");
        }
    }
}

/// The promises that calls along these stages break.
async fn broken(stages: &[Stage]) -> Vec<&'static str> {
    let on = Along {
        world: World::new(),
        stages,
    };
    let promises = [
        ("a foreign session does nothing", on.foreign().await),
        ("what a role denies is not there", on.denied().await),
        (
            "arguments make no more of a tool than a role allows",
            on.raised().await,
        ),
        ("what nobody offers is not there", on.unknown().await),
        ("a rate holds", on.rate().await),
        ("so many at once and no more", on.concurrency().await),
        ("headers say what the arguments say", on.headers().await),
        ("unsound arguments reach nobody", on.arguments().await),
        (
            "what must be confirmed is not done unasked",
            on.confirm().await,
        ),
        (
            "what changes something is written down before",
            on.intent().await,
        ),
        ("a call that may be done is done", on.done().await),
        ("a client's own roots narrow what it does", on.roots().await),
        ("a large answer stays inside", on.large().await),
        ("an answer that is out is on record", on.outcome().await),
        ("a refusal is one record", on.one_record().await),
        // The last one: it moves the clock.
        ("an expired key does nothing", on.expired().await),
    ];
    let broken = promises.into_iter().filter(|(_, kept)| !kept);
    broken.map(|(promise, _)| promise).collect()
}

struct Along<'a> {
    world: World,
    stages: &'a [Stage],
}

impl Along<'_> {
    async fn call(&self, who: &str, tool: &str, arguments: Value) -> Ended {
        let client = Client::new(Revision::V2026_07_28, RawJson::empty_object(), None);
        let speaking = Speaking::Modern(Arc::new(client));
        self.call_speaking(who, speaking, tool, arguments).await
    }

    async fn call_speaking(
        &self,
        who: &str,
        speaking: Speaking,
        tool: &str,
        arguments: Value,
    ) -> Ended {
        let origin = Origin {
            standing: self.world.stand(who),
            endpoint: Endpoint::Merged,
            door: Door::Http,
            speaking,
            meta: RequestMeta::default(),
            sent_params: Some(SentParams::default()),
        };
        let params = params(&json!({"name": tool, "arguments": arguments}));
        let asked = calls::tool(&origin.standing, &origin.endpoint, &params).unwrap();
        let (gate, cancel) = (&self.world.gate, Cancel::new());
        gate.walk_along(self.stages, &origin, asked, None, &cancel)
            .await
    }

    async fn foreign(&self) -> bool {
        let client = Client::new(Revision::V2025_11_25, RawJson::empty_object(), None);
        let owner = self.world.stand("alice").caller().id.clone();
        let session = Session::new(Uuid::from_u128(1), owner, client, Unsolicited::Get);
        let speaking = Speaking::Legacy(Arc::new(session));
        let ended = self.call_speaking("bob", speaking, "look", json!({"path": "foreign"}));
        is(&ended.await, RefusalCode::Denied, Some("foreign_session"))
            && self.never(json!({"path": "foreign"}))
    }

    async fn denied(&self) -> bool {
        let ended = self.call("alice", "elsewhere", json!({})).await;
        is(&ended, RefusalCode::NotFound, Some("unknown_tool"))
            && !self.world.watched.saw("elsewhere")
    }

    async fn raised(&self) -> bool {
        let more = [json!({"method": "POST"}), json!({"verb": "POST"})];
        for arguments in more {
            let ended = self.call("carol", "fetch", arguments).await;
            if !is(&ended, RefusalCode::Denied, Some("tier")) {
                return false;
            }
        }
        self.never(json!({"method": "POST"}))
    }

    async fn unknown(&self) -> bool {
        let ended = self.call("alice", "nowhere", json!({})).await;
        !matches!(ended, Ended::Answered(_)) && !self.world.watched.saw("nowhere")
    }

    async fn rate(&self) -> bool {
        for _ in 0..2 {
            self.call("alice", "limited", json!({})).await;
        }
        let ended = self.call("alice", "limited", json!({})).await;
        let other = self.call("bob", "limited", json!({})).await;
        is(&ended, RefusalCode::RateLimited, None) && !is(&other, RefusalCode::RateLimited, None)
    }

    async fn concurrency(&self) -> bool {
        let begun = async {
            self.world.watched.begun.notified().await;
            let second = self.call("alice", "single", json!({}));
            let second = tokio::time::timeout(Duration::from_millis(50), second).await;
            second
                .is_ok_and(|ended| is(&ended, RefusalCode::RateLimited, Some("concurrency_limit")))
        };
        tokio::select! {
            biased;
            _ = self.call("alice", "single", json!({})) => false,
            kept = begun => kept,
        }
    }

    async fn headers(&self) -> bool {
        let region = json!({"region": "eu"});
        let ended = self.call("alice", "tagged", region.clone()).await;
        is(
            &ended,
            RefusalCode::InvalidArguments,
            Some("header_mismatch"),
        ) && self.never(region)
    }

    async fn arguments(&self) -> bool {
        let unsound = json!({"value": "seven"});
        let ended = self.call("alice", "change", unsound.clone()).await;
        is(&ended, RefusalCode::InvalidArguments, None) && self.never(unsound)
    }

    async fn confirm(&self) -> bool {
        let ended = self.call("alice", "destroy", json!({})).await;
        is(&ended, RefusalCode::NeedsApproval, None) && !self.world.watched.saw("destroy")
    }

    async fn intent(&self) -> bool {
        self.call("alice", "change", json!({"value": 1})).await;
        self.call("dora", "destroy", json!({})).await;
        ["change", "destroy"].into_iter().all(|tool| {
            let seen = self.world.watched.seen();
            let seen = seen.iter().find(|seen| seen.name == tool);
            let last = seen.and_then(|seen| seen.journal.last());
            last.is_some_and(|last| last["kind"] == "intent" && last["target"] == tool)
        })
    }

    async fn done(&self) -> bool {
        let ended = self.call("alice", "look", json!({"path": "done"})).await;
        let Ended::Answered(Answer::Result(body)) = ended else {
            return false;
        };
        body.as_str().contains("seen") && !self.never(json!({"path": "done"}))
    }

    async fn large(&self) -> bool {
        let ended = self.call("alice", "big", json!({})).await;
        is(&ended, RefusalCode::TooLarge, None)
    }

    async fn outcome(&self) -> bool {
        let path = json!({"path": "outcome"});
        let answered = matches!(
            self.call("alice", "look", path.clone()).await,
            Ended::Answered(_)
        );
        let records = self.world.records();
        let intent = records.iter().find(|record| record["args"] == path);
        let of_call = |record: &&Value| {
            record["kind"] == "outcome" && Some(&record["call"]) == intent.map(|it| &it["call"])
        };
        answered
            && records
                .iter()
                .find(of_call)
                .is_some_and(|outcome| outcome["status"] == "ok")
    }

    async fn roots(&self) -> bool {
        let capabilities = RawJson::from_static(r#"{"roots":{}}"#);
        let client = Client::new(Revision::V2025_11_25, capabilities, None);
        let owner = self.world.stand("alice").caller().id.clone();
        let (sender, mut asked) = mpsc::channel(8);
        let pipe = Unsolicited::Pipe(sender);
        let session = Arc::new(Session::new(Uuid::from_u128(2), owner, client, pipe));
        session.set_initialized();
        let client = Arc::clone(&session);
        let answering = tokio::spawn(async move {
            let question: Value = serde_json::from_slice(&asked.recv().await?.into_bytes()).ok()?;
            let answer = json!({"jsonrpc": "2.0", "id": question["id"],
                "result": {"roots": [{"uri": "file:///a"}]}});
            let answer = scan(&answer.to_string().into(), ScanLimits::default()).ok()?;
            let Message::Response(answer) = answer else {
                return None;
            };
            client.roots.answered(&answer).then_some(())
        });
        self.world.watched.heeds_roots.store(true, Ordering::SeqCst);
        let arguments = json!({"path": "narrowed"});
        self.call_speaking(
            "alice",
            Speaking::Legacy(session),
            "look",
            arguments.clone(),
        )
        .await;
        self.world
            .watched
            .heeds_roots
            .store(false, Ordering::SeqCst);
        answering.abort();
        let mut seen = self.world.watched.seen();
        seen.retain(|seen| seen.arguments == arguments);
        seen.iter()
            .all(|seen| seen.roots == Some(vec!["file:///a".to_owned()]))
    }

    async fn one_record(&self) -> bool {
        let before = self.world.records().len();
        self.call("alice", "elsewhere", json!({})).await;
        let records = self.world.records();
        records.len() == before + 1 && records[before]["kind"] == "refusal"
    }

    async fn expired(&self) -> bool {
        let standing = self.world.stand("erin");
        self.world.clock.advance(ERIN_LASTS);
        let client = Client::new(Revision::V2026_07_28, RawJson::empty_object(), None);
        let origin = Origin {
            standing,
            endpoint: Endpoint::Merged,
            door: Door::Http,
            speaking: Speaking::Modern(Arc::new(client)),
            meta: RequestMeta::default(),
            sent_params: Some(SentParams::default()),
        };
        let params = params(&json!({"name": "look", "arguments": {"path": "late"}}));
        let asked = calls::tool(&origin.standing, &origin.endpoint, &params).unwrap();
        let (gate, cancel) = (&self.world.gate, Cancel::new());
        let ended = gate.walk_along(self.stages, &origin, asked, None, &cancel);
        is(&ended.await, RefusalCode::Denied, Some("expired"))
            && self.never(json!({"path": "late"}))
    }

    /// Nothing with these arguments reached the provider.
    fn never(&self, arguments: Value) -> bool {
        let seen = self.world.watched.seen();
        seen.iter().all(|seen| seen.arguments != arguments)
    }
}

fn is(ended: &Ended, code: RefusalCode, detail: Option<&str>) -> bool {
    match ended {
        Ended::Refused(refusal) => {
            refusal.code == code && (detail.is_none() || refusal.detail == detail)
        }
        Ended::Answered(_) => false,
    }
}
