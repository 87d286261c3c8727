//! `durward connect`: a relay between a client's pipe and the daemon's socket. It judges nothing. What it
//! knows of the conversation serves one end: that the client outlives the daemon.
//!
//! A request that may have been carried out is never sent twice: where the daemon goes before it has
//! answered, the client is told so. What had not left the bridge, and what changes nothing, is sent to the
//! next daemon, after the session has been opened there again.

mod answers;
mod lines;
mod memory;
mod place;
mod start;

use std::{io, io::Write, pin::pin, sync::Arc, thread, time::Duration};

use bytes::Bytes;
use durward_cage::{lean::give_back_code, quiet::Quiet};
use durward_wire::frame::{Frame, LineFrames};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::oneshot,
};

use lines::Lines;
use memory::{Heard, Memory};
use place::{Found, Link};
pub(crate) use place::{Place, PlaceFault};

/// What is read at once.
const READ: usize = 16 * 1024;
/// Lines of the client that may wait while there is no daemon, and their bytes; the last one may be longer.
const MOST_WAITING: usize = 64;
const MOST_BYTES: usize = 1 << 20;
/// How often a daemon that listens and does not let us in is asked again.
const ATTEMPTS: usize = 10;
/// How often a daemon is looked for that nobody needs right now.
const LOOK: Duration = Duration::from_secs(1);
/// What is about to be answered when the client leaves may be.
const GRACE: Duration = Duration::from_millis(500);
/// How long a client may take to read the last of it.
const LAST: Duration = Duration::from_secs(1);

/// A bridge for one client.
pub(crate) struct Bridge<I, O> {
    place: Arc<Place>,
    input: I,
    output: O,
    frames: LineFrames,
    /// False once the client has closed its end.
    is_open: bool,
    memory: Memory,
    /// To the daemon.
    up: Lines,
    /// To the client.
    down: Lines,
}

/// Why a link is not used any more.
enum End {
    /// The client is gone.
    Client,
    /// The daemon is gone.
    Daemon,
    /// The daemon does not take the conversation up.
    Over(String),
}

impl<I: AsyncRead + Unpin, O: AsyncWrite + Unpin> Bridge<I, O> {
    /// A bridge from this client to the daemon of that place.
    pub(crate) fn new(place: Place, input: I, output: O) -> Self {
        Self {
            frames: LineFrames::new(place.line),
            place: Arc::new(place),
            input,
            output,
            is_open: true,
            memory: Memory::default(),
            up: Lines::default(),
            down: Lines::default(),
        }
    }

    /// Relays until the client leaves.
    ///
    /// # Errors
    /// Where there was no daemon to begin with, or another one does not take the conversation up.
    pub(crate) async fn run(mut self) -> Result<(), PlaceFault> {
        // The client will speak in a moment.
        let mut link = match self.find(true).await {
            Ok(link) => link,
            Err(fault) => return self.refuse(fault).await,
        };
        loop {
            let Some(found) = link else {
                return Ok(());
            };
            // What found and started the daemon waits for the next time.
            give_back_code();
            match self.relay(found).await {
                End::Client => {
                    self.finish().await;
                    return Ok(());
                }
                End::Over(why) => return self.refuse(PlaceFault::Refused(why)).await,
                End::Daemon => {}
            }
            self.up.rewind();
            let lost = self.memory.lost(self.up.unsent());
            self.tell(lost);
            link = self.seek().await;
        }
    }

    /// Finds the daemon again, for as long as the client is there; `None` where it has left.
    async fn seek(&mut self) -> Option<Link> {
        // A crash is nobody's wish; after an orderly end it is up to the client.
        let mut has_crashed = match self.place.look().await {
            Ok(Found::Daemon(link)) => return Some(link),
            found => matches!(found, Ok(Found::Dead)),
        };
        // Where nobody waits, a service manager may be quicker, and is to have it.
        let mut has_looked = false;
        while self.is_open || self.memory.waits() {
            let needed = self.memory.waits() || has_crashed && has_looked;
            match self.find(needed).await {
                Ok(Some(link)) => return Some(link),
                Ok(None) => has_looked = true,
                Err(fault) => {
                    // A client that does not want to know has closed it.
                    let _ = writeln!(io::stderr(), "durward: {fault}");
                    self.give_up(&fault.to_string());
                    has_crashed = false;
                }
            }
        }
        self.finish().await;
        None
    }

    /// Looks for the daemon, and starts it where that is `needed`. Meanwhile the client is heard, and told
    /// what there is to tell. `None`: look again, for something has changed.
    async fn find(&mut self, needed: bool) -> Result<Option<Link>, PlaceFault> {
        let place = Arc::clone(&self.place);
        let mut finding = pin!(async move {
            match needed {
                true => started(place).await.map(Some),
                false => {
                    tokio::time::sleep(LOOK).await;
                    match place.look().await {
                        Ok(Found::Daemon(link)) => Ok(Some(link)),
                        // Nobody needs it now, so nobody is told.
                        _ => Ok(None),
                    }
                }
            }
        });
        loop {
            tokio::select! {
                found = &mut finding => return found,
                wrote = self.down.write(&mut self.output), if !self.down.is_empty() => {
                    if wrote.is_err() {
                        self.leave();
                        return Ok(None);
                    }
                }
                read = read(&mut self.input, &mut self.frames),
                    if self.is_open && self.has_room() =>
                {
                    self.is_open = read;
                    self.take_in();
                    let is_over = !self.is_open && !self.memory.waits();
                    if is_over || !needed && self.memory.waits() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Relays until one end is gone.
    async fn relay(&mut self, link: Link) -> End {
        let Link {
            stream,
            frames: mut from_daemon,
        } = link;
        let Ok(stream) = Quiet::new(stream) else {
            return End::Daemon;
        };
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut first = Lines::default();
        for line in self.memory.replays(self.up.unsent()) {
            first.push(line);
        }
        let (mut is_writable, mut is_told) = (true, false);
        loop {
            while let Some(frame) = from_daemon.next() {
                match frame {
                    Frame::Line(line) => match self.memory.hears(&line) {
                        Heard::Pass => {
                            self.down.push(line);
                        }
                        Heard::Instead(lines) => self.tell(lines),
                        Heard::Over(why) => return End::Over(why),
                    },
                    // No daemon of ours says that much.
                    Frame::TooLong => return End::Daemon,
                }
            }
            let all_sent = first.is_empty() && self.up.is_empty();
            if !self.is_open && all_sent && !is_told {
                // The daemon ends what goes on, and closes.
                is_told = true;
                let _ = writer.shutdown().await;
            }
            tokio::select! {
                biased;
                wrote = self.down.write(&mut self.output), if !self.down.is_empty() => {
                    if wrote.is_err() {
                        self.leave();
                        return End::Client;
                    }
                }
                wrote = send(&mut first, &mut self.up, &mut writer), if is_writable && !all_sent => {
                    is_writable = wrote.is_ok();
                }
                read = read(&mut reader, &mut from_daemon), if self.down.is_empty() => {
                    if !read {
                        return if is_told { End::Client } else { End::Daemon };
                    }
                }
                read = read(&mut self.input, &mut self.frames),
                    if self.is_open && is_writable && all_sent =>
                {
                    self.is_open = read;
                    self.take_in();
                }
                () = tokio::time::sleep(GRACE), if is_told => return End::Client,
            }
        }
    }

    fn has_room(&self) -> bool {
        self.up.len() < MOST_WAITING && self.up.size() < MOST_BYTES
    }

    /// Takes the client's lines out of what was read.
    fn take_in(&mut self) {
        while let Some(frame) = self.frames.next() {
            match frame {
                Frame::Line(line) => {
                    let number = self.up.push(line.clone());
                    self.memory.sends(&line, number);
                }
                Frame::TooLong => self.tell(vec![answers::too_long()]),
            }
        }
    }

    /// Nothing that waits will be sent.
    fn give_up(&mut self, why: &str) {
        self.up.clear();
        let given_up = self.memory.gives_up(why);
        self.tell(given_up);
    }

    fn tell(&mut self, lines: Vec<Bytes>) {
        for line in lines {
            self.down.push(line);
        }
    }

    /// The client reads no more.
    fn leave(&mut self) {
        self.is_open = false;
        self.give_up("");
        self.down.clear();
    }

    /// There is no daemon for this client: it hears why as the answer to its first request, too.
    async fn refuse(&mut self, fault: PlaceFault) -> Result<(), PlaceFault> {
        let first = async {
            while self.is_open && !self.memory.waits() {
                self.is_open = read(&mut self.input, &mut self.frames).await;
                self.take_in();
            }
        };
        // A client that says nothing reads it on stderr.
        let _ = tokio::time::timeout(LAST, first).await;
        self.give_up(&fault.to_string());
        self.finish().await;
        Err(fault)
    }

    /// Tells the client the last of it.
    async fn finish(&mut self) {
        let last = async {
            while !self.down.is_empty() {
                if self.down.write(&mut self.output).await.is_err() {
                    return;
                }
            }
            let _ = self.output.flush().await;
        };
        let _ = tokio::time::timeout(LAST, last).await;
    }
}

/// Reads what there is; false at the end.
async fn read(from: &mut (impl AsyncRead + Unpin), frames: &mut LineFrames) -> bool {
    let buffer = frames.buffer();
    buffer.reserve(READ);
    from.read_buf(buffer).await.is_ok_and(|count| count > 0)
}

/// Writes some of the one, and of the other once all of the one is written.
async fn send(
    first: &mut Lines,
    then: &mut Lines,
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    match first.is_empty() {
        false => first.write(to).await,
        true => then.write(to).await,
    }
}

/// A link to the daemon, which is started where none runs.
async fn started(place: Arc<Place>) -> Result<Link, PlaceFault> {
    for _ in 0..ATTEMPTS {
        if let Found::Daemon(link) = place.look().await? {
            return Ok(link);
        }
        let (sender, receiver) = oneshot::channel();
        let start = Arc::clone(&place);
        let work = move || {
            // Nobody waits any more where the client has left.
            let _ = sender.send(start::start(&start));
        };
        let thread = thread::Builder::new().name("start".to_owned()).spawn(work);
        thread.map_err(|error| not_started(&error))?;
        let started = receiver.await;
        started.unwrap_or_else(|_| Err(not_started(&io::Error::other("starting it failed"))))?;
    }
    Err(PlaceFault::Full(place.socket.display().to_string()))
}

fn not_started(error: &io::Error) -> PlaceFault {
    PlaceFault::NotStarted {
        why: error.to_string(),
        code: None,
    }
}
