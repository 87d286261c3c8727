//! The process that starts one program and stays until nothing of it is left.

use std::{
    ffi::OsStr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
    process::{
        Gid, Pid, Signal, Uid, WaitOptions, WaitStatus, getpid, kill_process_group,
        set_child_subreaper, wait,
    },
};

use super::{
    Exit,
    begin::{Begun, Given, begin},
    order::{DESCRIPTORS, Order},
    post::{self, Kind},
    report::{Report, Step, TERMINATE},
    signals,
    tree::uproot,
    walls::{Failed, Flaws, Group, Prepared, Raised, Watched, prepare, raise},
};

/// The machine as it is before a keeper is in a system of its own.
pub(super) struct Machine {
    /// Its `/proc`.
    pub(super) proc: OwnedFd,
    /// Who durward is.
    pub(super) owner: (Uid, Gid),
}

/// Makes ready for a program that is held, and waits until there is one; `orders` hangs up when the spawner is gone.
pub(super) fn stand_by(
    kind: Kind,
    group: Group,
    orders: &OwnedFd,
    (signals, lifeline): (OwnedFd, OwnedFd),
    machine: &Machine,
) -> ! {
    // For people who list processes; nothing depends on it.
    let _ = rustix::thread::set_name(c"durward-keeper");
    let prepared = prepare(group, kind, machine.owner);
    loop {
        let mut ready = [PollFd::new(orders, PollFlags::IN)];
        let waited = poll(&mut ready, None);
        match waited.and_then(|_| post::receive(orders)) {
            Ok(Some((_, order))) => keep(order, signals, lifeline, machine, Some(prepared)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(None) | Err(_) => std::process::exit(0),
        }
    }
}

/// Keeps one program; `lifeline` hangs up when the spawner is gone.
pub(super) fn keep(
    descriptors: [OwnedFd; DESCRIPTORS],
    signals: OwnedFd,
    lifeline: OwnedFd,
    machine: &Machine,
    prepared: Option<Result<Prepared, Failed>>,
) -> ! {
    let [stdin, stdout, stderr, socket, folder, order] = descriptors;
    let given = Given {
        stdin: stdin.as_fd(),
        stdout: stdout.as_fd(),
        stderr: stderr.as_fd(),
        folder: folder.as_fd(),
        proc: machine.proc.as_fd(),
    };
    let (begun, walls) = match start(order, given, &socket, prepared) {
        Ok(started) => started,
        Err((step, errno)) => {
            tell(&socket, Report::Failed(step, errno));
            std::process::exit(0);
        }
    };
    // They are the program's alone: who reads its output waits for the end of it.
    drop((stdin, stdout, stderr, folder));
    tell_started(&socket, begun.id, walls.as_ref());
    let program = begun.pid;
    let watched = walls.as_ref().and_then(Watched::of);
    let mut told = watch(program, &socket, (&signals, &lifeline), watched);
    if let Some(walls) = &walls {
        walls.kill();
    }
    uproot(|pid, status| {
        if pid == program && !told {
            told = true;
            tell(&socket, Report::Ended(exit(status)));
        }
    });
    if let Some(walls) = walls {
        walls.clear();
    }
    std::process::exit(0)
}

fn start(
    order: OwnedFd,
    given: Given<'_>,
    socket: &OwnedFd,
    prepared: Option<Result<Prepared, Failed>>,
) -> Result<(Begun, Option<Raised>), Failed> {
    // For people who list processes; nothing depends on it.
    let _ = rustix::thread::set_name(c"durward-keeper");
    // A fork does not inherit it.
    set_child_subreaper(Some(getpid())).map_err(|errno| (Step::Keep, errno))?;
    let order = Order::read(order).map_err(|_| (Step::Order, Errno::IO))?;
    let said = order.said().ok_or((Step::Order, Errno::INVAL))?;
    if hung_up(socket) {
        // Nobody waits for it any more.
        return Err((Step::Order, Errno::CANCELED));
    }
    let (Some(wanted), Some(prepared)) = (&said.walls, prepared.transpose()?) else {
        return Ok((begin(&said, given, None)?, None));
    };
    let program = (!said.is_trial).then(|| Path::new(OsStr::from_bytes(said.program.to_bytes())));
    let walls = raise(prepared, wanted, program, given.folder)?;
    let within = walls.folder.as_ref().map_or(given.folder, AsFd::as_fd);
    let given = Given {
        folder: within,
        ..given
    };
    match begin(&said, given, Some(&walls)) {
        Ok(begun) => Ok((begun, Some(walls))),
        Err(why) => {
            walls.clear();
            Err(why)
        }
    }
}

/// With the box's door, where it has one.
fn tell_started(socket: &OwnedFd, id: Pid, walls: Option<&Raised>) {
    let flaws = walls.map_or_else(Flaws::default, |walls| walls.flaws);
    let report = Report::Started(id, flaws);
    match walls.and_then(|walls| walls.door.as_ref()) {
        // Durward may be gone; then there is nobody to tell.
        Some(door) => drop(post::send_with(socket, &report.bytes(), door)),
        None => tell(socket, report),
    }
}

/// Until the program ends, or has to; whether its end was told.
fn watch(
    program: Pid,
    socket: &OwnedFd,
    (signals, lifeline): (&OwnedFd, &OwnedFd),
    mut watched: Option<Watched>,
) -> bool {
    loop {
        let pause = watched.as_ref().map(Watched::pause);
        let mut ready = [socket, signals, lifeline].map(|it| PollFd::new(it, PollFlags::IN));
        match poll(&mut ready, pause.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return false,
        }
        let [socket_ready, signals_ready, lifeline_ready] =
            ready.map(|it| !it.revents().is_empty());
        if signals_ready {
            signals::drain(signals);
            if let Some(status) = reap(program) {
                tell(socket, Report::Ended(exit(status)));
                return true;
            }
        }
        if watched.as_mut().is_some_and(Watched::is_over) {
            return false;
        }
        if lifeline_ready || (socket_ready && !obeyed(program, socket.as_fd())) {
            return false;
        }
    }
}

/// Waits for whoever ended; how the program did, if it is among them.
fn reap(program: Pid) -> Option<WaitStatus> {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == program {
            return Some(status);
        }
    }
    None
}

/// Does what durward says; no more of it where it is gone.
fn obeyed(program: Pid, socket: BorrowedFd<'_>) -> bool {
    let mut word = [0; 1];
    match recv(socket, &mut word[..], RecvFlags::DONTWAIT) {
        Ok((_, 0)) => false,
        Ok(_) => {
            if word == TERMINATE {
                // It leads a session and a group, and no other can have its number while it is not
                // waited for. Who is stopped has to go on to hear of it.
                let _ = kill_process_group(program, Signal::TERM);
                let _ = kill_process_group(program, Signal::CONT);
            }
            true
        }
        Err(Errno::AGAIN | Errno::INTR) => true,
        Err(_) => false,
    }
}

fn hung_up(socket: &OwnedFd) -> bool {
    let mut ready = [PollFd::new(socket, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut ready, Some(&now)).is_ok_and(|_| ready[0].revents().contains(PollFlags::HUP))
}

/// Durward may be gone; then there is nobody to tell.
pub(super) fn tell(socket: &OwnedFd, report: Report) {
    let _ = send(
        socket,
        &report.bytes(),
        SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
    );
}

fn exit(status: WaitStatus) -> Exit {
    let byte = |number: i32| u8::try_from(number).ok();
    let code = status.exit_status().and_then(byte).map(Exit::Code);
    let signal = || status.terminating_signal().and_then(byte).map(Exit::Signal);
    code.or_else(signal).unwrap_or(Exit::Lost)
}
