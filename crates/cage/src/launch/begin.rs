//! From clone to exec: the few steps between two programs.
//!
//! The new process has the keeper's memory and a stack of its own, and the keeper waits until it has
//! executed or ended (clone(2), `CLONE_VM | CLONE_VFORK`): nothing is copied, whatever the memory's size,
//! and why it failed is simply left where the keeper looks. It must allocate nothing, for it shares the heap.

#![expect(
    unsafe_code,
    reason = "no safe crate clones, forks, executes without allocating, or closes all"
)]

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    io,
    mem::MaybeUninit,
    os::fd::BorrowedFd,
    ptr,
};

use rustix::{
    fs::readlinkat_raw,
    io::Errno,
    process::{
        Pid, Resource, Signal, fchdir, getpid, getppid, set_parent_process_death_signal, setsid,
    },
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
};

use super::{
    order::Said,
    report::Step,
    signals,
    walls::{Failed, Level, Raised, filter_calls, give_up_rights, hold_files, limit, limit_all},
};

/// Enough for system calls alone.
const STACK: usize = 64 * 1024;

/// What the new process begins with.
pub(super) struct Given<'a> {
    pub(super) stdin: BorrowedFd<'a>,
    pub(super) stdout: BorrowedFd<'a>,
    pub(super) stderr: BorrowedFd<'a>,
    pub(super) folder: BorrowedFd<'a>,
    /// The machine's `/proc`, where it has a number of its own: the one that durward knows it by.
    pub(super) proc: BorrowedFd<'a>,
}

struct Beginning<'a> {
    given: Given<'a>,
    program: &'a CStr,
    argv: Vec<*const c_char>,
    env: Vec<*const c_char>,
    files: Option<u64>,
    walls: Option<&'a Raised>,
    is_trial: bool,
    keeper: Pid,
    /// By which durward knows it.
    id: Option<Pid>,
    failed: Option<Failed>,
}

/// A program that runs: its numbers here, and for durward.
pub(super) struct Begun {
    pub(super) pid: Pid,
    pub(super) id: Pid,
}

/// Starts the program as a child of this process.
///
/// # Errors
/// Where it does not run, the step at which it failed; there is no child then.
pub(super) fn begin(
    said: &Said<'_>,
    given: Given<'_>,
    walls: Option<&Raised>,
) -> Result<Begun, Failed> {
    let pointers = |texts: &[&CStr]| {
        let texts = texts.iter().map(|text| text.as_ptr());
        texts.chain([ptr::null()]).collect::<Vec<_>>()
    };
    let mut beginning = Beginning {
        given,
        program: said.program,
        argv: pointers(&said.argv),
        env: pointers(&said.env),
        files: said.files,
        walls,
        is_trial: said.is_trial,
        keeper: getpid(),
        id: None,
        failed: None,
    };
    let mut stack = vec![0_u128; STACK / size_of::<u128>()];
    let top = stack.as_mut_ptr_range().end.cast();
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack and what the function is given outlive its run, since this thread, which is the
    // only one, is stopped until the child has executed or ended. The child touches nothing else, its
    // signals are blocked until it executes, and it does not unwind: `extern "C"` aborts.
    let child = unsafe { libc::clone(entry, top, flags, (&raw mut beginning).cast()) };
    let Some(child) = Pid::from_raw(child.max(0)) else {
        return Err((Step::Clone, last_error()));
    };
    match beginning.failed {
        None => Ok(Begun {
            pid: child,
            id: beginning.id.unwrap_or(child),
        }),
        Some(why) => {
            // It ended by itself, just now.
            let _ = rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty());
            Err(why)
        }
    }
}

extern "C" fn entry(beginning: *mut c_void) -> c_int {
    // SAFETY: `begin` passes its own, and is stopped meanwhile.
    let beginning = unsafe { &mut *beginning.cast::<Beginning<'_>>() };
    match become_program(beginning) {
        Ok(()) => 0,
        Err(why) => {
            beginning.failed = Some(why);
            127
        }
    }
}

/// Comes back only if it fails, or was only to be tried.
fn become_program(beginning: &mut Beginning<'_>) -> Result<(), Failed> {
    prepare(beginning)?;
    if let Some(walls) = beginning.walls.filter(|walls| walls.level > Level::None) {
        filter_calls(&walls.filter)?;
    }
    if beginning.is_trial {
        return Ok(());
    }
    // SAFETY: each is a text or a list of texts that ends in zero, of the order that `begin` borrows.
    unsafe {
        libc::execve(
            beginning.program.as_ptr(),
            beginning.argv.as_ptr(),
            beginning.env.as_ptr(),
        )
    };
    Err((Step::Exec, last_error()))
}

/// The mode of new files, the limit of core dumps and the effects of signals are the spawner's already.
fn prepare(beginning: &mut Beginning<'_>) -> Result<(), Failed> {
    let at = |step| move |errno| (step, errno);
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(at(Step::Keep))?;
    if getppid() != Some(beginning.keeper) {
        return Err((Step::Keep, Errno::SRCH));
    }
    setsid().map_err(at(Step::Session))?;
    let Given {
        stdin,
        stdout,
        stderr,
        folder,
        proc,
    } = beginning.given;
    beginning.id = known_as(proc);
    dup2_stdin(stdin).map_err(at(Step::Pipes))?;
    dup2_stdout(stdout).map_err(at(Step::Pipes))?;
    dup2_stderr(stderr).map_err(at(Step::Pipes))?;
    fchdir(folder).map_err(at(Step::Folder))?;
    if let Some(files) = beginning.files {
        limit(Resource::Nofile, files)?;
    }
    if let Some(walls) = beginning.walls {
        limit_all(walls)?;
        if walls.level > Level::None {
            give_up_rights()?;
            hold_files(walls)?;
        }
    }
    close_all_but_stdio().map_err(at(Step::Close))?;
    signals::unblock().map_err(|_| (Step::Session, last_error()))
}

/// This process's number in the machine's `/proc`.
fn known_as(proc: BorrowedFd<'_>) -> Option<Pid> {
    let mut space = [MaybeUninit::uninit(); 16];
    let (digits, _) = readlinkat_raw(proc, c"self", &mut space).ok()?;
    let digits = std::str::from_utf8(digits).ok()?;
    Pid::from_raw(digits.parse().ok()?)
}

/// Closes every descriptor from 3 on (close_range(2), Linux 5.9), whoever left it open.
pub(super) fn close_all_but_stdio() -> Result<(), Errno> {
    // SAFETY: it is called at the very beginning of the spawner, which owns none of them yet, and just
    // before exec, after which nobody who owned one is there.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, c_int::MAX, 0) };
    if closed == 0 {
        Ok(())
    } else {
        Err(last_error())
    }
}

fn last_error() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// Makes a second process like this one, in namespaces of its own (`CLONE_NEW…`) where some are given: none in
/// it, the new one's number in the old.
pub(super) fn fork(namespaces: c_int) -> Result<Option<Pid>, Errno> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    let nothing = ptr::null_mut::<c_void>();
    // SAFETY: without a stack it is fork(2). Only the spawner calls it, which has one thread: no lock is held
    // by a thread that is not there, and nothing asks libc for this thread's number.
    let child =
        unsafe { libc::syscall(libc::SYS_clone, flags, nothing, nothing, nothing, nothing) };
    match c_int::try_from(child) {
        Ok(child) if child >= 0 => Ok(Pid::from_raw(child)),
        _ => Err(last_error()),
    }
}
