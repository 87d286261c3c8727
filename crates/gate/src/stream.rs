//! A legacy session's event streams: what waits for a reader, and what one may ask for again.
//!
//! Stream 0 is the GET stream; each POST that streams gets a number of its own. Ids are
//! `<stream>.<n>`, and a reader resumes its own stream alone (MCP 2025-11-25, basic/transports,
//! "Resumability and Redelivery").

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use durward_core::Monotonic;
use durward_wire::sse::EventId;
use tokio::sync::Notify;

/// The number of the GET stream.
pub const GET_STREAM: u64 = 0;

const MOST_EVENTS: usize = 256;
const MOST_BYTES: usize = 1 << 20;
/// Bytes that wait in all streams of this process, before each keeps no more than [`SCARCE`].
const MOST_OF_ALL: usize = 64 << 20;
const SCARCE: usize = 16 << 10;
const MOST_STREAMS: usize = 32;
const KEEP: Duration = Duration::from_secs(300);

/// All streams of one session.
#[derive(Default)]
pub struct Streams {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    streams: BTreeMap<u64, Stream>,
    opened: u64,
    closed: bool,
}

#[derive(Default)]
struct Stream {
    events: VecDeque<Event>,
    sent: u64,
    done: bool,
    reader: u64,
    /// The number of the last event that its reader has taken.
    taken: u64,
    /// So many events went before a reader took them.
    missed: u64,
}

struct Event {
    number: u64,
    at: Monotonic,
    data: Bytes,
    /// Set for what makes an older one of its kind needless, such as `list_changed`.
    merge: Option<Box<str>>,
    _held: Held,
}

/// Bytes that wait in the streams of all sessions: thousands of clients may stop reading at once.
static ALL: AtomicUsize = AtomicUsize::new(0);

/// So many of them are an event's.
struct Held(usize);

impl Held {
    fn new(bytes: usize) -> Self {
        ALL.fetch_add(bytes, Ordering::Relaxed);
        Self(bytes)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        ALL.fetch_sub(self.0, Ordering::Relaxed);
    }
}

impl Streams {
    /// Opens a stream for one POST.
    pub fn open(&self) -> u64 {
        let mut inner = self.lock();
        inner.opened += 1;
        let id = inner.opened;
        inner.streams.insert(id, Stream::default());
        while inner.streams.len() > MOST_STREAMS {
            let oldest = inner
                .streams
                .iter()
                .find(|(id, stream)| **id != GET_STREAM && stream.done);
            let Some(id) = oldest.map(|(id, _)| *id) else {
                break;
            };
            inner.streams.remove(&id);
        }
        id
    }

    /// Adds a message to a stream.
    pub fn push(&self, stream: u64, at: Monotonic, data: Bytes) {
        self.add(stream, Event::new(at, data, None));
    }

    /// Adds a message that makes a waiting one of the same kind needless.
    pub fn push_merged(&self, kind: &str, at: Monotonic, data: Bytes) {
        self.add(GET_STREAM, Event::new(at, data, Some(kind.into())));
    }

    fn add(&self, stream: u64, mut event: Event) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        let stream = inner.streams.entry(stream).or_default();
        if event.merge.is_some() {
            stream.events.retain(|old| old.merge != event.merge);
        }
        stream.sent += 1;
        event.number = stream.sent;
        let now = event.at;
        stream.events.push_back(event);
        stream.trim(now);
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Nothing more will come on this stream.
    pub fn finish(&self, stream: u64) {
        if let Some(stream) = self.lock().streams.get_mut(&stream) {
            stream.done = true;
        }
        self.changed.notify_waiters();
    }

    /// Ends all streams and their readers.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    /// True where the stream has something to be read, or a reader that waits for it.
    pub fn has_begun(&self, stream: u64) -> bool {
        self.lock()
            .streams
            .get(&stream)
            .is_some_and(|stream| !stream.events.is_empty() || stream.reader > 0)
    }

    /// Ends when the stream has something to be read, or is finished.
    pub async fn started(&self, stream: u64) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let begun = self
                .lock()
                .streams
                .get(&stream)
                .is_none_or(|stream| stream.done || !stream.events.is_empty());
            if begun {
                return;
            }
            changed.await;
        }
    }

    /// Reads a stream from after event `after`; an earlier reader of it ends. `None` where there is
    /// no such stream any more.
    pub fn read(self: &Arc<Self>, stream: u64, after: u64) -> Option<Reader> {
        let mut inner = self.lock();
        if stream == GET_STREAM {
            inner.streams.entry(GET_STREAM).or_default();
        }
        let found = inner.streams.get_mut(&stream)?;
        found.reader += 1;
        found.taken = after;
        let reader = found.reader;
        drop(inner);
        self.changed.notify_waiters();
        Some(Reader {
            streams: Arc::clone(self),
            stream,
            after,
            reader,
        })
    }

    /// Number of the first event on the GET stream that nobody has read: a new reader begins there.
    pub fn unread(&self) -> u64 {
        self.lock().streams.get(&GET_STREAM).map_or(0, |stream| {
            stream
                .events
                .front()
                .map_or(stream.sent, |event| event.number - 1)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Event {
    fn new(at: Monotonic, data: Bytes, merge: Option<Box<str>>) -> Self {
        Self {
            number: 0,
            at,
            merge,
            _held: Held::new(data.len()),
            data,
        }
    }
}

impl Stream {
    fn trim(&mut self, now: Monotonic) {
        let most = match ALL.load(Ordering::Relaxed) {
            ..=MOST_OF_ALL => MOST_BYTES,
            _ => SCARCE,
        };
        let mut bytes: usize = self.events.iter().map(|event| event.data.len()).sum();
        // The newest always stays: a reader that keeps up must get it, however large it is.
        while self.events.len() > 1 {
            let oldest = &self.events[0];
            let stale = now.since(oldest.at) > KEEP;
            if !stale && bytes <= most && self.events.len() <= MOST_EVENTS {
                break;
            }
            bytes -= oldest.data.len();
            self.missed += u64::from(oldest.number > self.taken);
            self.events.pop_front();
        }
    }
}

/// Reads one stream.
pub struct Reader {
    streams: Arc<Streams>,
    stream: u64,
    after: u64,
    reader: u64,
}

impl Reader {
    /// The id that names this reader's place.
    pub fn place(&self) -> EventId {
        EventId {
            stream: self.stream,
            number: self.after,
        }
    }

    /// Ends when the stream has gone on without this reader: from now on it misses something, or another
    /// has taken its place. To be waited for while an event is being sent.
    pub async fn overtaken(&self) {
        let begun = self.missed();
        loop {
            let changed = self.streams.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.missed() != begun {
                return;
            }
            changed.await;
        }
    }

    /// `None` where the stream is not this reader's any more.
    fn missed(&self) -> Option<u64> {
        let inner = self.streams.lock();
        let stream = inner.streams.get(&self.stream);
        let mine = stream.filter(|stream| stream.reader == self.reader);
        mine.map(|stream| stream.missed)
    }

    /// The next event; `None` when the stream has ended or another reader took it over.
    pub async fn next(&mut self) -> Option<(EventId, Bytes)> {
        loop {
            let streams = Arc::clone(&self.streams);
            let changed = streams.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.look() {
                Look::Event(id, data) => return Some((id, data)),
                Look::Ended => return None,
                Look::Wait => changed.await,
            }
        }
    }

    fn look(&mut self) -> Look {
        let mut inner = self.streams.lock();
        let closed = inner.closed;
        let Some(stream) = inner.streams.get_mut(&self.stream) else {
            return Look::Ended;
        };
        if stream.reader != self.reader {
            return Look::Ended;
        }
        match stream.events.iter().find(|event| event.number > self.after) {
            Some(event) => {
                (self.after, stream.taken) = (event.number, event.number);
                Look::Event(
                    EventId {
                        stream: self.stream,
                        number: event.number,
                    },
                    event.data.clone(),
                )
            }
            None if stream.done || closed => Look::Ended,
            None => Look::Wait,
        }
    }
}

enum Look {
    Event(EventId, Bytes),
    Ended,
    Wait,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[tokio::test]
    async fn a_reader_resumes_after_the_event_that_it_saw() {
        let streams = Arc::new(Streams::default());
        let stream = streams.open();
        for text in ["a", "b", "c"] {
            streams.push(stream, Monotonic(0), data(text));
        }
        streams.finish(stream);
        let mut reader = streams.read(stream, 1).unwrap();
        assert_eq!(reader.next().await.unwrap().1, data("b"));
        assert_eq!(
            reader.next().await.unwrap().0.to_string(),
            format!("{stream}.3")
        );
        assert!(reader.next().await.is_none());
    }

    #[tokio::test]
    async fn a_new_reader_ends_the_old_one() {
        let streams = Arc::new(Streams::default());
        let mut old = streams.read(GET_STREAM, 0).unwrap();
        let mut new = streams.read(GET_STREAM, 0).unwrap();
        assert!(old.next().await.is_none());
        streams.push(GET_STREAM, Monotonic(0), data("a"));
        assert_eq!(new.next().await.unwrap().1, data("a"));
    }

    #[tokio::test]
    async fn a_reader_that_is_left_behind_hears_of_it_and_one_that_keeps_up_does_not() {
        let streams = Arc::new(Streams::default());
        let stream = streams.open();
        let mut reader = streams.read(stream, 0).unwrap();
        let push = || streams.push(stream, Monotonic(0), data("x"));
        for _ in 0..2 * MOST_EVENTS {
            push();
            reader.next().await.unwrap();
        }
        let mut overtaken = std::pin::pin!(reader.overtaken());
        for _ in 0..MOST_EVENTS {
            push();
            assert!(now(overtaken.as_mut()).is_none());
        }
        push();
        assert!(now(overtaken.as_mut()).is_some());
    }

    #[tokio::test]
    async fn a_reader_whose_place_is_taken_hears_of_it() {
        let streams = Arc::new(Streams::default());
        let reader = streams.read(GET_STREAM, 0).unwrap();
        let mut overtaken = std::pin::pin!(reader.overtaken());
        assert!(now(overtaken.as_mut()).is_none());
        let _new = streams.read(GET_STREAM, 0).unwrap();
        assert!(now(overtaken.as_mut()).is_some());
    }

    fn now(work: std::pin::Pin<&mut impl Future<Output = ()>>) -> Option<()> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match work.poll(&mut context) {
            std::task::Poll::Ready(()) => Some(()),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn what_waits_in_all_streams_together_is_bounded() {
        let all: Vec<_> = (0..200).map(|_| Streams::default()).collect();
        let large = Bytes::from(vec![b'x'; SCARCE]);
        for streams in &all {
            let stream = streams.open();
            for _ in 0..100 {
                streams.push(stream, Monotonic(0), large.clone());
            }
        }
        let held = ALL.load(Ordering::Relaxed);
        assert!(held < MOST_OF_ALL + (all.len() + 64) * SCARCE, "{held}");
        drop(all);
        assert!(ALL.load(Ordering::Relaxed) < MOST_OF_ALL);
    }

    #[test]
    fn waiting_messages_are_bounded_and_merged() {
        let streams = Arc::new(Streams::default());
        for _ in 0..1000 {
            streams.push_merged("tools", Monotonic(0), data("changed"));
        }
        assert_eq!(streams.lock().streams[&GET_STREAM].events.len(), 1);
        for _ in 0..1000 {
            streams.push(GET_STREAM, Monotonic(0), data("x"));
        }
        assert_eq!(
            streams.lock().streams[&GET_STREAM].events.len(),
            MOST_EVENTS
        );
    }
}
