//! Which era a program speaks.

use std::time::Duration;

use durward_core::Era;
use serde_json::json;

use super::{Ear, program::*};
use crate::{EraFound, EraPin, Link, Transport};

async fn silent(mut program: Program) {
    while program.hear().await.is_some() {}
}

#[tokio::test]
async fn a_modern_program_is_asked_once() {
    let theatre = Theatre::new(|mut program| async move {
        if program.open_modern().await {
            silent(program).await;
        }
    });
    let link = Link::open(&theatre.target(), Ear::new(), None)
        .await
        .unwrap();
    assert_eq!(link.hello().era(), Era::Modern);
    assert_eq!(theatre.methods(), ["server/discover"]);
    let meta = &theatre.log()[0]["params"]["_meta"];
    assert_eq!(
        meta["io.modelcontextprotocol/protocolVersion"],
        "2026-07-28"
    );
    assert_eq!(
        meta["io.modelcontextprotocol/clientInfo"]["name"],
        "durward"
    );
    assert_eq!(
        meta["io.modelcontextprotocol/clientCapabilities"],
        json!({})
    );
}

#[tokio::test]
async fn a_program_that_refuses_in_any_way_is_initialised() {
    for code in [-32601, -32602, -32000, -32022, 0] {
        let theatre = Theatre::new(move |mut program| async move {
            let discover = program.hear().await.unwrap();
            program
                .refuse(&discover, code, json!({"supported": ["2025-11-25"]}))
                .await;
            if program.open_legacy().await {
                silent(program).await;
            }
        });
        let link = Link::open(&theatre.target(), Ear::new(), None)
            .await
            .unwrap();
        assert_eq!(link.hello().era(), Era::Legacy, "{code}");
        assert_eq!(theatre.starts(), 1);
        let initialize = &theatre.log()[1];
        assert_eq!(initialize["params"]["protocolVersion"], "2025-11-25");
        assert!(initialize["params"].get("_meta").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_program_is_asked_both_and_the_first_good_answer_wins() {
    for modern in [false, true] {
        let theatre = Theatre::new(move |mut program| async move {
            let discover = program.hear().await.unwrap();
            let initialize = program.hear().await.unwrap();
            if modern {
                program.answer(&discover, discovered()).await;
            } else {
                program.answer(&initialize, initialized()).await;
            }
            silent(program).await;
        });
        let link = Link::open(&theatre.target(), Ear::new(), None)
            .await
            .unwrap();
        assert_eq!(link.hello().era() == Era::Modern, modern);
    }
}

#[tokio::test]
async fn a_program_that_dies_of_the_question_is_started_again() {
    let theatre = Theatre::new(|mut program| async move {
        if program.start == 0 {
            program.hear().await;
            return;
        }
        if program.open_legacy().await {
            silent(program).await;
        }
    });
    let link = Link::open(&theatre.target(), Ear::new(), None)
        .await
        .unwrap();
    assert_eq!(link.hello().era(), Era::Legacy);
    assert_eq!(theatre.starts(), 2);
    while theatre.log().len() < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(
        theatre.methods(),
        ["server/discover", "initialize", "notifications/initialized"]
    );
}

#[tokio::test]
async fn what_is_remembered_comes_first_and_may_be_wrong() {
    let legacy = EraFound {
        modern: false,
        transport: Transport::Stdio,
    };
    let theatre = Theatre::new(|mut program| async move {
        if program.open_legacy().await {
            silent(program).await;
        }
    });
    Link::open(&theatre.target(), Ear::new(), Some(legacy))
        .await
        .unwrap();
    assert_eq!(theatre.methods()[0], "initialize");
    let theatre = Theatre::new(|mut program| async move {
        if program.open_modern().await {
            silent(program).await;
        }
    });
    let link = Link::open(&theatre.target(), Ear::new(), Some(legacy))
        .await
        .unwrap();
    assert_eq!(link.hello().era(), Era::Modern);
    assert_eq!(theatre.methods(), ["initialize", "server/discover"]);
}

#[tokio::test]
async fn a_pin_asks_for_nothing_else() {
    let theatre = Theatre::new(|mut program| async move {
        if program.open_legacy().await {
            silent(program).await;
        }
    });
    let mut target = theatre.target();
    target.era = EraPin::Modern;
    let fault = Link::open(&target, Ear::new(), None).await.err().unwrap();
    assert_eq!(fault.kind.word(), "protocol");
    target.era = EraPin::Legacy;
    Link::open(&target, Ear::new(), None).await.unwrap();
    assert_eq!(theatre.methods()[1], "initialize");
}

#[tokio::test(start_paused = true)]
async fn what_never_answers_is_given_up_and_stopped() {
    let theatre = Theatre::new(silent);
    let fault = Link::open(&theatre.target(), Ear::new(), None)
        .await
        .err()
        .unwrap();
    assert_eq!(fault.kind.word(), "timeout");
    theatre.until_ended(1).await;
}

#[tokio::test]
async fn what_dies_or_speaks_another_revision_says_so() {
    let theatre = Theatre::new(|mut program| async move {
        program.hear().await;
    });
    let fault = Link::open(&theatre.target(), Ear::new(), None)
        .await
        .err()
        .unwrap();
    assert_eq!((fault.kind.word(), theatre.starts()), ("died", 2));
    let theatre = Theatre::new(|mut program| async move {
        let discover = program.hear().await.unwrap();
        program
            .answer(&discover, json!({"supportedVersions": ["2031-01-01"]}))
            .await;
        silent(program).await;
    });
    let fault = Link::open(&theatre.target(), Ear::new(), None)
        .await
        .err()
        .unwrap();
    assert_eq!(fault.kind.word(), "revision");
    assert!(fault.to_string().contains("2031-01-01"), "{fault}");
}

#[tokio::test]
async fn closing_waits_until_the_program_has_ended() {
    let theatre = Theatre::new(|mut program| async move {
        if program.open_legacy().await {
            silent(program).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let link = Link::open(&theatre.target(), Ear::new(), None)
        .await
        .unwrap();
    link.close().await;
    theatre.until_ended(1).await;
    let link = Link::open(&theatre.target(), Ear::new(), None)
        .await
        .unwrap();
    drop(link);
    theatre.until_ended(2).await;
}
