//! `fs_stat`: facts about a file or directory. The leanest call that reaches the disk.

use std::{borrow::Cow, cell::RefCell, sync::Arc};

use durward_cage::files::{FileFault, Kind, Meta, OpenFile};
use durward_core::{Answer, Call, Cancel, Refusal};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::{
    content, list,
    places::{Place, Places},
    refuse, work,
};

const CHUNK: usize = 64 * 1024;

thread_local! {
    /// One buffer a thread: a small file is read into it and hashed, and nothing is allocated.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
struct Facts {
    r#type: &'static str,
    size: u64,
    modified: String,
    mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime: Option<&'static str>,
}

/// What reading a file told of it.
struct Seen {
    sha256: String,
    is_text: bool,
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let args: Args<'_> = refuse::arguments(call)?;
    let place = places.find(&args.path)?;
    let limit = places.max_read;
    let judge = |path: &str| place.area.judge_node(path);
    let file = match place.area.root.open_node(place.rel()?, &judge) {
        Ok(file) => file,
        // What can't be opened can still be looked at.
        Err(FileFault::NotARegularFile | FileFault::PermissionDenied) => {
            let meta = place
                .area
                .root
                .stat(place.rel()?, &judge)
                .map_err(|fault| place.refuse(&fault))?;
            return answer(&place, &meta, None);
        }
        Err(fault) => return Err(place.refuse(&fault)),
    };
    let meta = *file.meta();
    if meta.kind == Kind::File {
        // A directory may be looked at for what it can hold; a file of that name may not.
        let path = file.resolved().unwrap_or(place.path());
        place
            .area
            .judge_file(path)
            .map_err(|fault| place.refuse(&fault))?;
    }
    let seen = match meta.kind {
        Kind::File if meta.size <= work::INLINE.min(limit) => {
            look(&place, &file, limit, &call.cancel)?
        }
        Kind::File if meta.size <= limit => {
            let there = place.clone();
            work::off_thread(call, move |stop| look(&there, &file, limit, stop)).await?
        }
        _ => None,
    };
    answer(&place, &meta, seen.as_ref())
}

/// Reads a file through; nothing where it has grown beyond the limit.
fn look(
    place: &Place,
    file: &OpenFile,
    limit: u64,
    stop: &Cancel,
) -> Result<Option<Seen>, Refusal> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut digest = Context::new(&SHA256);
        let mut size = 0;
        let mut is_text = true;
        loop {
            if stop.is_cancelled() {
                return Err(refuse::cancelled());
            }
            let read = file
                .read_range(size, buffer)
                .map_err(|fault| place.refuse(&fault))?;
            if size == 0 {
                is_text = content::begins_as_text(&buffer[..read]);
            }
            digest.update(&buffer[..read]);
            size += read as u64;
            if size > limit {
                return Ok(None);
            }
            if read < buffer.len() {
                let sha256 = content::hex(digest.finish().as_ref());
                return Ok(Some(Seen { sha256, is_text }));
            }
        }
    })
}

fn answer(place: &Place, meta: &Meta, seen: Option<&Seen>) -> Result<Answer, Refusal> {
    let mime = match (meta.kind, seen) {
        (Kind::File, Some(seen)) => Some(content::mime(place.path(), seen.is_text)),
        (Kind::File, None) => Some(content::mime_by_name(place.path())),
        _ => None,
    };
    let facts = Facts {
        r#type: list::word(meta.kind),
        size: meta.size,
        modified: meta.modified.to_rfc3339(),
        mode: format!("{:04o}", meta.mode),
        sha256: seen.map(|seen| seen.sha256.clone()),
        mime,
    };
    refuse::answer(&text(&facts), &facts)
}

fn text(facts: &Facts) -> String {
    let mut text = format!(
        "{}, {} bytes, modified {}, mode {}",
        facts.r#type, facts.size, facts.modified, facts.mode
    );
    for (name, value) in [("", facts.mime), ("sha256 ", facts.sha256.as_deref())] {
        if let Some(value) = value {
            text.extend([", ", name, value]);
        }
    }
    text
}
