//! durward itself, started again in the background: it belongs to nobody's terminal, and nobody's end is
//! its own. Servers and other programs are the launcher's.

use std::{
    ffi::OsString,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use rustix::fs::{Mode, OFlags, open};

/// So much of what it says before it is ready is kept, in bytes.
const MOST: u64 = 64 * 1024;

/// How a start in the background went.
#[derive(Debug)]
pub enum Started {
    /// It serves, and said this on stdout.
    Ready {
        /// What it announced.
        announced: String,
        /// What it warned of.
        warned: String,
    },
    /// It ended instead.
    Failed {
        /// Its exit code; `None` where a signal ended it.
        code: Option<i32>,
        /// What it said on stderr.
        why: String,
    },
}

/// How a program that ran to its end went.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it said on stderr.
    pub said: String,
}

/// Starts `program` and waits until it is ready: until it has said something on stdout and let go of stdout
/// and stderr, as [`let_go`] does. `without` names variables that it does not inherit.
///
/// # Errors
/// Where it can't be started.
pub fn start(program: &Path, arguments: &[OsString], without: &[&str]) -> io::Result<Started> {
    let mut child = command(program, arguments, without).spawn()?;
    let (announced, said) = hear(&mut child)?;
    if !announced.is_empty() {
        return Ok(Started::Ready {
            announced,
            warned: said,
        });
    }
    let code = child.wait()?.code();
    Ok(Started::Failed { code, why: said })
}

/// Runs `program` to its end.
///
/// # Errors
/// Where it can't be started.
pub fn run(program: &Path, arguments: &[OsString], without: &[&str]) -> io::Result<Ended> {
    let mut child = command(program, arguments, without).spawn()?;
    let (_, said) = hear(&mut child)?;
    let code = child.wait()?.code();
    Ok(Ended { code, said })
}

/// The path that this program was called by, so that after an upgrade it leads to the new one: links in it
/// are not followed.
///
/// # Errors
/// Where neither the call nor the system tells.
pub fn own_program() -> io::Result<PathBuf> {
    let called = std::env::args_os().next().map(PathBuf::from);
    let called = called.filter(|it| it.components().count() > 1);
    match called.map(std::path::absolute) {
        Some(Ok(path)) if path.is_file() => Ok(path),
        _ => std::env::current_exe(),
    }
}

/// Begins a session of our own: a terminal that closes, or a signal to the group of whoever started us, is
/// meant for others (setsid(2)).
///
/// # Errors
/// Where this process leads a group already.
pub fn leave_terminal() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// Lets go of stdout and stderr: whoever waits in [`start`] goes on, and what is written there later goes
/// nowhere.
///
/// # Errors
/// Where there is no `/dev/null`.
pub fn let_go() -> io::Result<()> {
    let nowhere = open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    rustix::stdio::dup2_stderr(&nowhere)?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is durward itself, and must outlive whoever starts it"
)]
fn command(program: &Path, arguments: &[OsString], without: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in without {
        command.env_remove(name);
    }
    command
}

/// All that it says until it lets go of both.
fn hear(child: &mut Child) -> io::Result<(String, String)> {
    let stderr = child.stderr.take();
    let errors = thread::Builder::new()
        .name("errors".to_owned())
        .spawn(move || text(stderr))?;
    let announced = text(child.stdout.take());
    Ok((announced, errors.join().unwrap_or_default()))
}

/// What can't be read any more was not said.
fn text(source: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut source) = source {
        let _ = (&mut source).take(MOST).read_to_end(&mut bytes);
        let _ = io::copy(&mut source, &mut io::sink());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
