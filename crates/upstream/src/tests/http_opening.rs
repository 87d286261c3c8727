//! Which era a server speaks over HTTP.

use durward_core::Era;
use serde_json::json;

use super::{
    Client, Ear,
    program::{discovered, initialized},
    raw, result,
    site::{Asked, Site},
};
use crate::{EraFound, Link, Transport};

/// Answers as a legacy server with a session.
pub(super) async fn legacy(asked: &Asked) {
    match (format!("{:?}", asked.method).as_str(), asked.rpc()) {
        ("Post", "initialize") => {
            let body = json!({"jsonrpc": "2.0", "id": asked.body["id"], "result": initialized()});
            asked.json(200, "mcp-session-id: s1\r\n", &body).await;
        }
        ("Post", "notifications/initialized") => asked.say(202, "", "").await,
        ("Post", "server/discover") => asked.say(400, "", "no session").await,
        ("Post", _) => asked.result(asked.body["params"].clone()).await,
        ("Get", _) => asked.say(405, "", "").await,
        _ => asked.say(204, "", "").await,
    }
}

pub(super) async fn modern(asked: &Asked) {
    match asked.rpc() {
        "server/discover" => asked.result(discovered()).await,
        _ => asked.result(asked.body["params"].clone()).await,
    }
}

#[tokio::test]
async fn a_modern_server_is_asked_once() {
    let site = Site::start(|asked| async move {
        assert_eq!(asked.header("mcp-protocol-version"), Some("2026-07-28"));
        assert_eq!(asked.header("mcp-method"), Some(asked.rpc()));
        assert_eq!(asked.header("authorization"), Some("Bearer s3cret"));
        modern(&asked).await;
    })
    .await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    assert_eq!(link.hello().era(), Era::Modern);
    let echoed = result(&link, "tools/call", r#"{"name":"x"}"#, &Client::of(1)).await;
    assert!(echoed.contains("protocolVersion"), "{echoed}");
    link.close().await;
    assert_eq!(site.log(), ["Post server/discover", "Post tools/call"]);
    assert_eq!(site.connections(), 1);
}

#[tokio::test]
async fn a_legacy_server_is_initialised_whatever_its_refusal() {
    for (status, body) in [
        (400, "Bad Request"),
        (
            400,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no session"}}"#,
        ),
        (404, ""),
        (
            404,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#,
        ),
        (405, ""),
        (406, ""),
        (415, ""),
        (422, "x"),
        (
            200,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#,
        ),
        (
            400,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2025-06-18"]}}}"#,
        ),
    ] {
        let site = Site::start(move |asked| async move {
            if asked.rpc() == "server/discover" {
                asked
                    .say(status, "content-type: application/json\r\n", body)
                    .await;
            } else {
                assert_eq!(
                    asked.header("mcp-protocol-version"),
                    Some("2025-11-25").filter(|_| asked.rpc() != "initialize")
                );
                legacy(&asked).await;
            }
        })
        .await;
        let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
        assert_eq!(link.hello().era(), Era::Legacy, "{status} {body}");
        let client = Client::of(1);
        assert!(
            result(&link, "tools/call", r#"{"name":"x"}"#, &client)
                .await
                .contains('x')
        );
        link.close().await;
        assert_eq!(site.log().last().unwrap(), "Delete -");
    }
}

#[tokio::test]
async fn what_says_nothing_of_the_era_is_not_asked_further() {
    for (status, lines, word) in [
        (401, "www-authenticate: Bearer realm=x\r\n", "unauthorized"),
        (403, "", "unauthorized"),
        (429, "", "status"),
        (500, "", "status"),
        (503, "", "status"),
        (307, "location: http://127.0.0.1:1/\r\n", "status"),
    ] {
        let site = Site::start(move |asked| async move {
            asked.say(status, lines, "").await;
        })
        .await;
        let fault = Link::open(&site.target(), Ear::new(), None)
            .await
            .err()
            .unwrap();
        assert_eq!(fault.kind.word(), word, "{status}");
        assert_eq!(site.log().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn what_is_remembered_comes_first_and_may_be_wrong() {
    let legacy_found = EraFound {
        modern: false,
        transport: Transport::StreamableHttp,
    };
    let site = Site::start(|asked| async move { legacy(&asked).await }).await;
    Link::open(&site.target(), Ear::new(), Some(legacy_found))
        .await
        .unwrap();
    assert_eq!(site.log()[0], "Post initialize");
    let site = Site::start(|asked| async move {
        if asked.rpc() == "initialize" {
            let error =
                json!({"code": -32022, "message": "no", "data": {"supported": ["2026-07-28"]}});
            let body = json!({"jsonrpc": "2.0", "id": asked.body["id"], "error": error});
            asked.json(400, "", &body).await;
        } else {
            modern(&asked).await;
        }
    })
    .await;
    let link = Link::open(&site.target(), Ear::new(), Some(legacy_found))
        .await
        .unwrap();
    assert_eq!(link.hello().era(), Era::Modern);
}

#[tokio::test]
async fn an_answer_may_come_by_a_stream() {
    let site = Site::start(|asked| async move {
        if asked.rpc() != "initialize" {
            return legacy(&asked).await;
        }
        asked.write(b"HTTP/1.1 200 OK\r\nmcp-session-id: s\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
        asked.event("id: 1\ndata:\n\n").await;
        asked.message(&json!({"jsonrpc": "2.0", "id": asked.body["id"], "result": initialized()})).await;
        asked.end().await;
    })
    .await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    assert_eq!(link.hello().era(), Era::Legacy);
    let _ = raw("{}");
}
