//! The proxy against clients that mean harm, and the box's door.

mod bounds;
mod boxed;
mod hostile;
mod launched;
mod names;
mod requests;
mod tunnels;

use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

use super::*;
use crate::{
    egress::{
        Connector, EgressSettings,
        tests::server::{self, Server, Step, ok},
    },
    launch::{Door, WayOut},
};

/// A proxy that listens, and what it told.
struct Front {
    at: SocketAddr,
    told: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    async fn start(connector: Connector, limits: WayOutLimits) -> Self {
        let door = door();
        let at = door.proxy.local_addr().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let proxy = proxy(connector, &told).limits(limits);
        let task = tokio::spawn(WayOut::serve(&proxy, door));
        Self { at, told, task }
    }

    /// One that may reach these networks, and any host.
    async fn to(networks: &[&str]) -> Self {
        Self::start(reaching(networks), WayOutLimits::default()).await
    }

    #[expect(clippy::disallowed_methods, reason = "a client of the proxy")]
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }

    /// Sends, and reads until the other side is done.
    async fn say(&self, text: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // It may be told no before it has said all.
        let _ = stream.write_all(text.as_ref()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Asks for a tunnel in SOCKS: the code of the reply, none where it was cut.
    async fn socks(
        &self,
        command: u8,
        kind: u8,
        address: &[u8],
        port: u16,
    ) -> (Option<u8>, TcpStream) {
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

    /// What was told, once there is so much.
    async fn told(&self, number: usize) -> Vec<String> {
        loop {
            let told = self.told.lock().unwrap().clone();
            if told.len() >= number {
                return told;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// A door on this machine's own loopback.
#[expect(clippy::disallowed_methods, reason = "sockets that nobody asks")]
fn door() -> Door {
    let listener = || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        listener
    };
    let names = || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    Door {
        proxy: listener(),
        web: [listener(), listener()],
        names: [names(), names()],
    }
}

/// A proxy that remembers what it told.
fn proxy(connector: Connector, told: &Arc<Mutex<Vec<String>>>) -> Proxy {
    let told = Arc::clone(told);
    Proxy::new("a test", connector).tell(move |event| told.lock().unwrap().push(line(event)))
}

fn line(event: Event<'_>) -> String {
    match event {
        Event::Opened { way, to } => format!("{} opened {}:{}", way.name(), to.host, to.port),
        Event::Refused { way, to, fault } => {
            let to = to.map(|to| format!(" {}:{}", to.host, to.port));
            format!(
                "{} refused{}: {}",
                way.name(),
                to.unwrap_or_default(),
                fault.word()
            )
        }
        Event::Closed {
            way,
            to,
            sent,
            received,
        } => format!(
            "{} closed {}:{} {sent} {received}",
            way.name(),
            to.host,
            to.port
        ),
        Event::Crowded => "crowded".to_owned(),
        Event::Unheard => "unheard".to_owned(),
    }
}

/// A connector that may reach any public host, and these networks.
fn reaching(networks: &[&str]) -> Connector {
    let mut settings = EgressSettings::default();
    settings.rules.networks = networks.iter().map(|n| (*n).to_owned()).collect();
    settings.rules.hosts.push("*".into());
    Connector::new(settings).unwrap()
}
