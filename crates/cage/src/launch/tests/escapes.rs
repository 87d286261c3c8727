//! The escape suite: what a program tries that means harm. Each try is made without walls first, where it
//! has to succeed, or it shows nothing; then at `light` and at `full`. The list of what `light` does not hold
//! is also in `docs/src/boxes.md`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io,
    net::IpAddr,
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::{UnixDatagram, UnixListener},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::process::getuid;

use super::{walled::walls, *};

mod probes;

use probes::Probe;

/// What succeeds at `light` whoever tries.
const LIGHT: &[&str] = &[
    "see that a file is there",
    "see where a link leads",
    "enter a folder",
    "watch a folder",
    "change a mode",
    "change an owner",
    "change times",
    "change attributes",
    "plant a hook",
    "set git up",
    "replace git's settings",
    "put .git aside",
    "name a server for agents",
    "name a server by renaming",
    "name a server by a link",
    "set an editor up",
    "set an agent up",
    "list durward's files",
    "read durward's arguments",
    "list processes",
    "know the machine's name",
];

/// What succeeds at `light` besides where no control groups can be made.
const UNGROUPED: &[&str] = &["fork without end", "take it by children"];

/// Among the arguments: be a try and not a test.
const TRY: &str = "escape:";

fn all() -> impl Iterator<Item = &'static Probe> {
    let lists = [
        probes::FILES,
        probes::PLANTED,
        probes::PROCESSES,
        probes::KERNEL,
        probes::NETWORK,
        probes::LIMITS,
    ];
    lists.into_iter().flatten()
}

/// As in `before_main`.
#[expect(unsafe_code, reason = "to name a section")]
// SAFETY: the section holds pointers to functions of this very type, and this is one.
#[unsafe(link_section = ".init_array")]
#[used]
static HOOK: extern "C" fn() = hook;

extern "C" fn hook() {
    let asked = std::env::args().nth(1);
    let Some(name) = asked.as_deref().and_then(|word| word.strip_prefix(TRY)) else {
        return;
    };
    let Some((_, probe)) = all().find(|(known, _)| *known == name) else {
        std::process::exit(2);
    };
    match probe() {
        Ok(()) => std::process::exit(0),
        Err(why) => {
            eprintln!("{why}");
            std::process::exit(1);
        }
    }
}

/// What is outside, and those who would answer.
struct Outside {
    out: tempfile::TempDir,
    work: tempfile::TempDir,
    read: tempfile::TempDir,
    env: BTreeMap<&'static str, String>,
    _kept: Vec<Box<dyn std::any::Any>>,
}

static REMOTE: u64 = 42;

impl Outside {
    fn new() -> Self {
        let folder = || tempfile::tempdir_in("/var/tmp").unwrap();
        let (out, work, read) = (folder(), folder(), folder());
        let own = std::process::id();
        let mut env = BTreeMap::new();
        let mut kept: Vec<Box<dyn std::any::Any>> = Vec::new();
        let mut set = |name, value: &dyn ToString| drop(env.insert(name, value.to_string()));
        for (name, folder) in [("OUT", &out), ("WORK", &work), ("READ", &read)] {
            set(name, &folder.path().display());
        }
        set("DURWARD_PID", &own);
        set("ADDRESS", &std::ptr::from_ref(&REMOTE).addr());
        set(
            "HOST_NAME",
            &fs::read_to_string("/proc/sys/kernel/hostname")
                .unwrap()
                .trim(),
        );
        for (name, place) in [("TMP_FILE", "/tmp"), ("SHM_FILE", "/dev/shm")] {
            let file = tempfile::NamedTempFile::new_in(place).unwrap();
            set(name, &file.path().display());
            kept.push(Box::new(file));
        }
        let partitions = fs::read_to_string("/proc/partitions").unwrap_or_default();
        let disk = partitions
            .lines()
            .last()
            .and_then(|line| line.split_whitespace().last());
        set("DISK", &format!("/dev/{}", disk.unwrap_or("none")));
        let name = format!("durward-{own}");
        set("ABSTRACT", &name);
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        kept.push(Box::new(UnixListener::bind_addr(&address).unwrap()));
        kept.push(Box::new(
            UnixListener::bind(out.path().join("socket")).unwrap(),
        ));
        kept.push(Box::new(
            UnixDatagram::bind(out.path().join("datagrams")).unwrap(),
        ));
        let tcp = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        set("TCP", &tcp.local_addr().unwrap().port());
        set("METADATA", &80);
        if let Ok(tcp6) = std::net::TcpListener::bind("[::1]:0") {
            set("TCP6", &tcp6.local_addr().unwrap().port());
            kept.push(Box::new(tcp6));
        }
        #[expect(clippy::disallowed_methods, reason = "somebody has to answer")]
        let udp = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        set("UDP", &udp.local_addr().unwrap().port());
        set("ADDR", &own_address(&udp));
        let echo = udp.try_clone().unwrap();
        std::thread::spawn(move || -> io::Result<()> {
            loop {
                let (_, from) = echo.recv_from(&mut [0; 64])?;
                echo.send_to(b"y", from)?;
            }
        });
        kept.extend([Box::new(tcp) as Box<dyn std::any::Any>, Box::new(udp)]);
        set("SHM_KEY", &shared(own));
        let suid = read.path().join("suid-id");
        // Who is not root has it from who is.
        let source = std::env::var("SUID_ID").unwrap_or("/usr/bin/id".into());
        if getuid().is_root() {
            fs::copy(source, &suid).unwrap();
            fs::set_permissions(&suid, fs::Permissions::from_mode(0o4755)).unwrap();
        } else {
            fs::hard_link(source, suid).unwrap_or_default();
        }
        Self {
            out,
            work,
            read,
            env,
            _kept: kept,
        }
    }

    /// All as it was before the first try.
    fn restore(&self) {
        let at = |name: &str| self.out.path().join(name);
        for name in ["new", "moved", "brought", "link", "fifo", "service"] {
            let _ = fs::remove_file(at(name));
        }
        let _ = fs::remove_dir(at("folder"));
        let _ = fs::create_dir(at("hollow"));
        for name in ["secret", "victim", "doomed", "movable", "taken"] {
            fs::write(at(name), "hunter2").unwrap();
        }
        fs::write(at("tool"), "#!/bin/sh\nexit 0\n").unwrap();
        fs::set_permissions(at("tool"), fs::Permissions::from_mode(0o755)).unwrap();
        let _ = symlink(at("secret"), at("pointer"));
        for entry in fs::read_dir(self.work.path()).unwrap().flatten() {
            let path = entry.path();
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
        fs::create_dir_all(self.work.path().join(".git/hooks")).unwrap();
        fs::write(self.work.path().join(".git/config"), "[core]\n").unwrap();
        let _ =
            (0..10).try_for_each(|number| fs::remove_file(format!("/tmp/durward-fill-{number}")));
    }

    /// Whether the try succeeded, and what it said.
    async fn attempt(
        &self,
        launcher: &Launcher,
        name: &str,
        level: Option<Level>,
    ) -> (bool, String) {
        self.restore();
        let own = std::env::current_exe().unwrap();
        let mut plan = Plan::new([own.to_str().unwrap(), &format!("{TRY}{name}")]);
        for (name, value) in &self.env {
            plan = plan.env(*name, value.as_str());
        }
        if let Some(level) = level {
            let mut walls = walls(level);
            walls.read.extend([own, self.read.path().to_owned()]);
            walls.write.push(self.work.path().into());
            plan = plan.walls(Arc::new(walls));
        }
        let mut child = launcher.spawn(&plan.folder("/usr")).await.unwrap();
        let mut said = String::new();
        let ran = async {
            child.stderr.read_to_string(&mut said).await.unwrap();
            child.process.exited().await
        };
        let exit = timeout(DEADLINE, ran).await.unwrap_or(Exit::Lost);
        child.process.kill();
        child.process.gone().await;
        (exit.is_success(), format!("{exit}, {}", said.trim()))
    }
}

fn own_address(socket: &std::net::UdpSocket) -> IpAddr {
    let other = socket.try_clone().unwrap();
    drop(other);
    let routes = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let lines: Vec<_> = routes.lines().map(str::trim).collect();
    let local = lines.windows(2).find_map(|pair| {
        let address: IpAddr = pair[0].strip_prefix("|-- ")?.parse().ok()?;
        (pair[1] == "/32 host LOCAL" && !address.is_loopback()).then_some(address)
    });
    local.unwrap_or(IpAddr::from([127, 0, 0, 1]))
}

/// Makes a segment and a queue that anybody of this user finds by a number.
#[expect(unsafe_code, reason = "no safe crate makes them")]
fn shared(own: u32) -> i32 {
    let key = 0x6475_0000 | own.cast_signed() & 0xffff;
    // SAFETY: it takes numbers alone, as does the next.
    assert!(unsafe { libc::shmget(key, 4096, libc::IPC_CREAT | 0o600) } >= 0);
    // SAFETY: as above.
    assert!(unsafe { libc::msgget(key, libc::IPC_CREAT | 0o600) } >= 0);
    key
}

impl Drop for Outside {
    #[expect(unsafe_code, reason = "no safe crate removes them")]
    fn drop(&mut self) {
        let key = self.env["SHM_KEY"].parse().unwrap_or(0);
        let nothing = std::ptr::null_mut();
        // SAFETY: numbers alone, as in the next three.
        let segment = unsafe { libc::shmget(key, 0, 0) };
        // SAFETY: as above, and it reads nothing to remove one.
        unsafe { libc::shmctl(segment, libc::IPC_RMID, nothing) };
        // SAFETY: as above.
        let queue = unsafe { libc::msgget(key, 0) };
        // SAFETY: as above, and it reads nothing to remove one.
        unsafe { libc::msgctl(queue, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}

/// Not a test of its own: it is run as root and as another.
#[tokio::test]
#[ignore = "the next two run it"]
async fn suite() {
    let outside = Outside::new();
    let launcher = Launcher::new();
    let (mut table, mut tried, mut light, mut full) = (String::new(), 0, Vec::new(), Vec::new());
    for (name, _) in all() {
        let (succeeds, said) = outside.attempt(&launcher, name, None).await;
        if !succeeds {
            writeln!(table, "untried  {name}: {said}").unwrap();
            continue;
        }
        tried += 1;
        for (level, list) in [(Level::Light, &mut light), (Level::Full, &mut full)] {
            let (succeeds, said) = outside.attempt(&launcher, name, Some(level)).await;
            let verdict = if succeeds { "ESCAPED" } else { "held" };
            writeln!(table, "{level:5} {verdict:8} {name}: {said}").unwrap();
            if succeeds {
                list.push(*name);
            }
        }
    }
    eprintln!("{table}\n{tried} were tried, as user {}", getuid().as_raw());
    let host = launcher.host().await.unwrap();
    let ungrouped = host
        .lacks
        .iter()
        .any(|lack| lack.what.starts_with("memory"));
    let more = if ungrouped { UNGROUPED } else { &[] };
    assert_eq!(full, [""; 0], "at full");
    assert_eq!(light, [LIGHT, more].concat(), "at light");
    assert!(tried >= 60, "only {tried} can be tried here");
}

#[expect(clippy::disallowed_methods, reason = "it stands for durward itself")]
fn run(program: &Path, wrapper: &[&str], test: &str) {
    let args = [
        "--exact",
        &format!("launch::tests::escapes::{test}"),
        "--ignored",
        "--nocapture",
    ];
    let words: Vec<_> = wrapper
        .iter()
        .map(PathBuf::from)
        .chain([program.into()])
        .collect();
    let ran = std::process::Command::new(&words[0])
        .args(&words[1..])
        .args(args)
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    eprintln!("{said}");
    assert!(ran.status.success());
}

#[test]
fn nothing_escapes_from_full_and_from_light_what_is_documented() {
    run(&std::env::current_exe().unwrap(), &[], "suite");
}

#[test]
fn nothing_escapes_from_another_user_either() {
    if !getuid().is_root() {
        // The one above was it.
        return;
    }
    let (_place, own) = elsewhere();
    run(&own, &ANOTHER, "suite");
}

const ANOTHER: [&str; 5] = [
    "setpriv",
    "--reuid=1234",
    "--regid=1234",
    "--clear-groups",
    "--",
];

/// This program where everybody may run it.
fn elsewhere() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir_in("/var/tmp").unwrap();
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(place.path(), open.clone()).unwrap();
    let deps = place.path().join("deps");
    fs::create_dir(&deps).unwrap();
    fs::set_permissions(&deps, open).unwrap();
    let own = deps.join("suite");
    fs::copy(std::env::current_exe().unwrap(), &own).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    (place, own)
}

#[test]
fn where_no_process_can_be_made_that_is_said_and_nothing_else_is_concluded() {
    if !getuid().is_root() {
        // A limit of processes counts all of a user's: only one who has none can be limited.
        return;
    }
    let (_place, own) = elsewhere();
    let few = [
        "prlimit",
        "--nproc=3",
        "setpriv",
        "--reuid=1235",
        "--clear-groups",
        "--",
    ];
    run(&own, &few, "exhausted");
}

#[tokio::test]
#[ignore = "the one above runs it"]
async fn exhausted() {
    let launcher = Launcher::new();
    for level in [None, Some(Level::Light), Some(Level::Full)] {
        let mut plan = shell("true");
        if let Some(level) = level {
            plan = plan.walls(Arc::new(walls(level)));
        }
        let fault = launcher.spawn(&plan).await.unwrap_err();
        let said = fault.to_string();
        assert!(said.contains("no process can be made"), "{level:?}: {said}");
    }
    launcher.host().await.unwrap_err();
}
