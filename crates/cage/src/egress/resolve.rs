//! From a name to its addresses, by the system's resolver, a few at once.

use std::{io, net::IpAddr, net::ToSocketAddrs, sync::Arc, time::Duration};

use durward_guard::egress::HostName;
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

use super::EgressFault;

/// Lookups at once. One that hangs keeps its place until the system gives it up.
const AT_ONCE: usize = 16;
/// The longest wait for one.
const LONGEST: Duration = Duration::from_secs(5);
/// The most addresses that a name may have.
const MOST: usize = 16;

/// The system's resolver (getaddrinfo(3)), which reads its files and honours its order.
pub(super) struct Resolver {
    places: Arc<Semaphore>,
}

impl Resolver {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// All addresses of a name, none of them judged.
    pub(super) async fn resolve(&self, name: &HostName) -> Result<Vec<IpAddr>, EgressFault> {
        let found = timeout(LONGEST, self.look_up(name))
            .await
            .map_err(|_| EgressFault::DnsTimeout)??;
        match found.len() {
            0 => Err(EgressFault::EmptyAnswer),
            1..=MOST => Ok(found),
            _ => Err(EgressFault::TooManyAnswers),
        }
    }

    async fn look_up(&self, name: &HostName) -> Result<Vec<IpAddr>, EgressFault> {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| EgressFault::DnsFailed)?;
        let name = name.as_str().to_owned();
        // Not tokio's lookup, nor its threads: the place has to be kept for as long as the thread is, and
        // a runtime that ends waits for its own threads, however long a name server takes.
        let (answer, answered) = oneshot::channel();
        let lookup = move || {
            let found = ask(&name);
            drop(place);
            // Nobody waits any more: it took too long.
            let _ = answer.send(found);
        };
        std::thread::Builder::new()
            .name("lookup".to_owned())
            .spawn(lookup)
            .map_err(|_| EgressFault::DnsFailed)?;
        answered.await.map_err(|_| EgressFault::DnsFailed)?
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that looks names up"
)]
fn ask(name: &str) -> Result<Vec<IpAddr>, EgressFault> {
    let found = (name, 0).to_socket_addrs().map_err(|error| fault(&error))?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map(|found| found.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// The standard library keeps the code of getaddrinfo(3) to itself and shows its sentence: the first of
/// each pair is glibc's, the others musl's.
fn fault(error: &io::Error) -> EgressFault {
    const NO_NAME: &[&str] = &["Name or service not known", "Name does not resolve"];
    const NO_ADDRESS: &[&str] = &[
        "No address associated with hostname",
        "Name has no usable address",
    ];
    let text = error.to_string();
    let says = |sentences: &[&str]| sentences.iter().any(|sentence| text.contains(sentence));
    if says(NO_NAME) {
        EgressFault::Nxdomain
    } else if says(NO_ADDRESS) {
        EgressFault::EmptyAnswer
    } else {
        tracing::debug!(%error, "a name could not be looked up");
        EgressFault::DnsFailed
    }
}
