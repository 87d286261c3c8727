//! Walls as macOS has them: a profile for `sandbox-exec -p`, in the language of Seatbelt.
//!
//! It is text made of text, so that it can be read and tested anywhere; on a Mac it has not been tried yet.
//! There are no namespaces there: what may not be touched is seen to be there by its name in its folder,
//! and a profile bounds no memory and no processes. Of the rules that fit, the last one holds.

use std::{
    fmt::Write as _,
    path::{Component, Path, PathBuf},
};

use thiserror::Error;

use crate::launch::{Network, Walls, beneath};

/// A path that can't stand in a profile.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProfileFault {
    /// It does not begin at the root, or leads back.
    #[error("`{}` is not an absolute path without `..`", .0.display())]
    NotPlain(PathBuf),
    /// It has a line break or another control character, or is not UTF-8.
    #[error("{0:?} has a character that can't stand in a sandbox profile")]
    Unwritable(PathBuf),
}

/// What every program of a Mac needs to begin at all.
const BEGIN: &str = r#"(version 1)
(deny default)

(allow process-fork)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow user-preference-read)
(allow ipc-posix-sem)
(allow ipc-posix-shm-read* (ipc-posix-name "apple.shm.notification_center"))
(allow mach-lookup
    (global-name "com.apple.logd")
    (global-name "com.apple.system.logger")
    (global-name "com.apple.system.notification_center")
    (global-name "com.apple.system.opendirectoryd.libinfo")
    (global-name "com.apple.system.opendirectoryd.membership"))
(allow file-read*
    (literal "/")
    (literal "/dev/random")
    (literal "/dev/urandom")
    (literal "/dev/zero")
    (subpath "/Library/Apple/System")
    (subpath "/System")
    (subpath "/private/var/db/dyld")
    (subpath "/private/var/db/timezone")
    (subpath "/usr/lib")
    (subpath "/usr/share"))
(allow file-read* file-write-data file-ioctl
    (literal "/dev/dtracehelper")
    (literal "/dev/null"))
(allow process-exec
    (subpath "/System")
    (subpath "/usr/lib"))
"#;

/// What verifies certificates, which programs do through the system's own service.
const TRUST: &str = r#"(allow mach-lookup
    (global-name "com.apple.SecurityServer")
    (global-name "com.apple.trustd.agent"))
"#;

/// What looks names up and knows of networks.
const NAMES: &str = r#"(allow system-socket)
(allow mach-lookup
    (global-name "com.apple.SystemConfiguration.DNSConfiguration")
    (global-name "com.apple.SystemConfiguration.configd")
    (global-name "com.apple.dnssd.service"))
"#;

/// Folders that may be written in which nobody has a project.
const EVERYBODY_S: [&str; 2] = ["/tmp", "/var/tmp"];

/// Folders that are links on every Mac; a profile is held against where they lead.
const LINKS: [&str; 3] = ["/etc", "/tmp", "/var"];

/// The profile of these walls. `home` is the home folder of who runs durward; `door` is the port of this
/// machine's loopback at which the way out listens, which matters where the network is [`Network::Egress`].
///
/// # Errors
/// [`ProfileFault`], naming the path.
pub fn profile(walls: &Walls, home: Option<&Path>, door: u16) -> Result<String, ProfileFault> {
    let closed = closed(walls, home);
    let mut text = BEGIN.to_owned();
    let open: Vec<_> = walls.read.iter().chain(&walls.write).collect();
    rule(&mut text, "allow file-read* process-exec", "subpath", &open)?;
    let above: Vec<_> = open
        .iter()
        .flat_map(|path| path.ancestors().skip(1))
        .collect();
    rule(&mut text, "allow file-read-metadata", "literal", &above)?;
    rule(&mut text, "allow file-write*", "subpath", &walls.write)?;
    text.push_str("(deny file-write-setugid)\n");
    rule(&mut text, "deny file-write*", "subpath", &closed)?;
    rule(
        &mut text,
        "deny file-write-unlink",
        "literal",
        &pinned(walls, &closed),
    )?;
    let hidden = "deny file-read* file-write* process-exec";
    rule(&mut text, hidden, "subpath", &walls.hide)?;
    text.push('\n');
    match walls.network {
        Network::None => text.push_str("(deny network*)\n"),
        Network::Egress(_) => {
            text.push_str(TRUST);
            text.push_str("(deny network*)\n");
            let _ = writeln!(
                text,
                "(allow network-outbound (remote tcp \"localhost:{door}\"))"
            );
        }
        Network::Host => {
            text.push_str(TRUST);
            text.push_str(NAMES);
            text.push_str("(allow network*)\n");
        }
    }
    Ok(text)
}

/// What may not be written: what was said, and what others execute later.
fn closed(walls: &Walls, home: Option<&Path>) -> Vec<PathBuf> {
    let everybody_s =
        |root: &&PathBuf| EVERYBODY_S.iter().any(|shared| **root == Path::new(shared));
    let roots = walls.write.iter().filter(|root| !everybody_s(root));
    let later = roots.flat_map(|root| beneath(root, home));
    // A rule names a folder without the `/` at its end.
    let plain = later.map(|path| path.components().collect());
    walls.deny_write.iter().cloned().chain(plain).collect()
}

/// The folders on the way to what is closed: put aside, they would take it to where no rule fits.
fn pinned<'a>(walls: &'a Walls, closed: &'a [PathBuf]) -> Vec<&'a Path> {
    let closed = closed.iter().chain(&walls.hide);
    let above = closed.flat_map(|path| path.ancestors().skip(1));
    let is_within = |path: &&Path| {
        let mut roots = walls.write.iter();
        roots.any(|root| path.starts_with(root) && *path != root)
    };
    above.filter(is_within).collect()
}

/// One rule for all of these paths, each once; nothing for none.
fn rule(
    text: &mut String,
    begin: &str,
    filter: &str,
    paths: &[impl AsRef<Path>],
) -> Result<(), ProfileFault> {
    let mut filters = Vec::new();
    for path in paths {
        for path in spellings(path.as_ref()) {
            let filter = format!("\n    ({filter} {})", quoted(&path)?);
            if !filters.contains(&filter) {
                filters.push(filter);
            }
        }
    }
    if !filters.is_empty() {
        let _ = writeln!(text, "({begin}{})", filters.concat());
    }
    Ok(())
}

/// A path, and where it leads through the links that every Mac has.
fn spellings(path: &Path) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    if let Some(rest) = LINKS
        .iter()
        .any(|link| path.starts_with(link))
        .then(|| path.strip_prefix("/").ok())
        .flatten()
    {
        all.push(Path::new("/private").join(rest));
    }
    all
}

/// A path as a string of the language, which knows `\"` and `\\`.
fn quoted(path: &Path) -> Result<String, ProfileFault> {
    let is_plain = path.is_absolute() && !path.components().any(|it| it == Component::ParentDir);
    if !is_plain {
        return Err(ProfileFault::NotPlain(path.to_owned()));
    }
    let text = path
        .to_str()
        .filter(|text| !text.chars().any(char::is_control))
        .ok_or_else(|| ProfileFault::Unwritable(path.to_owned()))?;
    Ok(format!(
        "\"{}\"",
        text.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}

#[cfg(test)]
mod tests;
