//! `fs_tree`: what lies below a directory, some levels deep.

use std::{borrow::Cow, fmt::Write, sync::Arc};

use durward_cage::files::{
    Ended, Entry, FileFault, Found, Kind, OpenDir, Step, Visitor, WalkLimits,
};
use durward_core::{Answer, Call, Cancel, Refusal};
use serde::{Deserialize, Serialize};

use super::{
    ignores::Ignores,
    list,
    places::{Place, Places},
    refuse, work,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args<'a> {
    #[serde(borrow, default = "here")]
    path: Cow<'a, str>,
    #[serde(default = "three")]
    depth: usize,
    #[serde(default = "two_thousand")]
    limit: usize,
}

fn here() -> Cow<'static, str> {
    Cow::Borrowed(".")
}

fn three() -> usize {
    3
}

fn two_thousand() -> usize {
    2000
}

#[derive(Debug, Serialize)]
struct Tree {
    path: String,
    entries: Vec<Node>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct Node {
    name: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Vec<Node>>,
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let args: Args<'_> = refuse::arguments(call)?;
    let place = places.find(&args.path)?;
    let limits = WalkLimits {
        depth: args.depth.clamp(1, 32),
        entries: args.limit.clamp(1, 20_000),
    };
    let tree = work::off_thread(call, move |stop| grow(&place, limits, stop)).await?;
    refuse::answer(&text(&tree), &tree)
}

/// The directories that the walk is in, each with what it was found to hold so far.
struct Grower<'a> {
    place: &'a Place,
    stop: &'a Cancel,
    ignores: Ignores,
    levels: Vec<Vec<Node>>,
    done: Vec<Node>,
}

fn grow(place: &Place, limits: WalkLimits, stop: &Cancel) -> Result<Tree, Refusal> {
    let mut grower = Grower {
        place,
        stop,
        ignores: Ignores::above(place),
        levels: Vec::new(),
        done: Vec::new(),
    };
    let judge = |path: &str| place.area.judge_dir(path);
    let ended = place
        .area
        .root
        .walk(place.rel()?, &judge, limits, &mut grower)
        .map_err(|fault| place.refuse(&fault))?;
    // A walk that ended at its limit left directories open.
    while !grower.levels.is_empty() {
        grower.close();
    }
    Ok(Tree {
        path: place.spell(place.path()),
        entries: grower.done,
        truncated: ended == Ended::AtLimit,
    })
}

impl Grower<'_> {
    /// Hangs the directory that is done below its parent.
    fn close(&mut self) {
        let Some(nodes) = self.levels.pop() else {
            return;
        };
        match self.levels.last_mut().and_then(|parent| parent.last_mut()) {
            Some(dir) => dir.entries = Some(nodes),
            None => self.done = nodes,
        }
    }
}

impl Visitor for Grower<'_> {
    fn enter(&mut self, dir: &OpenDir) -> Result<(), FileFault> {
        self.ignores.enter(dir);
        self.levels.push(Vec::new());
        Ok(())
    }

    fn keeps(&mut self, dir: &OpenDir, path: &str, entry: &Entry) -> bool {
        let is_dir = entry.kind() == Kind::Directory;
        !self.ignores.hides(path, is_dir) && list::is_shown(&self.place.area, dir, entry)
    }

    fn visit(&mut self, found: &Found<'_>) -> Step {
        if let Some(level) = self.levels.last_mut() {
            level.push(Node {
                name: found.entry.name().into_owned(),
                r#type: list::word(found.entry.kind()),
                entries: None,
            });
        }
        Step::On
    }

    fn leave(&mut self) {
        self.ignores.leave();
        self.close();
    }

    fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }
}

fn text(tree: &Tree) -> String {
    let mut text = format!("{}/\n", tree.path.trim_end_matches('/'));
    draw(&mut text, &tree.entries, 1);
    if tree.truncated {
        text.push_str("There is more than the limit allows to show; ask for a folder below.\n");
    }
    text
}

fn draw(text: &mut String, nodes: &[Node], depth: usize) {
    for node in nodes {
        let mark = if node.r#type == "directory" { "/" } else { "" };
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "{:indent$}{}{mark}",
            "",
            node.name,
            indent = depth * 2
        );
        draw(text, node.entries.as_deref().unwrap_or_default(), depth + 1);
    }
}
