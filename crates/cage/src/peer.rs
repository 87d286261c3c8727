//! Who is at the other end of a UNIX socket, and what users are called.

use std::path::PathBuf;

/// Where users are listed (passwd(5)).
const PASSWD: &str = "/etc/passwd";
/// More generations than any process has.
const MOST_PARENTS: usize = 4096;

/// The operating system's word for the peer of a UNIX socket, as of the moment it connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerCredentials {
    /// The process; none where it lives in a PID namespace that we can't see.
    pub pid: Option<u32>,
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
}

impl PeerCredentials {
    /// Asks the kernel (`SO_PEERCRED`, unix(7)).
    pub fn of(stream: &tokio::net::UnixStream) -> std::io::Result<Self> {
        let told = stream.peer_cred()?;
        let pid = told
            .pid()
            .and_then(|pid| u32::try_from(pid).ok())
            .filter(|pid| *pid != 0);
        Ok(Self {
            pid,
            uid: told.uid(),
            gid: told.gid(),
        })
    }
}

/// Was this process started by us, or by what we started? A process that has ended is nobody's.
pub fn is_ours(pid: u32) -> bool {
    let own = std::process::id();
    let mut at = pid;
    // A chain of parents this long is none that the system has.
    for _ in 0..MOST_PARENTS {
        if at == own {
            return true;
        }
        match parent(at) {
            Some(parent) if parent > 1 => at = parent,
            _ => return false,
        }
    }
    false
}

/// The parent of a process (proc_pid_stat(5)).
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything, brackets too.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The user that we are.
pub fn current_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A user's name, as `/etc/passwd` has it. Users of other directories (LDAP, systemd) have none here.
pub fn user_name(uid: u32) -> Option<String> {
    let text = std::fs::read(PASSWD).ok()?;
    let text = String::from_utf8_lossy(&text);
    users(&text)
        .find(|user| user.uid == uid)
        .map(|user| user.name.to_owned())
}

/// The home folders of all users that have a real one.
pub(crate) fn homes() -> Vec<PathBuf> {
    let text = std::fs::read(PASSWD).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    users(&text)
        .map(|user| user.home)
        .filter(|home| home.len() > 1)
        .map(PathBuf::from)
        .collect()
}

struct User<'a> {
    name: &'a str,
    uid: u32,
    home: &'a str,
}

fn users(text: &str) -> impl Iterator<Item = User<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let home = fields.nth(2).unwrap_or_default();
        Some(User { name, uid, home })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_passwd() {
        let text = "root:x:0:0:root:/root:/bin/bash\n# a comment\nbroken\nann:x:1000:1000::/home/ann:/bin/sh\n";
        let found: Vec<_> = users(text)
            .map(|user| (user.name, user.uid, user.home))
            .collect();
        assert_eq!(found, [("root", 0, "/root"), ("ann", 1000, "/home/ann")]);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a child to look at")]
    fn children_and_theirs_are_ours_and_nobody_else() {
        use std::io::BufRead;
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 9 & echo $!; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let grandchild = line.trim().parse().unwrap();
        assert!(is_ours(child.id()) && is_ours(grandchild) && is_ours(std::process::id()));
        let ours = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        assert!(!is_ours(ours.unwrap().cast_unsigned()) && !is_ours(1));
        let grandchild = rustix::process::Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(grandchild, rustix::process::Signal::KILL).unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_kernel_names_the_peer() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (one, _other) = tokio::net::UnixStream::pair().unwrap();
            let peer = PeerCredentials::of(&one).unwrap();
            assert_eq!(peer.uid, current_uid());
            assert_eq!(peer.pid, Some(std::process::id()));
        });
    }
}
