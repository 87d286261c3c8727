//! A server that is a program: one message a line, on its standard input and output
//! (`basic/transports/stdio`). One task owns the program; calls of any thread reach it by a bounded queue.

mod outbox;
mod owner;
mod probe;

use std::sync::Arc;

use bytes::Bytes;
use durward_cage::launch::{Level, Tail};
use durward_core::{BoxFuture, RawJson};
use durward_wire::{RequestId, encode};
use tokio::{
    sync::{Notify, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    exchange::{Exchange, Hears, Outcome},
    fault::{FaultKind, LinkFault},
    start::Running,
    switchboard::{Seat, Switchboard},
    talk::{self, Replies, Talk},
    target::LinkLimits,
};

pub(crate) use probe::open;

use outbox::{Outbox, Queue};

/// The way to a program.
pub(crate) struct Pipe {
    board: Arc<Switchboard>,
    outbox: Outbox,
    tail: Arc<Tail>,
    gone: watch::Receiver<Option<FaultKind>>,
    retire: Arc<Notify>,
    /// Dropping it tells the owner to stop the program.
    stop: Option<oneshot::Sender<()>>,
    owner: Option<JoinHandle<()>>,
    limits: LinkLimits,
    level: Level,
}

/// Whether the server hears when a call is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDrop {
    /// It is told to stop.
    Cancel,
    /// It hears nothing: what opens a link must not be cancelled.
    Quiet,
}

impl Pipe {
    /// Takes charge of a program that runs.
    pub(crate) fn new(
        running: Running,
        board: Arc<Switchboard>,
        hears: Arc<dyn Hears>,
        limits: LinkLimits,
    ) -> Self {
        let (outbox, queue) = outbox::pair(Arc::clone(&board));
        let (told, gone) = watch::channel(None);
        let (stop, stopped) = oneshot::channel();
        let (tail, retire) = (Arc::new(Tail::default()), Arc::new(Notify::new()));
        let owner = owner::Owner {
            board: Arc::clone(&board),
            outbox: outbox.clone(),
            tail: Arc::clone(&tail),
            hears,
            limits,
            retire: Arc::clone(&retire),
        };
        let level = running.level;
        let owner = tokio::spawn(owner.run(running, queue, stopped, told));
        Self {
            board,
            outbox,
            tail,
            gone,
            retire,
            stop: Some(stop),
            owner: Some(owner),
            limits,
            level,
        }
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn call(
        &self,
        seat: Seat,
        message: encode::Pieces,
        exchange: &dyn Exchange,
        on_drop: OnDrop,
    ) -> Result<Outcome, LinkFault> {
        if message.len() > self.limits.message {
            let limit = self.limits.message;
            return Err(FaultKind::RequestTooLong { limit }.before());
        }
        let call = Calling {
            pipe: self,
            seat,
            on_drop,
        };
        let mailbox = Arc::clone(&call.seat.mailbox);
        if self
            .outbox
            .send(message.into_line(), Some(&mailbox))
            .await
            .is_err()
        {
            return Err(self.fault().before());
        }
        let mut talk = Talk::new(exchange, &self.board, self);
        talk.until_answered(&mailbox).await
    }

    /// Tells something, if the server takes it.
    pub(crate) fn notify(&self, method: &str, params: &RawJson) {
        self.outbox.put(encode::notification(method, params));
    }

    /// Resolves when the program is gone.
    pub(crate) async fn gone(&self) -> FaultKind {
        let mut gone = self.gone.clone();
        let fault = gone.wait_for(Option::is_some).await;
        fault
            .ok()
            .and_then(|fault| fault.clone())
            .unwrap_or(FaultKind::Closed)
    }

    pub(crate) fn fault(&self) -> FaultKind {
        self.gone.borrow().clone().unwrap_or(FaultKind::Closed)
    }

    pub(crate) fn is_gone(&self) -> Option<FaultKind> {
        self.gone.borrow().clone()
    }

    /// How the program is held.
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    pub(crate) fn stderr_tail(&self) -> String {
        self.tail.text()
    }

    /// The program speaks another era than it did: it is stopped.
    pub(crate) fn retire(&self) {
        self.retire.notify_one();
    }

    /// Stops the program and waits until it is gone.
    pub(crate) async fn close(&mut self) {
        drop(self.stop.take());
        if let Some(owner) = self.owner.take() {
            // It ends by itself; that it panicked is told where panics are.
            let _ = owner.await;
        }
    }
}

impl Replies for Pipe {
    fn reply(&self, message: Bytes) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let line = encode::Pieces::from(message).into_line();
            // Gone is told to the call by its mailbox.
            let _ = self.outbox.send(line, None).await;
        })
    }

    fn reply_later(&self, message: Bytes) {
        self.outbox.put(message);
    }
}

/// A call on its way. Dropping it before it is answered cancels it.
struct Calling<'a> {
    pipe: &'a Pipe,
    seat: Seat,
    on_drop: OnDrop,
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        talk::leave_unanswered(&self.seat, self.pipe);
        if self.seat.mailbox.is_answered() {
            return;
        }
        if self.seat.mailbox.is_written() {
            self.pipe.board.leave(self.seat.number);
        }
        // From here on an answer is a stray.
        self.seat.mailbox.answer(Err(FaultKind::Closed.after()));
        if self.on_drop == OnDrop::Cancel {
            let id = RequestId::from(self.seat.number);
            let params = encode::object(&[("requestId", id.raw())]);
            let line = encode::notification("notifications/cancelled", &params);
            self.pipe.outbox.cancel(line, &self.seat.mailbox);
        }
    }
}
