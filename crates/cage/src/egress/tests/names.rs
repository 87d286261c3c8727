//! A name server that lies, in a network of its own: whatever it answers, nothing private is reached.
//!
//! The test starts itself again in namespaces where it is root, has its own `/etc/resolv.conf`, and where
//! public and private addresses all lead to the loopback interface.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const INSIDE: &str = "DURWARD_DNS_INSIDE";
const PUBLIC: Ipv4Addr = Ipv4Addr::new(9, 9, 9, 9);
const PUBLIC_V6: Ipv6Addr = Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 9);
const PRIVATE: [Ipv4Addr; 4] = [
    Ipv4Addr::LOCALHOST,
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(192, 168, 1, 1),
];

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

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

#[test]
fn no_answer_of_a_name_server_leads_inside() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    if !may_unshare() {
        return;
    }
    let conf = tempfile::NamedTempFile::new().unwrap();
    let text = "nameserver 127.0.0.1\noptions timeout:1 attempts:1 ndots:1\n";
    std::fs::write(conf.path(), text).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the test runs itself in a network of its own"
    )]
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--mount"]);
    command.args(["sh", "-c", OUTSIDE, "sh"]).arg(conf.path());
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture"]);
    command.arg("egress::tests::names::no_answer_of_a_name_server_leads_inside");
    let ran = command.env(INSIDE, "yes").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    let said = format!("{}{said}", String::from_utf8_lossy(&ran.stdout));
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("all names were judged"), "{said}");
}

/// Whether a user may have networks of its own here. Some systems don't allow it; CI must.
#[expect(clippy::disallowed_methods, reason = "a test asks the system")]
fn may_unshare() -> bool {
    let asked = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--net",
            "--mount",
            "ip",
            "link",
        ])
        .stdout(std::process::Stdio::null())
        .status();
    let may = asked.is_ok_and(|status| status.success());
    assert!(
        may || std::env::var_os("CI").is_none(),
        "no namespaces here"
    );
    if !may {
        eprintln!("skipped: this system lets nobody but root have a network");
    }
    may
}

#[expect(clippy::disallowed_methods, reason = "the test's own name server")]
fn inside() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (public, canary) = listen().await;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        std::thread::spawn(move || name_server(&socket, &count));
        every_lie(&public, &canary).await;
        assert!(asked.load(Ordering::SeqCst) > 0);
    });
    eprintln!("all names were judged");
}

/// A web server at all addresses: what comes in by a public one, and what by any other.
async fn listen() -> (Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (public, canary) = (Arc::default(), Arc::default());
    for any in ["0.0.0.0:80", "[::]:80"] {
        let listener = match any.parse().unwrap() {
            SocketAddr::V4(any) => TcpListener::bind(any).await,
            // Both families at one port: IPv4 is taken, so that this one is for IPv6 alone.
            SocketAddr::V6(_) => TcpListener::from_std(only_v6()),
        };
        let listener = listener.unwrap();
        let (public, canary) = (Arc::clone(&public), Arc::clone(&canary));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let ip = stream.local_addr().unwrap().ip();
                let is_public = ip == IpAddr::V4(PUBLIC) || ip == IpAddr::V6(PUBLIC_V6);
                let counter: &AtomicUsize = if is_public { &public } else { &canary };
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut head = [0; 1024];
                    let length = stream.read(&mut head).await.unwrap_or(0);
                    let head = String::from_utf8_lossy(&head[..length]).into_owned();
                    let host = head.lines().find_map(|line| line.strip_prefix("host: "));
                    let location = match head.starts_with("GET /again ") {
                        true => format!("Location: http://again{}/\r\n", host.unwrap_or_default()),
                        false => String::new(),
                    };
                    let status = if location.is_empty() { 200 } else { 302 };
                    let answer = format!(
                        "HTTP/1.1 {status} A\r\n{location}Content-Length: 2\r\nConnection: close\r\n\r\nhi"
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
    }
    (public, canary)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a listener of a test, for one family"
)]
fn only_v6() -> std::net::TcpListener {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET6, SocketType::STREAM, flags, None).unwrap();
    sockopt::set_ipv6_v6only(&socket, true).unwrap();
    bind(&socket, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, 80))).unwrap();
    listen(&socket, 64).unwrap();
    socket.into()
}

async fn every_lie(public: &AtomicUsize, canary: &AtomicUsize) {
    let mut settings = EgressSettings::default();
    settings.rules.hosts.push("*".to_owned());
    let connector = Connector::new(settings).unwrap();
    let ask = async |name: String, path: &str| {
        let asked = request(Method::Get, &format!("http://{name}{path}"));
        fetch(&connector, asked).await.map(|answer| answer.status)
    };
    // What is honest is reached: else the rest would say nothing.
    assert_eq!(ask("good.example".to_owned(), "/").await, Ok(200));
    assert_eq!(ask("six.example".to_owned(), "/").await, Ok(200));
    assert_eq!(ask("chain8.good.example".to_owned(), "/").await, Ok(200));
    let reached = public.load(Ordering::SeqCst);
    assert_eq!(reached, 3);
    for (name, fault) in [
        ("none.example", EgressFault::Nxdomain),
        ("empty.example", EgressFault::EmptyAnswer),
        ("many.example", EgressFault::TooManyAnswers),
        ("broken.example", EgressFault::DnsFailed),
        ("stall.example", EgressFault::DnsFailed),
        ("private.example", EgressFault::PrivateIpBlocked),
        ("mixed.example", EgressFault::PrivateIpBlocked),
        ("families.example", EgressFault::PrivateIpBlocked),
        ("chain8.private.example", EgressFault::PrivateIpBlocked),
        ("mapped.example", EgressFault::PrivateIpBlocked),
        ("nat64.example", EgressFault::PrivateIpBlocked),
        // Public addresses, and this machine's own or on its link.
        ("own.example", EgressFault::PrivateIpBlocked),
        ("neighbour.example", EgressFault::PrivateIpBlocked),
    ] {
        assert_eq!(ask(name.to_owned(), "/").await, Err(fault), "{name}");
    }
    assert_eq!(public.load(Ordering::SeqCst), reached);
    // A name that changes its mind at every question, and between one hop and the next.
    let tries = std::env::var("DURWARD_DNS")
        .ok()
        .and_then(|n| n.parse().ok());
    let tries: usize = tries.unwrap_or(200);
    let (mut through, mut blocked) = (0, 0);
    for number in 0..tries {
        let name = match number % 4 {
            0 => format!("flip.n{number}.example"),
            1 => format!("again.n{number}.flip.example"),
            2 => format!("mixed.n{number}.example"),
            _ => format!("chain3.flip.n{}.example", number / 8),
        };
        match ask(name.clone(), if number % 4 == 1 { "/again" } else { "/" }).await {
            Ok(_) => through += 1,
            Err(EgressFault::PrivateIpBlocked) => blocked += 1,
            Err(fault) => panic!("{name}: {fault}"),
        }
    }
    assert!(through > 0 && blocked > 0, "{through} {blocked}");
    assert_eq!(canary.load(Ordering::SeqCst), 0);
}

/// Answers for ever, each name by what it begins with, at a time to live of 0.
fn name_server(socket: &UdpSocket, asked: &AtomicUsize) {
    let mut buffer = [0; 1500];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            return;
        };
        let number = asked.fetch_add(1, Ordering::SeqCst);
        if let Some(reply) = reply(&buffer[..length], number) {
            let _ = socket.send_to(&reply, from);
        }
    }
}

/// One answer: a type and its data.
type Record = (u16, Vec<u8>);

fn reply(query: &[u8], number: usize) -> Option<Vec<u8>> {
    let (name, end) = read_name(query)?;
    let kind = u16::from_be_bytes(query.get(end..end + 2)?.try_into().ok()?);
    let (code, records) = records(&name, kind, number)?;
    let mut reply = query[..2].to_vec();
    reply.extend([0x81, 0x80 | code, 0, 1]);
    reply.extend(u16::try_from(records.len()).ok()?.to_be_bytes());
    reply.extend([0, 0, 0, 0]);
    reply.extend(&query[12..end + 4]);
    // Each record is of the name that the one before led to, the first of the question's.
    let mut owner = vec![0xc0, 12];
    for (kind, data) in records {
        reply.extend(&owner);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 0]);
        reply.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        reply.extend(&data);
        if kind == CNAME {
            owner = data;
        }
    }
    Some(reply)
}

/// What is answered to this name and kind: a code and records, or nothing at all.
fn records(name: &str, kind: u16, number: usize) -> Option<(u8, Vec<Record>)> {
    let v4 = |address: Ipv4Addr| (A, address.octets().to_vec());
    let v6 = |address: Ipv6Addr| (AAAA, address.octets().to_vec());
    let private = PRIVATE[number / 2 % PRIVATE.len()];
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    if let Some(length) = first.strip_prefix("chain") {
        let (code, last) = records(rest, kind, number)?;
        let links =
            (0..length.parse().unwrap()).map(|n: u32| (CNAME, write_name(&format!("c{n}.{rest}"))));
        return Some((code, links.chain(last).collect()));
    }
    let answers = match (first, kind) {
        ("none", _) => return Some((3, Vec::new())),
        ("broken", _) => return Some((2, Vec::new())),
        ("stall", _) => return None,
        ("good", A) => vec![v4(PUBLIC)],
        ("six", AAAA) => vec![v6(PUBLIC_V6)],
        ("many", A) => (0..20).map(|n| v4(Ipv4Addr::new(9, 9, 9, n))).collect(),
        ("private", A) => vec![v4(private)],
        ("own", A) => vec![v4(Ipv4Addr::new(9, 9, 7, 1))],
        ("neighbour", A) => vec![v4(Ipv4Addr::new(9, 9, 7, 77))],
        ("mixed", A) => vec![v4(PUBLIC), v4(private)],
        ("families", A) => vec![v4(PUBLIC)],
        ("families", AAAA) => vec![v6(Ipv6Addr::LOCALHOST)],
        ("mapped", AAAA) => vec![v6(private.to_ipv6_mapped())],
        ("nat64", AAAA) => vec![v6("64:ff9b::a9fe:a9fe".parse().unwrap())],
        // glibc asks for both kinds at once: every other pair of questions is answered otherwise.
        ("flip" | "again", A) if (number / 2).is_multiple_of(2) => vec![v4(PUBLIC)],
        ("flip" | "again", A) => vec![v4(private)],
        // Where a redirect from `again` leads: the same name, one label longer.
        (first, A) if first.starts_with("again") => vec![v4(private)],
        _ => Vec::new(),
    };
    Some((0, answers))
}

fn read_name(query: &[u8]) -> Option<(String, usize)> {
    let (mut name, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        if length == 0 {
            return Some((name.join("."), at + 1));
        }
        let label = query.get(at + 1..at + 1 + length)?;
        name.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += 1 + length;
    }
}

fn write_name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
