//! HTTP: the streamable one of both eras, and HTTP+SSE (`basic/transports`).

mod call;
mod came;
mod client;
mod conn;
mod courier;
pub(crate) mod endpoint;
mod listener;
mod open;
mod pool;
mod session;
mod stream;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use durward_core::{BoxFuture, Era, RawJson};
use durward_guard::egress::Target as Address;
use durward_wire::encode;
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc, oneshot, watch},
    task::AbortHandle,
};

use crate::{
    exchange::Hears,
    fault::{FaultKind, LinkFault},
    hello::Hello,
    standing::Standing,
    switchboard::Switchboard,
    talk::Replies,
    target::Target,
};

pub(crate) use open::{Closed, open};

use client::Client;
use courier::{Courier, Errand};
use session::Session;

/// The way to a server over HTTP.
pub(crate) struct Http {
    shared: Arc<Shared>,
    /// What no call waits for. When it is closed the session is ended.
    errands: Option<mpsc::Sender<Errand>>,
    courier: Option<tokio::task::JoinHandle<()>>,
    listener: Option<AbortHandle>,
}

/// What calls, the courier and the listener share.
struct Shared {
    client: Client,
    board: Arc<Switchboard>,
    hears: Arc<dyn Hears>,
    hello: Arc<ArcSwap<Hello>>,
    session: ArcSwap<Session>,
    /// Held by whoever opens the session anew, so that it is done once.
    renewing: AsyncMutex<()>,
    standing: Mutex<Standing>,
    target: Target,
    gone: watch::Sender<Option<FaultKind>>,
}

impl Http {
    fn new(shared: Arc<Shared>, listening: Listening) -> Self {
        let (errands, queue) = mpsc::channel(courier::ERRANDS);
        let courier = Courier {
            shared: Arc::clone(&shared),
        };
        let courier = tokio::spawn(courier.run(queue));
        let (own, weak) = (Arc::clone(&shared), errands.downgrade());
        let listener = match listening {
            Listening::Not => None,
            Listening::Session => Some(tokio::spawn(listener::run(own, weak))),
            Listening::Endpoint(name) => Some(tokio::spawn(endpoint::hold(own, weak, name))),
        };
        Self {
            shared,
            errands: Some(errands),
            courier: Some(courier),
            listener: listener.map(|listener| listener.abort_handle()),
        }
    }

    /// Tells something, if there is room for it. Over HTTP, 2026-07-28 has nothing that a client tells.
    pub(crate) fn notify(&self, method: &str, params: &RawJson) {
        if self.shared.is_modern() {
            return;
        }
        self.put(encode::notification(method, params));
    }

    pub(crate) async fn gone(&self) -> FaultKind {
        let mut gone = self.shared.gone.subscribe();
        let fault = gone.wait_for(Option::is_some).await;
        fault
            .ok()
            .and_then(|fault| fault.clone())
            .unwrap_or(FaultKind::Closed)
    }

    pub(crate) fn is_gone(&self) -> Option<FaultKind> {
        self.shared.gone.borrow().clone()
    }

    /// The server speaks another era than it did.
    pub(crate) fn retire(&self) {
        self.shared.end(&FaultKind::OtherEra);
    }

    /// Ends the session and waits until the server was told.
    pub(crate) async fn close(&mut self) {
        self.stop();
        if let Some(courier) = self.courier.take() {
            // It ends by itself; that it panicked is told where panics are.
            let _ = courier.await;
        }
    }

    fn stop(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.abort();
        }
        drop(self.errands.take());
        self.shared.end(&FaultKind::Closed);
    }

    fn put(&self, message: Bytes) {
        let errand = Errand {
            message,
            session: self.shared.session.load_full(),
        };
        let put = self
            .errands
            .as_ref()
            .map(|errands| errands.try_send(errand));
        if !matches!(put, Some(Ok(()))) {
            self.shared.board.tally.dropped();
        }
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Replies for Http {
    fn reply(&self, message: Bytes) -> BoxFuture<'_, ()> {
        let session = self.shared.session.load_full();
        Box::pin(async move {
            // Whether the server took it shows in how the call goes on.
            let _ = self.shared.post(&session, message).await;
        })
    }

    fn reply_later(&self, message: Bytes) {
        self.put(message);
    }
}

/// What is listened to beside the calls' own streams.
enum Listening {
    Not,
    /// A legacy session's stream.
    Session,
    /// The one stream of HTTP+SSE; its endpoint is told as soon as it is known.
    Endpoint(oneshot::Sender<Result<Address, LinkFault>>),
}

impl Shared {
    fn new(
        client: Client,
        target: Target,
        board: Arc<Switchboard>,
        hears: Arc<dyn Hears>,
        hello: Arc<ArcSwap<Hello>>,
        session: Session,
    ) -> Arc<Self> {
        Arc::new(Self {
            client,
            board,
            hears,
            hello,
            session: ArcSwap::from_pointee(session),
            renewing: AsyncMutex::new(()),
            standing: Mutex::default(),
            target,
            gone: watch::Sender::new(None),
        })
    }

    fn is_modern(&self) -> bool {
        self.hello.load().era() == Era::Modern
    }

    /// The link is of no more use.
    fn end(&self, fault: &FaultKind) {
        self.board.close(fault);
        self.gone.send_if_modified(|gone| {
            let first = gone.is_none();
            gone.get_or_insert_with(|| fault.clone());
            first
        });
    }

    fn with_standing<T>(&self, with: impl FnOnce(&mut Standing) -> T) -> T {
        with(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
