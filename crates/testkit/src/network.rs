//! A network of a test's own: a name server that lies, a web server at every address, and a count of the
//! packets that go where none may.
//!
//! The test starts itself again in namespaces where it is root, has its own `/etc/resolv.conf`, and where
//! public and private addresses all lead to the loopback interface.

use std::{
    env,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::OwnedFd,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, bind, listen, recv, socket_with,
    sockopt,
};

use crate::name_server;

const INSIDE: &str = "DURWARD_NETWORK_INSIDE";
/// What is said at the end: a name that no test has would end well too.
const DONE: &str = "the network was not left";
/// The addresses that may be reached.
pub(crate) const PUBLIC: Ipv4Addr = Ipv4Addr::new(9, 9, 9, 9);
pub(crate) const PUBLIC_V6: Ipv6Addr = Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 9);

/// An address that no name stands for: only the test itself goes there.
const PROBE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// Runs a command in a network that has nothing but itself.
const OUTSIDE: &str = "
ip link set lo up &&
for range in 9.9.9.0/24 10.0.0.0/8 169.254.0.0/16 192.168.0.0/16; do
  ip route add local $range dev lo || exit
done &&
ip -6 route add local 2620:fe::/64 dev lo &&
ip -6 route add local fd00::/8 dev lo &&
ip addr add 9.9.7.1/24 dev lo &&
mount --bind \"$1\" /etc/resolv.conf &&
shift && exec \"$@\"";

/// What happened in a network of a test's own.
pub struct Network {
    public: Arc<AtomicUsize>,
    canary: Arc<AtomicUsize>,
    strays: Arc<Mutex<Vec<[IpAddr; 2]>>>,
    asked: Arc<AtomicUsize>,
}

impl Network {
    /// Runs `body` in a network of its own. `test` is the whole name of the test that calls this.
    ///
    /// Says so and does nothing where a user may have no such thing; under CI that is a failure.
    ///
    /// # Panics
    /// Where `body` does, or names are not looked up, or a packet goes astray.
    pub fn run(test: &str, body: impl FnOnce(&Self)) {
        if env::var_os(INSIDE).is_some() {
            let network = Self::start();
            body(&network);
            network.judge();
            eprintln!("{DONE}");
            return;
        }
        outside(test);
    }

    /// Runs `body` in a network where nothing goes wrong but what it says itself: see [`Network::cut`].
    ///
    /// # Panics
    /// As [`Network::run`].
    pub fn alone(test: &str, body: impl FnOnce()) {
        if env::var_os(INSIDE).is_none() {
            return outside(test);
        }
        body();
        eprintln!("{DONE}");
    }

    /// Drops every packet of this network from now on, or lets them pass again; no end of a connection is
    /// told.
    ///
    /// # Panics
    /// Where the system does not do so.
    #[expect(clippy::disallowed_methods, reason = "a test changes its own network")]
    pub fn cut(is_cut: bool) {
        let state = if is_cut { "down" } else { "up" };
        let mut ip = Command::new("ip");
        let done = ip.args(["link", "set", "lo", state]).status();
        assert!(done.is_ok_and(|status| status.success()));
    }

    /// Connections to the addresses that may be reached.
    pub fn reached(&self) -> usize {
        self.public.load(Ordering::SeqCst)
    }

    fn start() -> Self {
        let network = Self {
            public: Arc::default(),
            canary: Arc::default(),
            strays: Arc::default(),
            asked: Arc::default(),
        };
        // Both families at one port: one listener is for IPv6 alone.
        for listener in [TcpListener::bind("0.0.0.0:80").expect("a port"), only_v6()] {
            let (public, canary) = (Arc::clone(&network.public), Arc::clone(&network.canary));
            thread::spawn(move || serve(&listener, &public, &canary));
        }
        let (names, asked) = (name_socket(), Arc::clone(&network.asked));
        thread::spawn(move || name_server::serve(&names, &asked));
        let (wire, strays) = (wire(), Arc::clone(&network.strays));
        thread::spawn(move || watch(&wire, &strays));
        network
    }

    /// Nothing went astray, and had it done so, that would have been seen.
    #[expect(
        clippy::disallowed_methods,
        reason = "the test itself goes where none may"
    )]
    fn judge(&self) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        assert!(count(&self.asked) > 0 && self.reached() > 0);
        assert_eq!(count(&self.canary), 0);
        // Packets are seen in order: whatever came before this one has been counted once it is.
        TcpStream::connect((PROBE, 80)).expect("the canary");
        for _ in 0..100 {
            let strays = self.strays.lock().expect("the strays").clone();
            if let Some(first) = strays.first()
                && count(&self.canary) > 0
            {
                assert!(
                    first.contains(&IpAddr::V4(PROBE)),
                    "went astray: {strays:?}"
                );
                assert_eq!(count(&self.canary), 1);
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the canary sees nothing");
    }
}

/// Runs the test again, in a network of its own.
#[expect(
    clippy::disallowed_methods,
    reason = "the test runs itself in a network of its own"
)]
fn outside(test: &str) {
    if !may_unshare() {
        return;
    }
    let conf = tempfile::NamedTempFile::new().expect("a file");
    let text = "nameserver 127.0.0.1\noptions timeout:1 attempts:1 ndots:1\n";
    std::fs::write(conf.path(), text).expect("its text");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--mount"]);
    command.args(["sh", "-c", OUTSIDE, "sh"]).arg(conf.path());
    command.arg(env::current_exe().expect("this program"));
    command.args(["--exact", "--nocapture", test]);
    let ran = command.env(INSIDE, "yes").output().expect("it starts");
    let said = String::from_utf8_lossy(&ran.stderr);
    let said = format!("{}{said}", String::from_utf8_lossy(&ran.stdout));
    assert!(ran.status.success() && said.contains(DONE), "{said}");
}

/// Whether a user may have networks of its own here. Some systems don't allow it; CI must.
#[expect(clippy::disallowed_methods, reason = "a test asks the system")]
fn may_unshare() -> bool {
    let asked = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount"])
        .args(["ip", "link"])
        .stdout(Stdio::null())
        .status();
    let may = asked.is_ok_and(|status| status.success());
    assert!(may || env::var_os("CI").is_none(), "no namespaces here");
    if !may {
        eprintln!("skipped: this system lets nobody but root have a network");
    }
    may
}

#[expect(clippy::disallowed_methods, reason = "the test's own name server")]
fn name_socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:53").expect("the port of names")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a listener of a test, for one family"
)]
fn only_v6() -> TcpListener {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET6, SocketType::STREAM, flags, None);
    let socket = socket.expect("a socket");
    sockopt::set_ipv6_v6only(&socket, true).expect("IPv6 alone");
    bind(&socket, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, 80))).expect("a port");
    listen(&socket, 64).expect("a listener");
    socket.into()
}

/// A web server at all addresses: what comes in by a public one, and what by any other.
fn serve(listener: &TcpListener, public: &AtomicUsize, canary: &AtomicUsize) {
    while let Ok((stream, _)) = listener.accept() {
        let ip = stream.local_addr().expect("its address").ip();
        let counter = if is_public(ip) { public } else { canary };
        counter.fetch_add(1, Ordering::SeqCst);
        thread::spawn(move || answer(stream));
    }
}

/// Says `hi`, or to `/again` where to ask again: at a name that is the same, one label longer.
fn answer(mut stream: TcpStream) {
    let mut head = [0; 1024];
    let length = stream.read(&mut head).unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..length]);
    let host = head.lines().find_map(|line| line.strip_prefix("host: "));
    let again = host.filter(|_| head.starts_with("GET /again "));
    let (status, location) = match again {
        Some(host) => (302, format!("Location: http://again{host}/\r\n")),
        None => (200, String::new()),
    };
    let answer = format!(
        "HTTP/1.1 {status} A\r\n{location}Content-Length: 2\r\nConnection: close\r\n\r\nhi"
    );
    // A client that went away is a test's own business.
    let _ = stream.write_all(answer.as_bytes());
}

fn is_public(ip: IpAddr) -> bool {
    ip == IpAddr::V4(PUBLIC) || ip == IpAddr::V6(PUBLIC_V6)
}

/// Every packet of the network, without its link's header (packet(7)).
#[expect(clippy::disallowed_methods, reason = "a test looks at the wire")]
fn wire() -> OwnedFd {
    let every = Protocol::from_raw(u32::from(3u16.to_be()).try_into().expect("ETH_P_ALL"));
    let flags = SocketFlags::CLOEXEC;
    socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, Some(every)).expect("the wire")
}

fn watch(wire: &OwnedFd, strays: &Mutex<Vec<[IpAddr; 2]>>) {
    let mut packet = [0; 2048];
    while let Ok((_, length)) = recv(wire, &mut packet[..], RecvFlags::empty()) {
        strays
            .lock()
            .expect("the strays")
            .extend(stray(&packet[..length]));
    }
}

/// From where to where this goes, if it is TCP that is not to or from what may be reached, or UDP that
/// asks no name (RFC 791, RFC 8200).
fn stray(packet: &[u8]) -> Option<[IpAddr; 2]> {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    let v4 = |at: usize| Some(IpAddr::from(*packet.get(at..)?.first_chunk::<4>()?));
    let v6 = |at: usize| Some(IpAddr::from(*packet.get(at..)?.first_chunk::<16>()?));
    let (protocol, ends, payload) = match packet.first()? {
        first if first >> 4 == 4 => (packet.get(9)?, [v4(12)?, v4(16)?], 4 * (first & 15)),
        first if first >> 4 == 6 => (packet.get(6)?, [v6(8)?, v6(24)?], 40),
        _ => return None,
    };
    let is_stray = match *protocol {
        TCP => !ends.into_iter().any(is_public),
        UDP => {
            let ports = packet.get(usize::from(payload)..).unwrap_or_default();
            let asks_a_name = ports.chunks_exact(2).take(2).any(|port| port == [0, 53]);
            !asks_a_name || ends != [IpAddr::from(Ipv4Addr::LOCALHOST); 2]
        }
        _ => false,
    };
    is_stray.then_some(ends)
}
