//! `fs_list`: what a directory holds.

use std::{borrow::Cow, fmt::Write, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use durward_cage::files::{Entry, FileFault, Kind, Meta, OpenDir};
use durward_core::{Answer, Call, Cancel, Refusal};
use serde::{Deserialize, Serialize};

use super::{
    places::{Area, Place, Places},
    refuse, work,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args<'a> {
    #[serde(borrow, default = "here")]
    path: Cow<'a, str>,
    #[serde(default)]
    hidden: bool,
    #[serde(default = "thousand")]
    limit: usize,
    cursor: Option<String>,
}

fn here() -> Cow<'static, str> {
    Cow::Borrowed(".")
}

fn thousand() -> usize {
    1000
}

#[derive(Debug, Default, Serialize)]
struct Listing {
    entries: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
}

struct Wanted {
    hidden: bool,
    limit: usize,
    after: Option<Vec<u8>>,
}

/// The word for what a name stands for.
pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Symlink => "symlink",
        Kind::Other => "other",
    }
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let args: Args<'_> = refuse::arguments(call)?;
    if let Some(names) = places.top(&args.path) {
        return answer(&roots(&names));
    }
    let place = places.find(&args.path)?;
    let wanted = Wanted {
        hidden: args.hidden,
        limit: args.limit.clamp(1, 10_000),
        after: args.cursor.as_deref().map(position).transpose()?,
    };
    let listing = work::off_thread(call, move |stop| list(&place, &wanted, stop)).await?;
    answer(&listing)
}

/// Where several roots are shared, the top holds their names.
fn roots(names: &[&str]) -> Listing {
    let row = |name: &&str| Row {
        name: format!("{name}:"),
        r#type: word(Kind::Directory),
        size: None,
        modified: None,
    };
    Listing {
        entries: names.iter().map(row).collect(),
        cursor: None,
    }
}

/// The name that a cursor stands for.
fn position(cursor: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .map_err(|_| refuse::argument("/cursor", "`cursor` is not one that `fs_list` gave"))
}

fn list(place: &Place, wanted: &Wanted, stop: &Cancel) -> Result<Listing, Refusal> {
    let area = &place.area;
    let refused = |fault: FileFault| place.refuse(&fault);
    let dir = area
        .root
        .open_dir(place.rel()?, &|path| area.judge_dir(path))
        .map_err(refused)?;
    let page = dir
        .page(wanted.after.as_deref(), wanted.limit, &mut |entry| {
            if stop.is_cancelled() {
                return Err(FileFault::Stopped);
            }
            Ok((wanted.hidden || !entry.bytes().starts_with(b".")) && is_shown(area, &dir, entry))
        })
        .map_err(refused)?;
    let cursor = page.more.then(|| {
        page.entries
            .last()
            .map(|last| URL_SAFE_NO_PAD.encode(last.bytes()))
    });
    let mut entries = Vec::with_capacity(page.entries.len());
    for entry in &page.entries {
        if stop.is_cancelled() {
            return Err(refuse::cancelled());
        }
        // What is gone meanwhile is not listed.
        if let Ok(meta) = dir.stat(entry) {
            entries.push(row(entry, &meta));
        }
    }
    Ok(Listing {
        entries,
        cursor: cursor.flatten(),
    })
}

/// What is denied, or not shared, is not there.
pub(super) fn is_shown(area: &Area, dir: &OpenDir, entry: &Entry) -> bool {
    let path = dir.join(&entry.name());
    let judged = match entry.kind() {
        Kind::Directory => area.judge_dir(&path),
        _ => area.judge_file(&path),
    };
    judged.is_ok() && !area.root.hides(&path)
}

fn row(entry: &Entry, meta: &Meta) -> Row {
    Row {
        name: entry.name().into_owned(),
        r#type: word(meta.kind),
        size: Some(meta.size),
        modified: Some(meta.modified.to_rfc3339()),
    }
}

fn answer(listing: &Listing) -> Result<Answer, Refusal> {
    let mut text = String::with_capacity(listing.entries.len() * 24);
    for row in &listing.entries {
        // Writing to a string can't fail.
        let _ = match (row.r#type, row.size) {
            ("directory", _) => writeln!(text, "{}/", row.name),
            ("file", Some(size)) => writeln!(text, "{} ({size} bytes)", row.name),
            (kind, _) => writeln!(text, "{} ({kind})", row.name),
        };
    }
    if let Some(cursor) = &listing.cursor {
        let _ = writeln!(text, "There are more; go on with cursor `{cursor}`.");
    }
    if text.is_empty() {
        text.push_str("The directory is empty.\n");
    }
    refuse::answer(&text, listing)
}
