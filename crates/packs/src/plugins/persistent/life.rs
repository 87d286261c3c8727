//! One process of a plugin, from its start to its end.

use std::{collections::HashMap, io, pin::pin, sync::atomic::Ordering, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use durward_cage::launch::{Child, Exit, Process};
use durward_core::{RawJson, Refusal};
use durward_wire::{Frame, LineFrames, member};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::unix::pipe::{Receiver as Reading, Sender as Writing},
    sync::{mpsc::Receiver, oneshot},
    time::{Instant, sleep_until, timeout},
};

use super::Ask;
use crate::plugins::{asked, plugin::Made, refuse, said};

/// So many lines in a row that are no answers are taken; then it is ended.
const JUNK: u32 = 32;
/// How long it has to answer a call that nobody waits for any more; then it hangs.
const PATIENCE: Duration = Duration::from_secs(1);
/// So much may be written ahead of its reading; then calls wait in their queue.
const AHEAD: usize = 1 << 20;
/// Room for one read; where a line is long it grows.
const READ: usize = 8 * 1024;
const LARGE_READ: usize = 1 << 20;
/// How long what it wrote before its end is still read, and how long is waited for how it ended.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// How a life ended.
pub(super) enum End {
    /// Nobody can ask any more; it still runs.
    Retired(Child),
    /// It ended in order, and nobody waited for it.
    Left,
    /// It hung, and was ended. Whoever waited for it has waited long enough: there is no pause.
    Hung(String),
    /// It went wrong, and how.
    Fault(String),
}

/// Why it is no longer served.
enum Over {
    Retired,
    Gone,
    Junk,
    TooLong,
    Hangs,
}

/// A process that runs.
pub(super) struct Life<'a> {
    made: &'a Made,
    at_once: usize,
    /// The calls that it has, and who waits for them; nobody, where they were given up.
    calls: HashMap<u64, Option<oneshot::Sender<Result<RawJson, Refusal>>>>,
    /// What it has yet to read.
    ahead: BytesMut,
    /// Until then it has to answer what was given up.
    hangs_at: Option<Instant>,
    junk: u32,
    served: bool,
}

impl<'a> Life<'a> {
    pub(super) fn new(made: &'a Made, at_once: usize) -> Self {
        Self {
            made,
            at_once,
            calls: HashMap::new(),
            ahead: BytesMut::new(),
            hangs_at: None,
            junk: 0,
            served: false,
        }
    }

    /// Serves calls by it, the first one first. How it ended, and whether it ever answered.
    pub(super) async fn run(
        mut self,
        child: Child,
        first: Ask,
        asks: &mut Receiver<Ask>,
        given_up: &mut Receiver<u64>,
    ) -> (End, bool) {
        let Child {
            mut stdin,
            mut stdout,
            mut stderr,
            mut process,
        } = child;
        let mut frames = LineFrames::new(self.made.output);
        self.take(first, &stdin);
        let over = {
            let made = self.made;
            let drain = pin!(made.record.drain(&mut stderr));
            self.serve(
                (&mut stdin, &mut stdout, &mut process),
                &mut frames,
                (asks, given_up),
                drain,
            )
            .await
        };
        let how = match over {
            Over::Retired => {
                let child = Child {
                    stdin,
                    stdout,
                    stderr,
                    process,
                };
                return (End::Retired(child), self.served);
            }
            Over::Gone => {
                let exit = timeout(LAST_WORDS, process.exited()).await.ok();
                // What it still said counts: an answer may be among it.
                let made = self.made;
                let complaints = made.record.drain(&mut stderr);
                let rest = self.hear_out(&mut stdout, &mut frames);
                let both = async { tokio::join!(rest, timeout(LAST_WORDS / 5, complaints)) };
                let _ = timeout(LAST_WORDS, both).await;
                match exit {
                    Some(exit) if exit.is_success() && !self.is_waited_for() => {
                        process.stop(Duration::ZERO).await;
                        return (End::Left, self.served);
                    }
                    Some(exit) => ended(exit),
                    None => "it closed its standard output".to_owned(),
                }
            }
            Over::Junk => format!("it printed {JUNK} lines in a row that are no answers"),
            Over::TooLong => format!("it printed a line of more than {} bytes", self.made.output),
            Over::Hangs => {
                let seconds = PATIENCE.as_secs();
                format!("it did not answer a call within {seconds} s of being told to stop it")
            }
        };
        process.kill();
        self.give_back(matches!(over, Over::TooLong), &how);
        process.stop(Duration::ZERO).await;
        match over {
            Over::Hangs => (End::Hung(how), self.served),
            _ => (End::Fault(how), self.served),
        }
    }

    async fn serve(
        &mut self,
        (stdin, stdout, process): (&mut Writing, &mut Reading, &mut Process),
        frames: &mut LineFrames,
        (asks, given_up): (&mut Receiver<Ask>, &mut Receiver<u64>),
        mut drain: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Over {
        let mut hangs = pin!(sleep_until(Instant::now()));
        loop {
            if let Some(at) = self.hangs_at
                && hangs.deadline() != at
            {
                hangs.as_mut().reset(at);
            }
            let has_room = self.calls.len() < self.at_once && self.ahead.len() < AHEAD;
            tokio::select! {
                biased;
                read = read_some(stdout, frames) => match read {
                    Ok(0) | Err(_) => return Over::Gone,
                    Ok(_) => {
                        if let Some(over) = self.hear(frames) {
                            return over;
                        }
                    }
                },
                Some(id) = given_up.recv() => self.give_up(id),
                ask = asks.recv(), if has_room => match ask {
                    Some(ask) => self.take(ask, stdin),
                    None => return Over::Retired,
                },
                written = stdin.write(&self.ahead), if !self.ahead.is_empty() => match written {
                    Ok(written) => self.ahead.advance(written),
                    // It reads nothing any more: it is ending, or useless.
                    Err(_) => return Over::Gone,
                },
                () = &mut hangs, if self.hangs_at.is_some() => return Over::Hangs,
                () = drain.as_mut() => return Over::Gone,
                _ = process.exited() => return Over::Gone,
            }
        }
    }

    /// Sends a call to it, unless it was given up meanwhile.
    fn take(&mut self, ask: Ask, stdin: &Writing) {
        if ask.reply.is_closed() {
            return;
        }
        self.calls.insert(ask.id, Some(ask.reply));
        self.write(&ask.line, stdin);
    }

    /// Writes what fits now; the rest goes as it reads on.
    fn write(&mut self, line: &Bytes, stdin: &Writing) {
        // What can't be written now can't be written at all, or is written by and by.
        let written = match self.ahead.is_empty() {
            true => stdin.try_write(line).unwrap_or(0),
            false => 0,
        };
        self.ahead.extend_from_slice(&line[written..]);
    }

    /// Nobody waits for this call any more: it is told, and has to say something within its time.
    fn give_up(&mut self, id: u64) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        *call = None;
        self.ahead.extend_from_slice(&asked::cancel(id));
        self.hangs_at
            .get_or_insert_with(|| Instant::now() + PATIENCE);
    }

    /// Takes all lines that have come.
    fn hear(&mut self, frames: &mut LineFrames) -> Option<Over> {
        while let Some(frame) = frames.next() {
            let Frame::Line(line) = frame else {
                return Some(Over::TooLong);
            };
            if self.answered(&line) {
                self.junk = 0;
                continue;
            }
            self.made.record.junk.fetch_add(1, Ordering::Relaxed);
            self.junk += 1;
            if self.junk >= JUNK {
                return Some(Over::Junk);
            }
        }
        None
    }

    /// Gives an answer to who waits for it. False where the line is none.
    fn answered(&mut self, line: &Bytes) -> bool {
        let Ok(answer) = said::object(line) else {
            return false;
        };
        let id = member(&answer, "id").and_then(|id| id.as_str().parse::<u64>().ok());
        let Some(call) = id.and_then(|id| self.calls.remove(&id)) else {
            return false;
        };
        self.served = true;
        match call {
            // Where nobody waits any more, nobody hears.
            Some(reply) => drop(reply.send(Ok(answer))),
            // It is alive: what else was given up has its time anew.
            None => {
                let others = self.calls.values().any(Option::is_none);
                self.hangs_at = others.then(|| Instant::now() + PATIENCE);
            }
        }
        true
    }

    /// Reads what there still is.
    async fn hear_out(&mut self, stdout: &mut Reading, frames: &mut LineFrames) {
        while let Ok(1..) = read_some(stdout, frames).await {
            if self.hear(frames).is_some() {
                return;
            }
        }
    }

    fn is_waited_for(&self) -> bool {
        self.calls.values().any(Option::is_some)
    }

    /// Tells those who wait that there will be no answer.
    fn give_back(&mut self, too_long: bool, how: &str) {
        let name = &self.made.name;
        let waiting: Vec<_> = self.calls.drain().filter_map(|(_, reply)| reply).collect();
        // Of several nobody can say whose line it was.
        let is_its = too_long && waiting.len() == 1;
        for reply in waiting {
            let refusal = match is_its {
                true => refuse::too_large(name, self.made.output),
                false => refuse::died(name, how),
            };
            // Where nobody waits any more, nobody hears.
            let _ = reply.send(Err(refusal));
        }
    }
}

async fn read_some(stdout: &mut Reading, frames: &mut LineFrames) -> io::Result<usize> {
    let room = frames.buffer().len().clamp(READ, LARGE_READ);
    frames.buffer().reserve(room);
    stdout.read_buf(frames.buffer()).await
}

fn ended(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("it ended with exit code {code}"),
        Exit::Signal(signal) => format!("it was ended by signal {signal}"),
        Exit::Lost => "it was killed".to_owned(),
    }
}
