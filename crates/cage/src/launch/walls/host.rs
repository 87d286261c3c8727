//! What this machine can hold.

use std::{fmt, path::PathBuf, time::Duration};

use super::{Level, Limits, Network, Walls, flaws::Flaws};
use crate::launch::{LaunchFault, Launcher};

/// What this machine can hold: found out by trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The highest level.
    pub level: Level,
    /// Why not a higher one; and what holds less than it could at this one.
    pub lacks: Vec<Lack>,
}

/// Something that is missing, and how to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The level that is not reached, or is reached without this.
    pub level: Level,
    /// What is missing.
    pub what: String,
    /// What a person can do about it.
    pub remedy: &'static str,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl Host {
    /// Tries the levels, from the highest on.
    pub(in crate::launch) async fn find(launcher: &Launcher) -> Result<Self, LaunchFault> {
        let mut lacks = Vec::new();
        for (level, remedy) in [(Level::Full, OF_FULL), (Level::Light, OF_LIGHT)] {
            match launcher.try_walls(trial(level)).await {
                Ok(flaws) => {
                    lacks.extend(said(level, flaws));
                    return Ok(Self { level, lacks });
                }
                Err(fault @ LaunchFault::Walls { .. }) => lacks.push(Lack {
                    level,
                    what: fault.to_string(),
                    remedy,
                }),
                Err(fault) => return Err(fault),
            }
        }
        Ok(Self {
            level: Level::None,
            lacks,
        })
    }
}

const OF_FULL: &str = "let this user make user namespaces: `sysctl user.max_user_namespaces` above 0, \
    `kernel.unprivileged_userns_clone=1` on Debian, `kernel.apparmor_restrict_unprivileged_userns=0` or an AppArmor \
    profile with `userns,` on Ubuntu; in a container, a seccomp profile that allows them";

const OF_LIGHT: &str = "use Linux 6.2 or later with Landlock among the `lsm=` of its command line, and a container \
    whose seccomp profile allows landlock_create_ruleset(2) and seccomp(2)";

/// What every box has.
fn trial(level: Level) -> Walls {
    Walls {
        level,
        read: vec![PathBuf::from("/usr")],
        write: Vec::new(),
        hide: Vec::new(),
        deny_write: Vec::new(),
        network: Network::None,
        limits: Limits {
            memory: 64 << 20,
            cpu: Duration::from_secs(10),
            processes: 8,
            files: 64,
            file_size: None,
        },
    }
}

fn said(level: Level, flaws: Flaws) -> Vec<Lack> {
    let all = [
        (
            Flaws::PROCESSES_UNSEEN,
            "programs find an empty /proc, since this machine's own is covered in part",
            "run durward where /proc is whole (in a container: `--security-opt systempaths=unconfined`)",
        ),
        (
            Flaws::MEMORY_APART,
            "memory is limited for each process, not for a program and all that it starts",
            "give durward a cgroup of its own (`Delegate=yes` in its systemd unit)",
        ),
        (
            Flaws::PROCESSES_UNLIMITED,
            "the number of a program's processes is not limited",
            match level {
                Level::Full => {
                    "give durward a cgroup of its own (`Delegate=yes` in its systemd unit), or run it as an ordinary user"
                }
                _ => "give durward a cgroup of its own (`Delegate=yes` in its systemd unit)",
            },
        ),
        (
            Flaws::UNSCOPED,
            "abstract sockets of a network that is not its own, and signals to processes of the same user, are not held",
            "use Linux 6.12 or later",
        ),
        (
            Flaws::NO_LANDLOCK,
            "files are held by mounts alone",
            "put Landlock among the `lsm=` of the kernel's command line",
        ),
    ];
    let those = all.into_iter().filter(|(flaw, ..)| flaws.has(*flaw));
    those
        .map(|(_, what, remedy)| Lack {
            level,
            what: what.to_owned(),
            remedy,
        })
        .collect()
}
