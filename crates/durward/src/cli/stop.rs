//! `durward stop`

use std::time::Duration;

use clap::Args;
use rustix::process::Signal;

use crate::{
    cli::{Common, setup},
    exit::{Failure, failed},
    instance::Running,
};

/// To close the journal and end what is behind it, after the calls have ended.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// Stop the daemon: calls under way may end first, for up to `listen.limits.drain`. That none runs is no
/// failure.
#[derive(Debug, Args)]
pub(super) struct Stop {}

impl Stop {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let place = setup::whereabouts(common)?;
        let running = Running::of(&place.state).map_err(failed)?;
        let running = match running {
            Some(running) if running.signal(Signal::TERM).map_err(failed)? => running,
            _ => return say(common, None),
        };
        let limit = place.listen.limits.drain.duration() + AFTERWARDS;
        if running.ended(limit).map_err(failed)? {
            return say(common, Some(running.pid));
        }
        Err(Failure::Failed(format!(
            "process {pid} has not ended after {} s; `kill -9 {pid}` ends it, and loses nothing that was answered",
            limit.as_secs(),
            pid = running.pid,
        )))
    }
}

fn say(common: &Common, stopped: Option<u32>) -> Result<(), Failure> {
    match stopped {
        _ if common.json => println!("{}", serde_json::json!({"stopped": stopped})),
        Some(pid) => println!("durward (process {pid}) has stopped"),
        None => println!("no durward runs here"),
    }
    Ok(())
}
