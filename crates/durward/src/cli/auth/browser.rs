//! The person's browser.

use std::{
    env,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

/// Opens the address in the browser of `$BROWSER`, or of the desktop. False where there is none here, or it
/// is at the other end of an SSH connection.
#[expect(
    clippy::disallowed_methods,
    reason = "a person's browser is no child of ours: it stays when we end"
)]
pub(super) fn open(url: &str) -> bool {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let program = match set("BROWSER") {
        Some(program) => program,
        None if set("SSH_CONNECTION").is_some() => return false,
        None if cfg!(target_os = "macos") => "open".into(),
        None if set("DISPLAY").is_none() && set("WAYLAND_DISPLAY").is_none() => return false,
        None => "xdg-open".into(),
    };
    // No shell reads the address: it was written by the server.
    let mut command = Command::new(program);
    command
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().is_ok()
}
