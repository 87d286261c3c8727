//! Progress and logs of one call, on their way to its client.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use durward_core::{Body, Clock, LogLevel, Notify, RawJson};
use durward_wire::encode;
use tokio::sync::mpsc;

use crate::stream::Streams;

/// Where a call's own messages go before its answer.
#[derive(Clone)]
pub enum Outlet {
    /// To whoever holds the other end: a modern answer's stream, or a pipe. Bounded; what a slow
    /// client does not take is dropped.
    Channel(mpsc::Sender<Body>),
    /// To a stream that can be resumed.
    Stream {
        /// The session's streams.
        streams: Arc<Streams>,
        /// The stream of this POST.
        id: u64,
        /// To date its events.
        clock: Arc<dyn Clock>,
    },
}

impl Outlet {
    /// Sends one message, or drops it where nobody takes it.
    pub fn send(&self, message: Bytes) {
        match self {
            Self::Channel(sender) => {
                if sender.try_send(message.into()).is_err() {
                    tracing::debug!("a notification was dropped: the client is slow or gone");
                }
            }
            Self::Stream { streams, id, clock } => streams.push(*id, clock.monotonic(), message),
        }
    }
}

/// Filters by what the client asked for, and words the messages.
pub(crate) struct CallNotifier {
    pub(crate) outlet: Outlet,
    pub(crate) progress_token: Option<RawJson>,
    pub(crate) level: Option<LogLevel>,
    /// Progress must rise (basic/utilities/progress): the last value sent, plus one.
    pub(crate) reached: AtomicU64,
}

impl Notify for CallNotifier {
    fn progress(&self, done: u64, total: Option<u64>, message: Option<&str>) {
        let Some(token) = &self.progress_token else {
            return;
        };
        // Nothing rises above the largest number.
        let done = done.min(u64::MAX - 1);
        if self.reached.fetch_max(done + 1, Ordering::Relaxed) > done {
            return;
        }
        let Ok(done) = RawJson::of(&done) else { return };
        let total = total.and_then(|total| RawJson::of(&total).ok());
        let message = message.and_then(|message| RawJson::of(message).ok());
        let mut members = vec![("progressToken", token), ("progress", &done)];
        members.extend(total.as_ref().map(|total| ("total", total)));
        members.extend(message.as_ref().map(|message| ("message", message)));
        let params = encode::object(&members);
        self.outlet
            .send(encode::notification("notifications/progress", &params));
    }

    fn log(&self, level: LogLevel, logger: &str, data: RawJson) {
        if self.level.is_none_or(|least| level < least) {
            return;
        }
        let (Ok(level), Ok(logger)) = (RawJson::of(&level), RawJson::of(logger)) else {
            return;
        };
        let params = encode::object(&[("level", &level), ("logger", &logger), ("data", &data)]);
        self.outlet
            .send(encode::notification("notifications/message", &params));
    }
}
