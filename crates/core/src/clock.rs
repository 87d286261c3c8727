//! Time and chance, injected, so that tests can set both.

use std::{
    cell::RefCell,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01 UTC. It may jump; order by it nothing that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wall(pub u64);

impl Wall {
    /// This time and so much more.
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)),
        )
    }

    /// RFC 3339, UTC, to the microsecond.
    pub fn to_rfc3339(self) -> String {
        let micros = i64::try_from(self.0).unwrap_or(i64::MAX);
        jiff::Timestamp::from_microsecond(micros).map_or_else(
            |_| "9999-12-31T23:59:59Z".to_owned(),
            |at| format!("{at:.6}"),
        )
    }
}

/// Nanoseconds since some point before the process began. Never jumps, never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// How long ago `earlier` was.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The only source of time and of random bytes.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn wall(&self) -> Wall;
    /// For durations, timeouts and rates.
    fn monotonic(&self) -> Monotonic;
    /// Fills `bytes` with what nobody can guess.
    fn random(&self, bytes: &mut [u8]);
}

/// The machine's clock and random source.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// Starts counting.
    #[expect(
        clippy::new_without_default,
        reason = "starting a clock is an act, not a default"
    )]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that may ask the machine"
    )]
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that may ask the machine"
)]
impl Clock for SystemClock {
    fn wall(&self) -> Wall {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Wall(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn random(&self, bytes: &mut [u8]) {
        // A call's name takes ten bytes: one system call serves many of them.
        thread_local! {
            static STOCK: RefCell<Stock> = const { RefCell::new(Stock { bytes: [0; 512], left: 0 }) };
        }
        if bytes.len() > 32 {
            return draw(bytes);
        }
        STOCK.with_borrow_mut(|stock| {
            if stock.left < bytes.len() {
                draw(&mut stock.bytes);
                stock.left = stock.bytes.len();
            }
            let taken = &mut stock.bytes[stock.left - bytes.len()..stock.left];
            bytes.copy_from_slice(taken);
            // What was handed out is nobody else's to read.
            taken.fill(0);
            stock.left -= bytes.len();
        });
    }
}

/// Random bytes that were drawn ahead.
struct Stock {
    bytes: [u8; 512],
    left: usize,
}

fn draw(bytes: &mut [u8]) {
    // Nothing safe can be done without random bytes, and Linux fails here only before boot ends.
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

/// A clock for tests: it moves when told to, and its random bytes repeat from run to run.
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicU64,
    state: Mutex<u64>,
}

impl ManualClock {
    /// At zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.nanos.fetch_add(
            u64::try_from(by.as_nanos()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Wall {
        Wall(1_800_000_000_000_000 + self.nanos.load(Ordering::Relaxed) / 1_000)
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(self.nanos.load(Ordering::Relaxed))
    }

    fn random(&self, bytes: &mut [u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (*state >> 56) as u8;
        }
    }
}
