//! `durward reload`

use std::{thread, time::Duration};

use clap::Args;
use rustix::process::Signal;

use crate::{
    cli::{Common, setup},
    client,
    exit::{Failure, failed},
    instance::Running,
    status::ConfigStatus,
};

/// Between two looks at what came of it.
const LOOK: Duration = Duration::from_millis(50);
/// Programs that print secrets may take their time.
const LOOKS: usize = 1200;

/// Have the daemon read its configuration again, without dropping a call, and say what came of it. A wrong
/// one changes nothing.
#[derive(Debug, Args)]
pub(super) struct Reload {}

impl Reload {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let place = setup::whereabouts(common)?;
        let running = Running::of(&place.state).map_err(failed)?;
        let none =
            || Failure::Failed("no durward runs here; start one: `durward serve`".to_owned());
        let running = running.ok_or_else(none)?;
        let read = || {
            client::health(&running.socket)
                .map(|it| it.config)
                .map_err(failed)
        };
        let before = read()?;
        if !running.signal(Signal::HUP).map_err(failed)? {
            return Err(none());
        }
        for _ in 0..LOOKS {
            thread::sleep(LOOK);
            let now = read()?;
            if now.reads != before.reads {
                return done(common, now);
            }
        }
        Err(Failure::Failed(
            "the daemon has not read it yet; `durward status` will tell".to_owned(),
        ))
    }
}

fn done(common: &Common, now: ConfigStatus) -> Result<(), Failure> {
    if common.json {
        println!("{}", serde_json::json!({"reloaded": now.refused.is_none()}));
    }
    match now.refused {
        Some(why) => Err(Failure::Unusable(format!(
            "the configuration is wrong, the old one stays:\n{why}"
        ))),
        None if common.json => Ok(()),
        None => {
            println!("the configuration was read again");
            Ok(())
        }
    }
}
