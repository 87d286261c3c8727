//! `fs_edit`: exact pieces of a text file replaced, all or none.

mod difference;
mod pieces;

use std::{borrow::Cow, sync::Arc};

use durward_cage::files::{FileFault, LastLink, OpenFile, Writing};
use durward_core::{Answer, Call, Cancel, Refusal};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{
    content,
    places::{Place, Places},
    refuse, work,
};
use pieces::{Edit, EditFault};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    edits: Vec<Edit>,
    #[serde(default)]
    dry_run: bool,
    if_match: Option<String>,
}

#[derive(Debug, Serialize)]
struct Edited {
    diff: String,
    sha256: String,
}

struct Task {
    place: Place,
    edits: Vec<Edit>,
    dry_run: bool,
    if_match: Option<String>,
    most: u64,
    durable: bool,
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let args: Args<'_> = refuse::arguments(call)?;
    let task = Task {
        place: places.find(&args.path)?,
        edits: args.edits,
        dry_run: args.dry_run,
        if_match: args.if_match,
        most: places.max_write,
        durable: places.durable,
    };
    work::off_thread(call, move |stop| task.run(stop)).await
}

impl Task {
    fn run(&self, stop: &Cancel) -> Result<Answer, Refusal> {
        let place = &self.place;
        let area = &place.area;
        let path = place.spell(place.path());
        let refused = |fault: FileFault| match fault {
            FileFault::RootItself => place.refuse_change(&FileFault::NotARegularFile),
            FileFault::NotFound => place.refuse(&fault),
            fault => place.refuse_change(&fault),
        };
        // The difference shows what the file holds: who edits it must be allowed to read it too.
        area.judge_file(place.path())
            .map_err(|fault| place.refuse(&fault))?;
        let judge = |path: &str| area.judge_file(path).and_then(|()| area.judge_write(path));
        let spot = place
            .rel_path()
            .and_then(|path| area.root.spot(path, LastLink::Follow, &judge))
            .map_err(refused)?;
        let mut bytes = Vec::new();
        area.root
            .open_spot(&spot)
            .and_then(|file| file.read_all(self.most, &mut bytes))
            .map_err(refused)?;
        if let Some(wanted) = &self.if_match
            && !wanted.eq_ignore_ascii_case(&content::hex(digest(&SHA256, &bytes).as_ref()))
        {
            return Err(refused(FileFault::Conflict));
        }
        let old = text(bytes).ok_or_else(|| not_text(&path))?;
        let new = pieces::apply(&old, &self.edits, self.most)
            .map_err(|fault| refuse_edit(&fault, &path))?;
        let sha256 = content::hex(digest(&SHA256, new.as_bytes()).as_ref());
        if !self.dry_run && new != old {
            let unchanged = |file: &OpenFile| {
                let mut now = Vec::new();
                file.read_all(self.most, &mut now)?;
                Ok(now == old.as_bytes())
            };
            let how = Writing {
                durable: self.durable,
                unchanged: Some(&unchanged),
                is_cancelled: &|| stop.is_cancelled(),
                ..Writing::default()
            };
            area.root
                .write(&spot, new.as_bytes(), &how)
                .map_err(refused)?;
        }
        let diff = difference::unified(&old, &new, &path);
        let text = match (diff.is_empty(), self.dry_run) {
            (true, _) => format!("Nothing in `{path}` changes"),
            (false, true) => format!("`{path}` would change so:\n{diff}"),
            (false, false) => format!("Edited `{path}`, sha256 {sha256}:\n{diff}"),
        };
        refuse::answer(&text, &Edited { diff, sha256 })
    }
}

/// The text that bytes are, if they are.
fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes)
        .ok()
        .filter(|text| memchr::memchr(0, text.as_bytes()).is_none())
}

fn not_text(path: &str) -> Refusal {
    let reason =
        format!("`{path}` is not UTF-8 text, so it can't be edited; `fs_write` replaces it");
    refuse::argument("/path", reason).detail("not_text")
}

fn refuse_edit(fault: &EditFault, path: &str) -> Refusal {
    let pointer = |index: usize| format!("/edits/{index}/old");
    match *fault {
        EditFault::Missing { index } => refuse::argument(
            &pointer(index),
            format!(
                "`old` of edit {} occurs nowhere in `{path}`, so nothing was changed; read the file \
                 and give the text exactly, white space included",
                index + 1
            ),
        )
        .detail("no_match"),
        EditFault::Several { index, count } => refuse::argument(
            &pointer(index),
            format!(
                "`old` of edit {} occurs {count} times in `{path}`, so nothing was changed; take more \
                 of the text around the one that is meant, or set `all`",
                index + 1
            ),
        )
        .detail("several_matches"),
        EditFault::Empty { index } => {
            refuse::argument(&pointer(index), "`old` must be at least one character")
        }
        EditFault::TooLarge { size, limit } => refuse::too_large(path, size, limit),
    }
}
