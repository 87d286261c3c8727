//! Connections that wait, each for the thread whose runtime it is of.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use durward_cage::egress::{Connector, EgressFault};
use durward_guard::egress::Target;
use tokio::time::Instant;

use super::conn::{Conn, Judged};

/// Threads share a lane only where there are more of them.
const LANES: usize = 16;
/// Connections that wait in one lane at most.
const WAITING: usize = 256;

/// The connections to one origin.
pub(super) struct Pool {
    connector: Connector,
    target: Target,
    connect: Duration,
    lanes: [Mutex<Vec<Conn>>; LANES],
}

impl Pool {
    pub(super) fn new(connector: Connector, target: Target, connect: Duration) -> Self {
        Self {
            connector,
            target,
            connect,
            lanes: Default::default(),
        }
    }

    /// A connection that waits, of this thread.
    pub(super) fn waiting(&self) -> Option<Conn> {
        let thread = this_thread();
        let (settings, now) = (self.connector.settings_id(), Instant::now());
        let mut lane = self.lane(thread);
        let mut at = lane.len();
        while at > 0 {
            at -= 1;
            if lane[at].thread != thread {
                continue;
            }
            match lane[at].judge(settings, now) {
                Judged::Good => return Some(lane.swap_remove(at)),
                Judged::Ending => {}
                Judged::Bad => drop(lane.swap_remove(at)),
            }
        }
        None
    }

    /// A new connection.
    pub(super) async fn open(&self) -> Result<Conn, EgressFault> {
        let settings = self.connector.settings_id();
        let stream = self.connector.open(&self.target, self.connect).await?;
        Ok(Conn::new(stream, this_thread(), settings))
    }

    /// Lets a connection wait for its next request.
    pub(super) fn put(&self, mut conn: Conn) {
        conn.begin_to_wait();
        let mut lane = self.lane(conn.thread);
        if lane.len() < WAITING {
            lane.push(conn);
        }
    }

    /// Closes what has waited for too long.
    pub(super) fn sweep(&self) {
        let (settings, now) = (self.connector.settings_id(), Instant::now());
        for lane in 0..LANES {
            self.lane(lane)
                .retain_mut(|conn| conn.judge(settings, now) != Judged::Bad);
        }
    }

    fn lane(&self, thread: usize) -> MutexGuard<'_, Vec<Conn>> {
        let lane = &self.lanes[thread % LANES];
        lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that no other thread has.
fn this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    OWN.with(|own| *own)
}
