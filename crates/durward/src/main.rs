//! durward: the door-ward for AI agents.

use std::process::ExitCode;

use durward_cage::launch::{is_launcher, run_launcher};

fn main() -> ExitCode {
    if is_launcher() {
        run_launcher()
    }
    durward::cli::run()
}
