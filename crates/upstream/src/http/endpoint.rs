//! HTTP+SSE of 2024-11-05 (`24/basic/transports`): one stream brings all that the server says, and names
//! the endpoint that takes what we say.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use durward_core::{RawJson, Revision};
use durward_guard::egress::Target as Address;
use durward_wire::encode;
use tokio::{
    sync::{mpsc::WeakSender, oneshot},
    time::timeout,
};

use super::{
    Http, Listening, Shared,
    came::Came,
    client::{Asked, Client},
    courier::Errand,
    listener::Listener,
    session::{ACCEPT_EVENTS, Session},
    stream::Events,
};
use crate::{
    exchange::{Hears, Own},
    fault::{FaultKind, LinkFault, protocol},
    hello::{Hello, initialize_params, judge_initialize},
    switchboard::Switchboard,
    target::{Target, Transport, Url},
};

/// How long the endpoint may be in coming.
const NAMING: Duration = Duration::from_secs(10);

/// Opens the server. Its board must be open.
pub(crate) async fn open(
    url: &Url,
    target: &Target,
    board: &Arc<Switchboard>,
    hears: &Arc<dyn Hears>,
) -> Result<(Http, Arc<ArcSwap<Hello>>), LinkFault> {
    let client = Client::new(url, target.limits);
    // Until it says more of itself.
    let oldest = Hello::unknown(Revision::V2024_11_05, Transport::Sse);
    let session = Session::of_endpoint(&client, client.target(), &oldest, 0);
    let hello = Arc::new(ArcSwap::from_pointee(oldest));
    let (name, named) = oneshot::channel();
    let http = Http::new(
        Shared::new(
            client,
            target.clone(),
            Arc::clone(board),
            Arc::clone(hears),
            Arc::clone(&hello),
            session,
        ),
        Listening::Endpoint(name),
    );
    let endpoint = timeout(NAMING, named).await;
    let endpoint = endpoint.map_err(|_| FaultKind::Timeout("name its endpoint").before())?;
    let endpoint = endpoint.unwrap_or_else(|_| Err(FaultKind::Closed.before()))?;
    let shared = &http.shared;
    let addressed = |hello: &Hello, generation| {
        let session = Session::of_endpoint(&shared.client, &endpoint, hello, generation);
        shared.session.store(Arc::new(session));
    };
    addressed(&hello.load(), 1);
    let params = initialize_params(&target.capabilities);
    let answer = http.call("initialize", &params, &Own::default()).await?;
    let said = judge_initialize(answer, Transport::Sse)?;
    addressed(&said, 2);
    hello.store(Arc::new(said));
    let initialized = encode::notification("notifications/initialized", &RawJson::empty_object());
    shared
        .post(&shared.session.load_full(), initialized)
        .await?;
    Ok((http, hello))
}

/// Holds the stream open. When it ends the link is of no more use: what was asked on it can't be answered.
pub(super) async fn hold(
    shared: Arc<Shared>,
    errands: WeakSender<Errand>,
    name: oneshot::Sender<Result<Address, LinkFault>>,
) {
    let session = shared.session.load_full();
    let asked = Asked {
        head: &session.get,
        lines: &[],
        body: None,
        is_safe: true,
    };
    let events = match shared.client.ask(&asked).await {
        Ok((Came::Stream(events), _)) => Ok(events),
        Ok((Came::Refused(refused), _)) => Err(refused.fault()),
        Ok(_) => Err(protocol("it answers a GET with no event stream").before()),
        Err(fault) => Err(fault),
    };
    let opened = match events {
        Ok(mut events) => match endpoint(&shared, &mut events).await {
            Ok(endpoint) => Ok((events, endpoint)),
            Err(fault) => Err(fault),
        },
        Err(fault) => Err(fault),
    };
    let fault = match opened {
        Ok((events, endpoint)) => {
            // Nobody who waits for it: then the link is being dropped.
            let _ = name.send(Ok(endpoint));
            follow(&shared, errands, events).await
        }
        Err(fault) => {
            let kind = fault.kind.clone();
            let _ = name.send(Err(fault));
            kind
        }
    };
    shared.end(&fault);
}

/// The endpoint that the first event names. It must be of the same origin, or whoever controls the stream
/// could have our credentials sent elsewhere.
async fn endpoint(shared: &Shared, events: &mut Events<'_>) -> Result<Address, LinkFault> {
    let event = events
        .next()
        .await
        .map_err(|broken| shared.client.fault(broken))?;
    let event = event.filter(|event| &*event.name == "endpoint");
    let event = event.ok_or_else(|| protocol("its first event is no `endpoint`").before())?;
    let own = shared.client.target();
    let endpoint = std::str::from_utf8(&event.data)
        .ok()
        .and_then(|text| own.join(text).ok())
        .ok_or_else(|| protocol("its `endpoint` is no URL that can be posted to").before())?;
    if endpoint.origin() != own.origin() {
        return Err(protocol("its `endpoint` is of another origin").before());
    }
    Ok(endpoint)
}

async fn follow(
    shared: &Arc<Shared>,
    errands: WeakSender<Errand>,
    mut events: Box<Events<'_>>,
) -> FaultKind {
    let mut listener = Listener::new(Arc::clone(shared), errands);
    loop {
        match events.next().await {
            Ok(Some(event)) if matches!(&*event.name, "" | "message") => {
                listener.hear(&event.data, &shared.session.load_full());
            }
            Ok(Some(_)) => {}
            Ok(None) => return FaultKind::Died("its event stream ended".to_owned()),
            Err(broken) => return shared.client.fault(broken).kind,
        }
    }
}

impl Session {
    /// All that is said goes to this endpoint, and all answers come by the stream.
    fn of_endpoint(client: &Client, endpoint: &Address, hello: &Hello, generation: u64) -> Self {
        let mut session = Self::new(client, hello, None, generation);
        let own = Self::lines(hello, None);
        session.post = client.head(
            "POST",
            endpoint,
            &[&own[..], &[super::session::JSON]].concat(),
        );
        session.get = client.head("GET", client.target(), &[ACCEPT_EVENTS]);
        session.is_answered_elsewhere = true;
        session
    }
}
