//! The task that holds a legacy session's own stream open: what belongs to no POST comes there.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use durward_wire::{encode, sse::Event};
use tokio::{
    sync::mpsc::WeakSender,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Shared, came::Came, client::Asked, courier::Errand, session::Session, stream::Events};
use crate::{exchange::nobody, said::hear, switchboard::Rest, talk::reply};

/// How long is waited before the stream is opened again, if the server does not say.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A stream that has held for so long was a good one.
const GOOD: Duration = Duration::from_secs(10);
/// So many questions outside of calls are asked at once.
const OUTSIDE: usize = 16;

/// How a stream ended.
enum End {
    /// It may be opened again.
    Broken,
    /// The server has none.
    None,
    /// The server does not know the session any more.
    Lost,
}

pub(super) async fn run(shared: Arc<Shared>, errands: WeakSender<Errand>) {
    let mut listener = Listener::new(shared, errands);
    let mut failures: u32 = 0;
    loop {
        let session = listener.shared.session.load_full();
        let since = Instant::now();
        match listener.listen(&session).await {
            End::None => return,
            End::Broken => {}
            End::Lost => {
                listener.last_id = None;
                // If it can't be opened anew, the next call will say why.
                let renewed = Box::pin(listener.shared.renew(session.generation)).await;
                if renewed.is_err() && listener.shared.gone.borrow().is_some() {
                    return;
                }
            }
        }
        failures = if since.elapsed() >= GOOD {
            0
        } else {
            failures.saturating_add(1)
        };
        let pause = listener.retry.unwrap_or(PAUSE);
        sleep((pause * failures.max(1)).min(LONGEST_PAUSE.max(pause))).await;
        if listener.shared.session.load().generation != session.generation {
            listener.last_id = None;
        }
    }
}

pub(super) struct Listener {
    shared: Arc<Shared>,
    errands: WeakSender<Errand>,
    /// Questions that belong to no call. They end with the listener.
    asked: JoinSet<()>,
    last_id: Option<String>,
    retry: Option<Duration>,
}

impl Listener {
    pub(super) fn new(shared: Arc<Shared>, errands: WeakSender<Errand>) -> Self {
        Self {
            shared,
            errands,
            asked: JoinSet::new(),
            last_id: None,
            retry: None,
        }
    }

    async fn listen(&mut self, session: &Arc<Session>) -> End {
        let shared = Arc::clone(&self.shared);
        let last_id = self.last_id.clone();
        let resume = last_id.as_ref().map(|id| ("last-event-id", id.as_bytes()));
        let asked = Asked {
            head: &session.get,
            lines: resume.as_slice(),
            body: None,
            is_safe: true,
        };
        let mut events = match shared.client.ask(&asked).await {
            Ok((Came::Stream(events), _)) => events,
            Ok((Came::Refused(refused), _)) if session.is_lost(refused.status) => return End::Lost,
            Ok((Came::Refused(refused), _)) if refused.status >= 500 || refused.status == 429 => {
                return End::Broken;
            }
            Ok(_) => return End::None,
            Err(_) => return End::Broken,
        };
        loop {
            let event = events.next().await;
            self.note(&events);
            match event {
                Ok(Some(Event { data, .. })) => self.hear(&data, session),
                Ok(None) | Err(_) => return End::Broken,
            }
        }
    }

    fn note(&mut self, events: &Events<'_>) {
        let (id, retry) = events.position();
        if id.is_some() && id != self.last_id.as_deref() {
            self.last_id = id.map(str::to_owned);
        }
        self.retry = retry.or(self.retry);
    }

    /// Takes a message, and brings it to whom it is for.
    pub(super) fn hear(&mut self, data: &Bytes, session: &Arc<Session>) {
        while self.asked.try_join_next().is_some() {}
        let mut rest = Vec::new();
        hear(data, |said| match said {
            Ok(said) => rest.extend(self.shared.board.route(said)),
            Err(bad) => {
                if !self.shared.board.malformed(&bad) {
                    self.shared.board.tally.garbage(data.len());
                }
            }
        });
        for rest in rest {
            match rest {
                Rest::Told(told) => {
                    let hears = &self.shared.hears;
                    hears.notified(told.method.as_str(), told.params.raw());
                }
                Rest::Reply(id, answer) => put(&self.errands, reply(&id, answer), session),
                Rest::Blocked(question, word, error) => {
                    let hears = &self.shared.hears;
                    hears.came_to_nothing(question.method.as_str(), word);
                    put(&self.errands, reply(&question.id, Err(error)), session);
                }
                Rest::Question(question) if self.asked.len() >= OUTSIDE => {
                    let hears = &self.shared.hears;
                    hears.came_to_nothing(question.method.as_str(), "too_many");
                    let busy = encode::error(Some(&question.id), &nobody());
                    put(&self.errands, busy, session);
                }
                Rest::Question(question) => {
                    let hears = Arc::clone(&self.shared.hears);
                    let (errands, session) = (self.errands.clone(), Arc::clone(session));
                    self.asked.spawn(async move {
                        let method = question.method.as_str().to_owned();
                        let answer = hears.asked(method, question.params.raw().clone()).await;
                        put(&errands, reply(&question.id, answer), &session);
                    });
                }
            }
        }
    }
}

fn put(errands: &WeakSender<Errand>, message: Bytes, session: &Arc<Session>) {
    if let Some(errands) = errands.upgrade() {
        let errand = Errand {
            message,
            session: Arc::clone(session),
        };
        if errands.try_send(errand).is_err() {
            tracing::debug!("a server does not take answers as fast as it asks");
        }
    }
}
