//! The proxy: the rules it goes by, and who is let in.

use std::{fmt, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinSet,
    time::sleep,
};

use super::{Event, WayOutLimits, names::Names};
use crate::{
    egress::Connector,
    launch::{Door, WayOut},
};

/// Until another try to let somebody in, where there was no descriptor left for it.
const LATER: Duration = Duration::from_millis(100);
/// After one that was closed at once: whoever asks in a loop does not keep us busy.
const SOON: Duration = Duration::from_millis(1);

/// Who is told of what happens.
pub(super) type Tell = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// A way out under the rules of its connector. Clones share these, but not the count of connections:
/// each door has its own.
#[derive(Clone)]
pub struct Proxy {
    pub(super) connector: Connector,
    pub(super) limits: WayOutLimits,
    pub(super) tell: Tell,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Proxy {
    /// A proxy for this item, that dials by this connector alone, and says in the log what it does.
    pub fn new(item: &str, connector: Connector) -> Self {
        let item = item.to_owned();
        Self {
            connector,
            limits: WayOutLimits::default(),
            tell: Arc::new(move |event| log(&item, event)),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn limits(mut self, limits: WayOutLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Tells this, and not the log, what happens. It is called where connections are served: it may not wait.
    #[must_use]
    pub fn tell(mut self, tell: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        self.tell = Arc::new(tell);
        self
    }

    /// Answers at a door until it is dropped; no connection outlives it.
    async fn answer(&self, door: Door) -> io::Result<()> {
        let [one, other] = door.names.map(UdpSocket::from_std);
        let (one, other) = (one?, other?);
        let proxy = TcpListener::from_std(door.proxy)?;
        let [http, https] = door.web.map(TcpListener::from_std);
        let (http, https) = (http?, https?);
        let names = Arc::new(Names::default());
        tokio::select! {
            () = self.let_in(&proxy, (&http, &https), &names) => {}
            () = names.answer(&one, &self.connector) => {}
            () = names.answer(&other, &self.connector) => {}
        }
        Ok(())
    }

    async fn let_in(
        &self,
        proxy: &TcpListener,
        (http, https): (&TcpListener, &TcpListener),
        names: &Arc<Names>,
    ) {
        let mut open = JoinSet::new();
        loop {
            let (client, is_named) = tokio::select! {
                _ = open.join_next(), if !open.is_empty() => continue,
                client = proxy.accept() => (client, false),
                client = http.accept() => (client, true),
                client = https.accept() => (client, true),
            };
            match client {
                Ok((client, _)) if open.len() < self.limits.connections => {
                    let (proxy, names) = (self.clone(), Arc::clone(names));
                    open.spawn(async move {
                        if is_named {
                            proxy.serve_named(client, &names).await;
                        } else {
                            proxy.serve_in(client, &names).await;
                        }
                    });
                }
                Ok(_) => {
                    (self.tell)(Event::Crowded);
                    sleep(SOON).await;
                }
                // Out of descriptors: some will be free again.
                Err(error) => {
                    tracing::warn!(%error, "a program in a box could not be let out");
                    sleep(LATER).await;
                }
            }
        }
    }
}

impl WayOut for Proxy {
    fn serve(&self, door: Door) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let proxy = self.clone();
        Box::pin(async move {
            if let Err(error) = proxy.answer(door).await {
                tracing::error!(%error, "a box's way out can't be answered");
            }
        })
    }
}

fn log(item: &str, event: Event<'_>) {
    match event {
        Event::Refused { way, to, fault } => {
            let (way, word) = (way.name(), fault.word());
            let to = to.map(|to| format!("{}:{}", to.host, to.port));
            tracing::info!(item, way, to, word, "a program in a box was not let out");
        }
        Event::Crowded => tracing::warn!(item, "a program in a box has too many connections open"),
        Event::Opened { way, to } => {
            let (way, port) = (way.name(), to.port);
            tracing::debug!(item, way, host = %to.host, port, "a program in a box was let out");
        }
        Event::Closed { .. } | Event::Unheard => {}
    }
}
