//! `fs_move`: another path for a file or a directory, in the same root.

use std::{borrow::Cow, cell::RefCell, sync::Arc};

use durward_cage::files::{FileFault, Kind, LastLink, Moving};
use durward_core::{Answer, Call, Cancel, Refusal, RefusalCode};
use serde::{Deserialize, Serialize};

use super::{
    places::{Place, Places},
    refuse, work,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args<'a> {
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    to: Cow<'a, str>,
    #[serde(default)]
    overwrite: bool,
}

/// The two ends, for moving and for copying.
pub(super) struct Ends {
    pub(super) from: Place,
    pub(super) to: Place,
    pub(super) overwrite: bool,
}

#[derive(Debug, Serialize)]
struct Moved {
    from: String,
    to: String,
}

impl Ends {
    pub(super) fn of(places: &Places, call: &Call) -> Result<Self, Refusal> {
        let args: Args<'_> = refuse::arguments(call)?;
        let find = |pointer, path: &str| {
            places
                .find(path)
                .map_err(|refusal| refuse::at(pointer, refusal))
        };
        Ok(Self {
            from: find("/from", &args.from)?,
            to: find("/to", &args.to)?,
            overwrite: args.overwrite,
        })
    }

    /// What stands at `to` stays.
    pub(super) fn taken(&self) -> Refusal {
        let to = self.to.spell(self.to.path());
        let reason = format!("there is a `{to}` already; `overwrite: true` replaces a file");
        Refusal::new(RefusalCode::Exists, reason).path("/to")
    }

    pub(super) fn answer(&self, verb: &str) -> Result<Answer, Refusal> {
        let moved = Moved {
            from: self.from.spell(self.from.path()),
            to: self.to.spell(self.to.path()),
        };
        refuse::answer(
            &format!("{verb} `{}` to `{}`", moved.from, moved.to),
            &moved,
        )
    }
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let ends = Ends::of(places, call)?;
    if !Arc::ptr_eq(&ends.from.area, &ends.to.area) {
        return Err(refuse::across());
    }
    let durable = places.durable;
    work::off_thread(call, move |stop| {
        relocate(&ends, durable, stop)?;
        ends.answer("Moved")
    })
    .await
}

fn relocate(ends: &Ends, durable: bool, stop: &Cancel) -> Result<(), Refusal> {
    let Ends {
        from,
        to,
        overwrite,
    } = ends;
    let area = &from.area;
    let root = &area.root;
    let judge = |path: &str| area.judge_change(path);
    let there = from
        .rel_path()
        .and_then(|path| root.spot(path, LastLink::Keep, &judge))
        .map_err(|fault| from.refuse_change(&fault))?;
    let Some(kind) = there.meta().map(|meta| meta.kind) else {
        return Err(from.refuse(&FileFault::NotFound));
    };
    // Where something may not stand below, the path is its own and not that of what is moved.
    let blamed = RefCell::new(None);
    let judge_pair = |from: &str, to: &str, kind: Kind| {
        let judge = |path: &str| {
            area.judge_change_of(path, kind)
                .inspect_err(|_| *blamed.borrow_mut() = Some(path.to_owned()))
        };
        judge(from)?;
        judge(to)?;
        match kind != Kind::Directory && area.would_reveal(from, to) {
            true => Err(FileFault::NotShared),
            false => Ok(()),
        }
    };
    let refuse = |fault: FileFault, place: &Place| match blamed.take() {
        Some(path) => refuse::change(&fault, &place.spell(&path)),
        None => place.refuse_change(&fault),
    };
    // Before anything is made on the way: what is said of the pair as it was asked.
    judge_pair(from.path(), to.path(), kind).map_err(|fault| refuse(fault, from))?;
    if kind == Kind::Directory && is_below(to.path(), from.path()) {
        let reason = "a directory can't be moved into itself";
        return Err(refuse::argument("/to", reason));
    }
    let target = to
        .rel_path()
        .and_then(|path| root.spot_with_parents(path, durable, &judge))
        .map_err(|fault| to.refuse_change(&fault))?;
    let how = Moving {
        overwrite: *overwrite,
        durable,
    };
    let is_cancelled = || stop.is_cancelled();
    let survey = work::survey(&is_cancelled);
    root.rename(&there, &target, how, &judge_pair, &survey)
        .map_err(|fault| match fault {
            FileFault::Exists => ends.taken(),
            FileFault::NotARegularFile | FileFault::HardLinked => to.refuse_change(&fault),
            fault => refuse(fault, from),
        })
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
