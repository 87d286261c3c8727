//! A program that speaks on pipes, played by a task of the test's own.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use durward_cage::launch::Level;
use durward_core::BoxFuture;
use serde_json::{Value, json};
use tokio::{
    io::{
        AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
        duplex, split,
    },
    sync::{oneshot, watch},
};

use crate::{
    Command, EraPin, LinkLimits, Reach, Target,
    start::{Process, Running, Starts},
};

type Play = Box<dyn Fn(Program) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A program's side of its pipes.
pub(crate) struct Program {
    /// The how-manieth start this is, from 0.
    pub(crate) start: usize,
    pub(crate) stdin: Lines<BufReader<ReadHalf<DuplexStream>>>,
    pub(crate) stdout: WriteHalf<DuplexStream>,
    pub(crate) stderr: DuplexStream,
    log: Arc<Mutex<Vec<Value>>>,
}

impl Program {
    /// The next message, noted.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        let line = self.stdin.next_line().await.ok()??;
        let message: Value = serde_json::from_str(&line).unwrap();
        self.log.lock().unwrap().push(message.clone());
        Some(message)
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes()).await;
    }

    pub(crate) async fn answer(&mut self, request: &Value, result: Value) {
        self.say(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}))
            .await;
    }

    pub(crate) async fn refuse(&mut self, request: &Value, code: i64, data: Value) {
        let error = json!({"code": code, "message": "no", "data": data});
        self.say(&json!({"jsonrpc": "2.0", "id": request["id"], "error": error}))
            .await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        // The link may be gone, which is the test's business.
        let _ = self.stdout.write_all(bytes).await;
    }

    /// Is opened as a legacy server that knows nothing of later eras. False at the end of the input.
    pub(crate) async fn open_legacy(&mut self) -> bool {
        while let Some(message) = self.hear().await {
            match message["method"].as_str() {
                Some("initialize") => self.answer(&message, initialized()).await,
                Some("notifications/initialized") => return true,
                _ => self.refuse(&message, -32601, json!(null)).await,
            }
        }
        false
    }

    /// Is opened as a modern server.
    pub(crate) async fn open_modern(&mut self) -> bool {
        while let Some(message) = self.hear().await {
            if message["method"] == "server/discover" {
                self.answer(&message, discovered()).await;
                return true;
            }
            self.refuse(&message, -32601, json!(null)).await;
        }
        false
    }
}

pub(crate) fn initialized() -> Value {
    json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
        "serverInfo": {"name": "fake", "version": "1"}})
}

pub(crate) fn discovered() -> Value {
    json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0,
        "cacheScope": "private", "resultType": "complete"})
}

/// Starts programs that a function plays.
pub(crate) struct Theatre {
    play: Play,
    starts: AtomicUsize,
    log: Arc<Mutex<Vec<Value>>>,
    ended: watch::Sender<usize>,
}

impl Theatre {
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(
        play: impl Fn(Program) -> F + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            play: Box::new(move |program| Box::pin(play(program))),
            starts: AtomicUsize::new(0),
            log: Arc::default(),
            ended: watch::Sender::new(0),
        })
    }

    pub(crate) fn target(self: &Arc<Self>) -> Target {
        let starts: Arc<dyn Starts> = Arc::clone(self) as _;
        Target {
            reach: Reach::Command(Command(starts)),
            era: EraPin::Auto,
            capabilities: super::raw("{}"),
            shared: true,
            limits: LinkLimits {
                stop_grace: Duration::from_millis(50),
                ..LinkLimits::default()
            },
        }
    }

    pub(crate) fn starts(&self) -> usize {
        self.starts.load(Ordering::SeqCst)
    }

    /// The methods that were heard so far, of all starts.
    pub(crate) fn methods(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        let method = |message: &Value| message["method"].as_str().unwrap_or("-").to_owned();
        log.iter().map(method).collect()
    }

    pub(crate) fn log(&self) -> Vec<Value> {
        self.log.lock().unwrap().clone()
    }

    /// Waits until so many have ended.
    pub(crate) async fn until_ended(&self, many: usize) {
        self.ended
            .subscribe()
            .wait_for(|ended| *ended >= many)
            .await
            .unwrap();
    }
}

impl Starts for Theatre {
    fn start(&self) -> BoxFuture<'_, Result<Running, String>> {
        let start = self.starts.fetch_add(1, Ordering::SeqCst);
        // As large as a pipe of Linux is.
        let (ours, theirs) = duplex(64 * 1024);
        let (stderr, complaints) = duplex(64 * 1024);
        let (stdout, stdin) = split(ours);
        let (input, output) = split(theirs);
        let program = Program {
            start,
            stdin: BufReader::new(input).lines(),
            stdout: output,
            stderr: complaints,
            log: Arc::clone(&self.log),
        };
        let (tell, told) = oneshot::channel();
        let (play, ended) = ((self.play)(program), self.ended.clone());
        let task = tokio::spawn(async move {
            play.await;
            ended.send_modify(|ended| *ended += 1);
            let _ = tell.send(());
        });
        let process = Played {
            task,
            told: Some(told),
        };
        Box::pin(async {
            Ok(Running {
                stdin: Box::new(stdin),
                stdout: Box::new(stdout),
                stderr: Box::new(stderr),
                process: Box::new(process),
                level: Level::Light,
            })
        })
    }
}

struct Played {
    task: tokio::task::JoinHandle<()>,
    told: Option<oneshot::Receiver<()>>,
}

impl Process for Played {
    fn exited(&mut self) -> BoxFuture<'_, String> {
        Box::pin(async {
            if let Some(told) = &mut self.told {
                let _ = told.await;
                self.told = None;
            }
            "exit code 0".to_owned()
        })
    }

    fn stop(mut self: Box<Self>, grace: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let _ = tokio::time::timeout(grace, self.exited()).await;
        })
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.task.abort();
    }
}
