//! The task that brings what no call waits for: notifications, cancellations, late answers; and that ends
//! the session when the link is closed.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::mpsc,
    time::{interval, timeout},
};

use super::{Shared, client::Asked, session::Session};

/// So many errands wait at most.
pub(super) const ERRANDS: usize = 256;
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
        loop {
            tokio::select! {
                errand = errands.recv() => match errand {
                    Some(errand) => self.bring(errand).await,
                    None => break,
                },
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

    async fn bring(&self, errand: Errand) {
        // What is of a session that is lost is of no use to the next.
        if errand.session.generation != self.shared.session.load().generation {
            return;
        }
        let post = self.shared.post(&errand.session, errand.message);
        if !matches!(timeout(PATIENCE, post).await, Ok(Ok(()))) {
            self.shared.board.tally.dropped();
        }
    }
}

impl Shared {
    /// Sends a notification or an answer, and sees that the server takes it.
    pub(super) async fn post(
        &self,
        session: &Session,
        message: Bytes,
    ) -> Result<(), crate::fault::LinkFault> {
        use super::came::Came;
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
