//! The queue towards a program: bounded in bytes, so that a slow one holds up its own callers alone.

use std::sync::Arc;

use bytes::Bytes;
use durward_wire::encode::Pieces;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{mailbox::Mailbox, switchboard::Switchboard};

/// What may wait, counted in KiB, each line being one at least; a longer line waits alone.
const ROOM: u32 = 1024;
const UNIT: usize = 1024;
/// So many lines that nobody waits for, such as notifications, may wait beside them.
const NOTES: usize = 64;

/// Puts lines into the queue.
#[derive(Clone)]
pub(super) struct Outbox {
    items: mpsc::Sender<Item>,
    room: Arc<Semaphore>,
    notes: Arc<Semaphore>,
    board: Arc<Switchboard>,
}

/// Takes lines out of it.
pub(super) type Queue = mpsc::Receiver<Item>;

/// The program takes nothing any more.
#[derive(Debug)]
pub(super) struct Gone;

/// A line, and whose it is.
pub(super) struct Item {
    line: Bytes,
    call: Option<Arc<Mailbox>>,
    is_cancel: bool,
    _room: Option<OwnedSemaphorePermit>,
}

pub(super) fn pair(board: Arc<Switchboard>) -> (Outbox, Queue) {
    // Every line has a permit, and there is one cancellation a line: so many there can be.
    let (items, queue) = mpsc::channel(2 * (ROOM as usize) + NOTES);
    let outbox = Outbox {
        items,
        room: Arc::new(Semaphore::new(ROOM as usize)),
        notes: Arc::new(Semaphore::new(NOTES)),
        board,
    };
    (outbox, queue)
}

impl Outbox {
    /// Puts a line into the queue as soon as there is room.
    pub(super) async fn send(&self, line: Bytes, call: Option<&Arc<Mailbox>>) -> Result<(), Gone> {
        let units = u32::try_from(line.len() / UNIT + 1)
            .unwrap_or(ROOM)
            .min(ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(units);
        let item = Item {
            line,
            call: call.cloned(),
            is_cancel: false,
            _room: Some(room.await.map_err(|_| Gone)?),
        };
        self.items.send(item).await.map_err(|_| Gone)
    }

    /// Puts a short message into the queue if there is room; else it is dropped, and counted.
    pub(super) fn put(&self, message: Bytes) {
        let room = Arc::clone(&self.notes).try_acquire_owned();
        let item = room.ok().map(|room| Item {
            line: Pieces::from(message).into_line(),
            call: None,
            is_cancel: false,
            _room: Some(room),
        });
        if item.is_none_or(|item| self.items.try_send(item).is_err()) {
            self.board.tally.dropped();
        }
    }

    /// Puts a cancellation behind the call's own line.
    pub(super) fn cancel(&self, message: Bytes, call: &Arc<Mailbox>) {
        let item = Item {
            line: Pieces::from(message).into_line(),
            call: Some(Arc::clone(call)),
            is_cancel: true,
            _room: None,
        };
        if self.items.try_send(item).is_err() {
            self.board.tally.dropped();
        }
    }

    /// Nobody need wait for room any more.
    pub(super) fn close(&self) {
        self.room.close();
    }
}

impl Item {
    /// The line, unless its call was dropped before it was written. From here on the call may have run.
    pub(super) fn to_write(&self) -> Option<&Bytes> {
        match &self.call {
            Some(call) if self.is_cancel => call.is_written().then_some(&self.line),
            Some(call) => {
                if call.is_answered() {
                    return None;
                }
                call.set_written();
                Some(&self.line)
            }
            None => Some(&self.line),
        }
    }
}
