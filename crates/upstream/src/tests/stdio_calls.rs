//! Calls to a program, and whose is what it says.

use std::{sync::Arc, time::Duration};

use durward_core::LogLevel;
use serde_json::{Value, json};

use super::{Client, Ear, json as parsed, program::*, raw, result};
use crate::{Link, Outcome};

/// A legacy server that echoes `params` of what it is asked.
async fn echo(mut program: Program) {
    if !program.open_legacy().await {
        return;
    }
    while let Some(message) = program.hear().await {
        if message.get("id").is_some() {
            program.answer(&message, message["params"].clone()).await;
        }
    }
}

async fn open(theatre: &Arc<Theatre>) -> Link {
    Link::open(&theatre.target(), Ear::new(), None)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_call_is_answered() {
    let link = open(&Theatre::new(echo)).await;
    let mut client = Client::of(1);
    client.wants_progress = false;
    let echoed = result(&link, "tools/call", r#"{"name":"a","x":1.50}"#, &client).await;
    assert_eq!(echoed, r#"{"name":"a","x":1.50}"#);
}

#[tokio::test]
async fn many_calls_meet_their_own_answers() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        let mut waiting: Vec<Value> = Vec::new();
        while let Some(message) = program.hear().await {
            waiting.push(message);
            if waiting.len() == 20 {
                for message in waiting.drain(..).rev() {
                    // An id may come back as a string.
                    let id = message["id"].to_string();
                    let result = message["params"]["n"].clone();
                    let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
                    program.say(&answer).await;
                }
            }
        }
    });
    let link = open(&theatre).await;
    let calls = (0..100).map(|n| {
        let link = link.clone();
        tokio::spawn(async move {
            let echoed = result(&link, "x", &format!(r#"{{"n":{n}}}"#), &Client::of(n)).await;
            assert_eq!(echoed, n.to_string());
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(link.counts(), crate::Counts::default());
}

#[tokio::test]
async fn a_modern_server_hears_the_calls_surroundings() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_modern().await;
        while let Some(message) = program.hear().await {
            program.answer(&message, message["params"].clone()).await;
        }
    });
    let link = open(&theatre).await;
    let mut client = Client::of(1);
    client.capabilities = raw(r#"{"sampling":{}}"#);
    client.level = Some(LogLevel::Warning);
    let params = r#"{"_meta":{"traceparent":"00","progressToken":"c",
        "io.modelcontextprotocol/clientCapabilities":{"roots":{}}},"name":"x"}"#;
    let echoed = result(&link, "tools/call", params, &client).await;
    let meta = &parsed(&raw(echoed))["_meta"];
    assert_eq!(meta["traceparent"], "00");
    assert_eq!(
        meta["io.modelcontextprotocol/clientCapabilities"],
        json!({"sampling": {}})
    );
    assert_eq!(meta["io.modelcontextprotocol/logLevel"], "warning");
    assert!(meta["progressToken"].is_number());
}

#[tokio::test]
async fn progress_logs_and_questions_find_their_call() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        let call = program.hear().await.unwrap();
        let token = &call["params"]["_meta"]["progressToken"];
        let progress = json!({"progressToken": token, "progress": 1});
        program
            .say(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}))
            .await;
        let stale = json!({"progressToken": 99, "progress": 1});
        program
            .say(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": stale}))
            .await;
        let log = json!({"level": "info", "data": "x"});
        program
            .say(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": log}))
            .await;
        program
            .say(&json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}))
            .await;
        program
            .say(&json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}))
            .await;
        assert_eq!(
            program.hear().await.unwrap(),
            json!({"jsonrpc": "2.0", "id": "p", "result": {}})
        );
        let ask = json!({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": {"message": "?"}});
        program.say(&ask).await;
        let reply = program.hear().await.unwrap();
        program.answer(&call, reply).await;
        program.hear().await;
    });
    let ear = Ear::new();
    let link = Link::open(&theatre.target(), Arc::clone(&ear) as _, None)
        .await
        .unwrap();
    let client = Client::of(1);
    let reply = result(&link, "tools/call", "{}", &client).await;
    assert_eq!(
        parsed(&raw(reply)),
        json!({"jsonrpc": "2.0", "id": "q", "result": {"action": "accept"}})
    );
    assert_eq!(client.asked(), [r#"elicitation/create {"message":"?"}"#]);
    let told = client.told();
    assert_eq!(
        told.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        ["progress", "log"]
    );
    assert_eq!(ear.until(1).await[0].0, "notifications/tools/list_changed");
    assert_eq!(link.counts().unattributed, 1);
}

#[tokio::test]
async fn of_a_shared_program_it_is_never_guessed_whose_a_question_is() {
    for shared in [true, false] {
        let theatre = Theatre::new(|mut program| async move {
            program.open_legacy().await;
            let first = program.hear().await.unwrap();
            let second = program.hear().await.unwrap();
            program
                .say(&json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}))
                .await;
            let reply = program.hear().await.unwrap();
            program.say(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info"}})).await;
            program.answer(&first, reply.clone()).await;
            program.answer(&second, reply).await;
            program.hear().await;
        });
        let mut target = theatre.target();
        target.shared = shared;
        let link = Link::open(&target, Ear::new(), None).await.unwrap();
        let (one, two) = (Client::of(1), Client::of(2));
        let calls = tokio::join!(
            result(&link, "tools/call", r#"{"n":1}"#, &one),
            result(&link, "tools/call", r#"{"n":2}"#, &two)
        );
        let reply = parsed(&raw(calls.0));
        if shared {
            assert_eq!(reply["error"]["code"], -32603);
            assert!(one.asked().is_empty() && two.asked().is_empty());
            assert_eq!(link.counts().unattributed, 2);
        } else {
            assert_eq!(reply["result"]["action"], "accept");
            assert_eq!((one.asked().len(), two.asked().len()), (0, 1));
            assert_eq!(two.told().len(), 1);
        }
    }
}

#[tokio::test]
async fn of_a_task_it_is_the_call_that_waits_for_it() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        let task = program.hear().await.unwrap();
        let other = program.hear().await.unwrap();
        let look = program.hear().await.unwrap();
        let related = json!({"_meta": {"io.modelcontextprotocol/related-task": {"taskId": "t"}}});
        program.say(&json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": related})).await;
        let reply = program.hear().await.unwrap();
        program.answer(&task, reply.clone()).await;
        program.answer(&other, reply.clone()).await;
        program.answer(&look, reply).await;
        program.hear().await;
    });
    let link = open(&theatre).await;
    let (one, two, looks) = (Client::of(1), Client::of(2), Client::of(1));
    let about = r#"{"taskId":"t"}"#;
    tokio::join!(
        result(&link, "tasks/result", about, &one),
        result(&link, "tools/call", "{}", &two),
        result(&link, "tasks/get", about, &looks)
    );
    assert_eq!((one.asked().len(), two.asked().len()), (1, 0));
    assert_eq!(looks.asked().len(), 0);
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_and_its_late_answer_a_stray() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        let call = program.hear().await.unwrap();
        let cancel = program.hear().await.unwrap();
        assert_eq!(cancel["method"], "notifications/cancelled");
        assert_eq!(cancel["params"]["requestId"], call["id"]);
        program.answer(&call, json!({})).await;
        let next = program.hear().await.unwrap();
        program.answer(&next, json!({})).await;
        program.hear().await;
    });
    let link = open(&theatre).await;
    let client = Client::of(1);
    {
        let params = raw("{}");
        let call = link.call("tools/call", &params, &client);
        let dropped = tokio::time::timeout(Duration::from_millis(20), call).await;
        assert!(dropped.is_err());
    }
    result(&link, "tools/call", "{}", &client).await;
    assert_eq!(link.counts().strays, 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_ends_with_its_call() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        let call = program.hear().await.unwrap();
        let ask = |id: u64| json!({"jsonrpc": "2.0", "id": id, "method": "sampling/createMessage", "params": {}});
        program.say(&ask(1)).await;
        program.say(&ask(2)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let withdrawn = json!({"requestId": 1});
        program.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": withdrawn})).await;
        program.answer(&call, json!({})).await;
        program.hear().await;
    });
    let link = open(&theatre).await;
    let mut client = Client::of(1);
    client.answer = None;
    result(&link, "tools/call", "{}", &client).await;
    assert_eq!(client.asked().len(), 2);
    assert_eq!(*client.withdrawn.lock().unwrap(), 2);
    // The one that was not withdrawn is told that nobody answers.
    while theatre.log().last().is_none_or(|last| last["id"] != 2) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(theatre.log().last().unwrap()["error"]["code"], -32603);
    assert!(
        theatre
            .log()
            .iter()
            .all(|message| message["id"] != 1 || message.get("error").is_none())
    );
}

#[tokio::test]
async fn a_program_that_dies_fails_its_calls_with_its_last_words() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        let first = program.hear().await.unwrap();
        program.hear().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut program.stderr, b"out of cheese")
            .await
            .unwrap();
        program.answer(&first, json!({"last": "word"})).await;
    });
    let link = open(&theatre).await;
    let (one, two) = (Client::of(1), Client::of(2));
    let params = raw("{}");
    let (first, second) = tokio::join!(
        link.call("tools/call", &params, &one),
        link.call("tools/call", &params, &two)
    );
    assert!(matches!(first, Ok(Outcome::Result(_))), "{first:?}");
    let fault = second.unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("died", true));
    assert!(fault.to_string().contains("exit code 0"), "{fault}");
    assert_eq!(link.gone().await.kind.word(), "died");
    assert!(link.is_gone().is_some());
    assert_eq!(link.stderr_tail(), "out of cheese");
    let fault = link.call("tools/call", &params, &one).await.unwrap_err();
    assert!(!fault.ran);
}

#[tokio::test]
async fn garbage_is_skipped_and_too_much_of_it_is_the_end() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        let call = program.hear().await.unwrap();
        program
            .write(b"Server listening!\n\n\xff\xfe\n{\"jsonrpc\":\"2.0\"\n[]\n")
            .await;
        program.answer(&call, json!({})).await;
        program.answer(&call, json!({"again": true})).await;
        program
            .say(&json!({"jsonrpc": "2.0", "id": 4711, "result": {}}))
            .await;
        program
            .say(&json!({"jsonrpc": "2.0", "id": "x", "result": {}}))
            .await;
        program.hear().await;
        for _ in 0..100 {
            program
                .write(format!("{}\n", "x".repeat(1000)).as_bytes())
                .await;
        }
        program.hear().await;
    });
    let link = open(&theatre).await;
    let client = Client::of(1);
    result(&link, "tools/call", "{}", &client).await;
    let params = raw("{}");
    let fault = link.call("tools/call", &params, &client).await.unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("garbage", true));
    let counts = link.counts();
    assert_eq!(counts.strays, 3);
    assert!(counts.garbage > 64 * 1024, "{counts:?}");
}

#[tokio::test]
async fn an_answer_that_two_parsers_read_differently_is_an_error_of_its_call_alone() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        let call = program.hear().await.unwrap();
        let id = &call["id"];
        program
            .write(
                format!(
                    "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"a\":1,\"\\u0061\":2}}}}\n"
                )
                .as_bytes(),
            )
            .await;
        let call = program.hear().await.unwrap();
        program.answer(&call, json!({})).await;
        program.hear().await;
    });
    let link = open(&theatre).await;
    let client = Client::of(1);
    let fault = link
        .call("tools/call", &raw("{}"), &client)
        .await
        .unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("protocol", true));
    result(&link, "tools/call", "{}", &client).await;
}

#[tokio::test]
async fn a_line_that_is_too_long_is_the_end() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        program.hear().await;
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..40 {
            program.write(&piece).await;
        }
        program.hear().await;
    });
    let mut target = theatre.target();
    target.limits.message = 1 << 20;
    let link = Link::open(&target, Ear::new(), None).await.unwrap();
    let client = Client::of(1);
    let long = raw(format!(r#"{{"a":"{}"}}"#, "x".repeat(1 << 20)));
    let fault = link.call("tools/call", &long, &client).await.unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("request_too_long", false));
    let fault = link
        .call("tools/call", &raw("{}"), &client)
        .await
        .unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("too_long", true));
}

#[tokio::test]
async fn a_program_that_reads_nothing_holds_up_a_bounded_queue() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        std::future::pending::<()>().await;
    });
    let link = open(&theatre).await;
    let text = format!(r#"{{"a":"{}"}}"#, "x".repeat(300 * 1024));
    let calls: Vec<_> = (0..10)
        .map(|n| {
            let (link, params) = (link.clone(), raw(text.clone()));
            tokio::spawn(async move {
                let client = Client::of(n);
                let call = link.call("tools/call", &params, &client);
                tokio::time::timeout(Duration::from_millis(100), call)
                    .await
                    .is_err()
            })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap(), "nobody answered");
    }
    for _ in 0..1000 {
        link.notify("notifications/x", &raw("{}"));
    }
    assert!(link.counts().dropped > 800, "{:?}", link.counts());
    link.close().await;
}

#[tokio::test]
async fn a_modern_program_may_not_ask() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_modern().await;
        let call = program.hear().await.unwrap();
        program
            .say(&json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}))
            .await;
        let reply = program.hear().await.unwrap();
        program.answer(&call, reply).await;
        let call = program.hear().await.unwrap();
        program
            .refuse(&call, -32022, json!({"supported": ["2025-11-25"]}))
            .await;
        program.hear().await;
    });
    let link = open(&theatre).await;
    let client = Client::of(1);
    let reply = result(&link, "tools/call", "{}", &client).await;
    assert_eq!(parsed(&raw(reply))["error"]["code"], -32601);
    assert!(client.asked().is_empty());
    // It was replaced by one of another era.
    let fault = link.call("x", &raw("{}"), &client).await.unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("other_era", false));
    assert_eq!(link.gone().await.kind.word(), "other_era");
    theatre.until_ended(1).await;
}

#[tokio::test]
async fn too_many_calls_are_refused_at_once() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        while program.hear().await.is_some() {}
    });
    let mut target = theatre.target();
    target.limits.in_flight = 2;
    let link = Link::open(&target, Ear::new(), None).await.unwrap();
    let client = Client::of(1);
    let params = raw("{}");
    let mut one = Box::pin(link.call("x", &params, &client));
    let mut two = Box::pin(link.call("x", &params, &client));
    let waiting = async { tokio::join!(&mut one, &mut two) };
    assert!(
        tokio::time::timeout(Duration::from_millis(20), waiting)
            .await
            .is_err()
    );
    let fault = link.call("x", &params, &client).await.unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("busy", false));
}

#[tokio::test]
async fn standard_error_is_always_drained() {
    let theatre = Theatre::new(|mut program| async move {
        program.open_legacy().await;
        let call = program.hear().await.unwrap();
        let piece = vec![b'e'; 64 * 1024];
        for _ in 0..32 {
            tokio::io::AsyncWriteExt::write_all(&mut program.stderr, &piece)
                .await
                .unwrap();
        }
        program.answer(&call, json!({})).await;
        program.hear().await;
    });
    let link = open(&theatre).await;
    result(&link, "tools/call", "{}", &Client::of(1)).await;
    assert_eq!(link.stderr_tail().len(), 64 * 1024);
}
