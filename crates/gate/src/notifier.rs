//! Progress and logs of one call, on their way to its client.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use durward_core::{Body, Clock, LogLevel, Notify, RawJson};
use durward_wire::encode;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::stream::Streams;

/// Messages that wait for one client come to about so many bytes at most.
const MOST_BYTES: usize = 4 << 20;

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
    /// Sends one message, or drops it where nobody takes it; false where it is known to be dropped.
    pub fn send(&self, message: Bytes) -> bool {
        match self {
            Self::Channel(sender) => {
                // As if all that wait were as long: what is sent by one call mostly is.
                let waiting = sender.max_capacity() - sender.capacity();
                let has_room = waiting.saturating_mul(message.len()) <= MOST_BYTES;
                let sent = has_room && sender.try_send(message.into()).is_ok();
                if !sent {
                    tracing::debug!("a message was dropped: the client is slow or gone");
                }
                sent
            }
            Self::Stream { streams, id, clock } => {
                streams.push(*id, clock.monotonic(), message);
                true
            }
        }
    }
}

/// Filters by what the client asked for, and words the messages.
pub(crate) struct CallNotifier {
    pub(crate) outlet: Outlet,
    pub(crate) progress_token: Option<RawJson>,
    pub(crate) level: Option<LogLevel>,
    /// Progress must rise (basic/utilities/progress): the last value sent.
    pub(crate) reached: Reached,
}

/// How far a call has come, as it was last told.
#[derive(Default)]
pub(crate) struct Reached(AtomicU64);

impl Reached {
    /// True where this is further than what was told; from then on it is what was told.
    fn rises(&self, done: f64) -> bool {
        // The bits of numbers order as the numbers do once the negative ones are turned round; nothing
        // that is a number comes to zero.
        let bits = done.to_bits();
        let order = match bits >> 63 {
            0 => bits | 1 << 63,
            _ => !bits,
        };
        self.0.fetch_max(order, Ordering::Relaxed) < order
    }
}

impl Notify for CallNotifier {
    fn progress(&self, done: u64, total: Option<u64>, message: Option<&str>) {
        let Some(token) = &self.progress_token else {
            return;
        };
        if !self.reached.rises(done as f64) {
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

    fn relay_progress(&self, params: &RawJson) {
        #[derive(Deserialize)]
        struct Told {
            progress: f64,
        }
        let Some(token) = &self.progress_token else {
            return;
        };
        // The number is read to see that it rises, and told as it was spelled.
        let rises = |told: Told| self.reached.rises(told.progress);
        if params.parse().is_ok_and(rises) {
            let params = encode::replaced(params, "progressToken", token);
            self.outlet
                .send(encode::notification("notifications/progress", &params));
        }
    }

    fn relay_log(&self, level: LogLevel, params: RawJson) {
        if self.level.is_some_and(|least| level >= least) {
            self.outlet
                .send(encode::notification("notifications/message", &params));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_does_not_take_is_bounded_in_number_and_in_bytes() {
        let held = |length: usize| {
            let (sender, mut receiver) = mpsc::channel(256);
            let outlet = Outlet::Channel(sender);
            let message = Bytes::from(vec![b'x'; length]);
            let sent = (0..1000).filter(|_| outlet.send(message.clone())).count();
            assert_eq!(
                std::iter::from_fn(|| receiver.try_recv().ok()).count(),
                sent
            );
            sent
        };
        assert_eq!(held(10), 256);
        assert_eq!(held(1 << 20), 5);
        assert_eq!(held(16 << 20), 1);
    }

    #[test]
    fn progress_rises_by_value() {
        let reached = Reached::default();
        let told = [-2.5, -1.0, -1.0, 0.0, -0.5, 0.25, 0.25, 1e300, 1.0];
        let rising: Vec<_> = told.iter().map(|done| reached.rises(*done)).collect();
        assert_eq!(
            rising,
            [true, true, false, true, false, true, false, true, false]
        );
    }

    #[test]
    fn a_server_s_progress_keeps_its_spelling_but_for_the_token() {
        let (sender, mut receiver) = mpsc::channel(8);
        let notifier = CallNotifier {
            outlet: Outlet::Channel(sender),
            progress_token: Some(RawJson::from_static("\"mine\"")),
            level: Some(LogLevel::Warning),
            reached: Reached::default(),
        };
        let params =
            RawJson::from_static(r#"{"x":1.50,"progressToken":7,"progress":1e1,"total":2E1}"#);
        notifier.relay_progress(&params);
        notifier.relay_progress(&params);
        notifier.relay_log(LogLevel::Info, RawJson::empty_object());
        notifier.relay_log(LogLevel::Error, RawJson::from_static(r#"{"data":1.0}"#));
        drop(notifier);
        let told = [
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"x":1.50,"progressToken":"mine","progress":1e1,"total":2E1}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":1.0}}"#,
        ];
        for line in told {
            assert_eq!(receiver.try_recv().unwrap().into_bytes(), line);
        }
        assert!(receiver.try_recv().is_err());
    }
}
