//! The walls of `full`: a system of its own, made by its first process, the keeper (namespaces(7)).

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::{
    io::Errno,
    mount::{MountPropagationFlags, mount_change},
    process::{Gid, Uid, getgid, getuid},
    system::sethostname,
};

use super::{
    Door,
    flaws::Flaws,
    later::{self, Pinned, Placeholder},
    step::{Failed, at},
    tree::{Right, Tree},
    wanted::{Reach, Wanted},
};
use crate::{
    launch::{post::Sockets, report::Step},
    way_out::{open_door, raise_loopback},
};

/// The namespaces in which a keeper begins; a network of its own unless it has the machine's.
pub(in crate::launch) fn namespaces(with_network: bool) -> libc::c_int {
    let own = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    if with_network {
        own | libc::CLONE_NEWNET
    } else {
        own
    }
}

/// What a program finds of the machine's devices.
pub(super) const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

const SMALL: [(&str, &str); 2] = [("mode", "0755"), ("size", "1m")];

const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    // Shared memory (shm_open(3)) lives as long as the box.
    ("/tmp", "/dev/shm"),
];

/// What programs need to be found and to tell the time, and nobody has a secret in.
pub(super) const ALWAYS: [&str; 3] = ["/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime"];

/// Of `/run`, where sockets of agents and services are, what is none.
const OF_RUN: [&str; 1] = ["/run/current-system"];
/// And what names are resolved by; for those who may talk to anybody, since there are sockets among it that
/// ask any name server for anything.
const RESOLVERS: [&str; 4] = [
    OF_RUN[0],
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager/resolv.conf",
];

/// What says how names are looked up.
const LOOKED_UP_BY: [&str; 5] = [
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
];

/// The numbers of the user and its group stay as they are; all others are nobody's (user_namespaces(7)).
/// Until then nobody is known here, and so it has to be told who it was.
pub(super) fn take_numbers((user, group): (Uid, Gid)) -> Result<(), Failed> {
    let (user, group) = (user.as_raw(), group.as_raw());
    let files = [
        ("/proc/self/uid_map", format!("{user} {user} 1")),
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/gid_map", format!("{group} {group} 1")),
    ];
    for (file, text) in files {
        fs::write(file, text).map_err(|error| {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
            (Step::Numbers, errno)
        })?;
    }
    Ok(())
}

/// A name of its own, since the machine's says where it is.
pub(super) fn take_name() -> Result<(), Failed> {
    sethostname(b"box").map_err(at(Step::Namespaces))
}

/// Lets programs in this network, in which nobody else is, talk to each other.
pub(super) fn raise_network() -> Result<(), Failed> {
    raise_loopback().map_err(at(Step::Network))
}

/// The door at which durward listens, where there is one.
pub(super) fn take_door(reach: Reach) -> Result<Option<Sockets>, Failed> {
    if reach == Reach::Door {
        open_door().map(Some).map_err(at(Step::Network))
    } else {
        Ok(None)
    }
}

/// A tree with what every box has that does not have the whole machine: it can be made before it is asked for.
/// What is mounted and unmounted on the machine meanwhile is so here, too.
pub(super) fn make_tree(flaws: &mut Flaws) -> Result<Tree, Failed> {
    let mut tree = Tree::bare().map_err(at(Step::Tree))?;
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    let passwd = format!("user:x:{user}:{group}:user:/tmp:/bin/sh\n");
    let group = format!("user:x:{group}:\n");
    for (path, text) in [
        ("/etc/passwd", passwd.as_str()),
        ("/etc/group", &group),
        ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ] {
        tree.write(Path::new(path), text)
            .map_err(at(Step::Devices))?;
    }
    furnish(&mut tree, flaws)?;
    Ok(tree)
}

/// The machine's own, but for what is a box's own.
fn whole_tree(flaws: &mut Flaws) -> Result<Tree, Failed> {
    let mut tree = Tree::whole().map_err(at(Step::Tree))?;
    for path in ["/dev", "/run"].map(Path::new) {
        if path.is_dir() {
            tree.put_memory(path, &SMALL, false)
                .map_err(at(Step::Devices))?;
        }
    }
    furnish(&mut tree, flaws)?;
    Ok(tree)
}

/// Names are asked for at the door, whomever the machine asks.
fn ask_at_the_door(tree: &Tree) -> Result<(), Errno> {
    let Ok(real) = Path::new("/etc/resolv.conf").canonicalize() else {
        return Ok(());
    };
    // Where there is no such file, there they are asked for anyway (resolv.conf(5)).
    if tree.open(&real).is_err() {
        return Ok(());
    }
    let [names, _] = Door::NAMES;
    tree.put_text(&real, &format!("nameserver {}\n", names.ip()))
}

/// What every program finds: devices, and its own processes.
fn furnish(tree: &mut Tree, flaws: &mut Flaws) -> Result<(), Failed> {
    let failed = at(Step::Devices);
    for name in DEVICES {
        tree.put_device(&Path::new("/dev").join(name))
            .map_err(failed)?;
    }
    for (target, path) in LINKS {
        tree.link(Path::new(target), Path::new(path))
            .map_err(failed)?;
    }
    if tree.put_processes().is_err() {
        // The machine's own is covered in part (a container's), so that the kernel shows no whole one.
        flaws.add(Flaws::PROCESSES_UNSEEN);
        tree.put_memory(Path::new("/proc"), &SMALL, false)
            .map_err(failed)?;
    }
    Ok(())
}

/// What the program may reach, and nothing else, as the root of this process.
pub(super) fn take_tree(
    made: Option<Tree>,
    wanted: &Wanted,
    flaws: &mut Flaws,
) -> Result<Vec<Placeholder>, Failed> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(at(Step::Tree))?;
    let root = PathBuf::from("/");
    let is_whole = wanted.read.contains(&root) || wanted.write.contains(&root);
    let mut tree = match made {
        _ if is_whole => whole_tree(flaws)?,
        Some(made) => made,
        None => make_tree(flaws)?,
    };
    let mut held = Vec::new();
    if let Err(failed) = build(&mut tree, wanted, &mut held) {
        // First, for what is covered can't be taken away.
        tree.leave();
        return Err(failed);
    }
    tree.enter().map_err(at(Step::Tree))?;
    Ok(held)
}

fn build(tree: &mut Tree, wanted: &Wanted, held: &mut Vec<Placeholder>) -> Result<(), Failed> {
    let size = wanted.limits.memory.to_string();
    let options = [("mode", "1777"), ("size", size.as_str())];
    tree.put_memory(Path::new("/tmp"), &options, true)
        .map_err(at(Step::Devices))?;
    open_ways(tree, wanted, held)?;
    if wanted.reach == Reach::Door {
        ask_at_the_door(tree).map_err(at(Step::Tree))?;
    }
    // Where nothing below it was let in.
    tree.link(Path::new("/tmp"), Path::new("/var/tmp"))
        .map_err(at(Step::Devices))
}

/// Lets in what may be reached, closes what may not be written, and hides what is hidden.
fn open_ways(tree: &mut Tree, wanted: &Wanted, held: &mut Vec<Placeholder>) -> Result<(), Failed> {
    let is_ours = |path: &Path| {
        let below = ["/proc", "/dev/shm"];
        path == "/" || path == "/dev" || below.into_iter().any(|ours| path.starts_with(ours))
    };
    let mut ways = Vec::new();
    let mut way = |tree: &Tree, path: &Path, right| match tree.follow(path) {
        Ok(real) => {
            if !is_ours(&real) {
                ways.push((real, right));
            }
            Ok(())
        }
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(()),
        Err(errno) => Err((Step::Ways, errno)),
    };
    for path in &wanted.write {
        way(tree, path, Right::Write)?;
    }
    for path in &wanted.read {
        way(tree, path, Right::Read)?;
    }
    if !tree.is_whole() && wanted.reach == Reach::Host {
        for path in LOOKED_UP_BY.into_iter().chain(RESOLVERS) {
            way(tree, Path::new(path), Right::Read)?;
        }
    }
    let more: &[&str] = match (tree.is_whole(), wanted.reach) {
        (false, _) => &ALWAYS,
        (true, Reach::Host) => &RESOLVERS,
        (true, Reach::Nobody | Reach::Door) => &OF_RUN,
    };
    for path in more {
        way(tree, Path::new(path), Right::Read)?;
    }
    // What may be written may be read too, so that of two rights to one place the first stays.
    ways.sort_by_key(|(path, right)| (path.components().count(), *right == Right::Read));
    let mut closed = Vec::new();
    let mut open: Vec<(PathBuf, Right)> = Vec::new();
    for (path, right) in ways {
        let above = open
            .iter()
            .rev()
            .filter(|(above, _)| path.starts_with(above))
            .max_by_key(|(above, _)| above.components().count());
        match above {
            Some((_, Right::Write)) if right == Right::Read => closed.push(path),
            Some((_, known)) if *known == right => {}
            _ if right == Right::Read && tree.is_whole() && !path.starts_with("/run") => {}
            _ => {
                tree.bind(&path, right).map_err(at(Step::Ways))?;
                open.push((path, right));
            }
        }
    }
    let roots: Vec<_> = open
        .into_iter()
        .filter(|(_, right)| *right == Right::Write)
        .map(|(path, _)| path)
        .collect();
    close(tree, wanted, &roots, closed, held)
}

/// `closed` is what may be read alone though it lies where may be written.
fn close(
    tree: &mut Tree,
    wanted: &Wanted,
    roots: &[PathBuf],
    mut closed: Vec<PathBuf>,
    held: &mut Vec<Placeholder>,
) -> Result<(), Failed> {
    let said = wanted
        .deny_write
        .iter()
        .filter(|path| !later::is_gone(path));
    closed.extend(said.map(|path| placed(path)));
    let home = wanted
        .home
        .as_ref()
        .and_then(|home| home.canonicalize().ok());
    for root in roots.iter().filter(|root| later::is_project(root)) {
        closed.extend(later::beneath(root, home.as_deref()));
    }
    let writable = roots.iter().map(|root| (root.clone(), Right::Write));
    let mut pinned: Pinned = writable.collect();
    for path in closed {
        let around = roots.iter().filter(|root| path.starts_with(root));
        let Some(root) = around.max_by_key(|root| root.components().count()) else {
            continue;
        };
        held.extend(later::close(tree, root, &path, &mut pinned).map_err(at(Step::Later))?);
    }
    for path in wanted.hide.iter().cloned().chain(meeting_places()) {
        let Ok(real) = path.canonicalize() else {
            continue;
        };
        // Where it is not let in, it is hidden.
        if tree.open(&real).is_err() {
            continue;
        }
        if let Some(root) = roots.iter().find(|root| real.starts_with(root)) {
            let parent = real.parent().unwrap_or(root);
            later::pin(tree, root, parent, &mut pinned).map_err(at(Step::Later))?;
        }
        tree.hide(&real).map_err(at(Step::Hide))?;
    }
    Ok(())
}

/// A path that may not be there, by the place of its folder; a `/` at its end stays.
fn placed(path: &Path) -> PathBuf {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return path.to_owned();
    };
    let mut name = name.to_owned();
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        name.push("/");
    }
    match parent.canonicalize() {
        Ok(parent) => parent.join(name),
        Err(_) => path.to_owned(),
    }
}

/// Of the machine's `/tmp`, where sockets lie by which desktops, terminals and agents of keys are reached.
fn meeting_places() -> Vec<PathBuf> {
    const BEGINNINGS: [&str; 6] = [".X11-unix", ".ICE-unix", "ssh-", "tmux-", "dbus-", "screen"];
    let entries = fs::read_dir("/tmp").into_iter().flatten().flatten();
    let fit = entries.filter(|entry| {
        let name = entry.file_name();
        let is_one = |begin: &str| name.as_encoded_bytes().starts_with(begin.as_bytes());
        BEGINNINGS.into_iter().any(is_one)
    });
    fit.map(|entry| entry.path()).collect()
}
