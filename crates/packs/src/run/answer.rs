//! What is said of a run: the result of `shell_exec` and of every tool that runs a program.

use std::fmt::Write;

use durward_core::{OwnResult, Refusal, RefusalCode};
use serde::Serialize;

use super::Ran;

/// An output of so many bytes is not copied.
const LONG: usize = 64 << 10;

/// So much of the end of such a one is in the text.
const END: usize = 16 << 10;

/// What the result says beside the output that comes last.
#[derive(Debug, Serialize)]
struct About<'a> {
    exit_code: Option<u8>,
    signal: Option<u8>,
    timed_out: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<&'a str>,
    stdout_truncated: bool,
    stderr_truncated: bool,
    duration_ms: u64,
    level: &'static str,
}

impl Ran {
    /// Did it end by itself, and say that all went well?
    pub fn is_success(&self) -> bool {
        self.exit_code == Some(0)
    }

    /// The tool's result; flagged as an error unless it went well.
    ///
    /// # Errors
    /// It can't be written.
    pub fn result(mut self) -> Result<OwnResult, Refusal> {
        let failed = !self.is_success();
        let stdout = Shown::of(std::mem::take(&mut self.stdout), self.stdout_truncated);
        let stderr = Shown::of(std::mem::take(&mut self.stderr), self.stderr_truncated);
        let mut head = self.head(&stdout, &stderr);
        let is_silent = stdout.text.is_empty();
        // Of the last one there is one copy: the longer one, where it is long.
        let is_stderr_last = stderr.text.len() >= LONG && stderr.text.len() > stdout.text.len();
        let (first, last) = match is_stderr_last {
            true => (("stdout", stdout.text), ("stderr", stderr.text)),
            false => (("stderr", stderr.text), ("stdout", stdout.text)),
        };
        put_outputs(&mut head, (first.0, &first.1), last.0, is_silent);
        let about = About {
            exit_code: self.exit_code,
            signal: self.signal,
            timed_out: self.timed_out,
            stdout: is_stderr_last.then_some(&first.1),
            stderr: (!is_stderr_last).then_some(&first.1),
            stdout_truncated: self.stdout_truncated,
            stderr_truncated: self.stderr_truncated,
            duration_ms: u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX),
            level: self.level.name(),
        };
        let result = OwnResult::of_long(&head, last.0, last.1, &about)
            .map_err(|_| Refusal::new(RefusalCode::Internal, "the answer could not be written"))?;
        Ok(if failed { result.failed() } else { result })
    }

    /// How it ended and what to know of its outputs, then stderr, where there is any; stdout comes behind.
    fn head(&self, stdout: &Shown, stderr: &Shown) -> String {
        let mut head = match (self.timed_out, self.exit_code, self.signal) {
            (true, _, _) => "ended: its time was over".to_owned(),
            _ if self.stdout_truncated || self.stderr_truncated => {
                "ended: it printed more than is kept".to_owned()
            }
            (_, Some(code), _) => format!("exit code {code}"),
            (_, _, Some(signal)) => format!("ended by signal {signal}"),
            _ => "ended by someone else".to_owned(),
        };
        // Writing to a string can't fail.
        let _ = write!(head, ", {} ms", self.duration.as_millis());
        for (name, shown, truncated) in [
            ("stdout", stdout, self.stdout_truncated),
            ("stderr", stderr, self.stderr_truncated),
        ] {
            if truncated {
                let _ = write!(head, "\n{name} is cut at {} bytes", shown.text.len());
            }
            if shown.is_lossy {
                let _ = write!(
                    head,
                    "\n{name} is not UTF-8 throughout: what can't be shown stands as \u{FFFD}"
                );
            }
        }
        head
    }
}

/// The first output, and the words before the last one, which comes behind.
fn put_outputs(head: &mut String, (name, first): (&str, &str), last: &str, is_silent: bool) {
    let shown = first.trim_end_matches('\n');
    if shown.len() >= LONG {
        let end = &shown[shown.ceil_char_boundary(shown.len() - END)..];
        let _ = write!(
            head,
            "\n\nthe end of {name}, which structuredContent has from the beginning:\n{end}"
        );
    } else if !first.is_empty() {
        let _ = write!(head, "\n\n{name}:\n{shown}");
    }
    match (is_silent, first.is_empty(), last) {
        (true, _, "stdout") => head.push_str("\n\nnothing on stdout"),
        (true, _, _) => head.push_str("\n\nnothing on stdout; stderr:\n"),
        (false, true, _) => head.push_str("\n\n"),
        (false, false, _) => {
            let _ = write!(head, "\n\n{last}:\n");
        }
    }
}

/// Bytes as text.
struct Shown {
    text: String,
    is_lossy: bool,
}

impl Shown {
    /// Where the bytes were cut, half a character at the end was cut too.
    fn of(mut bytes: Vec<u8>, is_cut: bool) -> Self {
        if is_cut
            && let Err(error) = std::str::from_utf8(&bytes)
            && error.error_len().is_none()
        {
            bytes.truncate(error.valid_up_to());
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self {
                text,
                is_lossy: false,
            },
            Err(error) => Self {
                text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
                is_lossy: true,
            },
        }
    }
}
