//! Which system calls a program may make: a filter for seccomp(2).
//!
//! All are open but those below: they reach around the other walls, into the kernel or into other processes,
//! or leave something behind that others would run with rights of their own.

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W,
    c_long, sock_filter,
};
use rustix::io::Errno;

use super::{Level, wanted::Reach};

#[cfg(target_arch = "x86_64")]
const MACHINE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const MACHINE: u32 = 0xC000_00B7;

/// Where the parts of `struct seccomp_data` lie.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const fn argument(index: u32) -> u32 {
    // The lower half: all that is compared here is an `int` to the kernel.
    16 + 8 * index
}

/// Other processes, and the kernel itself.
const REFUSED: [c_long; 54] = [
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_quotactl_fd,
];

/// Of one machine alone.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: [c_long; 6] = [
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS__sysctl,
    libc::SYS_kexec_file_load,
];
#[cfg(target_arch = "aarch64")]
const REFUSED_HERE: [c_long; 1] = [
    // kexec_file_load, which not every libc names here.
    294,
];

/// What reaches whoever names the same number or name, where the namespace is not its own (ipc_namespaces(7)).
const SHARED: [c_long; 7] = [
    libc::SYS_semget,
    libc::SYS_semctl,
    libc::SYS_shmget,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
];

/// What changes another process of the same user, where processes are not apart, and where in its arguments that
/// one stands: only 0, the caller, is let through.
const OTHERS: [(c_long, u32); 7] = [
    (libc::SYS_prlimit64, 0),
    (libc::SYS_setpriority, 1),
    (libc::SYS_ioprio_set, 1),
    (libc::SYS_sched_setaffinity, 0),
    (libc::SYS_sched_setscheduler, 0),
    (libc::SYS_sched_setparam, 0),
    (libc::SYS_sched_setattr, 0),
];

/// What programs do without if it is not there: its arguments lie where no filter sees them.
const MISSING: [c_long; 2] = [libc::SYS_clone3, libc::SYS_openat2];

/// Calls that give a file a mode, and where in their arguments it stands. A file of its owner's that others
/// run with the owner's rights would outlive the walls.
#[cfg(target_arch = "x86_64")]
const MODES: [(c_long, u32); 8] = [
    (libc::SYS_chmod, 1),
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (FCHMODAT2, 2),
    (libc::SYS_mkdirat, 2),
    (libc::SYS_mknodat, 2),
    (libc::SYS_mknod, 1),
    (libc::SYS_creat, 1),
];
#[cfg(target_arch = "aarch64")]
const MODES: [(c_long, u32); 5] = [
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (FCHMODAT2, 2),
    (libc::SYS_mkdirat, 2),
    (libc::SYS_mknodat, 2),
];
/// Not every libc names it.
const FCHMODAT2: c_long = 452;
const SET_ID: u32 = libc::S_ISUID | libc::S_ISGID;

/// Calls that may make a file: where their flags stand, and the mode after them.
#[cfg(target_arch = "x86_64")]
const OPENS: [(c_long, u32); 2] = [(libc::SYS_open, 1), (libc::SYS_openat, 2)];
#[cfg(target_arch = "aarch64")]
const OPENS: [(c_long, u32); 1] = [(libc::SYS_openat, 2)];
/// `O_TMPFILE` holds `O_DIRECTORY` too, which makes nothing.
const MAKES: u32 = (libc::O_CREAT | libc::O_TMPFILE & !libc::O_DIRECTORY) as u32;

/// `MFD_NOEXEC_SEAL`: a file in memory holds what no wall has seen, so that it may not be executed.
const NO_EXECUTION: u32 = 8;

/// New namespaces, by clone(2); `CLONE_NEWTIME` can't be asked of it.
const NAMESPACES: u32 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP) as u32;

/// Typing on someone else's terminal.
const TERMINALS: [u32; 2] = [libc::TIOCSTI as u32, libc::TIOCLINUX as u32];

const RAW: u32 = libc::SOCK_RAW as u32;
/// `SOCK_PACKET`, the old way to raw packets.
const PACKET: u32 = 10;
const TYPES: u32 = 0xf;

/// A program for the kernel's filter.
struct Filter(Vec<sock_filter>);

/// The filter for a program that is held so.
pub(super) fn filter(level: Level, reach: Reach) -> Vec<sock_filter> {
    let mut filter = Filter(Vec::with_capacity(256));
    filter.begin();
    for call in REFUSED.into_iter().chain(REFUSED_HERE) {
        filter.refuse(call, Errno::PERM);
    }
    if level < Level::Full {
        for call in SHARED {
            filter.refuse(call, Errno::PERM);
        }
        for (call, other) in OTHERS {
            filter.on(call, |filter| filter.refuse_others(other, &[0]));
        }
    }
    for call in MISSING {
        filter.refuse(call, Errno::NOSYS);
    }
    filter.on(libc::SYS_clone, |filter| filter.refuse_bits(0, NAMESPACES));
    for (call, mode) in MODES {
        filter.on(call, |filter| filter.refuse_bits(mode, SET_ID));
    }
    for (call, flags) in OPENS {
        filter.on(call, |filter| {
            filter.load(argument(flags));
            filter.jump(BPF_JSET, MAKES, 0, 3);
            filter.refuse_bits(flags + 1, SET_ID);
        });
    }
    filter.on(libc::SYS_memfd_create, |filter| {
        filter.load(argument(1));
        filter.jump(BPF_JSET, NO_EXECUTION, 1, 0);
        filter.answer(Errno::ACCESS);
    });
    filter.on(libc::SYS_ioctl, |filter| {
        filter.load(argument(1));
        for request in TERMINALS {
            filter.jump(BPF_JEQ, request, 0, 1);
            filter.answer(Errno::PERM);
        }
    });
    filter.sockets(level, reach);
    filter.put(BPF_RET | BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0);
    filter.0
}

impl Filter {
    /// The number of the call is in the accumulator from here on; another machine's calls are not there.
    fn begin(&mut self) {
        self.load(ARCHITECTURE);
        self.jump(BPF_JEQ, MACHINE, 1, 0);
        self.answer(Errno::NOSYS);
        self.load(NUMBER);
        if cfg!(target_arch = "x86_64") {
            // The same kernel's other set of numbers (x32).
            self.jump(BPF_JGE, 0x4000_0000, 0, 1);
            self.answer(Errno::NOSYS);
        }
    }

    fn sockets(&mut self, level: Level, reach: Reach) {
        let unix = libc::AF_UNIX as u32;
        self.on(libc::SYS_socketpair, |filter| {
            filter.refuse_others(0, &[unix]);
            if level < Level::Full {
                // Half of such a pair sends to any path.
                filter.load(argument(1));
                filter.put(BPF_ALU | BPF_AND | BPF_K, TYPES, 0, 0);
                filter.jump(BPF_JEQ, libc::SOCK_DGRAM as u32, 0, 1);
                filter.answer(Errno::PERM);
            }
        });
        let [inet, inet6, netlink] =
            [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK].map(|family| family as u32);
        let families: &[u32] = match (level, reach) {
            (Level::Full, Reach::Nobody | Reach::Door) => &[unix, inet, inet6],
            (Level::Full, Reach::Host) => &[unix, inet, inet6, netlink],
            // A socket of another family may be anyone's that has a path: the agent of keys, the desktop's bus.
            (_, Reach::Host) => &[inet, inet6, netlink],
            (_, Reach::Nobody | Reach::Door) => return self.refuse(libc::SYS_socket, Errno::PERM),
        };
        self.on(libc::SYS_socket, |filter| {
            filter.refuse_others(0, families);
            // Which addresses there are may be asked; nothing else of netlink(7).
            filter.load(argument(0));
            filter.jump(BPF_JEQ, netlink, 0, 3);
            filter.load(argument(2));
            filter.jump(BPF_JEQ, libc::NETLINK_ROUTE as u32, 6, 0);
            filter.answer(Errno::PERM);
            filter.load(argument(1));
            filter.put(BPF_ALU | BPF_AND | BPF_K, TYPES, 0, 0);
            filter.jump(BPF_JEQ, RAW, 1, 0);
            filter.jump(BPF_JEQ, PACKET, 0, 1);
            filter.answer(Errno::PERM);
        });
    }

    /// Refuses a call whatever its arguments are.
    fn refuse(&mut self, call: c_long, errno: Errno) {
        self.jump(BPF_JEQ, number(call), 0, 1);
        self.answer(errno);
    }

    /// What is done if it is this call; the number is in the accumulator afterwards.
    fn on(&mut self, call: c_long, body: impl FnOnce(&mut Self)) {
        let mut inner = Self(Vec::new());
        body(&mut inner);
        inner.load(NUMBER);
        // Each body is a few instructions long.
        let length = u8::try_from(inner.0.len()).unwrap_or(u8::MAX);
        self.jump(BPF_JEQ, number(call), 0, length);
        self.0.append(&mut inner.0);
    }

    /// Refuses an argument with any of these bits: three instructions.
    fn refuse_bits(&mut self, index: u32, bits: u32) {
        self.load(argument(index));
        self.jump(BPF_JSET, bits, 0, 1);
        self.answer(Errno::PERM);
    }

    /// Refuses an argument that is none of these.
    fn refuse_others(&mut self, index: u32, known: &[u32]) {
        self.load(argument(index));
        for (left, value) in known.iter().rev().enumerate().rev() {
            // Over those that are left, and over the refusal.
            self.jump(
                BPF_JEQ,
                *value,
                u8::try_from(left + 1).unwrap_or(u8::MAX),
                0,
            );
        }
        self.answer(Errno::PERM);
    }

    fn load(&mut self, offset: u32) {
        self.put(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
    }

    fn jump(&mut self, test: u32, value: u32, yes: u8, no: u8) {
        self.put(BPF_JMP | test | BPF_K, value, yes, no);
    }

    fn answer(&mut self, errno: Errno) {
        let number = errno.raw_os_error().unsigned_abs();
        self.put(BPF_RET | BPF_K, libc::SECCOMP_RET_ERRNO | number, 0, 0);
    }

    fn put(&mut self, code: u32, k: u32, jt: u8, jf: u8) {
        // The codes are all below 256.
        let code = code as u16;
        self.0.push(sock_filter { code, jt, jf, k });
    }
}

fn number(call: c_long) -> u32 {
    // They count from zero.
    call as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would answer: an errno, or none where it lets the call through.
    fn judged(filter: &[sock_filter], call: c_long, arguments: [u32; 3]) -> Option<u32> {
        let (mut place, mut accumulator) = (0, 0);
        loop {
            let step = filter[place];
            let code = u32::from(step.code);
            place += 1;
            let jump = |yes: bool| usize::from(if yes { step.jt } else { step.jf });
            if code == BPF_LD | BPF_W | BPF_ABS {
                accumulator = match step.k {
                    NUMBER => number(call),
                    ARCHITECTURE => MACHINE,
                    offset => arguments[((offset - 16) / 8) as usize],
                };
            } else if code == BPF_ALU | BPF_AND | BPF_K {
                accumulator &= step.k;
            } else if code == BPF_JMP | BPF_JEQ | BPF_K {
                place += jump(accumulator == step.k);
            } else if code == BPF_JMP | BPF_JGE | BPF_K {
                place += jump(accumulator >= step.k);
            } else if code == BPF_JMP | BPF_JSET | BPF_K {
                place += jump(accumulator & step.k != 0);
            } else {
                assert_eq!(code, BPF_RET | BPF_K);
                return (step.k != libc::SECCOMP_RET_ALLOW).then_some(step.k & 0xffff);
            }
        }
    }

    const PERM: Option<u32> = Some(libc::EPERM as u32);

    fn numbers<const N: usize>(numbers: [i32; N]) -> [u32; N] {
        numbers.map(|number| number as u32)
    }

    #[test]
    fn sockets_are_those_that_the_level_and_the_network_let_through() {
        use Level::{Full, Light};
        use Reach::{Door, Host, Nobody};
        let (stream, raw) = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC, libc::SOCK_RAW);
        for (level, reach, open) in [
            (Full, Nobody, [true, true, false, false]),
            (Full, Door, [true, true, false, false]),
            (Full, Host, [true, true, true, false]),
            (Light, Nobody, [false; 4]),
            (Light, Host, [false, true, true, false]),
        ] {
            let filter = filter(level, reach);
            let asked = [
                [libc::AF_UNIX, stream, 0],
                [libc::AF_INET6, stream, 0],
                [libc::AF_NETLINK, raw, libc::NETLINK_ROUTE],
                [libc::AF_INET, raw, libc::IPPROTO_ICMP],
            ];
            let answers = asked.map(|asked| judged(&filter, libc::SYS_socket, numbers(asked)));
            assert_eq!(
                answers.map(|answer| answer.is_none()),
                open,
                "{level} {reach:?}"
            );
            let uevents = numbers([libc::AF_NETLINK, raw, 15]);
            assert_eq!(judged(&filter, libc::SYS_socket, uevents), PERM);
            for (family, kind, is_open) in [
                (libc::AF_UNIX, stream, true),
                (
                    libc::AF_UNIX,
                    libc::SOCK_DGRAM | libc::SOCK_CLOEXEC,
                    level == Full,
                ),
                (libc::AF_TIPC, stream, false),
            ] {
                let pair = judged(&filter, libc::SYS_socketpair, numbers([family, kind, 0]));
                assert_eq!(pair.is_none(), is_open, "{level} {family} {kind}");
            }
        }
    }

    #[test]
    fn arguments_are_judged_and_calls_after_them_too() {
        let filter = filter(Level::Light, Reach::Nobody);
        let judge = |call, arguments| judged(&filter, call, numbers(arguments));
        assert_eq!(judge(libc::SYS_read, [0; 3]), None);
        assert_eq!(judge(libc::SYS_ptrace, [0; 3]), PERM);
        assert_eq!(judge(libc::SYS_clone3, [0; 3]), Some(libc::ENOSYS as u32));
        assert_eq!(
            judge(libc::SYS_clone, [libc::CLONE_VM | libc::CLONE_THREAD, 0, 0]),
            None
        );
        assert_eq!(judge(libc::SYS_clone, [libc::CLONE_NEWUSER, 0, 0]), PERM);
        assert_eq!(judge(libc::SYS_fchmod, [3, 0o755, 0]), None);
        assert_eq!(judge(libc::SYS_fchmod, [3, 0o2755, 0]), PERM);
        assert_eq!(judge(libc::SYS_ioctl, [0, libc::TIOCSTI as i32, 0]), PERM);
        assert_eq!(
            judge(libc::SYS_ioctl, [0, libc::TIOCGWINSZ as i32, 0]),
            None
        );
        assert_eq!(judge(libc::SYS_prlimit64, [0, 7, 0]), None);
        assert_eq!(judge(libc::SYS_prlimit64, [12, 7, 0]), PERM);
        assert_eq!(
            judge(libc::SYS_memfd_create, [0, 0, 0]),
            Some(libc::EACCES as u32)
        );
        assert_eq!(judge(libc::SYS_memfd_create, [0, 8, 0]), None);
        assert_eq!(judge(-1, [0; 3]), Some(libc::ENOSYS as u32));
    }
}
