//! A lean MCP client: one session over one connection or one child process.
use std::{
    collections::HashMap,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use http::{Request, header::HeaderName};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{ChildStdin, Command},
    sync::oneshot,
};

use crate::{Op, TargetArgs};

/// Fields of the 2026-07-28 revision that every request carries.
const META_2026: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"mcpload","version":"0.1.0"},"io.modelcontextprotocol/clientCapabilities":{}}"#;

pub enum Target {
    Http {
        addr: String,
        host: String,
        path: String,
    },
    Stdio(Vec<String>),
}

impl Target {
    pub fn parse(a: &TargetArgs) -> Result<Self> {
        if let Some(cmd) = &a.stdio {
            return Ok(Target::Stdio(
                cmd.split_whitespace().map(str::to_string).collect(),
            ));
        }
        let url = a.url.as_deref().context("give --url or --stdio")?;
        let rest = url.strip_prefix("http://").context("only http:// here")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let addr = if host.contains(':') {
            host.to_string()
        } else {
            format!("{host}:80")
        };
        Ok(Target::Http {
            addr,
            host: host.to_string(),
            path: format!("/{path}"),
        })
    }
}

#[derive(Deserialize)]
struct Rpc<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// A finished operation.
pub struct Done {
    /// When the answer was complete (before any draining of the stream).
    pub at: Instant,
    pub bytes: usize,
}

struct Reply {
    at: Instant,
    /// The JSON-RPC message.
    json: Bytes,
}

/// A child process that speaks MCP on its stdin and stdout.
pub struct StdioProc {
    stdin: tokio::sync::Mutex<ChildStdin>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Reply>>>,
    next_id: AtomicU64,
    pub pid: i32,
}

impl StdioProc {
    pub fn spawn(cmd: &[String]) -> Result<Arc<Self>> {
        let mut child = Command::new(&cmd[0])
            .args(&cmd[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os("MCPLOAD_STDERR").is_some() {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("spawn {}", cmd[0]))?;
        let stdout = child.stdout.take().unwrap();
        let me = Arc::new(Self {
            stdin: tokio::sync::Mutex::new(child.stdin.take().unwrap()),
            waiting: Mutex::default(),
            next_id: AtomicU64::new(1),
            pid: child.id().unwrap() as i32,
        });
        let this = me.clone();
        tokio::spawn(async move {
            let mut r = BufReader::with_capacity(1 << 17, stdout);
            let mut line = Vec::new();
            loop {
                line.clear();
                match r.read_until(b'\n', &mut line).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
                let at = Instant::now();
                let Ok(m) = serde_json::from_slice::<Rpc>(&line) else {
                    continue;
                };
                let Some(id) = m.id.and_then(|i| i.get().parse::<u64>().ok()) else {
                    continue;
                };
                if m.result.is_none() && m.error.is_none() {
                    continue; // a request from the server
                }
                if let Some(tx) = this.waiting.lock().unwrap().remove(&id) {
                    let _ = tx.send(Reply {
                        at,
                        json: Bytes::copy_from_slice(&line),
                    });
                }
            }
            this.waiting.lock().unwrap().clear();
            let _ = child.wait().await;
        });
        Ok(me)
    }

    async fn send(&self, mut line: String) -> Result<()> {
        line.push('\n');
        let mut w = self.stdin.lock().await;
        w.write_all(line.as_bytes()).await?;
        w.flush().await?;
        Ok(())
    }
}

enum Link {
    Http {
        addr: String,
        host: String,
        path: String,
        headers: Vec<(HeaderName, String)>,
        conn: Option<SendRequest<Full<Bytes>>>,
        session: Option<String>,
    },
    Stdio(Arc<StdioProc>),
}

pub struct Client {
    link: Link,
    worker: u64,
    next_id: u64,
    filler: String,
}

impl Client {
    pub fn http(t: &Target, a: &TargetArgs, worker: u64) -> Result<Self> {
        let Target::Http { addr, host, path } = t else {
            bail!("not http")
        };
        let mut headers = Vec::new();
        for h in &a.headers {
            let (k, v) = h.split_once(':').context("--header wants Name: value")?;
            headers.push((k.trim().parse()?, v.trim().to_string()));
        }
        let link = Link::Http {
            addr: addr.clone(),
            host: host.clone(),
            path: path.clone(),
            headers,
            conn: None,
            session: None,
        };
        Ok(Self {
            link,
            worker,
            next_id: 1,
            filler: String::new(),
        })
    }

    pub fn stdio(p: Arc<StdioProc>, worker: u64) -> Self {
        Self {
            link: Link::Stdio(p),
            worker,
            next_id: 1,
            filler: String::new(),
        }
    }

    /// Connects anew and does the handshake of the revision.
    pub async fn restart(&mut self, a: &TargetArgs) -> Result<()> {
        if let Link::Http { conn, session, .. } = &mut self.link {
            *conn = None;
            *session = None;
        }
        if a.proto == "2026-07-28" || a.no_init {
            return Ok(());
        }
        let params = format!(
            r#"{{"protocolVersion":"{}","capabilities":{{}},"clientInfo":{{"name":"mcpload","version":"0.1.0"}}}}"#,
            a.proto
        );
        let id = self.take_id();
        let limit = Duration::from_secs_f64(a.call_timeout);
        let r = tokio::time::timeout(limit, self.request(a, id, "initialize", &params, None))
            .await
            .map_err(|_| anyhow!("initialize timed out"))??;
        let m: Rpc = serde_json::from_slice(&r.json)?;
        if let Some(e) = m.error {
            bail!("initialize: {}", e.get());
        }
        self.notify(a, "notifications/initialized").await
    }

    fn take_id(&mut self) -> u64 {
        if let Link::Stdio(p) = &self.link {
            return p.next_id.fetch_add(1, Relaxed);
        }
        self.next_id += 1;
        self.next_id
    }

    /// One measured operation.
    pub async fn op(&mut self, a: &TargetArgs) -> Result<Done> {
        let limit = Duration::from_secs_f64(a.call_timeout);
        tokio::time::timeout(limit, self.op_inner(a))
            .await
            .map_err(|_| anyhow!("timed out"))?
    }

    async fn op_inner(&mut self, a: &TargetArgs) -> Result<Done> {
        match a.op {
            Op::Call => self.call(a).await,
            Op::List => self.list(a).await,
            Op::Ping => {
                let id = self.take_id();
                let r = self.request(a, id, "ping", "{}", None).await?;
                result_of(&r.json)?;
                Ok(Done {
                    at: r.at,
                    bytes: r.json.len(),
                })
            }
        }
    }

    async fn call(&mut self, a: &TargetArgs) -> Result<Done> {
        let id = self.take_id();
        // Letters only: a number here looks like a telephone number to PII filters.
        let nonce: String = format!("{:04}x{:012}", self.worker % 10_000, id)
            .bytes()
            .map(|b| {
                if b.is_ascii_digit() {
                    (b - b'0' + b'a') as char
                } else {
                    b as char
                }
            })
            .collect::<String>()
            + ".";
        let (args, expect) = match &a.args_json {
            Some(t) => (
                t.replace("{nonce}", &nonce),
                a.expect.as_deref().map(|e| e.replace("{nonce}", &nonce)),
            ),
            None => {
                let want = a.payload.saturating_sub(nonce.len());
                if self.filler.len() != want {
                    self.filler = "The quick brown fox jumps over the lazy dog "
                        .repeat(want / 44 + 1)[..want]
                        .to_string();
                }
                let text = format!("{nonce}{}", self.filler);
                let args = format!(r#"{{"{}":"{text}"}}"#, a.arg);
                (
                    args,
                    Some(match &a.expect {
                        Some(e) => e.replace("{nonce}", &nonce),
                        None => text,
                    }),
                )
            }
        };
        let params = if a.proto == "2026-07-28" {
            format!(r#"{{"name":"{}","arguments":{args},{META_2026}}}"#, a.tool)
        } else {
            format!(r#"{{"name":"{}","arguments":{args}}}"#, a.tool)
        };
        let r = self
            .request(a, id, "tools/call", &params, Some(&a.tool))
            .await?;
        let result = result_of(&r.json)?;
        if memchr::memmem::find(result, br#""isError":true"#).is_some() {
            bail!("tool error: {}", head(result));
        }
        if let Some(e) = expect
            && memchr::memmem::find(result, e.as_bytes()).is_none()
        {
            bail!("expected text not in result: {}", head(result));
        }
        if result.len() < a.expect_min {
            bail!("result too short ({}): {}", result.len(), head(result));
        }
        Ok(Done {
            at: r.at,
            bytes: result.len(),
        })
    }

    async fn list(&mut self, a: &TargetArgs) -> Result<Done> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page<'a> {
            #[serde(borrow)]
            tools: Vec<&'a RawValue>,
            next_cursor: Option<String>,
        }
        let mut cursor: Option<String> = None;
        let (mut total, mut bytes) = (0, 0);
        loop {
            let id = self.take_id();
            let mut p = Vec::new();
            if let Some(c) = &cursor {
                p.push(format!(r#""cursor":{}"#, serde_json::to_string(c)?));
            }
            if a.proto == "2026-07-28" {
                p.push(META_2026.to_string());
            }
            let params = format!("{{{}}}", p.join(","));
            let r = self.request(a, id, "tools/list", &params, None).await?;
            let page: Page = serde_json::from_slice(result_of(&r.json)?)?;
            total += page.tools.len();
            bytes += r.json.len();
            cursor = page.next_cursor;
            if cursor.is_none() {
                if a.expect_tools.is_some_and(|n| n != total) {
                    bail!("{total} tools listed");
                }
                return Ok(Done { at: r.at, bytes });
            }
        }
    }

    async fn notify(&mut self, a: &TargetArgs, method: &str) -> Result<()> {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#);
        if let Link::Stdio(p) = &self.link {
            return p.send(body).await;
        }
        let resp = self.post(a, body, method, None).await?;
        let status = resp.status();
        let got = resp.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{method}: HTTP {status}: {}", head(&got));
        }
        Ok(())
    }

    async fn request(
        &mut self,
        a: &TargetArgs,
        id: u64,
        method: &str,
        params: &str,
        name: Option<&str>,
    ) -> Result<Reply> {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        if let Link::Stdio(p) = &self.link {
            let (tx, rx) = oneshot::channel();
            p.waiting.lock().unwrap().insert(id, tx);
            p.send(body).await?;
            return rx.await.context("the process closed its stdout");
        }
        let resp = self.post(a, body, method, name).await?;
        if method == "initialize"
            && let Link::Http { session, .. } = &mut self.link
        {
            *session = resp
                .headers()
                .get("mcp-session-id")
                .and_then(|v| v.to_str().ok())
                .map(str::to_string);
        }
        let status = resp.status();
        let sse = resp
            .headers()
            .get("content-type")
            .is_some_and(|v| v.as_bytes().starts_with(b"text/event-stream"));
        let mut body = resp.into_body();
        if !sse || !status.is_success() {
            let json = body.collect().await?.to_bytes();
            if !status.is_success() {
                bail!("HTTP {status}: {}", head(&json));
            }
            check_id(&json, id)?;
            return Ok(Reply {
                at: Instant::now(),
                json,
            });
        }
        // An event stream: take events until the one that answers our id.
        let mut buf: Vec<u8> = Vec::new();
        let (mut from, mut found) = (0, None);
        while let Some(frame) = body.frame().await {
            let frame = frame?;
            let Some(chunk) = frame.data_ref() else {
                continue;
            };
            let scan = buf.len().saturating_sub(3).max(from);
            buf.extend_from_slice(chunk);
            if found.is_none() {
                let mut scan = scan;
                while let Some((end, next)) = event_end(&buf, scan) {
                    if let Some(json) = data_of(&buf[from..end])
                        && check_id(&json, id).is_ok()
                    {
                        found = Some(Reply {
                            at: Instant::now(),
                            json: json.into(),
                        });
                    }
                    from = next;
                    scan = next;
                }
            }
            if found.is_some() {
                break;
            }
        }
        let reply = found.context("stream ended without the answer")?;
        // Let the server close the stream, so that the connection can be reused.
        let drained = tokio::time::timeout(Duration::from_secs(1), async {
            while let Some(f) = body.frame().await {
                if f.is_err() {
                    return false;
                }
            }
            true
        })
        .await
        .unwrap_or(false);
        if !drained && let Link::Http { conn, .. } = &mut self.link {
            *conn = None;
        }
        Ok(reply)
    }

    async fn post(
        &mut self,
        a: &TargetArgs,
        body: String,
        method: &str,
        name: Option<&str>,
    ) -> Result<http::Response<Incoming>> {
        let Link::Http {
            addr,
            host,
            path,
            headers,
            conn,
            session,
        } = &mut self.link
        else {
            unreachable!()
        };
        let mut b = Request::post(path.as_str())
            .header("host", host.as_str())
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if method != "initialize" {
            b = b.header("mcp-protocol-version", a.proto.as_str());
        }
        if let Some(s) = session {
            b = b.header("mcp-session-id", s.as_str());
        }
        if a.proto == "2026-07-28" {
            b = b.header("mcp-method", method);
            if let Some(n) = name {
                b = b.header("mcp-name", n);
            }
        }
        for (k, v) in headers.iter() {
            b = b.header(k, v.as_str());
        }
        let req = b.body(Full::new(Bytes::from(body)))?;
        let ready = match conn {
            Some(c) => c.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            let tcp = TcpStream::connect(addr.as_str()).await?;
            tcp.set_nodelay(true)?;
            let (tx, driver) = hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await?;
            tokio::spawn(async move {
                let _ = driver.await;
            });
            *conn = Some(tx);
        }
        Ok(conn.as_mut().unwrap().send_request(req).await?)
    }
}

fn check_id(json: &[u8], id: u64) -> Result<()> {
    let m: Rpc = serde_json::from_slice(json).context("not JSON-RPC")?;
    let got = m.id.map(|i| i.get().trim_matches('"')).unwrap_or("none");
    if got.parse() != Ok(id) || (m.result.is_none() && m.error.is_none()) {
        bail!("answer has id {got}, not {id}: {}", head(json));
    }
    Ok(())
}

fn result_of(json: &[u8]) -> Result<&[u8]> {
    let m: Rpc = serde_json::from_slice(json)?;
    match (m.result, m.error) {
        (Some(r), None) => Ok(r.get().as_bytes()),
        (_, Some(e)) => bail!("JSON-RPC error: {}", e.get()),
        _ => bail!("neither result nor error"),
    }
}

/// Where the next SSE event at or after `from` ends, and where the next begins.
fn event_end(buf: &[u8], from: usize) -> Option<(usize, usize)> {
    for i in memchr::memchr_iter(b'\n', &buf[from..]) {
        let i = from + i;
        if buf.get(i + 1) == Some(&b'\n') {
            return Some((i, i + 2));
        }
        if buf.get(i + 1) == Some(&b'\r') && buf.get(i + 2) == Some(&b'\n') {
            return Some((i, i + 3));
        }
    }
    None
}

fn data_of(event: &[u8]) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    for line in event.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(d) = line.strip_prefix(b"data:") {
            let d = d.strip_prefix(b" ").unwrap_or(d);
            match &mut out {
                Some(o) => {
                    o.push(b'\n');
                    o.extend_from_slice(d);
                }
                None => out = Some(d.to_vec()),
            }
        }
    }
    out.filter(|o| !o.is_empty())
}

fn head(b: &[u8]) -> String {
    String::from_utf8_lossy(&b[..b.len().min(300)]).into_owned()
}
