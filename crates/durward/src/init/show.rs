//! The plan as people read it, and as programs do. No secret is in either.

use std::{fmt::Write, path::Path};

use serde_json::{Value, json};
use similar::TextDiff;

use super::{
    edit::{Edit, applied},
    gate::Source,
    plan::{FilePlan, Outcome, Plan},
};

/// What would be done, file by file.
pub(super) fn plan(plan: &Plan, home: &Path) -> String {
    let mut text = String::new();
    for file in &plan.files {
        line(
            &mut text,
            &format!("{}: {}", file.client, short(&file.found.path, home)),
        );
        let mut project = None;
        for server in &file.servers {
            if server.project != project {
                project.clone_from(&server.project);
                let folder = project.as_deref().map(Path::new);
                let folder = folder.map_or_else(|| "everywhere".to_owned(), |it| short(it, home));
                line(&mut text, &format!("  {folder}:"));
            }
            let what = match &server.outcome {
                Outcome::Moved(name) if *name == server.name => "moves to durward".to_owned(),
                Outcome::Moved(name) => format!("moves to durward, as `{name}`"),
                Outcome::Left(why) => format!("stays: {why}"),
                Outcome::Predecessor(known) => {
                    let path = short(&file.found.path, home);
                    format!("stays: durward takes its place by `durward migrate {known} {path}`")
                }
            };
            line(&mut text, &format!("  {:<20} {what}", server.name));
            for remark in &server.remarks {
                line(&mut text, &format!("  {:<20} ({remark})", ""));
            }
        }
        for remark in &file.remarks {
            line(&mut text, &format!("  note: {remark}"));
        }
    }
    for (client, path, why) in &plan.left {
        line(
            &mut text,
            &format!("{client}: {} is left alone: {why}", short(path, home)),
        );
    }
    if let Some(gate) = &plan.gate {
        let what = match gate.found {
            Some(_) => "gets these servers",
            None => "is made, with these servers",
        };
        line(
            &mut text,
            &format!("durward: {} {what}", short(&plan.gate_path, home)),
        );
    }
    for secret in &plan.secrets {
        let place = match &secret.source {
            Source::File(path, _) => format!("in {}, for you alone", short(path, home)),
            Source::Variable(name) => format!("in the variable `{name}`, as before"),
        };
        line(&mut text, &format!("  secret {:<20} {place}", secret.name));
    }
    text
}

/// What changes in each file, line by line.
pub(super) fn diff(plan: &Plan, home: &Path) -> String {
    let mut text = String::new();
    if let Some(gate) = &plan.gate {
        let [old, new] = &gate.shown;
        text.push_str(&unified(&short(&plan.gate_path, home), old, new));
    }
    for file in plan.files.iter().filter(|file| !file.edits.is_empty()) {
        let (old, new) = masked(file);
        text.push_str(&unified(&short(&file.found.path, home), &old, &new));
    }
    text
}

fn unified(path: &str, old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let diff = diff
        .unified_diff()
        .context_radius(2)
        .header(path, path)
        .to_string();
    let lines = diff.split('\n');
    let lines: Vec<_> = lines
        .map(|it| harmless(it.trim_end_matches('\r')))
        .collect();
    lines.join("\n")
}

/// A file before and after, without what looks like a secret.
fn masked(file: &FilePlan) -> (String, String) {
    let text = String::from_utf8_lossy(&file.found.content);
    let outside = |mask: &&Edit| {
        let mut edits = file.edits.iter();
        edits.all(|edit| mask.span.end <= edit.span.start || edit.span.end <= mask.span.start)
    };
    let mut edits: Vec<_> = file.masks.iter().filter(outside).cloned().collect();
    edits.extend(file.edits.iter().cloned());
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    (applied(&text, &file.masks), applied(&text, &edits))
}

/// The plan as one object.
pub(super) fn object(plan: &Plan) -> Value {
    let files = plan.files.iter().map(|file| {
        let servers = file.servers.iter().map(|server| {
            let (key, value) = match &server.outcome {
                Outcome::Moved(name) => ("moved", name.clone()),
                Outcome::Left(why) => ("left", why.clone()),
                Outcome::Predecessor(known) => ("migrate", (*known).to_owned()),
            };
            json!({
                "server": server.name, "project": server.project, key: value,
                "remarks": server.remarks,
            })
        });
        json!({
            "client": file.client, "path": file.found.path, "changes": !file.edits.is_empty(),
            "servers": servers.collect::<Vec<_>>(), "remarks": file.remarks,
        })
    });
    let left = plan
        .left
        .iter()
        .map(|(client, path, why)| json!({ "client": client, "path": path, "left": why }));
    let secrets = plan.secrets.iter().map(|secret| match &secret.source {
        Source::File(path, _) => json!({ "secret": secret.name, "file": path }),
        Source::Variable(name) => json!({ "secret": secret.name, "env": name }),
    });
    json!({
        "config": plan.gate_path,
        "changes": plan.changes(),
        "files": files.collect::<Vec<_>>(),
        "left": left.collect::<Vec<_>>(),
        "secrets": secrets.collect::<Vec<_>>(),
    })
}

/// A path with `~` for the home folder.
pub(super) fn short(path: &Path, home: &Path) -> String {
    match path.strip_prefix(home) {
        Ok(rest) if !rest.as_os_str().is_empty() => format!("~/{}", rest.display()),
        _ => path.display().to_string(),
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a `String` can't fail.
    let _ = writeln!(text, "{}", harmless(line).trim_end());
}

/// The longest line that is shown, in characters.
const LONGEST_LINE: usize = 400;

/// A line that can't steer the terminal, nor show anything in another order than it is in: what a
/// stranger wrote may be in it.
pub(super) fn harmless(line: &str) -> String {
    let mut shown: String = line
        .chars()
        .take(LONGEST_LINE)
        .map(|c| match c {
            '\t' => c,
            // Unicode's bidirectional formatting characters (UAX #9, section 2).
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' => '?',
            '\u{2066}'..='\u{2069}' => '?',
            c if c.is_control() => '?',
            c => c,
        })
        .collect();
    if line.chars().nth(LONGEST_LINE).is_some() {
        shown.push('…');
    }
    shown
}
