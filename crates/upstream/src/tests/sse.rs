//! Servers of HTTP+SSE.

use std::sync::{Arc, Mutex};

use durward_core::{Era, Revision};
use serde_json::{Value, json};

use super::{
    Client, Ear, raw, result,
    site::{Asked, Site},
};
use crate::{EraFound, Link, Pinned, Reach, Transport};

/// An HTTP+SSE server: one stream, and a POST that says nothing.
#[derive(Default)]
struct Old {
    stream: Mutex<Option<Asked>>,
    named: Mutex<String>,
}

impl Old {
    async fn serve(self: Arc<Self>, asked: Asked) {
        match format!("{:?}", asked.method).as_str() {
            "Get" => {
                asked.stream().await;
                let endpoint = self.named.lock().unwrap().clone();
                asked
                    .event(&format!("event: endpoint\ndata: {endpoint}\n\n"))
                    .await;
                *self.stream.lock().unwrap() = Some(asked);
            }
            _ if asked.target != "/messages?s=1" => asked.say(405, "", "").await,
            _ => {
                asked.say(202, "", "Accepted").await;
                let id = &asked.body["id"];
                match asked.rpc() {
                    "initialize" => {
                        let result = json!({"protocolVersion": "2024-11-05", "capabilities": {}});
                        self.say(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
                            .await;
                    }
                    "bye" => self.taken().close().await,
                    "ask" => {
                        self.say(&json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}))
                            .await;
                    }
                    // The answer to the question.
                    "-" => {
                        let result = &asked.body["result"];
                        self.say(&json!({"jsonrpc": "2.0", "id": 3, "result": result}))
                            .await;
                    }
                    _ if id.is_null() => {}
                    _ => {
                        let result = &asked.body["params"];
                        self.say(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
                            .await;
                    }
                }
            }
        }
    }

    fn taken(&self) -> Asked {
        self.stream.lock().unwrap().take().unwrap()
    }

    async fn say(&self, message: &Value) {
        let stream = self.taken();
        stream
            .event(&format!("event: message\r\ndata: {message}\r\n\r\n"))
            .await;
        *self.stream.lock().unwrap() = Some(stream);
    }
}

async fn site(endpoint: &str) -> Site {
    let old = Arc::new(Old::default());
    *old.named.lock().unwrap() = endpoint.to_owned();
    Site::start(move |asked| Arc::clone(&old).serve(asked)).await
}

#[tokio::test]
async fn it_is_found_when_both_posts_are_refused() {
    let site = site("/messages?s=1").await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    let hello = link.hello();
    assert_eq!(
        (hello.era(), hello.transport),
        (Era::Legacy, Transport::Sse)
    );
    assert_eq!(hello.revision, Revision::V2024_11_05);
    let mut client = Client::of(1);
    client.wants_progress = false;
    for n in 0..5 {
        let params = format!(r#"{{"n":{n}}}"#);
        assert_eq!(result(&link, "tools/call", &params, &client).await, params);
    }
    assert_eq!(link.hello().found().transport, Transport::Sse);
}

#[tokio::test]
async fn what_is_pinned_or_remembered_is_not_looked_for() {
    let old = site("/messages?s=1").await;
    let mut target = old.target();
    if let Reach::Url(url) = &mut target.reach {
        url.transport = Pinned::Sse;
    }
    let link = Link::open(&target, Ear::new(), None).await.unwrap();
    assert_eq!(
        old.log(),
        ["Get -", "Post initialize", "Post notifications/initialized"]
    );
    let found = link.hello().found();
    let again = site("/messages?s=1").await;
    Link::open(&again.target(), Ear::new(), Some(found))
        .await
        .unwrap();
    assert_eq!(again.log()[0], "Get -");
    // What was remembered may be wrong.
    let streamable =
        Site::start(|asked| async move { super::http_opening::legacy(&asked).await }).await;
    let link = Link::open(&streamable.target(), Ear::new(), Some(EraFound { ..found }))
        .await
        .unwrap();
    assert_eq!(link.hello().transport, Transport::StreamableHttp);
    result(&link, "tools/call", "{}", &Client::of(1)).await;
}

#[tokio::test]
async fn questions_are_answered_to_the_endpoint() {
    let site = site("/messages?s=1").await;
    let mut target = site.target();
    if let Reach::Url(url) = &mut target.reach {
        url.transport = Pinned::Sse;
    }
    let link = Link::open(&target, Ear::new(), None).await.unwrap();
    let client = Client::of(1);
    result(&link, "first", "{}", &client).await;
    let answer = result(&link, "ask", "{}", &client).await;
    assert_eq!(answer, r#"{"action":"accept"}"#);
    assert_eq!(client.asked().len(), 1);
}

#[tokio::test]
async fn an_endpoint_elsewhere_is_refused() {
    for endpoint in [
        "http://127.0.0.1:1/messages?s=1",
        "https://127.0.0.1/messages",
        "//evil.example/messages",
        "http://user@127.0.0.1/",
    ] {
        let site = site(endpoint).await;
        let fault = Link::open(&site.target(), Ear::new(), None)
            .await
            .err()
            .unwrap();
        assert_eq!(fault.kind.word(), "protocol", "{endpoint}");
        assert!(fault.to_string().contains("endpoint"), "{fault}");
    }
}

#[tokio::test]
async fn the_end_of_the_stream_is_the_end_of_the_link() {
    let site = site("/messages?s=1").await;
    let link = Link::open(&site.target(), Ear::new(), None).await.unwrap();
    let fault = link
        .call("bye", &raw("{}"), &Client::of(1))
        .await
        .unwrap_err();
    assert_eq!((fault.kind.word(), fault.ran), ("died", true));
    assert_eq!(link.gone().await.kind.word(), "died");
}

#[tokio::test]
async fn what_is_neither_says_what_it_answers_to_a_post() {
    let site = Site::start(|asked| async move { asked.say(404, "", "nothing here").await }).await;
    let fault = Link::open(&site.target(), Ear::new(), None)
        .await
        .err()
        .unwrap();
    assert_eq!(fault.kind.word(), "status");
    assert!(fault.to_string().contains("is the path right"), "{fault}");
    assert_eq!(
        site.log(),
        ["Post server/discover", "Post initialize", "Get -"]
    );
}
