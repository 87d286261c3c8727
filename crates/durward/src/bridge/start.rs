//! Starting the daemon where none runs: of all bridges that want one, one starts it.

use std::{io, os::unix::net::UnixStream, thread, time::Duration};

use durward_cage::{
    background,
    lock_file::{LockFault, LockFile},
};
use durward_core::{Clock, SystemClock};

use super::place::{Place, PlaceFault};
use crate::instance::Running;

/// Held by the bridge that starts one.
const NAME: &str = "start.lock";
/// A daemon that stops may take so long to let its calls end before the next one can begin.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries.
const LOOK: Duration = Duration::from_millis(20);
/// Only ours: the daemon knows its keys by their digests.
const WITHOUT: [&str; 1] = ["DURWARD_KEY"];

/// Starts the daemon, unless another bridge does or somebody has. Waits, so it wants a thread of its own.
pub(super) fn start(place: &Place) -> Result<(), PlaceFault> {
    let clock = SystemClock::new();
    let begun = clock.monotonic();
    let mut last = "it did not begin in time".to_owned();
    while clock.monotonic().since(begun) < PATIENCE {
        if is_up(place) {
            return Ok(());
        }
        match LockFile::take(&place.state.join(NAME), "starting\n") {
            Ok(_alone) if is_up(place) => return Ok(()),
            Ok(_alone) => match attempt(place)? {
                None => return Ok(()),
                Some(why) => last = why,
            },
            Err(LockFault::Held { .. }) => {}
            Err(fault) => return Err(failed(fault.to_string())),
        }
        thread::sleep(LOOK);
    }
    Err(failed(last))
}

/// `None` where it runs now; else why it does not yet.
fn attempt(place: &Place) -> Result<Option<String>, PlaceFault> {
    let ended = background::run(&place.program, &place.arguments, &WITHOUT);
    let ended = ended.map_err(|error| {
        let program = place.program.display();
        failed(format!("`{program}` can't be started: {error}"))
    })?;
    match ended.code {
        Some(0) => Ok(None),
        // One that stops has the state folder until its last call ended.
        _ if runs(place) => Ok(Some(ended.said)),
        code => Err(PlaceFault::NotStarted {
            why: ended.said.trim().to_owned(),
            code,
        }),
    }
}

fn runs(place: &Place) -> bool {
    matches!(Running::of(&place.state), Ok(Some(_)))
}

/// Does anybody listen? Who that is, is seen when we are let in.
fn is_up(place: &Place) -> bool {
    let there = |socket| match UnixStream::connect(socket) {
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        Ok(_) => true,
    };
    there(&place.socket)
        || matches!(Running::of(&place.state), Ok(Some(running)) if there(&running.socket))
}

fn failed(why: String) -> PlaceFault {
    PlaceFault::NotStarted { why, code: None }
}
