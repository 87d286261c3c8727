//! Putting everything back.

use std::path::{Path, PathBuf};

use super::{
    disk,
    edit::Edit,
    journal::{Change, Journal, Kind, Phase, Run, Shelf, digest},
    merge,
};

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is as it was, byte for byte.
    Back,
    /// It is gone, as it was.
    Gone,
    /// What init did is undone, and what was changed since is kept.
    Merged,
    /// It was changed since where init had changed it: the original is there.
    Stays(Option<PathBuf>),
    /// A file that stays needs it.
    Needed,
}

/// Undoes all runs, the latest first, and says what became of each file.
///
/// # Errors
/// One sentence: it can't go on, and the next run will.
pub(super) fn all(shelf: &Shelf, journal: &mut Journal) -> Result<Vec<(PathBuf, Fate)>, String> {
    let mut told = Vec::new();
    let mut needed = false;
    for at in (0..journal.runs.len()).rev() {
        told.extend(one(shelf, journal, at, &mut needed)?);
    }
    finish(shelf, journal)?;
    Ok(told)
}

/// Undoes runs that were interrupted; says whether there were any.
///
/// # Errors
/// As [`all`].
pub(super) fn unwind(shelf: &Shelf, journal: &mut Journal) -> Result<Vec<(PathBuf, Fate)>, String> {
    let mut told = Vec::new();
    let mut needed = false;
    for at in (0..journal.runs.len()).rev() {
        if journal.runs[at].phase != Phase::Done {
            told.extend(one(shelf, journal, at, &mut needed)?);
        }
    }
    finish(shelf, journal)?;
    Ok(told)
}

fn one(
    shelf: &Shelf,
    journal: &mut Journal,
    at: usize,
    needed: &mut bool,
) -> Result<Vec<(PathBuf, Fate)>, String> {
    let run = &mut journal.runs[at];
    let phase = std::mem::replace(&mut run.phase, Phase::Undoing);
    run.changes.retain(|change| {
        let waited = disk::discard(&change.target);
        // What undoing had waiting was not put there either, and has to be done still.
        phase != Phase::Staging && !(phase == Phase::Doing && waited)
    });
    shelf.write(journal)?;
    let mut told = Vec::new();
    let mut stay = Vec::new();
    for index in (0..journal.runs[at].changes.len()).rev() {
        let change = journal.runs[at].changes[index].clone();
        let fate = match change.kind {
            Kind::Gate | Kind::Secret if *needed => Fate::Needed,
            _ => back(shelf, journal, (at, index), &change)?,
        };
        if matches!(fate, Fate::Stays(_) | Fate::Needed) {
            // A secret that was changed is nobody else's loss.
            *needed |= change.kind != Kind::Secret;
            stay.push(index);
        }
        told.push((change.path, fate));
    }
    let run = &mut journal.runs[at];
    let mut index = 0;
    run.changes.retain(|_| {
        index += 1;
        stay.contains(&(index - 1))
    });
    run.phase = Phase::Done;
    if run.changes.is_empty() {
        for folder in run.folders.iter().rev() {
            disk::remove_empty(folder);
        }
    }
    shelf.write(journal)?;
    Ok(told)
}

/// Forgets runs of which nothing is left.
fn finish(shelf: &Shelf, journal: &mut Journal) -> Result<(), String> {
    let before = journal.runs.len();
    journal.runs.retain(|run: &Run| !run.changes.is_empty());
    if journal.runs.len() != before {
        shelf.write(journal)?;
    }
    shelf.sweep(journal);
    Ok(())
}

fn back(
    shelf: &Shelf,
    journal: &mut Journal,
    (run, index): (usize, usize),
    change: &Change,
) -> Result<Fate, String> {
    let fault = |error: std::io::Error| not_back(&change.path, &error);
    let now = disk::content(&change.target).map_err(fault)?;
    let sum = now.as_ref().map(|(content, _)| digest(content));
    let Some(before) = &change.before else {
        return match sum {
            None => Ok(Fate::Gone),
            Some(sum) if sum == change.after => {
                disk::remove(&change.target).map_err(fault)?;
                Ok(Fate::Gone)
            }
            Some(_) => Ok(Fate::Stays(None)),
        };
    };
    let copy = shelf.backup(&before.backup);
    if let (Some((_, mode)), Some(sum)) = (&now, &sum) {
        if *sum == before.sha256 && *mode == before.mode {
            return Ok(Fate::Back);
        }
        if change.merged.as_ref() == Some(sum) {
            return Ok(Fate::Merged);
        }
    }
    let kept = disk::content(&copy).map_err(|error| not_back(&copy, &error))?;
    let Some((kept, _)) = kept.filter(|(kept, _)| digest(kept) == before.sha256) else {
        return Err(format!("{} is not what init kept there", copy.display()));
    };
    match (&now, sum) {
        (Some((content, mode)), Some(sum)) if sum != change.after && sum != before.sha256 => {
            let Some(merged) = merged(change, &kept, content) else {
                return Ok(Fate::Stays(Some(copy)));
            };
            journal.runs[run].changes[index].merged = Some(digest(&merged));
            shelf.write(journal)?;
            replace(&change.target, &merged, *mode).map_err(fault)?;
            Ok(Fate::Merged)
        }
        _ => {
            let folder = change.target.parent().unwrap_or(&change.target);
            disk::make_folders(folder).map_err(fault)?;
            replace(&change.target, &kept, before.mode).map_err(fault)?;
            Ok(Fate::Back)
        }
    }
}

fn merged(change: &Change, before: &[u8], current: &[u8]) -> Option<Vec<u8>> {
    let before = std::str::from_utf8(before).ok()?;
    let current = std::str::from_utf8(current).ok()?;
    let edits: Vec<Edit> = change.edits.iter().map(Into::into).collect();
    merge::without(change.format?.into(), before, &edits, current).map(String::into_bytes)
}

fn replace(target: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    disk::stage(target, content, mode)?;
    disk::commit(target)
}

fn not_back(path: &Path, error: &std::io::Error) -> String {
    let why = disk::said(error);
    format!(
        "{} can't be put back: {why}; then run `durward init --undo` again",
        path.display()
    )
}
