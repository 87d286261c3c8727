//! Memory of a box that no control group counts: it is looked at from time to time, and the box ends when it
//! has too much. Each process by itself is held by its limit meanwhile.

use std::fs;

use rustix::event::Timespec;

use super::{Level, flaws::Flaws, raise::Raised};

/// Milliseconds between two looks: when more than half is used, at first, and when there is time.
const CLOSE: u32 = 20;
const FIRST: u32 = 50;
const LONGEST: u32 = 200;

/// More than this is no limit that somebody set.
const ANY: u64 = 1 << 42;

/// A box whose memory is looked at.
pub(in crate::launch) struct Watched {
    limit: u64,
    pause: u32,
}

impl Watched {
    /// None where a group counts, or nothing is to be counted. By `/proc`, in which at full there is nobody else.
    pub(in crate::launch) fn of(raised: &Raised) -> Option<Self> {
        let apart = raised.flaws.has(Flaws::MEMORY_APART);
        let seen = raised.level == Level::Full && !raised.flaws.has(Flaws::PROCESSES_UNSEEN);
        (apart && seen && raised.limits.memory < ANY).then_some(Self {
            limit: raised.limits.memory,
            pause: FIRST,
        })
    }

    /// Until the next look.
    pub(in crate::launch) fn pause(&self) -> Timespec {
        Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(self.pause) * 1_000_000,
        }
    }

    /// Whether it has too much.
    pub(in crate::launch) fn is_over(&mut self) -> bool {
        let used = used();
        self.pause = if used > self.limit / 2 {
            CLOSE
        } else {
            LONGEST.min(self.pause * 2)
        };
        used > self.limit
    }
}

/// Bytes of memory that all processes have of their own (proc_pid_status(5)).
fn used() -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = processes.filter_map(|entry| {
        let is_process = entry.file_name().as_encoded_bytes()[0].is_ascii_digit();
        let status = is_process.then(|| fs::read_to_string(entry.path().join("status")));
        kib(&status?.ok()?)
    });
    own.sum::<u64>() * 1024
}

fn kib(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_ones_own_is_counted() {
        let before = used();
        let piece = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(used() > before);
        drop(piece);
        assert_eq!(kib("VmRSS:\t 9 kB\nRssAnon:\t     132 kB\n"), Some(132));
    }
}
