//! One live connection to one server, whatever its transport.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use durward_cage::launch::Level;
use durward_core::{Era, LogLevel, RawJson};
use durward_wire::{RequestId, code, encode, members};
use tokio::time::timeout;

use crate::{
    counts::Counts,
    envelope,
    exchange::{Exchange, Hears, Outcome, Own},
    fault::{FaultKind, LinkFault},
    hello::{EraFound, Hello},
    http::{self, Closed, Http},
    stdio::{self, OnDrop, Pipe},
    switchboard::Switchboard,
    target::{EraPin, Pinned, Reach, Target, Transport, Url},
};

/// One live connection to one server. Clones share it; it is closed when the last one is dropped.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    way: Way,
    board: Arc<Switchboard>,
    hello: Arc<ArcSwap<Hello>>,
    /// The most verbose level that a legacy server was told.
    level: Mutex<Option<LogLevel>>,
}

enum Way {
    Pipe(Pipe),
    Http(Http),
}

impl Way {
    /// The server is no more what it was found to be: the link is to be opened anew.
    fn retire(&self) {
        match self {
            Self::Pipe(pipe) => pipe.retire(),
            Self::Http(http) => http.retire(),
        }
    }
}

impl Link {
    /// Opens a server: finds out its era and transport, beginning with what is remembered.
    ///
    /// # Errors
    /// Whatever keeps it from being spoken with.
    pub async fn open(
        target: &Target,
        hears: Arc<dyn Hears>,
        remembered: Option<EraFound>,
    ) -> Result<Self, LinkFault> {
        let board = Switchboard::new(target.limits.in_flight, target.shared);
        let (way, hello) = match &target.reach {
            Reach::Command(command) => {
                let opening = stdio::open(&*command.0, target, &board, &hears, remembered);
                let (pipe, hello) = Box::pin(opening).await?;
                (Way::Pipe(pipe), Arc::new(ArcSwap::from_pointee(hello)))
            }
            Reach::Url(url) => {
                let opening = Box::pin(open_url(url, target, &board, &hears, remembered));
                let opened = timeout(target.limits.initialise, opening).await;
                let (http, hello) =
                    opened.unwrap_or_else(|_| Err(FaultKind::Timeout("initialise").before()))?;
                (Way::Http(http), hello)
            }
        };
        if hello.load().era() == Era::Modern {
            board.set_modern();
        }
        let shared = Arc::new(Shared {
            way,
            board,
            hello,
            level: Mutex::default(),
        });
        Ok(Self { shared })
    }

    /// What the server said of itself.
    pub fn hello(&self) -> Arc<Hello> {
        self.shared.hello.load_full()
    }

    /// Sends a request under an id of our own and waits for its end. Progress, logs and questions go to the
    /// exchange meanwhile. Dropping the future cancels the request.
    ///
    /// `params` are a client's as they came: what belongs to the client's envelope comes off their `_meta`,
    /// and what belongs to ours comes on.
    ///
    /// # Errors
    /// [`LinkFault`]; an error of the server's own is an [`Outcome`].
    pub async fn call(
        &self,
        method: &str,
        params: &RawJson,
        exchange: &dyn Exchange,
    ) -> Result<Outcome, LinkFault> {
        let shared = &*self.shared;
        let modern = shared.hello.load().era() == Era::Modern;
        let outcome = match &shared.way {
            Way::Pipe(pipe) => {
                let seat = shared.board.enter(exchange.caller(), method, params)?;
                let id = RequestId::from(seat.number);
                let message = envelope::request(&id, method, params, exchange, modern);
                pipe.call(seat, message, exchange, OnDrop::Cancel).await
            }
            Way::Http(http) => http.call(method, params, exchange).await,
        }?;
        match &outcome {
            Outcome::Error(error) if modern && error.code == code::UNSUPPORTED_PROTOCOL_VERSION => {
                shared.way.retire();
                Err(FaultKind::OtherEra.before())
            }
            _ => Ok(outcome),
        }
    }

    /// Has a legacy server say at least so much; a modern one hears of it in each request.
    pub(crate) async fn want_logs(&self, level: LogLevel) {
        let hello = self.hello();
        let mut has = members(&hello.capabilities).into_iter();
        if hello.era() == Era::Modern || !has.any(|(key, _)| key == "logging") {
            return;
        }
        let told = || {
            self.shared
                .level
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if told().is_some_and(|told| told <= level) {
            return;
        }
        let Ok(named) = RawJson::of(&level) else {
            return;
        };
        let params = encode::object(&[("level", &named)]);
        let answer = self
            .call("logging/setLevel", &params, &Own::default())
            .await;
        if let Ok(Outcome::Error(error)) = &answer {
            tracing::debug!(
                code = error.code,
                "a server does not take `logging/setLevel`"
            );
        }
        // Whatever it said, it is not asked at each call.
        if answer.is_ok() {
            *told() = Some(level);
        }
    }

    /// Tells the server something, if it takes it at once.
    pub fn notify(&self, method: &str, params: &RawJson) {
        match &self.shared.way {
            Way::Pipe(pipe) => pipe.notify(method, params),
            Way::Http(http) => http.notify(method, params),
        }
    }

    /// Resolves when the link is of no more use.
    pub async fn gone(&self) -> LinkFault {
        match &self.shared.way {
            Way::Pipe(pipe) => pipe.gone().await.after(),
            Way::Http(http) => http.gone().await.after(),
        }
    }

    /// Why the link is of no more use, if it is not.
    pub fn is_gone(&self) -> Option<LinkFault> {
        match &self.shared.way {
            Way::Pipe(pipe) => pipe.is_gone().map(FaultKind::after),
            Way::Http(http) => http.is_gone().map(FaultKind::after),
        }
    }

    /// How it is held, if it is a program.
    pub fn level(&self) -> Option<Level> {
        match &self.shared.way {
            Way::Pipe(pipe) => Some(pipe.level()),
            Way::Http(_) => None,
        }
    }

    /// The last 64 KiB that a program wrote to its standard error.
    pub fn stderr_tail(&self) -> String {
        match &self.shared.way {
            Way::Pipe(pipe) => pipe.stderr_tail(),
            Way::Http(_) => String::new(),
        }
    }

    /// What the server did that it should not have.
    pub fn counts(&self) -> Counts {
        self.shared.board.tally.counts()
    }

    /// Ends the link, and waits until the server has ended, or was told. Does nothing while others share it:
    /// the last one to be dropped ends it all the same.
    pub async fn close(self) {
        if let Some(shared) = Arc::into_inner(self.shared) {
            match shared.way {
                Way::Pipe(mut pipe) => pipe.close().await,
                Way::Http(mut http) => http.close().await,
            }
        }
    }
}

/// Finds the transport that is spoken at a URL: Streamable HTTP, unless it is known to be, or turns out to
/// be, HTTP+SSE.
async fn open_url(
    url: &Url,
    target: &Target,
    board: &Arc<Switchboard>,
    hears: &Arc<dyn Hears>,
    remembered: Option<EraFound>,
) -> Result<(Http, Arc<ArcSwap<Hello>>), LinkFault> {
    let sse = || Box::pin(http::endpoint::open(url, target, board, hears));
    let is_sse = |found: EraFound| found.transport == Transport::Sse;
    match url.transport {
        Pinned::Sse => return sse().await,
        Pinned::Auto if remembered.is_some_and(is_sse) => {
            if let Ok(opened) = sse().await {
                return Ok(opened);
            }
            board.reopen();
        }
        Pinned::Auto | Pinned::StreamableHttp => {}
    }
    let remembered = remembered.filter(|found| !is_sse(*found));
    let fault = match http::open(url, target, board, hears, remembered).await {
        Ok(opened) => return Ok(opened),
        Err(Closed::Elsewhere(fault))
            if url.transport == Pinned::Auto && target.era != EraPin::Modern =>
        {
            fault
        }
        Err(Closed::Elsewhere(fault) | Closed::Fault(fault)) => return Err(fault),
    };
    match sse().await {
        Ok(opened) => Ok(opened),
        // It is neither: what it answers to a POST says more.
        Err(LinkFault {
            kind: FaultKind::Status(_),
            ..
        }) => Err(fault),
        Err(fault) => Err(fault),
    }
}
