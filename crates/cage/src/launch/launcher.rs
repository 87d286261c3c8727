//! Durward's hold on the spawner.

use std::{
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::{Path, PathBuf},
    process,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::Pid,
};
use tokio::{
    net::{
        UnixDatagram,
        unix::pipe::{Receiver, Sender},
    },
    sync::OnceCell,
    time::{sleep, timeout},
};

use super::{
    Child, Door, Exit, Host, LaunchFault, Level, NAME, Network, Plan, Process, Walls,
    child::{AbortOnDrop, hear_with},
    order::{self, DESCRIPTORS},
    post::{self, Kind, pair},
    program,
    report::{Report, Step},
    walls::{Flaws, Reach},
};

/// A start takes about a millisecond; a spawner that needs this long hangs.
const SILENT: Duration = Duration::from_secs(10);

/// For as long a program may be read from a disk that has to wake up.
const SLOW: Duration = Duration::from_secs(30);

/// Until a spawner with a full socket is asked again.
const FULL: Duration = Duration::from_millis(1);

/// For how long a launcher that is dropped waits for its spawner, which ends what is left first.
const LAST: Duration = Duration::from_secs(2);

/// Starts programs. Clones share one spawner, which is started at the first use and again if it died.
#[derive(Debug, Clone, Default)]
pub struct Launcher(Arc<Running>);

/// The spawner, if it runs.
#[derive(Debug, Default)]
pub(super) struct Running {
    spawner: Mutex<Option<Spawner>>,
    host: OnceCell<Host>,
}

#[derive(Debug)]
struct Spawner {
    process: process::Child,
    socket: OwnedFd,
}

impl Launcher {
    /// Nothing runs before the first [`spawn`](Self::spawn).
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a program. Whoever drops the future leaves nothing behind. Within a runtime, to which the
    /// child then belongs.
    ///
    /// # Errors
    /// [`LaunchFault`].
    pub async fn spawn(&self, plan: &Plan) -> Result<Child, LaunchFault> {
        let program = program::find(plan)?;
        self.run(plan, program).await
    }

    async fn run(&self, plan: &Plan, program: PathBuf) -> Result<Child, LaunchFault> {
        let (kind, level) = kind(plan)?;
        let order = order::write(plan, &program)?;
        let folder = folder(plan)?;
        let (mut stdin, to_stdin) = pipe()?;
        if plan.reads_nothing {
            stdin = nothing()?;
        }
        let (from_stdout, stdout) = pipe()?;
        let (from_stderr, stderr) = pipe()?;
        let (ours, theirs) = pair().map_err(LaunchFault::system("no socket can be made"))?;
        let keeper = keeper(ours).map_err(registered)?;
        let child = (
            Sender::from_owned_fd(to_stdin).map_err(registered)?,
            Receiver::from_owned_fd(from_stdout).map_err(registered)?,
            Receiver::from_owned_fd(from_stderr).map_err(registered)?,
        );
        let descriptors = [stdin, stdout, stderr, theirs, folder, order];
        let mut told = Told::default();
        let asked = async {
            while !self.0.ask(kind, &descriptors)? {
                sleep(FULL).await;
            }
            // Only the keeper has them now: if it goes, we see it.
            drop(descriptors);
            while told.kept.is_none() && told.failed.is_none() {
                told.hear(&keeper).await?;
            }
            Ok(())
        };
        let Ok(asked) = timeout(SILENT, asked).await else {
            self.0.bury();
            return Err(LaunchFault::LauncherSilent(SILENT.as_secs()));
        };
        asked?;
        let begun = async {
            while told.started.is_none() && told.failed.is_none() {
                told.hear(&keeper).await?;
            }
            Ok(())
        };
        let Ok(begun) = timeout(SLOW, begun).await else {
            let seconds = SLOW.as_secs();
            return Err(LaunchFault::Slow { program, seconds });
        };
        begun?;
        let (Some(kept_by), Some((id, flaws))) = (told.kept, told.started) else {
            return Err(match told.failed {
                Some(why) => LaunchFault::told(why, plan, program),
                None => LaunchFault::LauncherDied,
            });
        };
        let way_out = way_out(plan, told.door)?;
        let (stdin, stdout, stderr) = child;
        let process = Process::new(
            (id.as_raw_nonzero().get().unsigned_abs(), level, flaws),
            (kept_by, keeper),
            way_out,
            Arc::clone(&self.0),
        )
        .ended(told.ended);
        Ok(Child {
            stdin,
            stdout,
            stderr,
            process,
        })
    }

    /// What this machine can hold, found out once by trying.
    ///
    /// # Errors
    /// [`LaunchFault`], where nothing at all can be started.
    pub async fn host(&self) -> Result<Host, LaunchFault> {
        let known = self.0.host.get_or_try_init(|| Host::find(self)).await?;
        Ok(known.clone())
    }

    /// Puts up walls and runs nothing within; what holds less than it could.
    pub(super) async fn try_walls(&self, walls: Walls) -> Result<Flaws, LaunchFault> {
        let mut plan = Plan::new(["nothing"]).walls(Arc::new(walls));
        plan.is_trial = true;
        let mut tried = self.run(&plan, PathBuf::from("/")).await?;
        let flaws = tried.process.flaws();
        match tried.process.gone().await {
            Exit::Code(0) => Ok(flaws),
            _ => Err(LaunchFault::LauncherDied),
        }
    }

    /// The spawner's number, if it was started.
    pub fn spawner(&self) -> Option<u32> {
        self.0.lock().as_ref().map(|spawner| spawner.process.id())
    }
}

impl Running {
    /// Whether there was room for the order. A spawner that died is replaced: it has not seen the order.
    fn ask(&self, kind: Kind, descriptors: &[OwnedFd; DESCRIPTORS]) -> Result<bool, LaunchFault> {
        let mut spawner = self.lock();
        let mut again = true;
        loop {
            let asked = match &*spawner {
                Some(spawner) => {
                    let descriptors = descriptors.each_ref().map(AsFd::as_fd);
                    post::send(&spawner.socket, kind, descriptors)
                }
                None => Err(Errno::PIPE),
            };
            match asked {
                Ok(()) => return Ok(true),
                Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS) => return Ok(false),
                Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN) if again => {
                    again = false;
                    if let Some(dead) = spawner.take() {
                        tracing::warn!("the launcher process died; a new one is started");
                        dead.kill();
                    }
                    *spawner = Some(Spawner::start()?);
                }
                Err(errno) => return Err(LaunchFault::NoLauncher(errno.into())),
            }
        }
    }

    /// Ends a spawner that hangs.
    fn bury(&self) {
        if let Some(hanging) = self.lock().take() {
            hanging.kill();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Spawner>> {
        // What it holds is whole whenever the lock is let go.
        self.spawner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let spawner = self
            .spawner
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(spawner) = spawner.take() {
            spawner.end();
        }
    }
}

impl Spawner {
    fn start() -> Result<Self, LaunchFault> {
        let (socket, its) = pair().map_err(LaunchFault::system("no socket can be made"))?;
        // The very file that runs, even if another stands in its place by now. std starts it without a
        // copy of our memory (posix_spawn(3)).
        #[expect(clippy::disallowed_methods, reason = "this is the launcher")]
        let process = process::Command::new("/proc/self/exe")
            .arg0(NAME)
            .env_clear()
            .stdin(its)
            .stdout(process::Stdio::null())
            .stderr(process::Stdio::null())
            .spawn()
            .map_err(LaunchFault::NoLauncher)?;
        Ok(Self { process, socket })
    }

    /// Lets it end what is left, and itself.
    fn end(self) {
        let Self {
            mut process,
            socket,
        } = self;
        drop(socket);
        for _ in 0..LAST.as_millis() {
            if !matches!(process.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        // It goes on without us, and ends when it is done.
    }

    /// One that died or hangs: its keepers see it, and end what they keep.
    fn kill(self) {
        let Self {
            mut process,
            socket,
        } = self;
        drop(socket);
        // It may be dead; then there is only its status to take.
        let _ = process.kill();
        let _ = process.wait();
    }
}

/// What the keeper said until now.
#[derive(Default)]
struct Told {
    kept: Option<Pid>,
    started: Option<(Pid, Flaws)>,
    failed: Option<(Step, Errno)>,
    /// Before we knew its number, even.
    ended: Option<Exit>,
    door: Option<Door>,
}

impl Told {
    /// The spawner and the keeper speak on one socket: what they say may come in either order.
    async fn hear(&mut self, keeper: &UnixDatagram) -> Result<(), LaunchFault> {
        let heard = hear_with(keeper).await;
        let (report, with) = heard.map_err(|_| LaunchFault::LauncherDied)?;
        self.door = self.door.take().or(with);
        match report {
            Some(Report::Kept(pid)) => self.kept = Some(pid),
            Some(Report::Started(pid, flaws)) => self.started = Some((pid, flaws)),
            Some(Report::Failed(step, errno)) => self.failed = Some((step, errno)),
            Some(Report::Ended(exit)) => self.ended = Some(exit),
            None => return Err(LaunchFault::LauncherDied),
        }
        Ok(())
    }
}

/// In what its keeper has to begin, and how it is held.
fn kind(plan: &Plan) -> Result<(Kind, Level), LaunchFault> {
    let Some(walls) = &plan.walls else {
        return Ok((Kind::Open, Level::None));
    };
    let kind = match (walls.level, Reach::of(&walls.network)) {
        (Level::Full, Reach::Host) => Kind::Networked,
        (Level::Full, Reach::Nobody | Reach::Door) => Kind::Alone,
        (level, Reach::Door) => return Err(LaunchFault::NoWayOut(level)),
        (Level::None | Level::Light, _) => Kind::Held,
    };
    Ok((kind, walls.level))
}

/// Has someone answer at the door, until the process is dropped.
fn way_out(plan: &Plan, door: Option<Door>) -> Result<Option<AbortOnDrop>, LaunchFault> {
    let walls = plan.walls.as_deref();
    let Some(Network::Egress(way_out)) = walls.map(|walls| &walls.network) else {
        return Ok(None);
    };
    let door = door.ok_or(LaunchFault::LauncherDied)?;
    Ok(Some(AbortOnDrop(tokio::spawn(way_out.serve(door)))))
}

fn folder(plan: &Plan) -> Result<OwnedFd, LaunchFault> {
    if let Some(held) = &plan.held_folder {
        return held.try_clone().map_err(|error| LaunchFault::System {
            step: "its working folder can't be held twice",
            error,
        });
    }
    let path = plan.folder.as_deref().unwrap_or(Path::new("."));
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map_err(|errno| LaunchFault::Folder {
        path: path.to_owned(),
        error: errno.into(),
    })
}

/// Its reading end, then its writing end.
fn pipe() -> Result<(OwnedFd, OwnedFd), LaunchFault> {
    pipe_with(PipeFlags::CLOEXEC).map_err(LaunchFault::system("no pipe can be made"))
}

/// What has nothing to read.
fn nothing() -> Result<OwnedFd, LaunchFault> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    open("/dev/null", flags, Mode::empty())
        .map_err(LaunchFault::system("/dev/null can't be opened"))
}

/// To the runtime one socket with whole messages is as good as another: a datagram's, but that this kind
/// hangs up.
fn keeper(socket: OwnedFd) -> std::io::Result<UnixDatagram> {
    let socket = std::os::unix::net::UnixDatagram::from(socket);
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket)
}

fn registered(error: std::io::Error) -> LaunchFault {
    LaunchFault::System {
        step: "its pipes can't be waited for",
        error,
    }
}
