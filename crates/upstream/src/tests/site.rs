//! A server that is reached over HTTP and writes exactly the bytes that a test wants.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::{Buf, BytesMut};
use durward_cage::egress::{Connector, EgressSettings};
use durward_guard::egress::{EgressRules, Target as Address};
use durward_wire::http1::{BodyFraming, HeadLimits, HttpMethod, parse_head};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
};

use crate::{EraPin, Headers, LinkLimits, Pinned, Reach, Target, Url};

type Serve = Arc<dyn Fn(Asked) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A request, and the connection to answer on.
pub(crate) struct Asked {
    pub(crate) method: HttpMethod,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) stream: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn rpc(&self) -> &str {
        self.body["method"].as_str().unwrap_or("-")
    }

    pub(crate) async fn write(&self, bytes: &[u8]) {
        // The link may be gone, which is the test's business.
        let _ = self.stream.lock().await.write_all(bytes).await;
    }

    /// Answers with a status, these lines, and a body.
    pub(crate) async fn say(&self, status: u16, lines: &str, body: &str) {
        let length = body.len();
        let text = format!("HTTP/1.1 {status} X\r\n{lines}content-length: {length}\r\n\r\n{body}");
        self.write(text.as_bytes()).await;
    }

    pub(crate) async fn json(&self, status: u16, lines: &str, body: &Value) {
        let lines = format!("content-type: application/json\r\n{lines}");
        self.say(status, &lines, &body.to_string()).await;
    }

    pub(crate) async fn result(&self, result: Value) {
        let body = json!({"jsonrpc": "2.0", "id": self.body["id"], "result": result});
        self.json(200, "", &body).await;
    }

    /// Begins a stream.
    pub(crate) async fn stream(&self) {
        self.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
    }

    /// A chunk with this event.
    pub(crate) async fn event(&self, text: &str) {
        self.write(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
            .await;
    }

    pub(crate) async fn message(&self, message: &Value) {
        self.event(&format!("data: {message}\n\n")).await;
    }

    /// The last chunk.
    pub(crate) async fn end(&self) {
        self.write(b"0\r\n\r\n").await;
    }

    /// Ends the connection.
    pub(crate) async fn close(&self) {
        let _ = self.stream.lock().await.shutdown().await;
    }
}

/// The server.
pub(crate) struct Site {
    port: u16,
    connections: Arc<AtomicUsize>,
    log: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Site {
    pub(crate) async fn start<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(Asked) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve: Serve = Arc::new(move |asked| Box::pin(serve(asked)));
        let (connections, log) = (Arc::new(AtomicUsize::new(0)), Arc::default());
        let (counter, notes) = (Arc::clone(&connections), Arc::clone(&log));
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                open.spawn(connection(stream, Arc::clone(&serve), Arc::clone(&notes)));
            }
        });
        Self {
            port,
            connections,
            log,
            task,
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// What was asked: HTTP's method, and JSON-RPC's.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn target(&self) -> Target {
        let url = format!("http://127.0.0.1:{}/mcp", self.port);
        let settings = EgressSettings {
            rules: EgressRules {
                written_urls: vec![url.clone()],
                ..EgressRules::default()
            },
            ..EgressSettings::default()
        };
        Target {
            reach: Reach::Url(Box::new(Url {
                target: Address::parse(&url).unwrap(),
                transport: Pinned::Auto,
                connector: Connector::new(settings).unwrap(),
                headers: Headers::new([("authorization", &"Bearer s3cret".into())], Arc::default()),
                auth: None,
            })),
            era: EraPin::Auto,
            capabilities: super::raw("{}"),
            shared: true,
            limits: LinkLimits::default(),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection(stream: TcpStream, serve: Serve, log: Arc<Mutex<Vec<String>>>) {
    let (mut input, output) = stream.into_split();
    let stream = Arc::new(tokio::sync::Mutex::new(output));
    let mut buffer = BytesMut::new();
    loop {
        let head = loop {
            if let Some((head, taken)) = parse_head(&buffer, HeadLimits::default()).unwrap() {
                buffer.advance(taken);
                break head;
            }
            if !matches!(input.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        };
        let length = match head.framing {
            BodyFraming::Length(length) => usize::try_from(length).unwrap(),
            BodyFraming::None => 0,
            BodyFraming::Chunked => panic!("links send no chunks"),
        };
        while buffer.len() < length {
            if !matches!(input.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        }
        let body = buffer.split_to(length);
        let headers = head.headers.iter();
        let asked = Asked {
            method: head.method,
            target: match &head.query {
                Some(query) => format!("{}?{query}", head.path),
                None => head.path.clone(),
            },
            headers: headers
                .map(|(name, value)| (name.to_owned(), String::from_utf8(value.to_vec()).unwrap()))
                .collect(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            stream: Arc::clone(&stream),
        };
        log.lock()
            .unwrap()
            .push(format!("{:?} {}", asked.method, asked.rpc()));
        serve(asked).await;
    }
}
