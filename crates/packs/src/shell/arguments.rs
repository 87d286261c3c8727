//! The arguments of `shell_exec`.

use std::time::Duration;

use durward_cage::launch::Pin;
use durward_core::{Call, Refusal, RefusalCode};
use durward_guard::argv::hazard;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    pub(super) command: String,
    #[serde(default)]
    pub(super) args: Vec<String>,
    pub(super) cwd: Option<String>,
    pub(super) stdin: Option<String>,
    #[serde(default = "five_seconds")]
    timeout_ms: u64,
}

fn five_seconds() -> u64 {
    5_000
}

impl Args {
    /// Reads them. The gate has held them against the schema; what it let through and we can't read is
    /// refused all the same.
    pub(super) fn read(call: &Call) -> Result<Self, Refusal> {
        let args: Self = call.arguments.parse().map_err(|error: serde_json::Error| {
            let reason: String = error.to_string().chars().take(200).collect();
            Refusal::new(
                RefusalCode::InvalidArguments,
                format!("the arguments don't fit: {reason}"),
            )
        })?;
        match args
            .args
            .iter()
            .position(|argument| argument.contains('\0'))
        {
            None => Ok(args),
            Some(at) => Err(Refusal::new(
                RefusalCode::InvalidArguments,
                "an argument has a zero byte in it, which can't be passed to a program",
            )
            .detail("null_byte")
            .path(format!("/args/{at}"))),
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// Refuses arguments by which the program would do what only others are for. It is a lint: the wall is the
/// box that the program runs in.
pub(super) fn judge(args: &Args, pin: &Pin) -> Result<(), Refusal> {
    let names = [args.command.as_str(), pin.name()];
    match names.iter().find_map(|name| hazard(name, &args.args)) {
        None => Ok(()),
        Some(hazard) => {
            let short: String = args.args[hazard.at].chars().take(64).collect();
            Err(Refusal::new(
                RefusalCode::Denied,
                format!(
                    "this argument of `{}` is not taken here: `{short}` {}",
                    args.command, hazard.why
                ),
            )
            .detail("argument_not_allowed")
            .path(format!("/args/{}", hazard.at)))
        }
    }
}
