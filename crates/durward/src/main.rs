//! durward: the door-ward for AI agents.

use std::process::ExitCode;

fn main() -> ExitCode {
    durward::cli::run()
}
