//! Taking edits back out of a text that was changed since: what the person did stays, what init did goes.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::edit::{Edit, Format, Node, Value, applied, line_break};

/// `current` without the edits that made `applied(before, edits)` of `before`; `None` where the two can't
/// be told apart.
pub(super) fn without(
    format: Format,
    before: &str,
    edits: &[Edit],
    current: &str,
) -> Option<String> {
    let mut ends = 0;
    for edit in edits {
        // They come from a file that anything may have happened to.
        if edit.span.start < ends || before.get(edit.span.clone()).is_none() {
            return None;
        }
        ends = edit.span.end;
    }
    let after = applied(before, edits);
    let reads = |text: &String| format.read(text).is_ok();
    by_members(format, before, &after, current)
        .filter(reads)
        .or_else(|| by_lines(before, edits, &after, current).filter(reads))
}

/// Longer texts are not compared line by line, in lines: where they differ much, it would take hours.
const MOST_LINES: usize = 20_000;

/// The edits that make one text of another, line by line.
pub(super) fn difference(old: &str, new: &str) -> Vec<Edit> {
    let (old_lines, new_lines) = (lines(old), lines(new));
    let (old_starts, new_starts) = (starts(&old_lines), starts(&new_lines));
    capture_diff_slices(Algorithm::Myers, &old_lines, &new_lines)
        .into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| {
            let (from, to) = (op.old_range(), op.new_range());
            Edit {
                span: old_starts[from.start]..old_starts[from.end],
                text: new[new_starts[to.start]..new_starts[to.end]].to_owned(),
            }
        })
        .collect()
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Where each line begins, and the text ends.
fn starts(lines: &[&str]) -> Vec<usize> {
    let mut at = 0;
    let mut starts = vec![0];
    for line in lines {
        at += line.len();
        starts.push(at);
    }
    starts
}

/// Where the lines that init wrote are still there as it wrote them.
fn by_lines(before: &str, edits: &[Edit], after: &str, current: &str) -> Option<String> {
    let (after_lines, current_lines) = (lines(after), lines(current));
    if after_lines.len().max(current_lines.len()) > MOST_LINES {
        return None;
    }
    let current_starts = starts(&current_lines);
    let mut place = vec![None; after_lines.len()];
    for op in capture_diff_slices(Algorithm::Myers, &after_lines, &current_lines) {
        if let DiffOp::Equal {
            old_index,
            new_index,
            len,
        } = op
        {
            for step in 0..len {
                place[old_index + step] = Some(new_index + step);
            }
        }
    }
    let mut back = Vec::new();
    for (old, new) in hunks(before, edits, after) {
        let old = &before[old];
        let range = if new.is_empty() {
            let above = new.start.checked_sub(1).map(|at| place[at]);
            let below = place.get(new.start).copied();
            match (above, below) {
                (Some(Some(above)), _) => above + 1..above + 1,
                (_, Some(Some(below))) => below..below,
                (None, None) => 0..0,
                _ => return None,
            }
        } else {
            let first = place[new.start]?;
            let follows = |(step, at): (usize, usize)| place[at] == Some(first + step);
            if !new.clone().enumerate().all(follows) {
                return None;
            }
            first..first + new.len()
        };
        back.push(Edit {
            span: current_starts[range.start]..current_starts[range.end],
            text: old.to_owned(),
        });
    }
    Some(applied(current, &back))
}

/// The edits as whole lines: the bytes of the text before, the lines of the one after.
fn hunks(before: &str, edits: &[Edit], after: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let line_start = |text: &str, at: usize| text[..at].rfind('\n').map_or(0, |it| it + 1);
    let line_end = |text: &str, at: usize| match text[..at].ends_with('\n') || at == 0 {
        true => at,
        false => text[at..].find('\n').map_or(text.len(), |it| at + it + 1),
    };
    let mut shift = 0_isize;
    let places = edits.iter().map(|edit| {
        let start = edit.span.start.saturating_add_signed(shift);
        shift += edit.text.len() as isize - edit.span.len() as isize;
        (edit.span.clone(), start..start + edit.text.len())
    });
    let mut found: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for (old, new) in places {
        match found.last_mut() {
            // On the same line, they go together.
            Some((last_old, last_new))
                if old.start < line_end(before, last_old.end)
                    || new.start < line_end(after, last_new.end) =>
            {
                last_old.end = old.end;
                last_new.end = new.end;
            }
            _ => {
                let lead = old.start - line_start(before, old.start);
                found.push((old.start - lead..old.end, new.start - lead..new.end));
            }
        }
    }
    for (old, new) in &mut found {
        // What follows is the same in both; one of them may end within a line.
        let tail = line_end(before, old.end) - old.end;
        let tail = tail.max(line_end(after, new.end) - new.end);
        old.end += tail;
        new.end += tail;
    }
    let number = |at: usize| after[..at].matches('\n').count();
    found
        .into_iter()
        .map(|(old, new)| {
            let first = number(new.start);
            let whole = new.is_empty() || after[..new.end].ends_with('\n');
            let last = number(new.end) + usize::from(!whole);
            (old, first..last.max(first))
        })
        .collect()
}

/// Where the entries that init wrote are still there, however the file is laid out now. JSON alone.
fn by_members(format: Format, before: &str, after: &str, current: &str) -> Option<String> {
    if format != Format::Json {
        return None;
    }
    let read = |text| format.read(text).ok().map(|document| document.root);
    let texts = Texts { before, current };
    let mut edits = Vec::new();
    let (old, new, now) = (read(before)?, read(after)?, read(current)?);
    texts.restore(&old, &new, &now, &mut edits)?;
    edits.sort_by_key(|edit| edit.span.start);
    Some(applied(current, &edits))
}

struct Texts<'a> {
    before: &'a str,
    current: &'a str,
}

impl Texts<'_> {
    fn restore(&self, old: &Node, new: &Node, now: &Node, edits: &mut Vec<Edit>) -> Option<()> {
        let (Value::Map(old_members), Value::Map(new_members)) = (&old.value, &new.value) else {
            return None;
        };
        let lost = old_members.iter().filter(|it| new.get(&it.key).is_none());
        let lost: Vec<_> = lost.map(|it| &self.before[it.span.clone()]).collect();
        let mut returned = lost.is_empty();
        for member in new_members {
            let there = old.get(&member.key);
            if there.is_some_and(|it| it.says(&member.node)) {
                continue;
            }
            let mut members = now.members().iter();
            let written = members.find(|it| it.key == member.key)?;
            match there {
                Some(there) if written.node.says(&member.node) => edits.push(Edit {
                    span: written.node.span.clone(),
                    text: self.before[there.span.clone()].to_owned(),
                }),
                Some(there) => self.restore(there, &member.node, &written.node, edits)?,
                None if written.node.says(&member.node) && !returned => {
                    edits.push(Edit {
                        span: written.span.clone(),
                        text: lost.join(&self.between(written.span.start)),
                    });
                    returned = true;
                }
                None => return None,
            }
        }
        returned.then_some(())
    }

    /// What stands between two members beside this one.
    fn between(&self, at: usize) -> String {
        let line = self.current[..at].rfind('\n').map_or(0, |it| it + 1);
        let indent = &self.current[line..at];
        match indent.bytes().all(|b| b == b' ' || b == b'\t') {
            true => format!(",{}{indent}", line_break(self.current)),
            false => ", ".to_owned(),
        }
    }
}
