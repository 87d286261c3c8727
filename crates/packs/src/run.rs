//! One run of a program for a call: what it reads, how much of what it prints is kept, and its certain end.

mod answer;
mod heard;
mod refuse;
mod telling;

#[cfg(test)]
mod tests;

use std::{convert::Infallible, future::pending, pin::pin, time::Duration};

use bytes::Bytes;
use durward_cage::launch::{Child, Exit, Launcher, Level, Plan};
use durward_core::{Call, Refusal};
use tokio::{
    io::AsyncWriteExt,
    net::unix::pipe::Sender,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use heard::Heard;
use telling::Telling;

/// For so long the last of what a program printed is waited for. All that could still write is gone by then,
/// unless somebody else was handed its pipes. So much earlier than the gate the run ends, too: what was
/// printed until then is worth more than the bare word that there was no time.
const LAST: Duration = Duration::from_millis(250);

/// A program to be run for one call.
#[derive(Debug)]
pub struct Run {
    /// What shall run.
    pub plan: Plan,
    /// What it reads; then, or where there is nothing, its stdin is closed.
    pub stdin: Option<Bytes>,
    /// How long it may run. It never outlasts the call's own time.
    pub timeout: Duration,
    /// So many bytes of each of its two outputs are kept; at the next one it is ended.
    pub output: usize,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code, where it ended by itself.
    pub exit_code: Option<u8>,
    /// The signal that ended it.
    pub signal: Option<u8>,
    /// Was it ended because its time was over?
    pub timed_out: bool,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What else it printed.
    pub stderr: Vec<u8>,
    /// Was there more than is kept?
    pub stdout_truncated: bool,
    /// The same.
    pub stderr_truncated: bool,
    /// From its start until nothing was left of it.
    pub duration: Duration,
    /// How it was held.
    pub level: Level,
}

/// Why a run is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Ended,
    Full,
    Late,
}

impl Run {
    /// Runs it. When this comes back nothing is left of it, of whatever it started neither; where the future
    /// is dropped, as it is when the call is cancelled, all of that is killed.
    ///
    /// # Errors
    /// It did not start.
    pub async fn run(self, launcher: &Launcher, call: &Call) -> Result<Ran, Refusal> {
        let started = Instant::now();
        let deadline = started + self.timeout.min(call.timeout.saturating_sub(LAST));
        let child = match timeout_at(deadline, launcher.spawn(&self.plan)).await {
            Ok(Ok(child)) => child,
            Ok(Err(fault)) => return Err(refuse::launch(&fault)),
            Err(_) => return Err(refuse::no_time()),
        };
        let level = child.level();
        call.held.at(level.name());
        let Child {
            stdin,
            stdout,
            stderr,
            mut process,
        } = child;
        let mut heard = Heard::new(stdout, stderr, self.output, Telling::of(call));
        let over = tokio::select! {
            biased;
            _ = process.exited() => Over::Ended,
            () = heard.until_full() => Over::Full,
            () = sleep_until(deadline) => Over::Late,
            never = feed(stdin, self.stdin) => match never {},
        };
        if over != Over::Ended {
            process.kill();
        }
        let mut stop = pin!(process.stop(Duration::ZERO));
        let exit = tokio::select! {
            exit = &mut stop => exit,
            () = heard.rest() => stop.await,
        };
        // What is in the pipes still.
        let _ = timeout(LAST, heard.rest()).await;
        let (stdout, stderr) = heard.into_kept();
        Ok(Ran {
            exit_code: match exit {
                Exit::Code(code) => Some(code),
                Exit::Signal(_) | Exit::Lost => None,
            },
            signal: match exit {
                Exit::Signal(signal) => Some(signal),
                Exit::Code(_) | Exit::Lost => None,
            },
            timed_out: over == Over::Late,
            stdout: stdout.bytes,
            stderr: stderr.bytes,
            stdout_truncated: stdout.truncated,
            stderr_truncated: stderr.truncated,
            duration: started.elapsed(),
            level,
        })
    }
}

/// Writes what the program is to read, and closes its stdin.
async fn feed(mut stdin: Sender, bytes: Option<Bytes>) -> Infallible {
    if let Some(bytes) = bytes {
        // It need not read all of it, nor any.
        let _ = stdin.write_all(&bytes).await;
    }
    drop(stdin);
    pending().await
}
