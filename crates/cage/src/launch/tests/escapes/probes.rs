//! What a program may try to get out. Each returns whether it did.

#![expect(unsafe_code, reason = "a program that means harm makes raw calls")]

use std::{
    ffi::CString,
    fs::{self, OpenOptions},
    io::{Error, Read, Result, Write},
    net::{IpAddr, SocketAddr},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{
            fs::{OpenOptionsExt, PermissionsExt, symlink},
            net::{UnixDatagram, UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    time::Duration,
};

use libc::{c_int, c_long};
pub(super) use reach::{LIMITS, NETWORK};

/// A try, and its name.
pub(super) type Probe = (&'static str, fn() -> Result<()>);

fn given(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_default().into()
}

/// In a folder that is outside.
fn out(name: &str) -> PathBuf {
    given("OUT").join(name)
}

/// In the folder that may be written.
fn work(name: &str) -> PathBuf {
    given("WORK").join(name)
}

fn number(name: &str) -> i32 {
    std::env::var(name)
        .unwrap_or_default()
        .parse()
        .unwrap_or(-1)
}

/// Durward's own process.
fn durward() -> i32 {
    number("DURWARD_PID")
}

fn c(path: &Path) -> CString {
    CString::new(path.as_os_str().as_encoded_bytes()).unwrap_or_default()
}

fn done(result: impl Into<i64>) -> Result<()> {
    if result.into() < 0 {
        Err(Error::last_os_error())
    } else {
        Ok(())
    }
}

fn made(result: impl Into<i64>) -> Result<OwnedFd> {
    let result = result.into();
    done(result)?;
    // SAFETY: it was made just now.
    Ok(unsafe { OwnedFd::from_raw_fd(result as c_int) })
}

/// A call with numbers and pointers alone.
macro_rules! call {
    ($number:expr $(, $argument:expr)*) => {{
        let number: c_long = $number;
        // SAFETY: a program's own affair: what it points to is its own.
        unsafe { libc::syscall(number $(, $argument)*) }
    }};
}

// After the macro, which it uses.
mod reach;

fn fail(why: &str) -> Result<()> {
    Err(Error::other(why.to_owned()))
}

fn expect(it: bool, why: &str) -> Result<()> {
    if it { Ok(()) } else { fail(why) }
}

fn reads(path: impl AsRef<Path>) -> Result<()> {
    let mut byte = [0];
    fs::File::open(path)?.read(&mut byte).map(drop)
}

fn writable(path: impl AsRef<Path>) -> Result<()> {
    OpenOptions::new().write(true).open(path).map(drop)
}

fn of(process: i32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/{file}"))
}

fn parent() -> i32 {
    std::os::unix::process::parent_id().cast_signed()
}

pub(super) const FILES: &[Probe] = &[
    ("read a file", || reads(out("secret"))),
    ("list a folder", || fs::read_dir(given("OUT")).map(drop)),
    ("make a file", || fs::write(out("new"), "x")),
    ("write to a file", || {
        let mut file = OpenOptions::new().append(true).open(out("victim"))?;
        file.write_all(b"x")
    }),
    ("truncate a file", || {
        let path = c(&out("victim"));
        // SAFETY: a text that ends in zero.
        done(unsafe { libc::truncate(path.as_ptr(), 1) })
    }),
    ("remove a file", || fs::remove_file(out("doomed"))),
    ("rename a file", || fs::rename(out("movable"), out("moved"))),
    ("take a file in", || fs::rename(out("taken"), work("taken"))),
    ("bring a file out", || {
        fs::write(work("brought"), "x")?;
        fs::rename(work("brought"), out("brought"))
    }),
    ("make a folder", || fs::create_dir(out("folder"))),
    ("remove a folder", || fs::remove_dir(out("hollow"))),
    ("make a link", || symlink("/etc/passwd", out("link"))),
    ("make a pipe", || {
        let path = c(&out("fifo"));
        // SAFETY: as above.
        done(unsafe { libc::mkfifo(path.as_ptr(), 0o600) })
    }),
    ("give a file a second name", || {
        fs::hard_link(out("victim"), work("second"))
    }),
    ("read through a link", || {
        let _ = fs::remove_file(work("way"));
        symlink(out("secret"), work("way"))?;
        reads(work("way"))
    }),
    ("read through one's own root", || {
        reads(format!("/proc/self/root{}", out("secret").display()))
    }),
    ("read through the first process", || {
        reads(format!("/proc/1/root{}", out("secret").display()))
    }),
    ("read through durward's root", || {
        reads(of(durward(), &format!("root{}", out("secret").display())))
    }),
    ("read through the parent's folder", || {
        reads(of(parent(), &format!("root{}", out("secret").display())))
    }),
    ("climb out of the folder", || {
        let up = "../".repeat(30);
        let below = out("secret");
        let below = below.strip_prefix("/").map_err(Error::other)?;
        reads(Path::new(&up).join(below))
    }),
    ("read by a handle", || {
        #[repr(C)]
        struct Handle {
            bytes: u32,
            kind: i32,
            handle: [u8; 128],
        }
        let mut handle = Handle {
            bytes: 128,
            kind: 0,
            handle: [0; 128],
        };
        let mut mount = 0;
        let path = c(&out("secret"));
        let folder = fs::File::open("/usr")?;
        let none = libc::AT_FDCWD;
        done(call!(
            libc::SYS_name_to_handle_at,
            none,
            path.as_ptr(),
            &raw mut handle,
            &raw mut mount,
            0
        ))?;
        let fd = call!(
            libc::SYS_open_by_handle_at,
            folder.as_raw_fd(),
            &raw const handle,
            libc::O_RDONLY
        );
        made(fd).map(drop)
    }),
    ("execute a file", || {
        #[expect(clippy::disallowed_methods, reason = "a program starts another")]
        let status = std::process::Command::new(out("tool")).status()?;
        expect(status.success(), "it failed")
    }),
    ("read in the machine's /tmp", || reads(given("TMP_FILE"))),
    ("read shared memory", || reads(given("SHM_FILE"))),
    ("see that a file is there", || {
        fs::metadata(out("secret")).map(drop)
    }),
    ("see where a link leads", || {
        fs::read_link(out("pointer")).map(drop)
    }),
    ("enter a folder", || std::env::set_current_dir(given("OUT"))),
    ("watch a folder", || {
        let path = c(&given("OUT"));
        let queue = made(call!(libc::SYS_inotify_init1, 0))?;
        done(call!(
            libc::SYS_inotify_add_watch,
            queue.as_raw_fd(),
            path.as_ptr(),
            libc::IN_MODIFY
        ))
    }),
    ("change a mode", || {
        fs::set_permissions(out("victim"), fs::Permissions::from_mode(0o640))
    }),
    ("change an owner", || {
        let path = c(&out("victim"));
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        // SAFETY: a text that ends in zero.
        done(unsafe { libc::chown(path.as_ptr(), user.as_raw(), group.as_raw()) })
    }),
    ("change times", || {
        let path = c(&out("victim"));
        done(call!(
            libc::SYS_utimensat,
            libc::AT_FDCWD,
            path.as_ptr(),
            0,
            0
        ))
    }),
    ("change attributes", || {
        let path = c(&out("victim"));
        done(call!(
            libc::SYS_setxattr,
            path.as_ptr(),
            c"user.x".as_ptr(),
            c"y".as_ptr(),
            1,
            0
        ))
    }),
];

pub(super) const PLANTED: &[Probe] = &[
    ("plant a hook", || {
        fs::write(work(".git/hooks/pre-commit"), "#!/bin/sh\n")
    }),
    ("set git up", || {
        OpenOptions::new()
            .append(true)
            .open(work(".git/config"))?
            .write_all(b"[core]\n")
    }),
    ("replace git's settings", || {
        fs::write(work("other"), "[core]\n")?;
        fs::rename(work("other"), work(".git/config"))
    }),
    ("put .git aside", || {
        fs::rename(work(".git"), work("git"))?;
        fs::create_dir_all(work(".git/hooks"))?;
        fs::write(work(".git/hooks/pre-commit"), "")
    }),
    ("name a server for agents", || {
        fs::write(work(".mcp.json"), "{}")
    }),
    ("name a server by renaming", || {
        fs::write(work("other"), "{}")?;
        fs::rename(work("other"), work(".mcp.json"))
    }),
    ("name a server by a link", || {
        fs::write(work("other"), "{}")?;
        symlink(work("other"), work(".mcp.json"))
    }),
    ("set an editor up", || {
        fs::create_dir_all(work(".vscode"))?;
        fs::write(work(".vscode/tasks.json"), "{}")
    }),
    ("set an agent up", || {
        fs::create_dir_all(work(".claude"))?;
        fs::write(work(".claude/settings.json"), "{}")
    }),
    ("make a program of its user's", || {
        fs::write(work("program"), "x")?;
        fs::set_permissions(work("program"), fs::Permissions::from_mode(0o4755))
    }),
    ("make a program of its group's", || {
        fs::write(work("program"), "x")?;
        let file = fs::File::open(work("program"))?;
        file.set_permissions(fs::Permissions::from_mode(0o2755))
    }),
    ("make it by opening", || {
        let _ = fs::remove_file(work("opened"));
        let mut how = OpenOptions::new();
        how.write(true)
            .create_new(true)
            .mode(0o4755)
            .open(work("opened"))?;
        let mode = fs::metadata(work("opened"))?.permissions().mode();
        expect(mode & 0o4000 != 0, "without the bit")
    }),
    ("make it by the other opening", || {
        let _ = fs::remove_file(work("opened"));
        let how = [(libc::O_CREAT | libc::O_WRONLY) as u64, 0o4755, 0];
        let path = c(&work("opened"));
        made(call!(
            libc::SYS_openat2,
            libc::AT_FDCWD,
            path.as_ptr(),
            how.as_ptr(),
            size_of_val(&how)
        ))
        .map(drop)
    }),
    ("make a device", || {
        let path = c(&work("device"));
        // SAFETY: a text that ends in zero.
        done(unsafe { libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o600, libc::makedev(1, 3)) })
    }),
    ("become another user by a program", || {
        #[expect(clippy::disallowed_methods, reason = "a program starts another")]
        let ran = std::process::Command::new(given("READ").join("suid-id"))
            .arg("-u")
            .output()?;
        // SAFETY: it takes nothing.
        let own = unsafe { libc::getuid() };
        expect(
            String::from_utf8_lossy(&ran.stdout).trim() != own.to_string(),
            "still the same",
        )
    }),
];

pub(super) const PROCESSES: &[Probe] = &[
    ("read the first process's environment", || {
        reads("/proc/1/environ")
    }),
    ("read durward's environment", || {
        reads(of(durward(), "environ"))
    }),
    ("read durward's memory", || {
        fs::File::open(of(durward(), "mem")).map(drop)
    }),
    ("list durward's files", || {
        fs::read_dir(of(durward(), "fd")).map(drop)
    }),
    ("read durward's arguments", || {
        reads(of(durward(), "cmdline"))
    }),
    ("read the parent's memory", || {
        let mut file = fs::File::open(of(parent(), "maps"))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        expect(!text.is_empty(), "nothing")
    }),
    ("list processes", || {
        let there = fs::read_dir("/proc")?
            .flatten()
            .any(|entry| entry.file_name().to_str() == Some(&durward().to_string()));
        expect(there, "durward is not among them")
    }),
    ("signal durward", || {
        // SAFETY: it takes numbers alone.
        done(unsafe { libc::kill(durward(), 0) })
    }),
    ("signal the parent", || {
        // SAFETY: as above.
        done(unsafe { libc::kill(parent(), 0) })
    }),
    ("signal durward's group", || {
        // SAFETY: as above.
        let group = unsafe { libc::getpgid(durward()) };
        // SAFETY: as above.
        done(unsafe { libc::kill(if group > 0 { -group } else { -durward() }, 0) })
    }),
    ("signal durward by a handle", || {
        let handle = made(call!(libc::SYS_pidfd_open, durward(), 0))?;
        done(call!(
            libc::SYS_pidfd_send_signal,
            handle.as_raw_fd(),
            0,
            0,
            0
        ))
    }),
    ("take a file from durward", || {
        let handle = made(call!(libc::SYS_pidfd_open, durward(), 0))?;
        made(call!(libc::SYS_pidfd_getfd, handle.as_raw_fd(), 0, 0)).map(drop)
    }),
    ("trace durward", || {
        done(call!(libc::SYS_ptrace, libc::PTRACE_SEIZE, durward(), 0, 0))
    }),
    ("trace the parent", || {
        done(call!(libc::SYS_ptrace, libc::PTRACE_SEIZE, parent(), 0, 0))
    }),
    ("be traced", || {
        done(call!(libc::SYS_ptrace, libc::PTRACE_TRACEME, 0, 0, 0))
    }),
    ("read durward's memory by a call", || {
        let mut here = [0_u8; 8];
        let local = libc::iovec {
            iov_base: here.as_mut_ptr().cast(),
            iov_len: 8,
        };
        let address: usize = std::env::var("ADDRESS")
            .unwrap_or_default()
            .parse()
            .unwrap_or(0);
        let remote = libc::iovec {
            iov_base: std::ptr::with_exposed_provenance_mut(address),
            iov_len: 8,
        };
        done(call!(
            libc::SYS_process_vm_readv,
            durward(),
            &raw const local,
            1,
            &raw const remote,
            1,
            0
        ))
    }),
    ("limit durward", || {
        let mut known = [0_u64; 2];
        let nothing = std::ptr::null::<u64>();
        done(call!(
            libc::SYS_prlimit64,
            durward(),
            libc::RLIMIT_CORE,
            nothing,
            known.as_mut_ptr()
        ))?;
        done(call!(
            libc::SYS_prlimit64,
            durward(),
            libc::RLIMIT_CORE,
            known.as_ptr(),
            nothing
        ))
    }),
    ("slow durward down", || {
        done(call!(
            libc::SYS_setpriority,
            libc::PRIO_PROCESS,
            durward(),
            0
        ))
    }),
    ("slow its disk down", || {
        done(call!(libc::SYS_ioprio_set, 1, durward(), 0))
    }),
    ("bind durward to a core", || {
        let mut set = [0_u64; 16];
        done(call!(
            libc::SYS_sched_getaffinity,
            durward(),
            128,
            set.as_mut_ptr()
        ))?;
        done(call!(
            libc::SYS_sched_setaffinity,
            durward(),
            128,
            set.as_ptr()
        ))
    }),
    ("schedule durward", || {
        let priority = 0_i32;
        done(call!(
            libc::SYS_sched_setscheduler,
            durward(),
            libc::SCHED_BATCH,
            &raw const priority
        ))
    }),
    ("compare with durward", || {
        let own = std::process::id().cast_signed();
        done(call!(libc::SYS_kcmp, own, durward(), 0, 0, 0))
    }),
    ("take durward's name of the network", || {
        let space = fs::File::open(of(durward(), "ns/net"))?;
        done(call!(libc::SYS_setns, space.as_raw_fd(), 0))
    }),
    ("weigh less when memory is short", || {
        let own = fs::read_to_string("/proc/self/oom_score_adj")?;
        fs::write("/proc/self/oom_score_adj", own)
    }),
    ("use another's shared segment", || {
        let segment = call!(libc::SYS_shmget, number("SHM_KEY"), 0, 0);
        done(segment)
    }),
    ("use another's queue", || {
        done(call!(libc::SYS_msgget, number("SHM_KEY"), 0))
    }),
    ("know the machine's name", || {
        let name = fs::read_to_string("/proc/sys/kernel/hostname")?;
        expect(
            name.trim() == std::env::var("HOST_NAME").unwrap_or_default(),
            "another name",
        )
    }),
];

pub(super) const KERNEL: &[Probe] = &[
    ("make a user namespace", || {
        done(call!(libc::SYS_unshare, libc::CLONE_NEWUSER))
    }),
    ("make one by forking", || {
        let child = call!(
            libc::SYS_clone,
            libc::CLONE_NEWUSER | libc::SIGCHLD,
            0,
            0,
            0,
            0
        );
        child_of(child)
    }),
    ("make one by the other forking", || {
        let mut how = [0_u64; 11];
        how[0] = libc::CLONE_NEWUSER as u64;
        how[4] = libc::SIGCHLD as u64;
        child_of(call!(libc::SYS_clone3, how.as_ptr(), size_of_val(&how)))
    }),
    ("mount", || {
        let (kind, place) = (c"tmpfs".as_ptr(), c(&work("")));
        done(call!(libc::SYS_unshare, libc::CLONE_NEWNS))?;
        done(call!(libc::SYS_mount, kind, place.as_ptr(), kind, 0, 0))
    }),
    ("copy a mount", || {
        let root = c"/usr".as_ptr();
        made(call!(libc::SYS_open_tree, libc::AT_FDCWD, root, 1)).map(drop)
    }),
    ("open a file system", || {
        made(call!(libc::SYS_fsopen, c"tmpfs".as_ptr(), 0)).map(drop)
    }),
    ("change the root", || {
        done(call!(libc::SYS_chroot, c"/usr".as_ptr()))
    }),
    ("use rings", || {
        let mut parameters = [0_u32; 30];
        made(call!(libc::SYS_io_uring_setup, 4, parameters.as_mut_ptr())).map(drop)
    }),
    ("load a program into the kernel", || {
        // BPF_MAP_CREATE: an array of one.
        let map = [2_u32, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        made(call!(libc::SYS_bpf, 0, map.as_ptr(), size_of_val(&map))).map(drop)
    }),
    ("watch the processor", || {
        let mut event = [0_u8; 112];
        event[..4].copy_from_slice(&1_u32.to_le_bytes());
        event[4..8].copy_from_slice(&112_u32.to_le_bytes());
        // Of user space alone.
        event[40] = 0b110_0000;
        made(call!(
            libc::SYS_perf_event_open,
            event.as_ptr(),
            0,
            -1,
            -1,
            0
        ))
        .map(drop)
    }),
    ("handle faults", || {
        made(call!(libc::SYS_userfaultfd, 1)).map(drop)
    }),
    ("use keys", || {
        let session = -3;
        done(call!(libc::SYS_keyctl, 0, session, 1))
    }),
    ("add a key", || {
        let (kind, name) = (c"user".as_ptr(), c"durward-probe".as_ptr());
        let process = -2;
        done(call!(
            libc::SYS_add_key,
            kind,
            name,
            c"x".as_ptr(),
            1,
            process
        ))
    }),
    ("watch all files", || {
        made(call!(libc::SYS_fanotify_init, 0, 0)).map(drop)
    }),
    ("read the kernel's log", || {
        let mut text = [0_u8; 64];
        let read_all = 3;
        done(call!(libc::SYS_syslog, read_all, text.as_mut_ptr(), 64))
    }),
    ("name the machine", || {
        let name = std::env::var("HOST_NAME").unwrap_or_default();
        done(call!(libc::SYS_sethostname, name.as_ptr(), name.len()))
    }),
    ("say what runs at a crash", || {
        writable("/proc/sys/kernel/core_pattern")
    }),
    ("press magic keys", || writable("/proc/sysrq-trigger")),
    ("set the kernel up", || writable("/proc/sys/kernel/printk")),
    ("make a cgroup", || {
        let place = Path::new("/sys/fs/cgroup/pids/durward-probe");
        fs::create_dir(place)?;
        fs::remove_dir(place)
    }),
    ("open a disk", || reads(given("DISK"))),
    ("open the log's device", || {
        let mut how = OpenOptions::new();
        how.read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .map(drop)
    }),
    ("make a terminal", || writable("/dev/ptmx")),
    ("type on a terminal", || {
        let master = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/ptmx")?;
        let locked = 0_i32;
        // SAFETY: it reads a number.
        done(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const locked) })?;
        // SAFETY: it takes numbers alone.
        let terminal =
            made(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, libc::O_RDWR) })?;
        // SAFETY: it reads a byte.
        done(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSTI, c"x".as_ptr()) })
    }),
    ("execute memory", || {
        let file = made(call!(libc::SYS_memfd_create, c"x".as_ptr(), 0))?;
        let mut file = fs::File::from(file);
        file.write_all(&fs::read("/usr/bin/true")?)?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        #[expect(clippy::disallowed_methods, reason = "a program starts another")]
        let status = std::process::Command::new(path).status()?;
        expect(status.success(), "it failed")
    }),
    ("execute memory that says that it may be", || {
        made(call!(libc::SYS_memfd_create, c"x".as_ptr(), 0x10)).map(drop)
    }),
    #[cfg(target_arch = "x86_64")]
    ("call as another machine", || {
        let mut answer: i64 = 20;
        // SAFETY: getpid(2) of the other machine, which takes nothing.
        unsafe {
            std::arch::asm!("int 0x80", inlateout("rax") answer, out("r8") _, out("r9") _, out("r10") _, out("r11") _)
        };
        expect(answer > 0, "no such machine")
    }),
    #[cfg(target_arch = "x86_64")]
    ("use ports", || done(call!(libc::SYS_iopl, 3))),
];

/// What a forked process is to do: nothing.
fn child_of(child: c_long) -> Result<()> {
    if child == 0 {
        // SAFETY: the forked process ends here.
        unsafe { libc::_exit(0) };
    }
    done(child)
}
