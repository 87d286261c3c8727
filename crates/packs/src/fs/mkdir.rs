//! `fs_mkdir`: a directory, and those on the way to it.

use std::{borrow::Cow, sync::Arc};

use durward_cage::files::{FileFault, LastLink};
use durward_core::{Answer, Call, Refusal};
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
    #[serde(default = "yes")]
    parents: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Serialize)]
struct Made {
    created: bool,
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let args: Args<'_> = refuse::arguments(call)?;
    let place = places.find(&args.path)?;
    let (parents, durable) = (args.parents, places.durable);
    work::off_thread(call, move |_| {
        let created =
            make(&place, parents, durable).map_err(|fault| place.refuse_change(&fault))?;
        let path = place.spell(place.path());
        let text = match created {
            true => format!("Made `{path}`"),
            false => format!("`{path}` was there already"),
        };
        refuse::answer(&text, &Made { created })
    })
    .await
}

fn make(place: &Place, parents: bool, durable: bool) -> Result<bool, FileFault> {
    let area = &place.area;
    let judge = |path: &str| area.judge_mkdir(path);
    let path = place.rel_path()?;
    let spot = match parents {
        true => area.root.spot_with_parents(path, durable, &judge),
        false => area.root.spot(path, LastLink::Follow, &judge),
    };
    let created = match spot {
        Err(FileFault::RootItself) => false,
        spot => area.root.make_dir(&spot?, durable)?,
    };
    match created || parents {
        true => Ok(created),
        false => Err(FileFault::Exists),
    }
}
