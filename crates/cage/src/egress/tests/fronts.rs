//! The proxy for what is contained.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

use super::{
    super::{FrontLimits, serve_front},
    server::ok,
    *,
};

/// A proxy under these rules, and where it is.
struct Front {
    folder: tempfile::TempDir,
    task: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    fn start(connector: Connector, limits: FrontLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("out.sock")).unwrap();
        let task = tokio::spawn(async move {
            serve_front(&listener, &connector, limits, &Cancel::new()).await;
        });
        Self { folder, task }
    }

    async fn connect(&self) -> UnixStream {
        let path = self.folder.path().join("out.sock");
        UnixStream::connect(path).await.unwrap()
    }

    /// Sends, and reads until the other side is done.
    async fn say(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    /// Asks for a tunnel in SOCKS: the code of the reply, none where it was cut.
    async fn socks(
        &self,
        command: u8,
        kind: u8,
        address: &[u8],
        port: u16,
    ) -> (Option<u8>, UnixStream) {
        let mut stream = self.connect().await;
        stream.write_all(&[5, 2, 2, 0]).await.unwrap();
        let mut chosen = [0; 2];
        stream.read_exact(&mut chosen).await.unwrap();
        assert_eq!(chosen, [5, 0]);
        let mut asked = vec![5, command, 0, kind];
        if kind == 3 {
            asked.push(u8::try_from(address.len()).unwrap());
        }
        asked.extend_from_slice(address);
        asked.extend_from_slice(&port.to_be_bytes());
        stream.write_all(&asked).await.unwrap();
        let mut reply = [0; 10];
        let code = stream.read_exact(&mut reply).await.ok().map(|_| reply[1]);
        (code, stream)
    }
}

fn networks(networks: &[&str]) -> Connector {
    let mut settings = EgressSettings::default();
    settings.rules.networks = networks.iter().map(|n| (*n).to_owned()).collect();
    settings.rules.hosts.push("*".into());
    Connector::new(settings).unwrap()
}

#[tokio::test]
async fn a_tunnel_leads_to_what_may_be_reached() {
    let server = Server::start(|_| [ok("hello"), vec![server::Step::Close]].concat()).await;
    let front = Front::start(networks(&["127.0.0.1"]), FrontLimits::default());
    let at = server.address;
    let asked = format!("CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    let said = front.say(&asked).await;
    assert!(
        said.starts_with("HTTP/1.1 200 ") && said.ends_with("hello"),
        "{said}"
    );
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[255, 255, 127, 0, 0, 1]);
    for (kind, address) in [(1, &[127, 0, 0, 1][..]), (3, b"127.0.0.1"), (4, &mapped)] {
        let (code, mut stream) = front.socks(1, kind, address, at.port()).await;
        assert_eq!(code, Some(0), "{kind}");
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("hello"), "{answer}");
    }
}

#[tokio::test]
async fn a_tunnel_leads_nowhere_else() {
    let canary = Server::start(|_| ok("secret")).await;
    let port = canary.address.port();
    let front = Front::start(networks(&["10.0.0.0/8"]), FrontLimits::default());
    for (place, status) in [
        (format!("127.0.0.1:{port}"), "403"),
        (format!("2130706433:{port}"), "403"),
        (format!("[::ffff:127.0.0.1]:{port}"), "403"),
        (format!("localhost:{port}"), "403"),
        ("169.254.169.254:80".to_owned(), "403"),
        ("a.example:22".to_owned(), "403"),
        ("a_b.example:443".to_owned(), "400"),
        (format!("u@127.0.0.1:{port}"), "400"),
        ("a.example".to_owned(), "400"),
        ("a.example:+443".to_owned(), "400"),
    ] {
        let said = front
            .say(&format!("CONNECT {place} HTTP/1.1\r\n\r\n"))
            .await;
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status} ")),
            "{place}: {said}"
        );
    }
    let said = front
        .say(&format!("GET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n"))
        .await;
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    for (command, kind, address, code) in [
        (1, 1, &[127, 0, 0, 1][..], Some(2)),
        (1, 3, b"localhost", Some(2)),
        (1, 3, b"127.0.0.1\0.example.com", Some(2)),
        (1, 3, b"a.example.com\r\n", Some(2)),
        (1, 3, b"a_b.example.com", Some(2)),
        (1, 3, b"\xff\xfe.example.com", Some(2)),
        (1, 3, b"127.1/.example.com", Some(2)),
        (1, 3, b"", Some(2)),
        // BIND, UDP and what there is not.
        (2, 1, &[127, 0, 0, 1], Some(7)),
        (3, 1, &[127, 0, 0, 1], Some(7)),
        (1, 9, &[127, 0, 0, 1], None),
    ] {
        let (seen, _) = front.socks(command, kind, address, port).await;
        assert_eq!(seen, code, "{command} {kind} {address:?}");
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn who_wants_to_authenticate_or_says_nothing_is_let_go() {
    let limits = FrontLimits {
        greeting: Duration::from_millis(50),
        ..FrontLimits::default()
    };
    let front = Front::start(networks(&[]), limits);
    let mut stream = front.connect().await;
    stream.write_all(&[5, 1, 2]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [5, 0xff]);
    for begun in ["", "CONNECT a.example:443 HTTP/1.1\r\n", "\u{5}"] {
        assert_eq!(front.say(begun).await, "", "{begun:?}");
    }
    let long = format!("CONNECT a.example:443 HTTP/1.1\r\nA: {}", "a".repeat(9000));
    assert_eq!(front.say(&long).await, "");
}

#[tokio::test]
async fn tunnels_are_counted_and_end_when_silent() {
    let server = Server::start(|_| ok("a")).await;
    let limits = FrontLimits {
        connections: 2,
        idle: Duration::from_millis(300),
        ..FrontLimits::default()
    };
    let front = Front::start(networks(&["127.0.0.1"]), limits);
    let (first, mut held) = front
        .socks(1, 1, &[127, 0, 0, 1], server.address.port())
        .await;
    let (second, _other) = front
        .socks(1, 1, &[127, 0, 0, 1], server.address.port())
        .await;
    assert_eq!((first, second), (Some(0), Some(0)));
    assert_eq!(
        front.say("CONNECT a.example:443 HTTP/1.1\r\n\r\n").await,
        ""
    );
    let mut rest = Vec::new();
    held.read_to_end(&mut rest).await.unwrap();
    let (again, _) = front
        .socks(1, 1, &[127, 0, 0, 1], server.address.port())
        .await;
    assert_eq!(again, Some(0));
}
