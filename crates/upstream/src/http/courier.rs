//! The task that brings what no call waits for: notifications, cancellations, late answers; and that ends
//! the session when the link is closed.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{interval, timeout},
};

use super::{Shared, came::Came, client::Asked, session::Session};
use crate::fault::LinkFault;

/// So many errands wait at most.
pub(super) const ERRANDS: usize = 256;
/// So many are under way at once: a cancellation does not wait for a server that is slow to take others.
const AT_ONCE: usize = 16;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the server has to hear that its session has ended.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often connections that have waited for too long are closed.
const SWEEP: Duration = Duration::from_secs(5);

/// A message, and the session that it is of.
pub(super) struct Errand {
    pub(super) message: Bytes,
    pub(super) session: Arc<Session>,
}

pub(super) struct Courier {
    pub(super) shared: Arc<Shared>,
}

impl Courier {
    pub(super) async fn run(self, mut errands: mpsc::Receiver<Errand>) {
        let mut sweep = interval(SWEEP);
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                errand = errands.recv(), if under_way.len() < AT_ONCE => match errand {
                    Some(errand) => {
                        under_way.spawn(bring(Arc::clone(&self.shared), errand));
                    }
                    None => break,
                },
                Some(_) = under_way.join_next() => {}
                _ = sweep.tick() => self.shared.client.sweep(),
            }
        }
        let session = self.shared.session.load_full();
        if session.has_id {
            let farewell = Asked {
                head: &session.delete,
                lines: &[],
                body: None,
                is_safe: true,
            };
            // A server need not let its sessions be ended (405).
            let _ = timeout(FAREWELL, self.shared.client.ask(&farewell)).await;
        }
    }
}

async fn bring(shared: Arc<Shared>, errand: Errand) {
    // What is of a session that is lost is of no use to the next.
    if errand.session.generation != shared.session.load().generation {
        return;
    }
    let post = shared.post(&errand.session, errand.message);
    if !matches!(timeout(PATIENCE, post).await, Ok(Ok(()))) {
        shared.board.tally.dropped();
    }
}

impl Shared {
    /// Sends a notification or an answer, and sees that the server takes it.
    pub(super) async fn post(&self, session: &Session, message: Bytes) -> Result<(), LinkFault> {
        let asked = Asked {
            head: &session.post,
            lines: &[],
            body: Some(&[message]),
            is_safe: false,
        };
        match self.client.ask(&asked).await?.0 {
            Came::Refused(refused) => Err(refused.fault()),
            Came::Message(_) | Came::Stream(_) | Came::Nothing => Ok(()),
        }
    }
}
