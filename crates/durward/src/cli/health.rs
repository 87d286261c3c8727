//! `durward health`

use clap::Args;

use crate::{
    cli::{Common, setup},
    client,
    exit::{Failure, failed},
    status::Wellness,
};

/// Is the daemon well? Exit code 0: all is well; 4: it serves, and something does not; 1: nothing is served.
/// Asked by the operating system's user who runs it, it needs no role and no key, and leaves no record.
#[derive(Debug, Args)]
pub(super) struct Health {}

impl Health {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let socket = setup::socket(common)?;
        let health = client::health(&socket).map_err(failed)?;
        if common.json {
            println!("{}", serde_json::json!(health));
        } else {
            let (version, pid) = (&health.version, health.pid);
            let word = match health.state {
                Wellness::Up => "up",
                Wellness::Degraded => "degraded",
                Wellness::Down => "down",
            };
            println!("{word}: durward {version}, process {pid}");
        }
        let why = health.why.join("\n");
        match health.state {
            Wellness::Up => Ok(()),
            Wellness::Degraded => Err(Failure::Degraded(why)),
            Wellness::Down => Err(Failure::Failed(why)),
        }
    }
}
