//! Calls over HTTP.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use durward_wire::headers::HeaderParams;
use serde_json::json;

use super::{
    Client, Ear,
    http_opening::{legacy, modern},
    json as parsed,
    program::initialized,
    raw, result,
    site::Site,
};
use crate::{Link, Outcome};

#[tokio::test]
async fn calls_share_connections_that_wait() {
    let site = Site::start(|asked| async move { legacy(&asked).await }).await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    let client = Client::of(1);
    for _ in 0..50 {
        result(&link, "tools/call", "{}", &client).await;
    }
    // One for calls, and perhaps one for the stream that the server does not have.
    assert!(site.connections() <= 2, "{}", site.connections());
}

#[tokio::test]
async fn modern_headers_repeat_what_the_body_says() {
    let site = Site::start(|asked| async move {
        if asked.rpc() == "server/discover" {
            return modern(&asked).await;
        }
        let header = |name: &str| asked.header(name).unwrap_or("-").to_owned();
        let all = ["mcp-method", "mcp-name", "mcp-param-region", "mcp-param-n"].map(header);
        asked.result(json!(all)).await;
    })
    .await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    let mut client = Client::of(1);
    let schema = r#"{"properties":{"region":{"type":"string","x-mcp-header":"Region"},
        "n":{"type":"integer","x-mcp-header":"N"}}}"#;
    client.header_params = Some(HeaderParams::of_schema(&raw(schema)).unwrap());
    let params = r#"{"name":"größe","arguments":{"region":"eu","n":7.0}}"#;
    let headers = result(&link, "tools/call", params, &client).await;
    assert_eq!(
        parsed(&raw(headers)),
        json!(["tools/call", "=?base64?Z3LDtsOfZQ==?=", "eu", "7"])
    );
}

#[tokio::test]
async fn what_comes_on_a_calls_own_stream_is_the_calls() {
    let site = Site::start(|asked| async move {
        if asked.rpc() != "tools/call" {
            if asked.body.get("result").is_some() {
                return asked.say(202, "", "").await;
            }
            return legacy(&asked).await;
        }
        asked.stream().await;
        let token = &asked.body["params"]["_meta"]["progressToken"];
        let progress = json!({"progressToken": token, "progress": 1});
        asked.message(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress})).await;
        asked.message(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info"}})).await;
        asked.message(&json!({"jsonrpc": "2.0", "id": 5, "method": "elicitation/create", "params": {}})).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        asked.message(&json!({"jsonrpc": "2.0", "id": asked.body["id"], "result": {"done": true}})).await;
        asked.end().await;
    })
    .await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    let (one, two) = (Client::of(1), Client::of(2));
    tokio::join!(
        result(&link, "tools/call", "{}", &one),
        result(&link, "tools/call", "{}", &two)
    );
    for client in [&one, &two] {
        assert_eq!(
            client
                .told()
                .iter()
                .map(|(kind, _)| *kind)
                .collect::<Vec<_>>(),
            ["progress", "log"]
        );
        assert_eq!(client.asked().len(), 1);
    }
    let answers = site.log().iter().filter(|line| *line == "Post -").count();
    assert_eq!(answers, 2);
    // A stream's connection waits too, once its end has come.
    let before = site.connections();
    for _ in 0..5 {
        result(&link, "x", "{}", &one).await;
    }
    assert_eq!(site.connections(), before);
}

#[tokio::test]
async fn a_lost_session_is_opened_anew_and_the_request_sent_again_once() {
    for status in [404, 400] {
        let sessions = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&sessions);
        let site = Site::start(move |asked| {
            let sessions = Arc::clone(&counter);
            async move {
                let current = format!("s{}", sessions.load(Ordering::SeqCst));
                match asked.rpc() {
                    "initialize" => {
                        let id = sessions.fetch_add(1, Ordering::SeqCst) + 1;
                        let body = json!({"jsonrpc": "2.0", "id": asked.body["id"], "result": initialized()});
                        asked.json(200, &format!("mcp-session-id: s{id}\r\n"), &body).await;
                    }
                    "server/discover" => asked.say(400, "", "").await,
                    _ if asked.header("mcp-session-id") != Some(&current) => {
                        asked.say(status, "", "who?").await;
                    }
                    _ => legacy(&asked).await,
                }
            }
        })
        .await;
        let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
        let client = Client::of(1);
        result(&link, "logging/setLevel", r#"{"level":"info"}"#, &client).await;
        result(&link, "resources/subscribe", r#"{"uri":"a:b"}"#, &client).await;
        // The server restarts.
        sessions.fetch_add(10, Ordering::SeqCst);
        let before = site.log().len();
        let calls = (0..5).map(|_| result(&link, "tools/call", r#"{"name":"x"}"#, &client));
        for call in calls.collect::<Vec<_>>() {
            call.await;
        }
        let log = site.log().split_off(before);
        let many = |line: &str| log.iter().filter(|own| *own == line).count();
        assert_eq!(many("Post initialize"), 1, "{log:?}");
        assert_eq!(many("Post logging/setLevel"), 1);
        assert_eq!(many("Post resources/subscribe"), 1);
        assert_eq!(many("Post tools/call"), 6);
    }
}

#[tokio::test]
async fn a_server_that_forgets_at_once_is_not_asked_for_ever() {
    let site = Site::start(|asked| async move {
        match asked.rpc() {
            "initialize" | "server/discover" | "notifications/initialized" => legacy(&asked).await,
            _ => asked.say(404, "", "").await,
        }
    })
    .await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    let fault = link
        .call("tools/call", &raw("{}"), &Client::of(1))
        .await
        .unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("session_lost", false));
}

#[tokio::test]
async fn errors_with_a_status_are_answers_if_they_answer() {
    for (status, is_modern) in [
        (400, false),
        (404, false),
        (404, true),
        (400, true),
        (500, true),
    ] {
        let site = Site::start(move |asked| async move {
            if asked.rpc() != "tools/call" {
                return if is_modern {
                    modern(&asked).await
                } else {
                    legacy(&asked).await
                };
            }
            let error = json!({"code": -32601, "message": "no", "data": {"x": 1}});
            let body = json!({"jsonrpc": "2.0", "id": asked.body["id"], "error": error});
            asked.json(status, "", &body).await;
        })
        .await;
        let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
        let answer = link
            .call("tools/call", &raw("{}"), &Client::of(1))
            .await
            .unwrap();
        let Outcome::Error(error) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(error.code, -32601, "{status}");
    }
}

#[tokio::test]
async fn broken_answers_are_faults_that_say_what_may_have_run() {
    for (answer, word, ran) in [
        (
            "HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n",
            "status",
            true,
        ),
        (
            "HTTP/1.1 429 X\r\ncontent-length: 0\r\n\r\n",
            "status",
            false,
        ),
        (
            "HTTP/1.1 302 X\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
            "status",
            false,
        ),
        (
            "HTTP/1.1 202 X\r\ncontent-length: 0\r\n\r\n",
            "protocol",
            true,
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi",
            "protocol",
            true,
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
            "protocol",
            true,
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\n{}",
            "died",
            true,
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n{}",
            "too_long",
            true,
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
            "protocol",
            true,
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "protocol",
            true,
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n",
            "died",
            true,
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\ndata: nonsense\n\n",
            "protocol",
            true,
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n",
            "protocol",
            true,
        ),
        ("SSH-2.0-x\r\n\r\n", "protocol", true),
        ("", "died", true),
    ] {
        let site = Site::start(move |asked| async move {
            if asked.rpc() != "tools/call" {
                return modern(&asked).await;
            }
            asked.write(answer.as_bytes()).await;
            asked.close().await;
        })
        .await;
        let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
        let fault = link
            .call("tools/call", &raw("{}"), &Client::of(1))
            .await
            .unwrap_err();
        assert_eq!((fault.kind.word(), fault.ran), (word, ran), "{answer:?}");
    }
}

#[tokio::test]
async fn a_dropped_call_is_told_to_a_legacy_server() {
    let site = Site::start(|asked| async move {
        match asked.rpc() {
            "tools/call" => std::future::pending().await,
            "notifications/cancelled" => asked.say(202, "", "").await,
            _ => legacy(&asked).await,
        }
    })
    .await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    {
        let (params, client) = (raw("{}"), Client::of(1));
        let call = link.call("tools/call", &params, &client);
        assert!(
            tokio::time::timeout(Duration::from_millis(30), call)
                .await
                .is_err()
        );
    }
    while !site
        .log()
        .contains(&"Post notifications/cancelled".to_owned())
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_broken_stream_is_resumed_behind_its_last_event() {
    let site = Site::start(|asked| async move {
        let answer = |id: &serde_json::Value| json!({"jsonrpc": "2.0", "id": id, "result": {"resumed": true}});
        match (format!("{:?}", asked.method).as_str(), asked.rpc()) {
            ("Post", "tools/call") => {
                asked.stream().await;
                asked.event(&format!("id: e-{}\nretry: 1\ndata:\n\n", asked.body["id"])).await;
                asked.close().await;
            }
            ("Get", _) if asked.header("last-event-id").is_some() => {
                let id = asked.header("last-event-id").unwrap().trim_start_matches("e-");
                let id: u64 = id.parse().unwrap();
                asked.stream().await;
                asked.message(&answer(&json!(id))).await;
                asked.end().await;
            }
            _ => legacy(&asked).await,
        }
    })
    .await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    let resumed = result(&link, "tools/call", "{}", &Client::of(1)).await;
    assert_eq!(resumed, r#"{"resumed":true}"#);
}

#[tokio::test]
async fn the_sessions_own_stream_brings_what_belongs_to_no_post() {
    let site = Site::start(|asked| async move {
        match (format!("{:?}", asked.method).as_str(), asked.rpc()) {
            ("Get", _) => {
                asked.stream().await;
                asked
                    .message(
                        &json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}),
                    )
                    .await;
                asked
                    .message(&json!({"jsonrpc": "2.0", "id": 9, "method": "ping"}))
                    .await;
                asked
                    .message(&json!({"jsonrpc": "2.0", "id": 10, "method": "roots/list"}))
                    .await;
                std::future::pending().await
            }
            ("Post", "-") => asked.say(202, "", "").await,
            _ => legacy(&asked).await,
        }
    })
    .await;
    let ear = Ear::new();
    let _link = Link::open(&site.target(), Arc::clone(&ear) as _, None)
        .await
        .unwrap();
    assert_eq!(ear.until(1).await[0].0, "notifications/tools/list_changed");
    while site.log().iter().filter(|line| *line == "Post -").count() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_large_body_goes_both_ways() {
    let site = Site::start(|asked| async move { legacy(&asked).await }).await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    let mut client = Client::of(1);
    client.wants_progress = false;
    let params = format!(r#"{{"a":"{}"}}"#, "x".repeat(3 << 20));
    assert_eq!(result(&link, "tools/call", &params, &client).await, params);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_waited_costs_nothing() {
    let site = Site::start(|asked| async move {
        legacy(&asked).await;
        if asked.rpc() == "tools/call" {
            asked.close().await;
        }
    })
    .await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    let client = Client::of(1);
    for _ in 0..20 {
        result(&link, "tools/call", "{}", &client).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_changes_nothing_is_sent_again_where_nobody_answered() {
    for (method, survives) in [("tools/list", true), ("tools/call", false)] {
        let asked_before = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked_before);
        let site = Site::start(move |asked| {
            let before = Arc::clone(&counter);
            async move {
                // It hangs up on the first request that comes on a connection that has waited.
                if asked.rpc() == method && before.fetch_add(1, Ordering::SeqCst) == 0 {
                    return asked.close().await;
                }
                modern(&asked).await;
            }
        })
        .await;
        let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
        let answer = link.call(method, &raw("{}"), &Client::of(1)).await;
        assert_eq!(answer.is_ok(), survives, "{method}");
        if let Err(fault) = answer {
            assert_eq!((fault.kind.word(), fault.ran), ("died", true));
        }
        let times = site
            .log()
            .iter()
            .filter(|line| line.ends_with(method))
            .count();
        assert_eq!(times, if survives { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_modern_server_that_became_a_legacy_one_is_to_be_asked_anew() {
    for (status, body) in [
        (400, "Bad Request: no session"),
        (
            400,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32022,"message":"no","data":{"supported":["2025-11-25"]}}}"#,
        ),
    ] {
        let site = Site::start(move |asked| async move {
            if asked.rpc() == "server/discover" {
                return modern(&asked).await;
            }
            asked
                .say(status, "content-type: application/json\r\n", body)
                .await;
        })
        .await;
        let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
        let fault = link
            .call("tools/call", &raw("{}"), &Client::of(1))
            .await
            .unwrap_err();
        assert_eq!(
            (fault.kind.word(), fault.ran),
            ("other_era", false),
            "{body}"
        );
        assert_eq!(link.gone().await.kind.word(), "other_era");
    }
}

#[test]
fn a_link_serves_calls_of_several_threads() {
    let home = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (site, link) = home.block_on(async {
        let site = Site::start(|asked| async move { legacy(&asked).await }).await;
        let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
        (site, link)
    });
    let threads: Vec<_> = (0..3)
        .map(|thread| {
            let link = link.clone();
            std::thread::spawn(move || {
                let own = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                own.block_on(async {
                    let mut client = Client::of(thread);
                    client.wants_progress = false;
                    for n in 0..50 {
                        let params = format!(r#"{{"n":"{thread}-{n}"}}"#);
                        assert_eq!(result(&link, "tools/call", &params, &client).await, params);
                    }
                });
            })
        })
        .collect();
    home.block_on(async {
        while threads.iter().any(|thread| !thread.is_finished()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(site.connections() <= 5, "{}", site.connections());
}
