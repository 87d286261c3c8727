//! A network namespace, its door, and real programs behind it; around it a network of the test's own, in
//! which not one packet goes astray.

use std::{
    env,
    io::{IoSlice, IoSliceMut, Read, Write, stdin},
    mem::MaybeUninit,
    net::{TcpStream, ToSocketAddrs, UdpSocket},
    os::fd::{AsFd, OwnedFd},
    process::{Command, Stdio},
    time::Duration,
};

use durward_testkit::Network as Around;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::*;
use crate::{egress::tests::tls::vouched, launch::Network};

const TEST: &str = "way_out::tests::boxed::what_is_in_a_box_gets_out_by_its_door_alone";
const INSIDE: &str = "DURWARD_BOX_INSIDE";
/// What is said at the end: a name that no test has would end well too.
const DONE: &str = "the box was left by its door";
const SOON: Duration = Duration::from_secs(1);

#[test]
fn what_is_in_a_box_gets_out_by_its_door_alone() {
    if env::var_os(INSIDE).is_some() {
        return inside();
    }
    Around::run(TEST, |around| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(outside(around));
    });
}

async fn outside(around: &Around) {
    let (_, acceptor) = vouched(&["good.example"]);
    let safe = Server::start_at("9.9.9.9:443", Some(acceptor), |_| ok("in secret")).await;
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test runs itself in a box")]
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net"]);
    command.arg(env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", TEST]);
    command.env(INSIDE, "yes").stdin(theirs);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // It has the other end of the socket.
    drop(command);
    let (said, hear) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || said.send(child.wait_with_output().unwrap()));
    let door = tokio::task::spawn_blocking(move || receive(&ours));
    let (door, told) = (door.await.unwrap(), Arc::default());
    let mut settings = EgressSettings::default();
    settings.rules.hosts = ["good.example", "private.example"]
        .map(str::to_owned)
        .into();
    let connector = Connector::new(settings).unwrap();
    let serving = door.map(|door| WayOut::serve(&proxy(connector, &told), door));
    let ran = match serving {
        None => hear.await.unwrap(),
        Some(serving) => tokio::select! {
            () = serving => panic!("the door was left"),
            ran = hear => ran.unwrap(),
        },
    };
    let said = String::from_utf8_lossy(&ran.stderr);
    let said = format!("{}{said}", String::from_utf8_lossy(&ran.stdout));
    let told = told.lock().unwrap().join("\n");
    assert!(
        ran.status.success() && said.contains(DONE),
        "{said}\n{told}"
    );
    eprintln!("{said}\n{told}");
    assert!(around.reached() > 3 && safe.connections() > 0);
    assert!(told.contains("name opened good.example:80"));
    assert!(told.contains("name refused private.example:80: private_ip_blocked"));
}

/// The door, unless the box could not make it.
fn receive(socket: &OwnedFd) -> Option<Door> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(Door::SOCKETS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    recvmsg(socket, &mut bytes, &mut control, RecvFlags::CMSG_CLOEXEC).ok()?;
    let sent = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(sent) => Some(sent.collect::<Vec<_>>()),
        _ => None,
    });
    let sent: [OwnedFd; Door::SOCKETS] = sent?.try_into().ok()?;
    Some(sent.into())
}

/// Makes the door, hands it out, and tries everything.
fn inside() {
    {
        let door = open_door().unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(Door::SOCKETS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let sockets = door.each_ref().map(AsFd::as_fd);
        control.push(SendAncillaryMessage::ScmRights(&sockets));
        let byte = [IoSlice::new(b"D")];
        sendmsg(stdin(), &byte, &mut control, SendFlags::empty()).unwrap();
    }
    by_the_door();
    nothing_else();
    for client in clients() {
        client.run();
    }
    eprintln!("{DONE}");
}

#[expect(clippy::disallowed_methods, reason = "a client of the door")]
fn by_the_door() {
    for (asked, answer) in [
        ("GET http://good.example/ HTTP/1.1\r\n\r\n", "\r\n\r\nhi"),
        (
            "CONNECT good.example:80 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "\r\n\r\nhi",
        ),
        (
            "CONNECT other.example:443 HTTP/1.1\r\n\r\n",
            "host_not_allowed",
        ),
        (
            "CONNECT private.example:443 HTTP/1.1\r\n\r\n",
            "private_ip_blocked",
        ),
        (
            "CONNECT 127.0.0.1:80 HTTP/1.1\r\n\r\n",
            "private_ip_blocked",
        ),
        (
            "CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n",
            "private_ip_blocked",
        ),
        // What stands for a name stands for it in the box alone.
        (
            "CONNECT 11.0.99.99:80 HTTP/1.1\r\n\r\n",
            "private_ip_blocked",
        ),
    ] {
        let mut door = TcpStream::connect(Network::DOOR).unwrap();
        door.set_read_timeout(Some(20 * SOON)).unwrap();
        door.write_all(asked.as_bytes()).unwrap();
        let mut said = String::new();
        door.read_to_string(&mut said).unwrap();
        assert!(said.contains(answer), "{asked}: {said}");
    }
}

/// The box is a network of its own: its loopback is not the host's, and there is no other interface.
#[expect(clippy::disallowed_methods, reason = "what must not succeed")]
fn nothing_else() {
    for at in [
        "9.9.9.9:443",
        "9.9.7.1:80",
        "1.1.1.1:443",
        "169.254.169.254:80",
        "10.0.0.1:80",
        "[2620:fe::9]:80",
        "[fe80::1]:80",
    ] {
        let reached = TcpStream::connect_timeout(&at.parse().unwrap(), SOON);
        assert!(reached.is_err(), "{at}");
    }
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    assert!(socket.send_to(b"x", "9.9.9.9:53").is_err());
    // Nobody is behind an address that stands for nothing, nor at the box's own port 80.
    for at in ["11.0.99.99:80", "127.0.0.1:80"] {
        let mut stream = TcpStream::connect(at).unwrap();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert!(said.is_empty(), "{at}");
    }
    // Names that are not permitted are no names here, and are asked of nobody.
    for name in [
        "other.example",
        "secret.that.leaks.example",
        "localhost.example",
    ] {
        assert!((name, 80).to_socket_addrs().is_err(), "{name}");
    }
    let mut found = ("good.example", 80).to_socket_addrs().unwrap();
    let found = found.next().unwrap().to_string();
    assert!(found.starts_with("11.0."), "{found}");
}

/// A program of others, and what it has to say.
struct Program {
    argv: Vec<String>,
    is_told: bool,
    says: &'static str,
}

impl Program {
    fn run(&self) {
        #[expect(clippy::disallowed_methods, reason = "a client that others made")]
        let mut command = Command::new(&self.argv[0]);
        command.args(&self.argv[1..]).env_clear();
        for name in ["PATH", "HOME"] {
            command.env(name, env::var_os(name).unwrap_or_default());
        }
        if self.is_told {
            command.envs(VARIABLES);
        }
        let Ok(ran) = command.stdin(Stdio::null()).output() else {
            eprintln!("skipped: {} is not here", self.argv[0]);
            return;
        };
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let said = said + &String::from_utf8_lossy(&ran.stderr);
        let by = if self.is_told { "the proxy" } else { "name" };
        let argv = &self.argv;
        assert!(said.contains(self.says), "{argv:?} by {by}: {said}");
        eprintln!("{argv:?} by {by}: {}", self.says);
    }
}

fn clients() -> Vec<Program> {
    const PLAIN: &str = "http://good.example/";
    const SAFE: &str = "https://good.example/";
    const INSIDE: &str = "http://private.example/";
    const OTHER: &str = "https://other.example/";
    let python = |url: &str| {
        format!(
            "import ssl,urllib.request as r\nc=ssl._create_unverified_context()\n\
             print(r.urlopen('{url}',**(dict(context=c) if 's:' in '{url}' else {{}})).read())"
        )
    };
    let node = |url: &str| {
        format!(
            "process.env.NODE_TLS_REJECT_UNAUTHORIZED='0';\
             fetch('{url}').then(async a=>console.log(a.status,await a.text()),e=>console.log(e,e.cause))"
        )
    };
    let asked = "require('http').get({host:'127.0.0.1',port:3128,path:'http://good.example/'},\
                 a=>a.on('data',d=>console.log(`${d}`)))";
    let (curl, wget) = (
        ["curl", "-sSvk", "--http1.1"],
        ["wget", "-O-", "--no-check-certificate"],
    );
    let mut all = Vec::new();
    let mut add = |is_told, argv: &[&str], last: &str, says| {
        let argv = argv.iter().chain([&last]).map(|it| (*it).to_owned());
        all.push(Program {
            argv: argv.collect(),
            is_told,
            says,
        });
    };
    for is_told in [true, false] {
        add(is_told, &curl, PLAIN, "hi");
        add(is_told, &curl, SAFE, "in secret");
        add(is_told, &curl, INSIDE, "private_ip_blocked");
        add(is_told, &wget, PLAIN, "hi");
        add(is_told, &wget, SAFE, "in secret");
        add(is_told, &["python3", "-c"], &python(PLAIN), "b'hi'");
        add(is_told, &["python3", "-c"], &python(SAFE), "in secret");
        add(is_told, &["python3", "-c"], &python(INSIDE), "403");
        add(is_told, &["node", "-e"], &node(PLAIN), "200 hi");
        add(is_told, &["node", "-e"], &node(SAFE), "200 in secret");
        add(
            is_told,
            &["node", "-e"],
            &node(INSIDE),
            "private_ip_blocked",
        );
    }
    add(true, &curl, OTHER, "403 Forbidden: host_not_allowed");
    add(false, &curl, OTHER, "Could not resolve host");
    add(
        true,
        &["python3", "-c"],
        &python(OTHER),
        "403 Forbidden: host_not_allowed",
    );
    add(false, &["node", "-e"], &node(OTHER), "ENOTFOUND");
    add(true, &["node", "-e"], asked, "hi");
    let socks = [
        "curl",
        "-sSvk",
        "--http1.1",
        "--proxy",
        "socks5h://127.0.0.1:3128",
    ];
    add(false, &socks, SAFE, "in secret");
    add(false, &socks, OTHER, "(2)");
    // One that looks names up itself means the name all the same.
    let looks_up = [
        "curl",
        "-sSvk",
        "--http1.1",
        "--proxy",
        "socks5://127.0.0.1:3128",
    ];
    add(false, &looks_up, SAFE, "in secret");
    all
}
