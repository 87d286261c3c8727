//! A call's conversation: its progress and logs are handed on, its questions asked and answered.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use bytes::Bytes;
use durward_core::{BoxFuture, ProtocolError, RawJson};
use durward_wire::{Notification, Request, RequestId, code, encode};

use crate::{
    exchange::{Exchange, Outcome},
    fault::LinkFault,
    mailbox::{Event, Mailbox},
    switchboard::{Seat, Switchboard},
};

/// So many questions of one call are asked at once at most.
const AT_ONCE: usize = 16;

/// How answers to a server's questions go out.
pub(crate) trait Replies: Send + Sync {
    /// Sends one; waits for a slow server.
    fn reply(&self, message: Bytes) -> BoxFuture<'_, ()>;
    /// Sends one if the server takes it, and does not wait.
    fn reply_later(&self, message: Bytes);
}

/// The conversation of one call. Dropping it tells the server that its questions stay unanswered.
pub(crate) struct Talk<'a> {
    exchange: &'a dyn Exchange,
    board: &'a Switchboard,
    replies: &'a dyn Replies,
    asking: Vec<Asking<'a>>,
}

struct Asking<'a> {
    id: RequestId,
    /// Its answer is on its way.
    is_answered: Arc<AtomicBool>,
    future: BoxFuture<'a, ()>,
}

impl<'a> Talk<'a> {
    pub(crate) fn new(
        exchange: &'a dyn Exchange,
        board: &'a Switchboard,
        replies: &'a dyn Replies,
    ) -> Self {
        Self {
            exchange,
            board,
            replies,
            asking: Vec::new(),
        }
    }

    /// Takes what comes by the mailbox until the end comes. To be polled again after being dropped.
    pub(crate) async fn until_answered(&mut self, mailbox: &Mailbox) -> Result<Outcome, LinkFault> {
        loop {
            tokio::select! {
                biased;
                event = mailbox.next() => match event {
                    Event::Answer(answer) => return answer,
                    event => self.take(event),
                },
                () = self.go_on() => {}
            }
        }
    }

    /// Takes what has come, and waits for nothing.
    pub(crate) fn catch_up(&mut self, mailbox: &Mailbox) {
        while let Some(event) = mailbox.try_next() {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Told(told) => {
                self.told(&told);
            }
            Event::Question(question) => self.asked(question),
            Event::Withdrawn(id) => self.withdrawn(&id),
            Event::Answer(_) => {}
        }
    }

    /// Progress or a log of this call. False for any other notification.
    pub(crate) fn told(&mut self, told: &Notification) -> bool {
        match told.method.as_str() {
            "notifications/progress" => self.exchange.progress(told.params.raw()),
            "notifications/message" => self.exchange.log(told.params.raw()),
            "notifications/cancelled" => {
                if let Some(Ok(id)) = told.params.get("requestId").map(RequestId::try_from) {
                    self.withdrawn(&id);
                }
            }
            _ => return false,
        }
        true
    }

    /// A question for this call's client.
    pub(crate) fn asked(&mut self, question: Request) {
        let Request { id, method, params } = question;
        if method.as_str() == "ping" {
            let pong = encode::result(&id, &RawJson::empty_object(), &[]);
            return self.replies.reply_later(pong);
        }
        if self.asking.len() >= AT_ONCE {
            self.board.forget(&id);
            self.exchange.came_to_nothing(method.as_str(), "too_many");
            let busy = code::error(code::INTERNAL_ERROR, "too many questions at once");
            return self.replies.reply_later(encode::error(Some(&id), &busy));
        }
        let (exchange, replies, own) = (self.exchange, self.replies, id.clone());
        let is_answered = Arc::new(AtomicBool::new(false));
        let on_its_way = Arc::clone(&is_answered);
        let future = Box::pin(async move {
            let answer = exchange.ask(method.as_str(), params.raw().clone()).await;
            on_its_way.store(true, Ordering::Relaxed);
            replies.reply(reply(&own, answer)).await;
        });
        self.asking.push(Asking {
            id,
            is_answered,
            future,
        });
    }

    /// The server needs no answer to this any more.
    fn withdrawn(&mut self, id: &RequestId) {
        self.asking.retain(|asking| asking.id != *id);
    }

    /// Goes on with the questions. It never ends.
    pub(crate) async fn go_on(&mut self) {
        poll_fn(|context| {
            let board = self.board;
            self.asking.retain_mut(|asking| {
                let answered = asking.future.as_mut().poll(context).is_ready();
                if answered {
                    board.forget(&asking.id);
                }
                !answered
            });
            Poll::Pending
        })
        .await
    }
}

impl Drop for Talk<'_> {
    fn drop(&mut self) {
        let open = |asking: &&Asking<'_>| !asking.is_answered.load(Ordering::Relaxed);
        for asking in self.asking.iter().filter(open) {
            self.replies
                .reply_later(encode::error(Some(&asking.id), &ended()));
        }
    }
}

/// The answers to what a call was asked and never looked at.
pub(crate) fn leave_unanswered(seat: &Seat, replies: &dyn Replies) {
    for id in seat.mailbox.questions() {
        replies.reply_later(encode::error(Some(&id), &ended()));
    }
}

/// The message that answers a question.
pub(crate) fn reply(id: &RequestId, answer: Result<RawJson, ProtocolError>) -> Bytes {
    match answer {
        Ok(result) => encode::result(id, &result, &[]),
        Err(error) => encode::error(Some(id), &error),
    }
}

fn ended() -> ProtocolError {
    code::error(code::INTERNAL_ERROR, "the call that asked this has ended")
}
