//! The kernel's calls that no safe crate has: mount_setattr(2), landlock(7), seccomp(2), and the flags of
//! an interface (netdevice(7)). None of them allocates.

#![expect(unsafe_code, reason = "no safe crate makes these calls")]

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use libc::{c_int, c_long, sock_filter};
use rustix::io::Errno;

fn checked(result: c_long) -> Result<c_long, Errno> {
    if result < 0 {
        let error = io::Error::last_os_error();
        Err(Errno::from_io_error(&error).unwrap_or(Errno::IO))
    } else {
        Ok(result)
    }
}

/// Sets attributes (`MOUNT_ATTR_…`) of a mount, and where it is `recursive` of those below.
pub(super) fn set_mount(mount: BorrowedFd<'_>, recursive: bool, set: u64) -> Result<(), Errno> {
    let attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    let below = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the kernel reads a structure of the size that is given, and an empty path.
    checked(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | below,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

/// `struct landlock_ruleset_attr`: what a ruleset decides about.
#[repr(C)]
pub(super) struct Handled {
    pub(super) files: u64,
    pub(super) network: u64,
    pub(super) scoped: u64,
}

/// The version of Landlock that this kernel has; 0 where it has none.
pub(super) fn landlock_version() -> u32 {
    const VERSION: c_int = 1;
    let nothing = ptr::null::<Handled>();
    // SAFETY: with this flag it reads nothing.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, VERSION) };
    u32::try_from(version).unwrap_or(0)
}

/// A ruleset that allows nothing of what it handles.
pub(super) fn landlock_ruleset(handled: &Handled) -> Result<OwnedFd, Errno> {
    // SAFETY: the kernel reads a structure of the size that is given.
    let made = checked(unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            ptr::from_ref(handled),
            size_of::<Handled>(),
            0,
        )
    })?;
    let made = RawFd::try_from(made).map_err(|_| Errno::BADF)?;
    // SAFETY: it was made just now, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

/// Allows something beneath a folder, or on a file.
pub(super) fn landlock_allow(
    ruleset: BorrowedFd<'_>,
    beneath: BorrowedFd<'_>,
    access: u64,
) -> Result<(), Errno> {
    /// `struct landlock_path_beneath_attr`.
    #[repr(C, packed)]
    struct Beneath {
        access: u64,
        parent: RawFd,
    }
    const PATH_BENEATH: c_int = 1;
    let rule = Beneath {
        access,
        parent: beneath.as_raw_fd(),
    };
    // SAFETY: the kernel reads a structure of this kind.
    checked(unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            PATH_BENEATH,
            &raw const rule,
            0,
        )
    })
    .map(drop)
}

/// Holds this process, and all that it starts, to the ruleset for ever.
pub(super) fn landlock_restrict(ruleset: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: it takes numbers alone.
    checked(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })
        .map(drop)
}

/// Holds this process, and all that it starts, to the filter for ever.
pub(super) fn install_filter(filter: &[sock_filter]) -> Result<(), Errno> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| Errno::TOOBIG)?,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel reads as many instructions as are said, and writes none.
    checked(unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    })
    .map(drop)
}
