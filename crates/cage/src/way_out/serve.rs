//! What becomes of one connection.

use std::{net::SocketAddr, time::Duration};

use durward_guard::egress::{EgressFault, Origin, Target};
use durward_wire::http1::ProxyHead;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink},
    net::TcpStream,
    time::timeout,
};

use super::{
    Event, Proxy, Way,
    ask::{self, Asked},
    client::{Client, Pipe},
    forward,
    names::Names,
    proxy::Tell,
    refuse, socks,
    tunnel::{self, Traffic},
};

/// How long, and with how many bytes, a client that is refused may go on, so that it hears why.
const LAST_WORDS: Duration = Duration::from_secs(1);
const LAST_BYTES: u64 = 256 << 10;

/// What is done with a connection that was made.
enum Passing<'a> {
    /// One request goes out by it.
    Request(&'a ProxyHead),
    /// All goes out by it, once the client was told this.
    Tunnel(&'a [u8]),
}

impl Proxy {
    /// Serves one client of the proxy to its end.
    pub async fn serve(&self, client: impl AsyncRead + AsyncWrite + Send + Unpin) {
        self.serve_in(client, &Names::default()).await;
    }

    /// Serves one of a box in which these are the names.
    pub(super) async fn serve_in(&self, client: impl Pipe, names: &Names) {
        let mut client = Client::new(client);
        let asked = ask::read(&mut client, self.limits.head);
        let Ok(Ok(asked)) = timeout(self.limits.greeting, asked).await else {
            (self.tell)(Event::Unheard);
            return;
        };
        let way = asked.way();
        let yes = match &asked {
            Asked::Socks(_) => &socks::reply(None)[..],
            _ => b"HTTP/1.1 200 Connection established\r\n\r\n",
        };
        let passing = match &asked {
            Asked::Request(head) => Passing::Request(head),
            _ => Passing::Tunnel(yes),
        };
        let reached = match asked.target().and_then(|target| names.meant(target)) {
            Ok(target) => self
                .reach(way, &target)
                .await
                .map(|server| (server, target)),
            Err(fault) => {
                let to = None;
                (self.tell)(Event::Refused { way, to, fault });
                Err(fault)
            }
        };
        match reached {
            Ok((server, target)) => self.pass(client, server, (way, &target), passing).await,
            Err(fault) => {
                let answer = match &asked {
                    Asked::Connect(_) | Asked::Request(_) => refuse::fault(fault),
                    Asked::Malformed(error) => refuse::malformed(*error),
                    Asked::Socks(_) => socks::reply(Some(fault)).to_vec(),
                };
                self.last_words(client, &answer).await;
            }
        }
    }

    /// Serves a connection to an address that stands for a name in this box. One that stands for none is
    /// an address of the box itself, where nobody else is.
    pub(super) async fn serve_named(&self, client: TcpStream, names: &Names) {
        let Ok(SocketAddr::V4(at)) = client.local_addr() else {
            return;
        };
        let named = names.named(*at.ip());
        let Some(Ok(target)) = named.map(|name| Target::tunnel(name.as_str(), at.port())) else {
            return;
        };
        let (client, way) = (Client::new(client), Way::Name);
        match self.reach(way, &target).await {
            Ok(server) => {
                let passing = Passing::Tunnel(b"");
                self.pass(client, server, (way, &target), passing).await;
            }
            // Elsewhere nobody would read why.
            Err(fault) if target.port() == 80 => {
                self.last_words(client, &refuse::fault(fault)).await;
            }
            Err(_) => {}
        }
    }

    async fn reach(&self, way: Way, target: &Target) -> Result<TcpStream, EgressFault> {
        let reached = self.connector.connect(target, self.limits.connect).await;
        reached.inspect_err(|fault| {
            let (to, fault) = (Some(target.origin()), *fault);
            (self.tell)(Event::Refused { way, to, fault });
        })
    }

    async fn pass(
        &self,
        mut client: Client<impl Pipe>,
        server: TcpStream,
        (way, target): (Way, &Target),
        passing: Passing<'_>,
    ) {
        let passage = Passage::begin(&self.tell, way, target.origin());
        let traffic = &passage.traffic;
        let whole = async {
            match passing {
                Passing::Tunnel(yes) => {
                    if self.said(&mut client, yes).await {
                        tunnel::run(client, server, traffic).await;
                    }
                }
                Passing::Request(head) => {
                    let asked = (head, target);
                    let limit = self.limits.head;
                    let passed = forward::run(&mut client, server, asked, limit, traffic).await;
                    let last = match passed {
                        Ok(()) => Vec::new(),
                        Err(forward::NoAnswer) => refuse::fault(EgressFault::BadResponse),
                    };
                    self.last_words(client, &last).await;
                }
            }
        };
        let may_go_on = || self.connector.permits(target);
        tokio::select! {
            () = whole => {}
            () = traffic.ended(self.limits.idle, may_go_on) => {}
        }
    }

    async fn said(&self, client: &mut Client<impl Pipe>, words: &[u8]) -> bool {
        let said = timeout(self.limits.connect, client.say(words)).await;
        matches!(said, Ok(Ok(())))
    }

    /// Says this and closes: a socket that is closed while something is still on its way to it takes back
    /// what it said last.
    async fn last_words(&self, mut client: Client<impl Pipe>, words: &[u8]) {
        if self.said(&mut client, words).await {
            let stream = &mut client.stream;
            let rest = async {
                stream.shutdown().await?;
                copy(&mut stream.take(LAST_BYTES), &mut sink()).await
            };
            // Whether it heard is its own business.
            let _ = timeout(LAST_WORDS, rest).await;
        }
    }
}

/// A connection that was made; whatever ends it, its end is told.
struct Passage<'a> {
    tell: &'a Tell,
    way: Way,
    to: &'a Origin,
    traffic: Traffic,
}

impl<'a> Passage<'a> {
    fn begin(tell: &'a Tell, way: Way, to: &'a Origin) -> Self {
        tell(Event::Opened { way, to });
        Self {
            tell,
            way,
            to,
            traffic: Traffic::default(),
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        (self.tell)(Event::Closed {
            way: self.way,
            to: self.to,
            sent: self.traffic.sent.bytes(),
            received: self.traffic.received.bytes(),
        });
    }
}
