//! A running `durward serve`.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{Answer, House, Http, MODERN, Post, Session, initialize_with, modern};

const START: Duration = Duration::from_secs(20);

/// A daemon on a free port. It is killed when dropped.
pub struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The key that [`Daemon::post`] sends.
    pub key: String,
}

impl Daemon {
    pub(crate) fn start(house: &House, arguments: &[&str]) -> Self {
        let mut all = vec!["serve", "--json", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Self::from_command(house.command(&all)).expect("the daemon starts")
    }

    /// Starts a daemon from a ready command that has `--json`.
    ///
    /// # Errors
    /// What it said on stderr, where it ended or said nothing instead of listening.
    pub fn from_command(mut command: Command) -> Result<Self, String> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let errors = child.stderr.take().expect("its stderr");
        let drain = drain(errors, Arc::clone(&log));
        let Some(facts) = first_line(&mut child) else {
            let _ = child.kill();
            let _ = child.wait();
            let _ = drain.join();
            return Err(log.lock().expect("the log").clone());
        };
        let facts: Value =
            serde_json::from_str(&facts).map_err(|error| format!("{error}: {facts}"))?;
        let address = address(&facts).ok_or(format!("no address in {facts}"))?;
        Ok(Self {
            child,
            log,
            address,
            key: key(&facts),
        })
    }

    /// The same daemon, spoken to with another key.
    #[must_use]
    pub fn with_key(mut self, key: String) -> Self {
        self.key = key;
        self
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote on stderr until now.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// A connection to it.
    pub fn connect(&self) -> Http {
        Http::connect(self.address)
    }

    /// A request to `/mcp` with all that a good client sends but the revision's own headers.
    pub fn post(&self, body: impl Into<Vec<u8>>) -> Post {
        self.plain("POST", "/mcp")
            .header("Authorization", &format!("Bearer {}", self.key))
            .header("Accept", "application/json, text/event-stream")
            .header("Content-Type", "application/json")
            .body(body)
    }

    /// A request with a good `Host` and nothing else.
    pub fn plain(&self, method: &str, target: &str) -> Post {
        Post::new(method, target).header("Host", &self.address.to_string())
    }

    /// Sends one request on a connection of its own.
    ///
    /// # Panics
    /// Where no answer comes.
    pub fn ask(&self, request: &Post) -> Answer {
        self.connect().ask(request)
    }

    /// A self-contained request with its headers.
    pub fn modern_post(&self, message: &Value) -> Post {
        let method = message["method"].as_str().unwrap_or_default();
        let post = self
            .post(message.to_string())
            .header("MCP-Protocol-Version", MODERN)
            .header("Mcp-Method", method);
        let params = &message["params"];
        match method {
            "tools/call" | "prompts/get" => {
                post.header("Mcp-Name", params["name"].as_str().unwrap_or_default())
            }
            "resources/read" => post.header("Mcp-Name", params["uri"].as_str().unwrap_or_default()),
            _ => post,
        }
    }

    /// Asks as 2026-07-28 does, on a connection of its own.
    ///
    /// # Panics
    /// Where no answer comes.
    pub fn modern(&self, method: &str, params: Value) -> Answer {
        self.ask(&self.modern_post(&modern(1, method, params)))
    }

    /// Calls a tool as 2026-07-28 does; gives the whole JSON-RPC answer.
    ///
    /// # Panics
    /// Where no answer comes.
    pub fn call(&self, tool: &str, arguments: Value) -> Value {
        let params = serde_json::json!({"name": tool, "arguments": arguments});
        self.modern("tools/call", params).json()
    }

    /// Opens a legacy session.
    ///
    /// # Panics
    /// Where that fails.
    pub fn session(&self, revision: &str) -> Session<'_> {
        self.session_with(revision, serde_json::json!({}))
    }

    /// Opens a legacy session of a client with these capabilities.
    ///
    /// # Panics
    /// Where that fails.
    pub fn session_with(&self, revision: &str, capabilities: Value) -> Session<'_> {
        Session::open(self, &initialize_with(revision, capabilities))
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// Where the process is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the process is there");
    }

    /// Waits for its end; gives the exit code (-1: a signal), or none where it runs on.
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        wait(&mut self.child, limit)
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A line of `/proc/PID/status` in KiB, such as `VmRSS`.
    ///
    /// # Panics
    /// Where there is no such line.
    pub fn memory_kib(&self, line: &str) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("its status");
        let found = status
            .lines()
            .find(|known| known.starts_with(line))
            .expect("the line");
        found
            .split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse().ok())
            .expect("a number")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<i32> {
    let started = crate::http::now();
    while started.elapsed() < limit {
        if let Some(status) = child.try_wait().expect("the process can be waited for") {
            return Some(status.code().unwrap_or(-1));
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

fn drain(mut errors: ChildStderr, log: Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = errors.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            log.lock().expect("the log").push_str(&text);
        }
    })
}

fn first_line(child: &mut Child) -> Option<String> {
    let output = child.stdout.take().expect("its stdout");
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = String::new();
        if output.read_line(&mut line).is_ok_and(|count| count > 0) {
            let _ = sender.send(line);
        }
        // The rest is read away, so that the daemon never meets a closed pipe.
        let _ = std::io::copy(&mut output, &mut std::io::sink());
    });
    receiver.recv_timeout(START).ok()
}

fn address(facts: &Value) -> Option<SocketAddr> {
    let url = facts["url"].as_str()?;
    let authority = url.strip_prefix("http://")?.split('/').next()?;
    authority.replace("localhost", "127.0.0.1").parse().ok()
}

fn key(facts: &Value) -> String {
    if let Some(key) = facts["key"].as_str() {
        return key.to_owned();
    }
    let file = facts["key_file"]
        .as_str()
        .and_then(|file| fs::read_to_string(file).ok());
    file.unwrap_or_default().trim().to_owned()
}
