//! `fs_copy`: one file once more, perhaps in another root.

use std::sync::Arc;

use durward_cage::files::{FileFault, Writing};
use durward_core::{Answer, Call, Cancel, Refusal};

use super::{places::Places, refuse, relocate::Ends, work};

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let ends = Ends::of(places, call)?;
    let (durable, most) = (places.durable, places.max_write);
    work::off_thread(call, move |stop| {
        copy(&ends, durable, most, stop)?;
        ends.answer("Copied")
    })
    .await
}

fn copy(ends: &Ends, durable: bool, most: u64, stop: &Cancel) -> Result<(), Refusal> {
    let Ends {
        from,
        to,
        overwrite,
    } = ends;
    let area = &from.area;
    let file = area
        .root
        .open_file(from.rel()?, &|path| area.judge_file(path))
        .map_err(|fault| from.refuse(&fault))?;
    let mut content = Vec::new();
    file.read_all(most, &mut content)
        .map_err(|fault| match fault {
            FileFault::TooLarge { size, limit } => {
                refuse::too_large(&to.spell(to.path()), size, limit)
            }
            fault => from.refuse(&fault),
        })?;
    let how = Writing {
        create_only: !overwrite,
        mode: file.meta().mode,
        durable,
        is_cancelled: &|| stop.is_cancelled(),
        ..Writing::default()
    };
    let area = &to.area;
    to.rel_path()
        .and_then(|path| {
            let judge = |path: &str| area.judge_write(path);
            area.root.spot_with_parents(path, durable, &judge)
        })
        .and_then(|spot| area.root.write(&spot, &content, &how))
        .map(drop)
        .map_err(|fault| match fault {
            FileFault::Exists => ends.taken(),
            FileFault::RootItself => to.refuse_change(&FileFault::NotARegularFile),
            fault => to.refuse_change(&fault),
        })
}
