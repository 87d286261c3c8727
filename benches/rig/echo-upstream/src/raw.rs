//! The upstream as cheap as honest MCP can be: bare hyper, borrowed JSON.
use std::{borrow::Cow, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::Args;

#[derive(Deserialize)]
struct Msg<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CallParams<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ToolArgs<'a> {
    /// Kept raw, so that the echo needs no unescape and re-escape.
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    ms: Option<u64>,
    kib: Option<usize>,
}

#[derive(Deserialize)]
struct InitParams<'a> {
    #[serde(borrow, rename = "protocolVersion")]
    protocol_version: Option<Cow<'a, str>>,
}

struct Server {
    args: Args,
    tools_json: String,
}

impl Server {
    fn new(args: Args) -> Self {
        let tools_json = serde_json::to_string(&crate::tool_list(&args)).unwrap();
        Self { args, tools_json }
    }

    /// The JSON-RPC answer to one message, or None for a notification.
    async fn answer(&self, body: &[u8]) -> Result<Option<String>, String> {
        let msg: Msg = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        let (Some(id), Some(method)) = (msg.id, msg.method.as_deref()) else {
            return Ok(None);
        };
        let result = match method {
            "initialize" => {
                let asked = msg
                    .params
                    .and_then(|p| serde_json::from_str::<InitParams>(p.get()).ok())
                    .and_then(|p| p.protocol_version.map(|v| v.into_owned()))
                    .unwrap_or_else(|| "2025-11-25".into());
                let v = if asked.as_str() > "2025-11-25" { "2025-11-25" } else { &asked };
                format!(
                    r#"{{"protocolVersion":"{v}","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"echo-upstream-raw","version":"0.1.0"}}}}"#
                )
            }
            "server/discover" => r#"{"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{"tools":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"echo-upstream-raw","version":"0.1.0"}},"ttlMs":60000,"cacheScope":"public"}"#.into(),
            "ping" => "{}".into(),
            "tools/list" => format!(
                r#"{{"resultType":"complete","tools":{},"ttlMs":60000,"cacheScope":"public"}}"#,
                self.tools_json
            ),
            "tools/call" => {
                let p: CallParams = msg
                    .params
                    .ok_or("params missing")
                    .and_then(|p| serde_json::from_str(p.get()).map_err(|_| "bad params"))?;
                let a: ToolArgs = match p.arguments {
                    Some(a) => serde_json::from_str(a.get()).map_err(|e| e.to_string())?,
                    None => ToolArgs { text: None, ms: None, kib: None },
                };
                let text: Cow<str> = match p.name.as_ref() {
                    "sleep_ms" => {
                        let ms = a.ms.unwrap_or(0).min(60_000);
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        Cow::Owned(format!("\"slept {ms}\""))
                    }
                    "blob" => {
                        Cow::Owned(format!("\"{}\"", crate::blob(a.kib.unwrap_or(0).min(65536))))
                    }
                    _ => Cow::Borrowed(a.text.map(|t| t.get()).unwrap_or("\"\"")),
                };
                format!(
                    r#"{{"resultType":"complete","content":[{{"type":"text","text":{text}}}],"isError":false}}"#
                )
            }
            _ => {
                return Ok(Some(format!(
                    r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32601,"message":"Method not found"}}}}"#,
                    id.get()
                )));
            }
        };
        Ok(Some(format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#,
            id.get()
        )))
    }

    async fn handle(&self, req: Request<Incoming>) -> Response<Full<Bytes>> {
        let plain = |s: StatusCode| {
            let mut r = Response::new(Full::new(Bytes::new()));
            *r.status_mut() = s;
            r
        };
        match *req.method() {
            Method::POST => {}
            Method::DELETE => return plain(StatusCode::OK),
            _ => return plain(StatusCode::METHOD_NOT_ALLOWED),
        }
        let Ok(body) = req.into_body().collect().await else {
            return plain(StatusCode::BAD_REQUEST);
        };
        let body = body.to_bytes();
        let init = !self.args.no_session && memmem(&body, b"\"initialize\"");
        match self.answer(&body).await {
            Err(_) => plain(StatusCode::BAD_REQUEST),
            Ok(None) => plain(StatusCode::ACCEPTED),
            Ok(Some(json)) => {
                let mut b = Response::builder();
                if init {
                    b = b.header("mcp-session-id", session_id());
                }
                if self.args.json {
                    b.header("content-type", "application/json")
                        .body(Full::new(Bytes::from(json)))
                        .unwrap()
                } else {
                    b.header("content-type", "text/event-stream")
                        .body(Full::new(Bytes::from(format!(
                            "event: message\ndata: {json}\n\n"
                        ))))
                        .unwrap()
                }
            }
        }
    }
}

/// A session id: unguessable is not needed here, unique is.
fn session_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static N: AtomicU64 = AtomicU64::new(1);
    format!("bench-{:016x}", N.fetch_add(1, Ordering::Relaxed))
}

/// Only looks at the head of the body: `initialize` bodies are small.
fn memmem(hay: &[u8], needle: &[u8]) -> bool {
    hay[..hay.len().min(512)]
        .windows(needle.len())
        .any(|w| w == needle)
}

pub async fn http(args: Args) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(&args.http).await?;
    let server = Arc::new(Server::new(args));
    loop {
        let (tcp, _) = listener.accept().await?;
        let _ = tcp.set_nodelay(true);
        let server = server.clone();
        tokio::spawn(async move {
            let svc = service_fn(move |req| {
                let server = server.clone();
                async move { Ok::<_, Infallible>(server.handle(req).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(tcp), svc)
                .await;
        });
    }
}

pub async fn stdio(args: Args) -> anyhow::Result<()> {
    let server = Arc::new(Server::new(args));
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel::<String>();
    tokio::spawn(async move {
        let mut out = tokio::io::stdout();
        while let Some(mut line) = rx.recv().await {
            line.push('\n');
            if out.write_all(line.as_bytes()).await.is_err() || out.flush().await.is_err() {
                return;
            }
        }
    });
    let mut lines = BufReader::with_capacity(1 << 16, tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let (server, tx) = (server.clone(), tx.clone());
        tokio::spawn(async move {
            if let Ok(Some(json)) = server.answer(line.as_bytes()).await {
                let _ = tx.send(json);
            }
        });
    }
    Ok(())
}
