//! A connection to one of the addresses that were judged, and to nothing else.

use std::{
    future::{Future, poll_fn},
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use rustix::net::sockopt;
use tokio::{net::TcpStream, time::sleep};

use super::EgressFault;

/// How long one address is waited for before the next is tried beside it (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// Connects to whichever of these answers first; the families take turns (RFC 8305 section 4).
pub(super) async fn dial(addresses: &[IpAddr], port: u16) -> Result<TcpStream, EgressFault> {
    let mut waiting = in_turns(addresses).into_iter();
    let mut running: Vec<Attempt> = Vec::new();
    loop {
        match waiting.next() {
            Some(address) => running.push(Box::pin(connect(SocketAddr::new(address, port)))),
            None if running.is_empty() => return Err(EgressFault::ConnectFailed),
            None => {}
        }
        let head_start = async {
            if waiting.len() == 0 {
                std::future::pending::<()>().await;
            }
            sleep(HEAD_START).await;
        };
        tokio::select! {
            connected = first(&mut running) => if let Some(stream) = connected {
                return Ok(stream);
            },
            () = head_start => {}
        }
    }
}

/// The next attempt to end; a failed one is taken out.
async fn first(running: &mut Vec<Attempt>) -> Option<TcpStream> {
    poll_fn(|context| {
        for at in 0..running.len() {
            if let Poll::Ready(done) = running[at].as_mut().poll(context) {
                drop(running.swap_remove(at));
                return Poll::Ready(done.ok());
            }
        }
        Poll::Pending
    })
    .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that connects to elsewhere"
)]
async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    let peer = stream.peer_addr()?;
    if peer.ip().to_canonical() != address.ip().to_canonical() || peer.port() != address.port() {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    }
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    Ok(stream)
}

/// A stream on which nothing is said for a long time is how events come; one whose other end is gone
/// without a word must be told apart from it.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(30))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(10))?;
    sockopt::set_tcp_keepcnt(stream, 3)?;
    sockopt::set_socket_keepalive(stream, true)?;
    Ok(())
}

/// The resolver's order, in which no family is tried twice while the other waits.
fn in_turns(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let of = |v6: bool| addresses.iter().copied().filter(move |a| a.is_ipv6() == v6);
    let (mut ones, mut others) = (of(first_is_v6), of(!first_is_v6));
    let mut turns = Vec::with_capacity(addresses.len());
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return turns,
            (one, other) => turns.extend(one.into_iter().chain(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_that_is_gone_is_noticed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stream = dial(&[address.ip()], address.port()).await.unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        assert!(sockopt::tcp_nodelay(&stream).unwrap());
        let silence = sockopt::tcp_keepidle(&stream).unwrap();
        assert!(silence <= Duration::from_secs(60), "{silence:?}");
    }

    #[test]
    fn families_take_turns_in_the_resolvers_order() {
        let addresses = ["2::1", "2::2", "2::3", "1.1.1.1", "1.1.1.2"].map(|a| a.parse().unwrap());
        let turns = in_turns(&addresses).into_iter().map(|a| a.to_string());
        assert_eq!(
            turns.collect::<Vec<_>>(),
            ["2::1", "1.1.1.1", "2::2", "1.1.1.2", "2::3"]
        );
    }
}
