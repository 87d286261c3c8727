//! Entries for other programs.

mod csv;
mod ocsf;

use std::io::{self, Write};

use crate::Entry;

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    JsonLines,
    /// RFC 4180, with a first line of names.
    Csv,
    /// The Open Cybersecurity Schema Framework 1.5: API Activity (6003) for calls, one object a line.
    Ocsf,
}

/// Writes the entries.
///
/// # Errors
/// Those of `out`.
pub fn export(entries: &[Entry], format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::JsonLines => lines(entries, out),
        Format::Csv => csv::write(entries, out),
        Format::Ocsf => ocsf::write(entries, out),
    }
}

fn lines<T: serde::Serialize>(values: &[T], out: &mut dyn Write) -> io::Result<()> {
    for value in values {
        serde_json::to_writer(&mut *out, value)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
