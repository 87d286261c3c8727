//! Doing what was planned: everything is written beside its place first, and put there when all is.

use std::path::Path;

use super::{
    disk,
    gate::Source,
    journal::{Before, Change, Journal, Kind, Phase, Run, Shelf, digest},
    plan::Plan,
    undo,
};
use crate::init::edit::{Format, applied};

/// A change with what it writes.
struct Step {
    change: Change,
    old: Option<Vec<u8>>,
    new: Vec<u8>,
    mode: u32,
}

/// Does it, whole or not at all.
///
/// # Errors
/// One sentence; then nothing was changed.
pub(super) fn carry_out(shelf: &Shelf, journal: &mut Journal, plan: &Plan) -> Result<(), String> {
    let number = journal.runs.last().map_or(1, |run| run.number + 1);
    let steps = steps(plan, number)?;
    steps.iter().try_for_each(Step::is_as_planned)?;
    let run = Run {
        number,
        phase: Phase::Staging,
        folders: missing(&steps),
        changes: steps.iter().map(|step| step.change.clone()).collect(),
    };
    journal.runs.push(run);
    let done = keep(shelf, &steps)
        .and_then(|()| shelf.write(journal))
        .and_then(|()| stage(&steps));
    if let Err(why) = done {
        let run = journal.runs.pop();
        for folder in run.iter().flat_map(|run| run.folders.iter().rev()) {
            disk::remove_empty(folder);
        }
        // A full disk may keep the old journal: the next run finds that there is nothing to undo.
        let _ = shelf.write(journal);
        shelf.sweep(journal);
        return Err(why);
    }
    if let Err(why) = put(shelf, journal, &steps) {
        undo::unwind(shelf, journal)?;
        return Err(why);
    }
    if let Some(run) = journal.runs.last_mut() {
        run.phase = Phase::Done;
    }
    shelf.write(journal)
}

/// Puts what waits into its place.
fn put(shelf: &Shelf, journal: &mut Journal, steps: &[Step]) -> Result<(), String> {
    if let Some(run) = journal.runs.last_mut() {
        run.phase = Phase::Doing;
    }
    shelf.write(journal)?;
    for step in steps {
        step.is_as_planned()?;
        let done = disk::commit(&step.change.target);
        done.map_err(|error| not_done(&step.change.path, &error))?;
    }
    Ok(())
}

fn not_done(path: &Path, error: &std::io::Error) -> String {
    let why = disk::said(error);
    format!(
        "nothing was changed: {} can't be written: {why}",
        path.display()
    )
}

/// Secrets first, then durward's file that names them, then the clients that need both.
fn steps(plan: &Plan, number: u64) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    for secret in &plan.secrets {
        if let Source::File(path, value) = &secret.source {
            steps.push(Step::new(
                Kind::Secret,
                path,
                None,
                value.as_bytes().to_vec(),
            ));
        }
    }
    if let Some(gate) = &plan.gate {
        let new = gate.text.as_bytes().to_vec();
        let mut step = Step::new(Kind::Gate, &plan.gate_path, gate.found.as_ref(), new);
        step.change.format = Some(Format::Yaml.into());
        step.change.edits = gate.edits.iter().map(Into::into).collect();
        steps.push(step);
    }
    for file in plan.files.iter().filter(|file| !file.edits.is_empty()) {
        let text = std::str::from_utf8(&file.found.content).map_err(|error| error.to_string())?;
        let new = applied(text, &file.edits).into_bytes();
        let mut step = Step::new(Kind::Client, &file.found.path, Some(&file.found), new);
        step.change.format = Some(file.format.into());
        step.change.edits = file.edits.iter().map(Into::into).collect();
        steps.push(step);
    }
    for (index, step) in steps.iter_mut().enumerate() {
        if let Some(before) = &mut step.change.before {
            before.backup = format!("{number}-{index}");
        }
    }
    Ok(steps)
}

impl Step {
    fn new(kind: Kind, path: &Path, found: Option<&disk::Found>, new: Vec<u8>) -> Self {
        Self {
            change: Change {
                kind,
                path: path.to_owned(),
                target: found.map_or(path, |found| &found.target).to_owned(),
                format: None,
                before: found.map(|found| Before {
                    backup: String::new(),
                    mode: found.mode,
                    sha256: digest(&found.content),
                }),
                edits: Vec::new(),
                after: digest(&new),
                merged: None,
            },
            old: found.map(|found| found.content.clone()),
            mode: found.map_or(0o600, |found| found.mode),
            new,
        }
    }

    /// A client may write its file at any time.
    fn is_as_planned(&self) -> Result<(), String> {
        let path = &self.change.path;
        let now = disk::content(&self.change.target).map_err(|error| not_done(path, &error))?;
        match now.map(|(content, _)| content) == self.old {
            true => Ok(()),
            false => Err(format!(
                "nothing was changed: {} was written by someone meanwhile; run it again",
                path.display()
            )),
        }
    }
}

/// Folders that are not there yet, from the top.
fn missing(steps: &[Step]) -> Vec<std::path::PathBuf> {
    let mut folders = Vec::new();
    for step in steps {
        let parents = step.change.target.ancestors().skip(1);
        let parents: Vec<_> = parents.take_while(|folder| !folder.exists()).collect();
        for folder in parents.into_iter().rev() {
            if !folder.as_os_str().is_empty() && !folders.iter().any(|it| it == folder) {
                folders.push(folder.to_owned());
            }
        }
    }
    folders
}

/// Keeps what is there.
fn keep(shelf: &Shelf, steps: &[Step]) -> Result<(), String> {
    let backups = shelf.backups();
    disk::make_folders(&backups).map_err(|error| not_done(&backups, &error))?;
    for step in steps {
        if let (Some(before), Some(old)) = (&step.change.before, &step.old) {
            let copy = shelf.backup(&before.backup);
            disk::write_own(&copy, old).map_err(|error| not_done(&copy, &error))?;
        }
    }
    Ok(())
}

fn stage(steps: &[Step]) -> Result<(), String> {
    for (at, step) in steps.iter().enumerate() {
        let target = &step.change.target;
        let folder = target.parent().unwrap_or(target);
        let staged =
            disk::make_folders(folder).and_then(|_| disk::stage(target, &step.new, step.mode));
        if let Err(error) = staged {
            for staged in &steps[..at] {
                disk::discard(&staged.change.target);
            }
            return Err(not_done(&step.change.path, &error));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
