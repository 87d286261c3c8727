//! HTTP/1.1 by hand, so that a test can send what no client library would.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long an answer may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request under construction. Headers are sent as they stand, in their order.
#[derive(Debug, Clone)]
pub struct Post {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Post {
    /// A request with a method, a target and nothing else.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            line: format!("{method} {target} HTTP/1.1"),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes all headers of that name away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Puts a header in place of those of the same name.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        self.without(name).header(name, value)
    }

    /// Sets the body and its `Content-Length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.with("Content-Length", &length)
    }

    /// Changes the method and keeps the rest.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        let rest = self
            .line
            .split_once(' ')
            .map_or(String::new(), |(_, rest)| rest.to_owned());
        self.line = format!("{method} {rest}");
        self
    }

    /// Changes the target and keeps the rest.
    #[must_use]
    pub fn target(mut self, target: &str) -> Self {
        let method = self.line.split(' ').next().unwrap_or("GET").to_owned();
        self.line = format!("{method} {target} HTTP/1.1");
        self
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The bytes of the head alone.
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, unchunked.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The JSON-RPC answer in it: the body, or the last event of a stream.
    ///
    /// # Panics
    /// Where there is none.
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        if self
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/event-stream"))
        {
            let data = text
                .lines()
                .rev()
                .find_map(|line| line.strip_prefix("data:"));
            return serde_json::from_str(data.unwrap_or_default().trim())
                .expect("JSON in an event");
        }
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The code of the JSON-RPC error, or 0 where there is none.
    pub fn code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or(0)
    }
}

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Its data lines, joined.
    pub data: String,
}

/// One connection.
pub struct Http {
    stream: TcpStream,
    seen: Vec<u8>,
    chunked: bool,
    text: String,
}

impl Http {
    /// Connects.
    ///
    /// # Panics
    /// Where nobody listens.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test connects to the server it tests"
    )]
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a read timeout");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a write timeout");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream,
            seen: Vec::new(),
            chunked: false,
            text: String::new(),
        }
    }

    /// Sends bytes as they are. A server that has hung up is no error here: the answer tells.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends a request and reads its whole answer.
    ///
    /// # Panics
    /// Where none comes.
    pub fn ask(&mut self, request: &Post) -> Answer {
        self.send(&request.bytes());
        self.answer().expect("an answer")
    }

    /// Reads one whole answer; none where the connection ended first.
    pub fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.opening()?;
        answer.body = self.body(&answer)?;
        Some(answer)
    }

    /// Reads the body of an answer whose head was read; none where the connection ended first.
    pub fn body(&mut self, head: &Answer) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        if self.chunked {
            while let Some(chunk) = self.chunk() {
                body.extend(chunk);
            }
        } else if let Some(length) = head.header("content-length") {
            let length: usize = length.parse().ok()?;
            self.fill(length)?;
            body = self.seen.drain(..length).collect();
        }
        Some(body)
    }

    /// Reads the head of an answer, and leaves its body to [`Http::event`]. Interim answers (1xx)
    /// are passed over.
    pub fn opening(&mut self) -> Option<Answer> {
        loop {
            let end = loop {
                if let Some(at) = find(&self.seen, b"\r\n\r\n") {
                    break at + 4;
                }
                self.more().ok().filter(|count| *count > 0)?;
            };
            let head: Vec<u8> = self.seen.drain(..end).collect();
            let head = String::from_utf8_lossy(&head);
            let mut lines = head.split("\r\n");
            let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
            let header = |line: &str| {
                let (name, value) = line.split_once(':')?;
                Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            };
            let answer = Answer {
                status,
                headers: lines.filter_map(header).collect(),
                body: vec![],
            };
            self.chunked = answer.header("transfer-encoding") == Some("chunked");
            if status >= 200 {
                return Some(answer);
            }
        }
    }

    /// Waits for the next event of a stream whose head was read; none where the stream ends or
    /// stays silent for so long.
    pub fn event(&mut self, within: Duration) -> Option<Event> {
        let patience = within.max(Duration::from_millis(1));
        self.stream
            .set_read_timeout(Some(patience))
            .expect("a read timeout");
        let event = self.next_event();
        self.stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a read timeout");
        event
    }

    fn next_event(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = parse_event(&block) {
                    return Some(event);
                }
            }
            let piece = if self.chunked {
                self.chunk()?
            } else {
                self.more().ok().filter(|count| *count > 0)?;
                std::mem::take(&mut self.seen)
            };
            self.text
                .push_str(&String::from_utf8_lossy(&piece).replace('\r', ""));
        }
    }

    /// How long until the server hangs up, if it does within that time. What it still says is
    /// read and dropped.
    pub fn closed_within(&mut self, limit: Duration) -> Option<Duration> {
        let started = now();
        loop {
            let left = limit
                .checked_sub(started.elapsed())
                .filter(|left| !left.is_zero())?;
            self.stream
                .set_read_timeout(Some(left))
                .expect("a read timeout");
            match self.more() {
                Ok(0) => return Some(started.elapsed()),
                Ok(_) => self.seen.clear(),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Some(started.elapsed());
                }
                Err(_) => {}
            }
        }
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = loop {
            if let Some(at) = find(&self.seen, b"\r\n") {
                break at;
            }
            self.more().ok().filter(|count| *count > 0)?;
        };
        let size = usize::from_str_radix(std::str::from_utf8(&self.seen[..end]).ok()?, 16).ok()?;
        self.fill(end + 2 + size + 2)?;
        let whole: Vec<u8> = self.seen.drain(..end + 2 + size + 2).collect();
        (size > 0).then(|| whole[end + 2..end + 2 + size].to_vec())
    }

    fn fill(&mut self, length: usize) -> Option<()> {
        while self.seen.len() < length {
            self.more().ok().filter(|count| *count > 0)?;
        }
        Some(())
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.seen.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

fn parse_event(block: &str) -> Option<Event> {
    let mut event = Event::default();
    let mut data = Vec::new();
    for line in block.lines() {
        if let Some(id) = line.strip_prefix("id:") {
            event.id = Some(id.trim().to_owned());
        } else if let Some(text) = line.strip_prefix("data:") {
            data.push(text.trim_start());
        }
    }
    event.data = data.join("\n");
    (event.id.is_some() || !data.is_empty()).then_some(event)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[expect(clippy::disallowed_methods, reason = "a test measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
