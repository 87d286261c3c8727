//! `fs_delete`: a name, and where that is asked for all that lies below it.

use std::{borrow::Cow, cell::RefCell, sync::Arc};

use durward_cage::files::{FileFault, Kind, LastLink};
use durward_core::{Answer, Call, Cancel, Refusal};
use serde::{Deserialize, Serialize};

use super::{
    places::{Place, Places},
    refuse, work,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(default)]
    recursive: bool,
}

#[derive(Debug, Serialize)]
struct Gone {
    deleted: usize,
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let args: Args<'_> = refuse::arguments(call)?;
    let place = places.find(&args.path)?;
    let (recursive, durable) = (args.recursive, places.durable);
    work::off_thread(call, move |stop| {
        let deleted = delete(&place, recursive, durable, stop)?;
        let path = place.spell(place.path());
        let text = match deleted {
            1 => format!("Deleted `{path}`"),
            several => format!("Deleted `{path}`, {several} in all"),
        };
        refuse::answer(&text, &Gone { deleted })
    })
    .await
}

fn delete(place: &Place, recursive: bool, durable: bool, stop: &Cancel) -> Result<usize, Refusal> {
    let area = &place.area;
    // Where something below may not be touched, it is named.
    let blamed = RefCell::new(None);
    let judge = |path: &str, kind: Kind| {
        area.judge_change_of(path, kind)
            .inspect_err(|_| *blamed.borrow_mut() = Some(path.to_owned()))
    };
    let is_cancelled = || stop.is_cancelled();
    let survey = work::survey(&is_cancelled);
    place
        .rel_path()
        .and_then(|path| {
            area.root
                .spot(path, LastLink::Keep, &|path| area.judge_change(path))
        })
        .and_then(|spot| area.root.delete(&spot, recursive, durable, &judge, &survey))
        .map_err(|fault| match (fault, blamed.take()) {
            (FileFault::NotFound, _) => place.refuse(&FileFault::NotFound),
            (fault, Some(path)) => refuse::change(&fault, &place.spell(&path)),
            (fault, None) => place.refuse_change(&fault),
        })
}
