//! A program that runs, as durward sees it.

use std::{
    fmt,
    io::{Error, ErrorKind, Result},
    net::Shutdown,
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncRead, Interest, copy, sink},
    net::{
        UnixDatagram,
        unix::pipe::{Receiver, Sender},
    },
    task::JoinHandle,
    time::timeout,
};

use super::{
    Door, Level,
    launcher::Running,
    post,
    report::{LONGEST, Report, TERMINATE},
    walls::Flaws,
};

/// A tree that was killed is gone in milliseconds; one that is not has a process that the kernel holds.
const GONE: Duration = Duration::from_secs(5);

/// A program that runs, and its three pipes; they may be taken out and used apart.
#[derive(Debug)]
pub struct Child {
    /// What it reads.
    pub stdin: Sender,
    /// What it answers. Has to be read, or it waits.
    pub stdout: Receiver,
    /// What else it says. Has to be read, or it waits.
    pub stderr: Receiver,
    /// The process; when dropped, its whole tree is killed.
    pub process: Process,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself.
    Code(u8),
    /// By a signal (signal(7)).
    Signal(u8),
    /// Nobody knows: its keeper was killed, and it with it.
    Lost,
}

impl Exit {
    /// Whether it ended as programs do that met no fault.
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Lost => f.write_str("killed with its keeper"),
        }
    }
}

impl Child {
    /// The process's number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it is held.
    pub fn level(&self) -> Level {
        self.process.level()
    }

    /// Waits until the program ended. It has to be read from meanwhile, or it may not be able to.
    pub async fn exited(&mut self) -> Exit {
        self.process.exited().await
    }

    /// Closes its stdin and does as [`Process::stop`]; what it still says is thrown away.
    pub async fn stop(self, grace: Duration) -> Exit {
        let Self {
            stdin,
            mut stdout,
            mut stderr,
            process,
        } = self;
        drop(stdin);
        let mut stop = std::pin::pin!(process.stop(grace));
        tokio::select! {
            exit = &mut stop => exit,
            () = async { tokio::join!(away(&mut stdout), away(&mut stderr)); } => stop.await,
        }
    }
}

async fn away(pipe: &mut (impl AsyncRead + Unpin)) {
    // A pipe that can't be read has nothing more to throw away.
    let _ = copy(pipe, &mut sink()).await;
}

/// A process and all its descendants. Dropped, they are killed.
#[derive(Debug)]
pub struct Process {
    id: u32,
    level: Level,
    flaws: Flaws,
    kept_by: Pid,
    keeper: UnixDatagram,
    exit: Option<Exit>,
    /// Nothing of it is left.
    gone: bool,
    /// Who answers at its door.
    _way_out: Option<AbortOnDrop>,
    /// The spawner stays for as long as there is someone to keep.
    _running: Arc<Running>,
}

/// A task that ends with its owner.
#[derive(Debug)]
pub(super) struct AbortOnDrop(pub(super) JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Process {
    pub(super) fn new(
        (id, level, flaws): (u32, Level, Flaws),
        (kept_by, keeper): (Pid, UnixDatagram),
        way_out: Option<AbortOnDrop>,
        running: Arc<Running>,
    ) -> Self {
        Self {
            id,
            level,
            flaws,
            kept_by,
            keeper,
            exit: None,
            gone: false,
            _way_out: way_out,
            _running: running,
        }
    }

    /// Its end, if it was told already.
    pub(super) fn ended(mut self, exit: Option<Exit>) -> Self {
        self.exit = exit;
        self
    }

    /// What holds it less than it could.
    pub(super) fn flaws(&self) -> Flaws {
        self.flaws
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// How it is held.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Waits until the program ended; its descendants are being killed then. May be given up and asked again.
    pub async fn exited(&mut self) -> Exit {
        loop {
            if let Some(exit) = self.exit {
                return exit;
            }
            self.hear().await;
        }
    }

    /// Waits until nothing is left of it and its descendants.
    pub async fn gone(&mut self) -> Exit {
        while !self.gone {
            self.hear().await;
        }
        self.exit.unwrap_or(Exit::Lost)
    }

    /// Asks the program and its group to end (SIGTERM).
    pub fn terminate(&self) {
        // A keeper that is gone has ended it.
        let _ = self.keeper.try_send(TERMINATE);
    }

    /// Kills it and all its descendants; [`gone`](Self::gone) tells when that is done.
    pub fn kill(&self) {
        // As above.
        let _ = self.keeper.shutdown(Shutdown::Write);
    }

    /// Waits for half of the grace for it to end by itself, for which its stdin should be closed, then for
    /// the other half after SIGTERM, then kills the tree. Comes back when nothing is left of it.
    pub async fn stop(mut self, grace: Duration) -> Exit {
        if timeout(grace / 2, self.exited()).await.is_err() {
            self.terminate();
            if timeout(grace / 2, self.exited()).await.is_err() {
                self.kill();
            }
        }
        if let Ok(exit) = timeout(GONE, self.gone()).await {
            return exit;
        }
        // Someone stopped the keeper: then the spawner has to do it. Its number is its own for as long as
        // its socket is open. If it is gone just now, it is done.
        let _ = kill_process(self.kept_by, Signal::KILL);
        let gone = timeout(GONE, self.gone()).await;
        gone.unwrap_or(self.exit.unwrap_or(Exit::Lost))
    }

    async fn hear(&mut self) {
        match hear(&self.keeper).await {
            Ok(Some(Report::Ended(exit))) => self.exit = Some(exit),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                self.gone = true;
                self.exit.get_or_insert(Exit::Lost);
            }
        }
    }
}

/// The keeper's next word; none where it is gone.
pub(super) async fn hear(keeper: &UnixDatagram) -> Result<Option<Report>> {
    hear_with(keeper).await.map(|(report, _)| report)
}

/// The same, and what came with it.
pub(super) async fn hear_with(keeper: &UnixDatagram) -> Result<(Option<Report>, Option<Door>)> {
    let mut bytes = [0; LONGEST];
    let receive = || post::receive_with(keeper, &mut bytes).map_err(Error::from);
    match keeper.async_io(Interest::READABLE, receive).await {
        Ok((0, _)) => Ok((None, None)),
        Ok((length, with)) => match Report::read(&bytes[..length]) {
            Some(report) => Ok((Some(report), with)),
            None => Err(Error::from(ErrorKind::InvalidData)),
        },
        // It went without reading all that it was told.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok((None, None)),
        Err(error) => Err(error),
    }
}
