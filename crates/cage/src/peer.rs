//! Who is at the other end of a UNIX socket, and what users are called.

use std::path::PathBuf;

/// Where users are listed (passwd(5)).
const PASSWD: &str = "/etc/passwd";

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
