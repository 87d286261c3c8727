//! Signals, for processes with one thread that take them when they look.
//!
//! By the kernel's own calls, whose sets are plain numbers; and libc's refuse the two signals that it
//! uses itself, which whoever starts us by posix_spawn(3) has us ignore.

#![expect(unsafe_code, reason = "no safe crate sets masks and effects")]

use std::{
    io,
    os::fd::{AsFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use rustix::process::Signal;

/// A set of signals: a bit each, from signal 1 on.
type Set = u64;

const NONE: Set = 0;
const ALL: Set = !0;

/// Blocks every signal, gives each its default effect, and has SIGCHLD be read from a descriptor
/// (signalfd(2)). What is executed from here on begins with default effects; its mask has to be cleared.
pub(super) fn take() -> io::Result<OwnedFd> {
    block(ALL)?;
    (1..=Set::BITS).for_each(set_default);
    let children: Set = 1 << (Signal::CHILD.as_raw() - 1);
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    let nothing: RawFd = -1;
    // SAFETY: signalfd4(2) reads a set of the size that is given, and makes a descriptor.
    let made = unsafe {
        libc::syscall(
            libc::SYS_signalfd4,
            nothing,
            &raw const children,
            size_of::<Set>(),
            flags,
        )
    };
    let made = RawFd::try_from(checked(made)?).map_err(io::Error::other)?;
    // SAFETY: it was made just now, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

/// Reads away what is noted; who looks at its children afterwards misses none.
pub(super) fn drain(signals: impl AsFd) {
    // One signal is noted once, so one structure (of 128 bytes) is all there can be.
    let mut noted = [0_u8; 128];
    while rustix::io::read(&signals, &mut noted).is_ok_and(|read| read > 0) {}
}

/// Lets all signals through. Allocates nothing: it is called between clone and exec.
pub(super) fn unblock() -> io::Result<()> {
    block(NONE)
}

/// Kills every process but this one, which has to be the first of its PID namespace; whether there was any
/// (kill(2)).
pub(super) fn kill_all() -> bool {
    // SAFETY: it takes numbers alone. Beyond the namespace it reaches nobody.
    unsafe { libc::kill(-1, libc::SIGKILL) == 0 }
}

fn block(set: Set) -> io::Result<()> {
    let old = ptr::null_mut::<Set>();
    // SAFETY: rt_sigprocmask(2) reads a set of the size that is given; the old one is not asked for.
    let done = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const set,
            old,
            size_of::<Set>(),
        )
    };
    checked(done).map(drop)
}

fn set_default(signal: u32) {
    /// At least as long as the kernel's structure, in which all zeros are the default effect.
    const DEFAULT: [usize; 8] = [0; 8];
    let old = ptr::null_mut::<usize>();
    // SAFETY: rt_sigaction(2) reads the structure; the old one is not asked for. For SIGKILL and SIGSTOP
    // it fails, and their effect is the default.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            signal,
            DEFAULT.as_ptr(),
            old,
            size_of::<Set>(),
        )
    };
}

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
