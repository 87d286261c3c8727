//! The task that owns a program: it reads and writes, and ends it.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use durward_cage::launch::Tail;
use durward_wire::{Frame, LineFrames, MalformedKind};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{Notify, oneshot, watch},
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{Outbox, Queue};
use crate::{
    exchange::{Hears, nobody},
    fault::FaultKind,
    said::hear,
    start::{Process, Running},
    switchboard::{Rest, Switchboard},
    talk::reply,
    target::LinkLimits,
};

/// Room for one read: what is read is kept as long as any answer in it. Where a line is long it grows.
const READ: usize = 8 * 1024;
const LARGE_READ: usize = 1 << 20;
/// So many bytes a minute may be no message.
const GARBAGE: usize = 64 * 1024;
const MINUTE: Duration = Duration::from_secs(60);
/// How long what a program wrote before its end is still read, if others hold its output open.
const LAST_WORDS: Duration = Duration::from_millis(50);
/// How long is waited for what it wrote to its standard error before its end.
const COMPLAINTS: Duration = Duration::from_millis(5);
/// So many questions outside of calls are asked at once.
const OUTSIDE: usize = 16;

/// What the owner works with.
pub(super) struct Owner {
    pub(super) board: Arc<Switchboard>,
    pub(super) outbox: Outbox,
    pub(super) tail: Arc<Tail>,
    pub(super) hears: Arc<dyn Hears>,
    pub(super) limits: LinkLimits,
    pub(super) retire: Arc<Notify>,
}

impl Owner {
    /// Serves the program until it ends, errs, or is to be stopped.
    pub(super) async fn run(
        self,
        running: Running,
        mut queue: Queue,
        stopped: oneshot::Receiver<()>,
        gone: watch::Sender<Option<FaultKind>>,
    ) {
        let Running {
            mut stdin,
            stdout,
            mut stderr,
            mut process,
            level: _,
        } = running;
        let fault = {
            let mut read = pin!(self.read(stdout));
            let mut drain = pin!(self.drain(&mut *stderr));
            let write = pin!(write(&mut *stdin, &mut queue));
            let fault = tokio::select! {
                fault = &mut read => self.last_word(fault, &mut *process).await,
                how = process.exited() => {
                    // What it still said counts: an answer may be among it.
                    let last = async {
                        tokio::select! {
                            _ = &mut read => {}
                            () = &mut drain => {}
                        }
                    };
                    let _ = timeout(LAST_WORDS, last).await;
                    FaultKind::Died(how)
                }
                () = write => {
                    let last = timeout(LAST_WORDS, &mut read).await;
                    let fault = last.unwrap_or_else(|_| hung_up());
                    self.last_word(fault, &mut *process).await
                }
                () = &mut drain => FaultKind::Closed,
                _ = stopped => FaultKind::Closed,
                () = self.retire.notified() => FaultKind::OtherEra,
            };
            if matches!(fault, FaultKind::Died(_)) {
                let _ = timeout(COMPLAINTS, &mut drain).await;
            }
            fault
        };
        let is_closed = matches!(fault, FaultKind::Closed | FaultKind::OtherEra);
        // First of all: a call that finds it closed asks whether it is gone, and goes to the next one.
        gone.send_replace(Some(fault.clone()));
        self.outbox.close();
        self.board.close(&fault);
        drop(stdin);
        drop(queue);
        let grace = if is_closed {
            self.limits.stop_grace
        } else {
            Duration::ZERO
        };
        process.stop(grace).await;
    }

    /// Its output has ended: how it ended is worth a moment.
    async fn last_word(&self, fault: FaultKind, process: &mut dyn Process) -> FaultKind {
        if !matches!(fault, FaultKind::Died(_)) {
            return fault;
        }
        match timeout(LAST_WORDS, process.exited()).await {
            Ok(how) => FaultKind::Died(how),
            Err(_) => fault,
        }
    }

    /// Reads lines until the end, or until there is no use in reading on.
    async fn read(&self, mut stdout: Box<dyn AsyncRead + Send + Unpin>) -> FaultKind {
        let mut frames = LineFrames::new(self.limits.message);
        let mut garbage = Garbage::default();
        // Dropped with the program: nobody answers it then.
        let mut asked = JoinSet::new();
        loop {
            let room = frames.buffer().len().clamp(READ, LARGE_READ);
            frames.buffer().reserve(room);
            match stdout.read_buf(frames.buffer()).await {
                Ok(0) | Err(_) => return hung_up(),
                Ok(_) => {}
            }
            while let Some(frame) = frames.next() {
                let line = match frame {
                    Frame::Line(line) => line,
                    Frame::TooLong => {
                        return FaultKind::TooLong {
                            limit: self.limits.message,
                        };
                    }
                };
                let lost = self.hear(&line, &mut asked);
                if lost > 0 {
                    self.board.tally.garbage(lost);
                    if garbage.is_too_much(lost) {
                        return FaultKind::Garbage;
                    }
                }
            }
            while asked.try_join_next().is_some() {}
        }
    }

    /// Takes a line. Gives back how many bytes of it were no message.
    fn hear(&self, line: &Bytes, asked: &mut JoinSet<()>) -> usize {
        let mut lost = 0;
        hear(line, |said| match said {
            Ok(said) => {
                if let Some(rest) = self.board.route(said) {
                    self.rest(rest, asked);
                }
            }
            Err(bad) => {
                if bad.kind == MalformedKind::Parse || !self.board.malformed(&bad) {
                    lost = line.len();
                }
            }
        });
        lost
    }

    fn rest(&self, rest: Rest, asked: &mut JoinSet<()>) {
        match rest {
            Rest::Told(told) => self.hears.notified(told.method.as_str(), told.params.raw()),
            Rest::Reply(id, answer) => self.outbox.put(reply(&id, answer)),
            Rest::Blocked(question, word, error) => {
                self.hears.came_to_nothing(question.method.as_str(), word);
                self.outbox.put(reply(&question.id, Err(error)));
            }
            Rest::Question(question) if asked.len() >= OUTSIDE => {
                self.hears
                    .came_to_nothing(question.method.as_str(), "too_many");
                self.outbox.put(reply(&question.id, Err(nobody())));
            }
            Rest::Question(question) => {
                let (hears, outbox) = (Arc::clone(&self.hears), self.outbox.clone());
                asked.spawn(async move {
                    let params = question.params.raw().clone();
                    let answer = hears
                        .asked(question.method.as_str().to_owned(), params)
                        .await;
                    outbox.put(reply(&question.id, answer));
                });
            }
        }
    }

    /// Keeps the end of what the program complains of. It never ends.
    async fn drain(&self, stderr: &mut (dyn AsyncRead + Send + Unpin)) {
        let mut buffer = vec![0; 8 * 1024];
        while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
            self.tail.push(&buffer[..read]);
        }
        std::future::pending().await
    }
}

/// Writes lines until nothing more can be written.
async fn write(stdin: &mut (dyn AsyncWrite + Send + Unpin), queue: &mut Queue) {
    while let Some(item) = queue.recv().await {
        if let Some(line) = item.to_write()
            && stdin.write_all(line).await.is_err()
        {
            return;
        }
    }
}

fn hung_up() -> FaultKind {
    FaultKind::Died("it closed its standard output".to_owned())
}

/// What was no message, in the minute at hand.
#[derive(Default)]
struct Garbage {
    since: Option<Instant>,
    bytes: usize,
}

impl Garbage {
    fn is_too_much(&mut self, bytes: usize) -> bool {
        if self.since.is_none_or(|since| since.elapsed() >= MINUTE) {
            *self = Self {
                since: Some(Instant::now()),
                bytes: 0,
            };
        }
        self.bytes += bytes;
        self.bytes > GARBAGE
    }
}
