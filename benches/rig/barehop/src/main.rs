//! The physical limit: the cheapest gateway hops one can build in Rust, by how
//! much of the message they look at.
//!
//!   tcp    copy bytes between two sockets; knows nothing of HTTP
//!   http   reverse proxy on hyper: new head, body streamed through unread
//!   peek   + buffer the request, borrow-parse the JSON-RPC envelope (id,
//!          method, params.name), decide on the tool name, forward the original
//!          bytes; the response is streamed through unread
//!   check  + buffer the response too and borrow-parse it (JSON, or each SSE
//!          event), so that a content policy could look at it; original bytes out
//!   value  parse request and response into serde_json::Value and serialise both
//!          again: what a gateway without care does
//!
//! One upstream connection per client connection (so sessions map one to one),
//! both keep-alive.  `--pool` uses hyper-util's pooling client instead.
use std::{borrow::Cow, collections::HashSet, convert::Infallible, sync::Arc};

use anyhow::Result;
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    Request, Response, StatusCode, Uri, body::Incoming, client::conn::http1::SendRequest, header,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Copy, ValueEnum, Debug, PartialEq)]
enum Mode {
    Tcp,
    Http,
    Peek,
    Check,
    Value,
}

#[derive(Parser, Clone)]
struct Args {
    #[arg(long, default_value = "127.0.0.1:7100")]
    listen: String,
    /// host:port of the upstream
    #[arg(long, default_value = "127.0.0.1:7002")]
    upstream: String,
    #[arg(long, value_enum, default_value = "http")]
    mode: Mode,
    /// Use the pooling client rather than one upstream connection per client.
    #[arg(long)]
    pool: bool,
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

type OutBody = Either<Incoming, Full<Bytes>>;

enum Up {
    Own(tokio::sync::Mutex<Option<SendRequest<OutBody>>>),
    Pool(Client<HttpConnector, OutBody>),
}

#[derive(Deserialize)]
struct Rpc<'a> {
    #[serde(borrow)]
    #[allow(dead_code)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    #[allow(dead_code)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    #[allow(dead_code)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

struct Gate {
    args: Args,
    denied: HashSet<String>,
}

impl Gate {
    /// A stand-in for the policy: one hash look-up of the tool name.
    fn allow(&self, body: &[u8]) -> bool {
        let Ok(m) = serde_json::from_slice::<Rpc>(body) else {
            return false;
        };
        if m.method.as_deref() != Some("tools/call") {
            return true;
        }
        let Some(p) = m.params else { return false };
        let Ok(p) = serde_json::from_str::<Params>(p.get()) else {
            return false;
        };
        p.name.is_some_and(|n| !self.denied.contains(n.as_ref()))
    }

    async fn send(&self, up: &Up, mut req: Request<OutBody>) -> Result<Response<Incoming>> {
        match up {
            Up::Pool(c) => {
                let path = req.uri().path_and_query().map_or("/", |p| p.as_str());
                *req.uri_mut() = format!("http://{}{path}", self.args.upstream).parse::<Uri>()?;
                Ok(c.request(req).await?)
            }
            Up::Own(slot) => {
                let mut slot = slot.lock().await;
                let ready = match slot.as_mut() {
                    Some(c) => c.ready().await.is_ok(),
                    None => false,
                };
                if !ready {
                    let tcp = TcpStream::connect(&self.args.upstream).await?;
                    tcp.set_nodelay(true)?;
                    let (tx, conn) =
                        hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await?;
                    tokio::spawn(async move {
                        let _ = conn.await;
                    });
                    *slot = Some(tx);
                }
                Ok(slot.as_mut().unwrap().send_request(req).await?)
            }
        }
    }

    async fn handle(&self, up: &Up, req: Request<Incoming>) -> Result<Response<OutBody>> {
        let (mut head, body) = req.into_parts();
        head.headers
            .insert(header::HOST, self.args.upstream.parse()?);
        head.headers.remove(header::CONNECTION);
        let body = match self.args.mode {
            Mode::Http | Mode::Tcp => Either::Left(body),
            Mode::Peek | Mode::Check => {
                let bytes = body.collect().await?.to_bytes();
                if !bytes.is_empty() && !self.allow(&bytes) {
                    return Ok(Response::builder()
                        .status(StatusCode::FORBIDDEN)
                        .body(Either::Right(Full::default()))?);
                }
                Either::Right(Full::new(bytes))
            }
            Mode::Value => {
                let bytes = body.collect().await?.to_bytes();
                let out = if bytes.is_empty() {
                    bytes
                } else {
                    let v: serde_json::Value = serde_json::from_slice(&bytes)?;
                    if v["params"]["name"]
                        .as_str()
                        .is_some_and(|n| self.denied.contains(n))
                    {
                        anyhow::bail!("denied");
                    }
                    Bytes::from(serde_json::to_vec(&v)?)
                };
                head.headers
                    .insert(header::CONTENT_LENGTH, out.len().into());
                Either::Right(Full::new(out))
            }
        };
        let resp = self.send(up, Request::from_parts(head, body)).await?;
        let (mut head, body) = resp.into_parts();
        head.headers.remove(header::CONNECTION);
        if matches!(self.args.mode, Mode::Http | Mode::Tcp | Mode::Peek) {
            return Ok(Response::from_parts(head, Either::Left(body)));
        }
        let bytes = body.collect().await?.to_bytes();
        let sse = head
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|v| v.as_bytes().starts_with(b"text/event-stream"));
        let out = if bytes.is_empty() {
            bytes
        } else if self.args.mode == Mode::Check {
            let mut any = false;
            let mut one = |json: &[u8]| {
                if let Ok(a) = serde_json::from_slice::<Answer>(json) {
                    any |= a.result.is_some() || a.error.is_some();
                }
            };
            if sse {
                bytes
                    .split(|b| *b == b'\n')
                    .filter_map(|l| l.strip_prefix(b"data: "))
                    .for_each(&mut one);
            } else {
                one(&bytes);
            }
            anyhow::ensure!(any, "no answer in the response");
            bytes
        } else {
            let mut out = Vec::with_capacity(bytes.len());
            if sse {
                for l in bytes.split_inclusive(|b| *b == b'\n') {
                    match l.strip_prefix(b"data: ") {
                        Some(d) if d.len() > 1 => {
                            let v: serde_json::Value = serde_json::from_slice(d)?;
                            out.extend_from_slice(b"data: ");
                            serde_json::to_writer(&mut out, &v)?;
                            out.push(b'\n');
                        }
                        _ => out.extend_from_slice(l),
                    }
                }
            } else {
                let v: serde_json::Value = serde_json::from_slice(&bytes)?;
                serde_json::to_writer(&mut out, &v)?;
            }
            Bytes::from(out)
        };
        if head.headers.contains_key(header::CONTENT_LENGTH) {
            head.headers
                .insert(header::CONTENT_LENGTH, out.len().into());
        }
        Ok(Response::from_parts(head, Either::Right(Full::new(out))))
    }
}

async fn serve(args: Args) -> Result<()> {
    let listener = TcpListener::bind(&args.listen).await?;
    let denied = (0..200).map(|i| format!("denied_tool_{i}")).collect();
    let gate = Arc::new(Gate { args, denied });
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    let pool: Client<HttpConnector, OutBody> = Client::builder(TokioExecutor::new()).build(http);
    loop {
        let (mut tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let gate = gate.clone();
        if gate.args.mode == Mode::Tcp {
            tokio::spawn(async move {
                if let Ok(mut up) = TcpStream::connect(&gate.args.upstream).await {
                    let _ = up.set_nodelay(true);
                    let _ = tokio::io::copy_bidirectional(&mut tcp, &mut up).await;
                }
            });
            continue;
        }
        let up = Arc::new(if gate.args.pool {
            Up::Pool(pool.clone())
        } else {
            Up::Own(Default::default())
        });
        tokio::spawn(async move {
            let svc = service_fn(move |req| {
                let (gate, up) = (gate.clone(), up.clone());
                async move {
                    Ok::<_, Infallible>(gate.handle(&up, req).await.unwrap_or_else(|e| {
                        Response::builder()
                            .status(StatusCode::BAD_GATEWAY)
                            .body(Either::Right(Full::from(e.to_string())))
                            .unwrap()
                    }))
                }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(tcp), svc)
                .await;
        });
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let rt = if args.threads <= 1 {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
    } else {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(args.threads)
            .enable_all()
            .build()?
    };
    rt.block_on(serve(args))
}
