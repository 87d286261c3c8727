//! What came for one call from elsewhere than its own future: from a pipe's owner, or another stream.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
};

use durward_wire::{Notification, Request, RequestId};

use crate::{exchange::Outcome, fault::LinkFault};

/// So many events wait for a call at most, of so many bytes. What is more is dropped.
const EVENTS: usize = 256;
const BYTES: usize = 4 << 20;

/// What comes for a call.
#[derive(Debug)]
pub(crate) enum Event {
    /// Progress or a log.
    Told(Notification),
    /// The server asks.
    Question(Request),
    /// The server needs no answer any more.
    Withdrawn(RequestId),
    /// The end.
    Answer(Result<Outcome, LinkFault>),
}

/// A call's mailbox. Putting never waits.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    letters: Mutex<Letters>,
    /// Has the request been written, in part at least?
    written: AtomicBool,
}

#[derive(Debug, Default)]
struct Letters {
    events: VecDeque<(Event, usize)>,
    bytes: usize,
    answer: Option<Result<Outcome, LinkFault>>,
    is_answered: bool,
    waker: Option<Waker>,
}

impl Mailbox {
    /// Puts an event, whose text has so many bytes. False if there is no room for it.
    pub(crate) fn put(&self, event: Event, bytes: usize) -> bool {
        let mut letters = self.lock();
        let full = letters.events.len() >= EVENTS
            || letters.bytes + bytes > BYTES && !letters.events.is_empty();
        if full || letters.is_answered {
            return false;
        }
        letters.bytes += bytes;
        letters.events.push_back((event, bytes));
        wake(letters);
        true
    }

    /// Puts the end. False if there was one before.
    pub(crate) fn answer(&self, answer: Result<Outcome, LinkFault>) -> bool {
        let mut letters = self.lock();
        if std::mem::replace(&mut letters.is_answered, true) {
            return false;
        }
        letters.answer = Some(answer);
        wake(letters);
        true
    }

    /// The next event; the end comes last, and once.
    pub(crate) async fn next(&self) -> Event {
        poll_fn(|context| {
            let mut letters = self.lock();
            if let Some((event, bytes)) = letters.events.pop_front() {
                letters.bytes -= bytes;
                return Poll::Ready(event);
            }
            if let Some(answer) = letters.answer.take() {
                return Poll::Ready(Event::Answer(answer));
            }
            match &letters.waker {
                Some(waker) if waker.will_wake(context.waker()) => {}
                _ => letters.waker = Some(context.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }

    /// The next event that has come, but for the end.
    pub(crate) fn try_next(&self) -> Option<Event> {
        let mut letters = self.lock();
        let (event, bytes) = letters.events.pop_front()?;
        letters.bytes -= bytes;
        Some(event)
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.lock().is_answered
    }

    /// Questions that nobody has taken out, at the end of the call.
    pub(crate) fn questions(&self) -> Vec<RequestId> {
        let events = std::mem::take(&mut self.lock().events);
        let question = |(event, _)| match event {
            Event::Question(request) => Some(request.id),
            _ => None,
        };
        events.into_iter().filter_map(question).collect()
    }

    pub(crate) fn set_written(&self) {
        self.written.store(true, Ordering::Release);
    }

    pub(crate) fn is_written(&self) -> bool {
        self.written.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(mut letters: MutexGuard<'_, Letters>) {
    let waker = letters.waker.take();
    drop(letters);
    if let Some(waker) = waker {
        waker.wake();
    }
}
