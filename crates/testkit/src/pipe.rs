//! A running `durward stdio`.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{daemon::wait, initialize, legacy, modern, notification};

const PATIENCE: Duration = Duration::from_secs(10);

/// One client's pipe. The process is killed when this is dropped.
pub struct Pipe {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    log: Arc<Mutex<String>>,
    next: u64,
}

impl Pipe {
    /// Starts a ready command.
    ///
    /// # Panics
    /// Where it can't be started.
    pub fn of(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let output = child.stdout.take().expect("its stdout");
        let mut errors = child.stderr.take().expect("its stderr");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let log = Arc::new(Mutex::new(String::new()));
        let said = Arc::clone(&log);
        thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            said.lock().expect("the log").push_str(&text);
        });
        let input = child.stdin.take();
        Self {
            child,
            input,
            lines,
            log,
            next: 100,
        }
    }

    /// Writes bytes as they are.
    ///
    /// # Panics
    /// Where the pipe was closed by [`Pipe::end`].
    pub fn raw(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("an open pipe");
        let _ = input.write_all(bytes).and_then(|()| input.flush());
    }

    /// Writes one message.
    pub fn send(&mut self, message: &Value) {
        self.raw(format!("{message}\n").as_bytes());
    }

    /// The next line of stdout; none where it stays silent so long or ends.
    pub fn line(&mut self, within: Duration) -> Option<String> {
        self.lines.recv_timeout(within).ok()
    }

    /// The next message.
    ///
    /// # Panics
    /// Where none comes, or the line is no JSON-RPC.
    pub fn message(&mut self) -> Value {
        let line = self
            .line(PATIENCE)
            .unwrap_or_else(|| panic!("silence; stderr: {}", self.log()));
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        if message.is_object() {
            assert_eq!(message["jsonrpc"], "2.0", "no JSON-RPC: {line}");
        }
        message
    }

    /// Writes a line and gives the next message.
    ///
    /// # Panics
    /// Where none comes.
    pub fn answer_to(&mut self, line: &str) -> Value {
        self.raw(format!("{line}\n").as_bytes());
        self.message()
    }

    /// Opens the legacy session.
    ///
    /// # Panics
    /// Where that fails.
    pub fn initialize(&mut self, revision: &str) -> Value {
        self.send(&initialize(revision));
        let answer = self.message();
        assert!(answer["result"].is_object(), "{answer}");
        self.send(&notification("notifications/initialized", json!({})));
        answer
    }

    /// Asks as a legacy client and gives the whole answer.
    ///
    /// # Panics
    /// Where none comes.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&legacy(id, method, params));
        self.answer_with(&json!(id))
    }

    /// Asks as 2026-07-28 does and gives the whole answer.
    ///
    /// # Panics
    /// Where none comes.
    pub fn modern(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&modern(id, method, params));
        self.answer_with(&json!(id))
    }

    /// Calls a tool as 2026-07-28 does.
    ///
    /// # Panics
    /// Where no answer comes.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.modern("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// The next message with that id; others are dropped.
    ///
    /// # Panics
    /// Where none comes.
    pub fn answer_with(&mut self, id: &Value) -> Value {
        loop {
            let message = self.message();
            if message["id"] == *id {
                return message;
            }
        }
    }

    /// The next message whose id is one of these; others are dropped.
    ///
    /// # Panics
    /// Where none comes.
    pub fn answer_with_any(&mut self, ids: std::ops::Range<u64>) -> Value {
        loop {
            let message = self.message();
            if message["id"].as_u64().is_some_and(|id| ids.contains(&id)) {
                return message;
            }
        }
    }

    /// Closes stdin; gives the exit code, or none where the process runs on.
    pub fn end(&mut self, limit: Duration) -> Option<i32> {
        self.input = None;
        wait(&mut self.child, limit)
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// Where the process is gone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there");
    }

    /// Waits for its end, with stdin open.
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        wait(&mut self.child, limit)
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote on stderr; complete once it has ended.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.kill();
    }
}
