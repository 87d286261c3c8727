//! `fs_search`: lines that match a pattern, and files by their names.

mod cursor;
mod hunt;
mod lines;

use std::{borrow::Cow, fmt::Write, sync::Arc};

use durward_core::{Answer, Call, Refusal};
use serde::{Deserialize, Serialize};

use super::{places::Places, refuse, work};
use cursor::Cursor;
use hunt::{Hunt, Wanted};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args<'a> {
    #[serde(borrow, default = "here")]
    path: Cow<'a, str>,
    pattern: Option<String>,
    name: Option<String>,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    context: usize,
    #[serde(default = "two_hundred")]
    limit: usize,
    cursor: Option<String>,
}

fn here() -> Cow<'static, str> {
    Cow::Borrowed(".")
}

fn two_hundred() -> usize {
    200
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Findings {
    matches: Vec<Hit>,
    files_searched: u64,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// A line that matches, or where only names are sought, a file.
#[derive(Debug, Default, Serialize)]
struct Hit {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    before: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    after: Vec<String>,
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let args: Args<'_> = refuse::arguments(call)?;
    let place = places.find(&args.path)?;
    let wanted = Wanted::new(&args)?;
    let after = args.cursor.as_deref().map(Cursor::parse).transpose()?;
    let notify = call.notify.clone();
    let findings = work::off_thread(call, move |stop| {
        Hunt::new(&place, &wanted, after, notify, stop).run()
    })
    .await?;
    refuse::answer(&text(&findings), &findings)
}

/// As grep prints it.
fn text(findings: &Findings) -> String {
    let mut text = String::new();
    for hit in &findings.matches {
        // Writing to a string can't fail.
        let _ = match (hit.line, hit.column, &hit.text) {
            (Some(line), Some(column), Some(found)) => {
                around(&mut text, &hit.path, &hit.before);
                let written = writeln!(text, "{}:{line}:{column}: {found}", hit.path);
                around(&mut text, &hit.path, &hit.after);
                written
            }
            _ => writeln!(text, "{}", hit.path),
        };
    }
    if findings.matches.is_empty() {
        let _ = writeln!(
            text,
            "Nothing matches; {} files searched.",
            findings.files_searched
        );
    }
    if findings.truncated {
        let _ = match &findings.cursor {
            Some(cursor) => writeln!(text, "There is more; go on with cursor `{cursor}`."),
            None => writeln!(text, "There is more; search a folder below."),
        };
    }
    text
}

fn around(text: &mut String, path: &str, lines: &[String]) {
    for line in lines {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{path}- {line}");
    }
}
