//! Descendants: who they are, and their end.

use std::{collections::HashMap, fs, thread, time::Duration};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, wait},
};

use super::signals;

/// Between two looks at what can't be killed: a program that became another user's.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Kills every descendant, and what they make meanwhile, until there is none: as their subreaper we are
/// the parent of each whose own parent ended. Every child's end is told.
pub(super) fn uproot(mut ended: impl FnMut(Pid, WaitStatus)) {
    if getpid() == Pid::INIT {
        return empty(ended);
    }
    let mut pause = Duration::from_millis(1);
    loop {
        // Who is killed ends, so that these waits do.
        let doomed = kill_but(&[]);
        for _ in 0..doomed {
            match wait(WaitOptions::empty()) {
                Ok(Some((pid, status))) => ended(pid, status),
                Err(Errno::INTR) | Ok(None) => {}
                Err(_) => return,
            }
        }
        if doomed == 0 {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => ended(pid, status),
                Ok(None) => {
                    thread::sleep(pause);
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                Err(_) => return,
            }
        }
    }
}

/// The same for the first process of a PID namespace: all others are its descendants, and one call kills
/// them. It is their parent once they end (pid_namespaces(7)).
fn empty(mut ended: impl FnMut(Pid, WaitStatus)) {
    while signals::kill_all() {
        // Who forks meanwhile is killed with its child: the call and forks exclude each other.
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => ended(pid, status),
            Err(Errno::INTR) | Ok(None) => {}
            Err(_) => return,
        }
        while let Ok(Some((pid, status))) = wait(WaitOptions::empty()) {
            ended(pid, status);
        }
    }
    // None runs; some may not have been waited for.
    while let Ok(Some((pid, status))) = wait(WaitOptions::empty()) {
        ended(pid, status);
    }
}

/// Kills every descendant but these children and theirs; how many children were killed.
pub(super) fn kill_but(spared: &[Pid]) -> usize {
    let mut census = Census::take();
    let mut generation = census.children(getpid());
    generation.retain(|child| !spared.contains(child));
    let children = generation.iter().filter(|child| kill(**child)).count();
    // A child stays ours until we wait for it. A deeper one might be gone, but a number that was just
    // freed is not given out again before all others were (kernel/pid.c, idr_alloc_cyclic).
    while !generation.is_empty() {
        generation = generation
            .iter()
            .flat_map(|parent| census.children(*parent))
            .collect();
        for child in &generation {
            kill(*child);
        }
    }
    children
}

fn kill(pid: Pid) -> bool {
    kill_process(pid, Signal::KILL).is_ok()
}

/// Who is whose child: as the kernel lists it, or, where it was built without that
/// (`CONFIG_PROC_CHILDREN`), by the parents that all processes name.
enum Census {
    Listed,
    Counted(HashMap<Pid, Vec<Pid>>),
}

impl Census {
    fn take() -> Self {
        if fs::exists("/proc/thread-self/children").unwrap_or(false) {
            Self::Listed
        } else {
            Self::Counted(counted())
        }
    }

    fn children(&mut self, parent: Pid) -> Vec<Pid> {
        match self {
            Self::Listed => listed(parent),
            // Whoever is asked for twice was killed; there is no circle to walk in.
            Self::Counted(known) => known.remove(&parent).unwrap_or_default(),
        }
    }
}

/// `/proc/PID/task/TID/children` of each thread (proc_pid_task(5)); none of who is gone.
fn listed(parent: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{parent}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_ascii_whitespace()
                .filter_map(pid)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn counted() -> HashMap<Pid, Vec<Pid>> {
    let mut known = HashMap::<_, Vec<_>>::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        if let Some((child, parent)) = lineage(&stat) {
            known.entry(parent).or_default().push(child);
        }
    }
    known
}

/// The first and the fourth field of `/proc/PID/stat`; the second may hold anything, and ends at the last `)`.
fn lineage(stat: &str) -> Option<(Pid, Pid)> {
    let (child, _) = stat.split_once(' ')?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some((pid(child)?, pid(rest.split(' ').nth(1)?)?))
}

fn pid(text: &str) -> Option<Pid> {
    text.parse().ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_counting_find_the_same_child() {
        #[expect(
            clippy::disallowed_methods,
            reason = "a child that the launcher knows nothing of"
        )]
        let mut child = std::process::Command::new("sleep")
            .arg("100")
            .spawn()
            .unwrap();
        let expected = Pid::from_child(&child);
        assert!(Census::Listed.children(getpid()).contains(&expected));
        assert!(
            Census::Counted(counted())
                .children(getpid())
                .contains(&expected)
        );
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_name_with_parentheses_hides_no_parent() {
        let found = lineage("12 (a) S 1 (b) R 7 12 12 0").unwrap();
        assert_eq!(
            (
                found.0.as_raw_nonzero().get(),
                found.1.as_raw_nonzero().get()
            ),
            (12, 7)
        );
    }
}
