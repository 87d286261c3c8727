//! What a keeper says to durward, and the one thing that durward says to it. Each is a datagram.

use rustix::{io::Errno, process::Pid};

use super::{Exit, walls::Flaws};

/// Durward to the keeper: SIGTERM to the program's group. All else is said by closing the socket.
pub(super) const TERMINATE: &[u8] = b"T";

/// No report is longer.
pub(super) const LONGEST: usize = 8;

/// What was being done when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Order = 1,
    Fork,
    Keep,
    Clone,
    Session,
    Pipes,
    Folder,
    Limits,
    Close,
    Exec,
    Namespaces,
    Numbers,
    Network,
    Tree,
    Devices,
    Ways,
    Later,
    Hide,
    Reach,
    Outside,
    Landlock,
    Rights,
    Filter,
    Group,
}

impl Step {
    const ALL: [Self; 24] = [
        Self::Order,
        Self::Fork,
        Self::Keep,
        Self::Clone,
        Self::Session,
        Self::Pipes,
        Self::Folder,
        Self::Limits,
        Self::Close,
        Self::Exec,
        Self::Namespaces,
        Self::Numbers,
        Self::Network,
        Self::Tree,
        Self::Devices,
        Self::Ways,
        Self::Later,
        Self::Hide,
        Self::Reach,
        Self::Outside,
        Self::Landlock,
        Self::Rights,
        Self::Filter,
        Self::Group,
    ];

    /// Whether it belongs to the walls.
    pub(super) fn is_wall(self) -> bool {
        self as u8 >= Self::Namespaces as u8
    }

    pub(super) fn said(self) -> &'static str {
        match self {
            Self::Order => "its plan can't be read",
            Self::Fork | Self::Clone => "no process can be made",
            Self::Keep => "its descendants can't be kept (PR_SET_CHILD_SUBREAPER)",
            Self::Session => "no session can be made",
            Self::Pipes => "its pipes can't be put in place",
            Self::Folder => "its working folder can't be entered",
            Self::Limits => "its limits can't be set",
            Self::Close => "what is not its own can't be closed (close_range needs Linux 5.9)",
            Self::Exec => "the system refuses to run it",
            Self::Namespaces => {
                "no system of its own can be made for it (namespaces), which is called full when as many are \
                 there as user.max_user_namespaces says"
            }
            Self::Numbers => "its user can't be mapped (/proc/self/uid_map)",
            Self::Network => "no network of its own can be made for it",
            Self::Tree => "no file tree of its own can be made for it (mounts)",
            Self::Devices => "its devices and its /tmp can't be put in place",
            Self::Ways => "what it may read and write can't be put in place",
            Self::Later => {
                "what others execute later (.git/hooks, settings of editors) can't be closed to it; a link there can't be held"
            }
            Self::Hide => "what is hidden from it can't be covered",
            Self::Reach => "the program is not within what it may read",
            Self::Outside => "its working folder is not within what it may read or write",
            Self::Landlock => "its files can't be held (Landlock, which needs Linux 6.2)",
            Self::Rights => "its rights can't be taken away (capabilities, no_new_privs)",
            Self::Group => "its limits can't be set (cgroups)",
            Self::Filter => "its system calls can't be filtered (seccomp)",
        }
    }
}

/// The keeper to durward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// The keeper is there; this is its number.
    Kept(Pid),
    /// The program runs, and what holds it has these flaws.
    Started(Pid, Flaws),
    /// It does not, and never did.
    Failed(Step, Errno),
    /// The program ended; what it left is being ended.
    Ended(Exit),
}

impl Report {
    pub(super) fn bytes(self) -> [u8; LONGEST] {
        let mut bytes = [0; LONGEST];
        let number = match self {
            Self::Kept(pid) => {
                bytes[0] = b'K';
                pid.as_raw_nonzero().get()
            }
            Self::Started(pid, flaws) => {
                bytes[..2].copy_from_slice(&[b'S', flaws.0]);
                pid.as_raw_nonzero().get()
            }
            Self::Failed(step, errno) => {
                bytes[..2].copy_from_slice(&[b'F', step as u8]);
                errno.raw_os_error()
            }
            Self::Ended(exit) => {
                let (kind, number) = match exit {
                    Exit::Code(code) => (0, code),
                    Exit::Signal(signal) => (1, signal),
                    Exit::Lost => (2, 0),
                };
                bytes[..2].copy_from_slice(&[b'E', kind]);
                number.into()
            }
        };
        bytes[4..].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let [what, kind, _, _, number @ ..] = <[u8; LONGEST]>::try_from(bytes).ok()?;
        let number = i32::from_le_bytes(number);
        match (what, kind) {
            (b'K', _) => Pid::from_raw(number).map(Self::Kept),
            (b'S', flaws) => Pid::from_raw(number).map(|pid| Self::Started(pid, Flaws(flaws))),
            (b'F', step) => {
                let step = Step::ALL.into_iter().find(|known| *known as u8 == step)?;
                Some(Self::Failed(step, Errno::from_raw_os_error(number)))
            }
            (b'E', 0) => Some(Self::Ended(Exit::Code(number as u8))),
            (b'E', 1) => Some(Self::Ended(Exit::Signal(number as u8))),
            (b'E', 2) => Some(Self::Ended(Exit::Lost)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_as_written() {
        let pid = Pid::from_raw(4_194_303).unwrap();
        let mut all = vec![
            Report::Kept(pid),
            Report::Started(pid, Flaws::default()),
            Report::Started(pid, Flaws(5)),
            Report::Ended(Exit::Lost),
        ];
        all.extend(Step::ALL.map(|step| Report::Failed(step, Errno::NOENT)));
        all.extend([0, 1, 255].map(|code| Report::Ended(Exit::Code(code))));
        all.extend([1, 9, 64].map(|signal| Report::Ended(Exit::Signal(signal))));
        for report in all {
            assert_eq!(Report::read(&report.bytes()), Some(report));
        }
        assert_eq!(Report::read(b"S"), None);
        assert_eq!(Report::read(&[0; 8]), None);
    }
}
