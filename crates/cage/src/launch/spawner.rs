//! The process from which keepers are forked: one thread, little memory, and nothing of durward's.

use std::{
    os::fd::{AsFd, OwnedFd},
    process::exit,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, open},
    io::{Errno, fcntl_dupfd_cloexec},
    net::{SocketType, sockopt::socket_type},
    pipe::{PipeFlags, pipe_with},
    process::{
        DumpableBehavior, Pid, Resource, Rlimit, WaitOptions, getgid, getpid, getuid,
        set_child_subreaper, set_dumpable_behavior, setrlimit, setsid, umask, wait,
    },
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdin},
};

use super::{
    begin::{close_all_but_stdio, fork},
    keeper::{Machine, keep, stand_by, tell},
    order::DESCRIPTORS,
    post::{self, Kind, pair},
    report::{Report, Step},
    signals, tree,
    walls::{Failed, Group, Groups, namespaces},
};

/// Between two looks at orphans that are not gone yet.
const ORPHANS: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// So many such looks a keeper has when durward is gone.
const PATIENCE: u32 = 250;

/// Is the spawner until durward is gone, and all that it started with it.
pub(super) fn run() -> ! {
    if socket_type(stdin()).ok() != Some(SocketType::SEQPACKET) {
        eprintln!("durward starts this by itself: it is of no use alone");
        exit(2);
    }
    // What it does after a fork is sound with one thread alone.
    if std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count) != 1 {
        eprintln!(
            "the launcher has to be started as such: threads run already, or /proc is missing"
        );
        exit(2);
    }
    match Spawner::begin() {
        Ok(spawner) => spawner.serve(),
        // Durward sees that its socket is closed.
        Err(_) => exit(1),
    }
}

struct Spawner {
    socket: OwnedFd,
    signals: OwnedFd,
    /// Each keeper has the first end; the second is here alone, so that it hangs up when we are gone.
    lifeline: (OwnedFd, OwnedFd),
    machine: Machine,
    /// Found at the first use.
    groups: Option<Groups>,
    /// The groups of keepers that are there.
    grouped: Vec<(Pid, Group)>,
    /// Those who stand by: of each kind that was asked for, one.
    spares: Vec<Spare>,
    keepers: Vec<Pid>,
    /// A keeper was killed, and what it kept is ours now.
    orphans: bool,
}

/// A keeper that is ready, and waits for whom to keep.
struct Spare {
    kind: Kind,
    keeper: Pid,
    orders: OwnedFd,
}

impl Spawner {
    fn begin() -> std::io::Result<Self> {
        close_all_but_stdio()?;
        let socket = fcntl_dupfd_cloexec(stdin(), 3)?;
        let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        dup2_stderr(&null)?;
        let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let proc = open("/proc", folder, Mode::empty())?;
        let signals = signals::take()?;
        setsid()?;
        // What every program begins with.
        umask(Mode::RWXG | Mode::RWXO);
        setrlimit(
            Resource::Core,
            Rlimit {
                current: Some(0),
                maximum: Some(0),
            },
        )?;
        set_child_subreaper(Some(getpid()))?;
        // No program may look into the memory through which the secrets of all pass (PR_SET_DUMPABLE).
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        rustix::thread::set_name(c"durward-launch")?;
        Ok(Self {
            socket,
            signals,
            lifeline: pipe_with(PipeFlags::CLOEXEC)?,
            machine: Machine {
                proc,
                owner: (getuid(), getgid()),
            },
            groups: None,
            grouped: Vec::new(),
            spares: Vec::new(),
            keepers: Vec::new(),
            orphans: false,
        })
    }

    fn serve(mut self) -> ! {
        loop {
            let mut ready = [&self.socket, &self.signals].map(|it| PollFd::new(it, PollFlags::IN));
            match poll(&mut ready, self.orphans.then_some(&ORPHANS)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => exit(1),
            }
            let [asked, stirred] = ready.map(|it| !it.revents().is_empty());
            if stirred {
                signals::drain(&self.signals);
                self.reap();
            }
            if self.orphans {
                self.orphans = tree::kill_but(&self.keepers) > 0;
            }
            if asked {
                match post::receive(&self.socket) {
                    Ok(Some((kind, order))) => self = self.start(kind, order),
                    Err(Errno::AGAIN | Errno::INTR | Errno::MFILE | Errno::INVAL) => {}
                    Ok(None) | Err(_) => self.end(),
                }
            }
        }
    }

    /// A program that nothing holds has its keeper at once. One that is held has the keeper that stands by, and
    /// the next one stands by from then on.
    fn start(mut self, kind: Kind, order: [OwnedFd; DESCRIPTORS]) -> Self {
        if kind == Kind::Open {
            match fork(0) {
                Ok(None) => {
                    let (signals, lifeline, machine) = self.leave();
                    keep(order, signals, lifeline, &machine, None)
                }
                Ok(Some(keeper)) => {
                    tell(&order[3], Report::Kept(keeper));
                    self.keepers.push(keeper);
                }
                Err(errno) => tell(&order[3], Report::Failed(Step::Fork, errno)),
            }
            return self;
        }
        let standing = self.spares.iter().position(|spare| spare.kind == kind);
        let mut spare = standing.map(|place| self.spares.swap_remove(place));
        loop {
            let (ready, is_last) = match spare.take() {
                Some(ready) => (ready, false),
                None => {
                    let made;
                    (self, made) = self.stand_by(kind);
                    match made {
                        Ok(ready) => (ready, true),
                        Err((step, errno)) => {
                            tell(&order[3], Report::Failed(step, errno));
                            return self;
                        }
                    }
                }
            };
            match post::send(&ready.orders, kind, order.each_ref().map(AsFd::as_fd)) {
                Ok(()) => {
                    // It does not know its number itself, where it counts anew.
                    tell(&order[3], Report::Kept(ready.keeper));
                    break;
                }
                // Somebody killed it.
                Err(_) if !is_last => {}
                Err(errno) => {
                    tell(&order[3], Report::Failed(Step::Fork, errno));
                    return self;
                }
            }
        }
        // Durward hears at once if the keeper goes: nobody else has its socket.
        drop(order);
        let made;
        (self, made) = self.stand_by(kind);
        // If it can't be made, the next order will hear of it.
        self.spares.extend(made);
        self
    }

    /// Has a keeper make ready.
    fn stand_by(mut self, kind: Kind) -> (Self, Result<Spare, Failed>) {
        let (namespaces, step) = match kind {
            Kind::Open | Kind::Held => (0, Step::Fork),
            Kind::Networked => (namespaces(false), Step::Namespaces),
            Kind::Alone => (namespaces(true), Step::Namespaces),
        };
        let (orders, its) = match pair() {
            Ok(pair) => pair,
            Err(errno) => return (self, Err((Step::Fork, errno))),
        };
        let group = self.groups.get_or_insert_with(Groups::find).make();
        match fork(namespaces) {
            Ok(None) => {
                drop(orders);
                let (signals, lifeline, machine) = self.leave();
                stand_by(kind, group, &its, (signals, lifeline), &machine)
            }
            Ok(Some(keeper)) => {
                self.keepers.push(keeper);
                self.grouped.push((keeper, group));
                let spare = Spare {
                    kind,
                    keeper,
                    orders,
                };
                (self, Ok(spare))
            }
            Err(errno) => {
                group.remove();
                // That says nothing about what this machine can hold.
                let step = match errno {
                    Errno::AGAIN | Errno::NOMEM => Step::Fork,
                    _ => step,
                };
                (self, Err((step, errno)))
            }
        }
    }

    /// What a keeper takes with it; the rest is closed.
    fn leave(self) -> (OwnedFd, OwnedFd, Machine) {
        let Self {
            signals,
            lifeline: (lifeline, _),
            machine,
            ..
        } = self;
        (signals, lifeline, machine)
    }

    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let kept = self.keepers.len();
            self.keepers.retain(|keeper| *keeper != pid);
            self.spares.retain(|spare| spare.keeper != pid);
            if let Some(place) = self.grouped.iter().position(|(keeper, _)| *keeper == pid) {
                self.grouped.swap_remove(place).1.remove();
            }
            // A keeper that ends by itself leaves nothing.
            self.orphans |= self.keepers.len() < kept && status.exit_status() != Some(0);
        }
    }

    /// Durward is gone, and with it every keeper's socket: they are at it. The last one out.
    fn end(mut self) -> ! {
        self.spares.clear();
        for look in 0.. {
            if look == PATIENCE {
                // Someone stopped a keeper; what it kept comes to us.
                self.keepers.clear();
            }
            tree::kill_but(&self.keepers);
            let mut ready = [PollFd::new(&self.signals, PollFlags::IN)];
            // Whatever it says, we look.
            let _ = poll(&mut ready, Some(&ORPHANS));
            signals::drain(&self.signals);
            self.reap();
            if matches!(wait(WaitOptions::NOHANG), Err(Errno::CHILD)) {
                break;
            }
        }
        exit(0)
    }
}
