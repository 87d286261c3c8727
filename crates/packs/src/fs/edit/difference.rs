//! The difference of two texts, as a unified diff.

use std::{fmt::Write, time::Duration};

use similar::TextDiff;

/// Lines shown before and after what changed.
const CONTEXT: usize = 3;
/// A difference that takes longer to find is told more coarsely.
const TIME: Duration = Duration::from_millis(200);

/// The difference; empty where there is none. Only what lies between the first and the last line that
/// changed is looked at, for an edit touches little of a file.
pub(super) fn unified(old: &str, new: &str, path: &str) -> String {
    if old == new {
        return String::new();
    }
    let (start, old_end, new_end) = changed(old, new);
    let shift = memchr::memchr_iter(b'\n', &old.as_bytes()[..start]).count();
    let diff = TextDiff::configure()
        .timeout(TIME)
        .diff_lines(&old[start..old_end], &new[start..new_end]);
    let mut text = format!("--- {path}\n+++ {path}\n");
    for group in diff.grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        let range = |begin: usize, end: usize| match end - begin {
            0 => format!("{},0", begin + shift),
            1 => format!("{}", begin + shift + 1),
            count => format!("{},{count}", begin + shift + 1),
        };
        let (was, is) = (first.old_range().start, first.new_range().start);
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "@@ -{} +{} @@",
            range(was, last.old_range().end),
            range(is, last.new_range().end)
        );
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let _ = write!(text, "{}{}", change.tag(), change.value());
            if change.missing_newline() {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    text
}

/// Where what changed begins, in both, and where it ends in each: whole lines, with those around.
fn changed(old: &str, new: &str) -> (usize, usize, usize) {
    let (old, new) = (old.as_bytes(), new.as_bytes());
    let before = common(old.len().min(new.len()), |at| old[at], |at| new[at]);
    let mut start = line_start(old, before);
    for _ in 0..CONTEXT {
        start = line_start(old, start.saturating_sub(1));
    }
    let most = (old.len() - before).min(new.len() - before);
    let after = common(
        most,
        |at| old[old.len() - 1 - at],
        |at| new[new.len() - 1 - at],
    );
    let mut end = old.len() - after;
    for _ in 0..=CONTEXT {
        end = memchr::memchr(b'\n', &old[end..]).map_or(old.len(), |at| end + at + 1);
    }
    (start, end, new.len() - (old.len() - end))
}

fn common(most: usize, one: impl Fn(usize) -> u8, other: impl Fn(usize) -> u8) -> usize {
    (0..most).find(|at| one(*at) != other(*at)).unwrap_or(most)
}

fn line_start(bytes: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Does what `patch` does.
    fn patched(old: &str, diff: &str) -> String {
        let old: Vec<&str> = old.split_inclusive('\n').collect();
        let (mut new, mut at) = (String::new(), 0);
        for line in diff.split_inclusive('\n').skip(2) {
            let (sign, rest) = line.split_at(1);
            match sign {
                "@" => {
                    let range = rest.split(['-', ' ']).nth(2).unwrap();
                    let (first, count) = range.split_once(',').unwrap_or((range, "1"));
                    let first: usize = first.parse().unwrap();
                    let begin = first - usize::from(count != "0");
                    new.extend(old[at..begin].iter().copied());
                    at = begin;
                }
                "\\" => assert_eq!(new.pop().unwrap_or('\n'), '\n'),
                "+" => new.push_str(rest),
                _ => {
                    assert_eq!(old[at].trim_end_matches('\n'), rest.trim_end_matches('\n'));
                    if sign == " " {
                        new.push_str(old[at]);
                    }
                    at += 1;
                }
            }
        }
        new.extend(old[at..].iter().copied());
        new
    }

    #[test]
    fn a_line_in_the_middle_is_told_with_three_around() {
        let line = |number: usize| format!("{number}\n");
        let old: String = (1..=20).map(line).collect();
        let new = old.replace("10\n", "ten\n");
        let diff = "--- f\n+++ f\n@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n";
        assert_eq!(unified(&old, &new, "f"), diff);
        assert_eq!(unified(&old, &old, "f"), "");
        let end = "--- f\n+++ f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n";
        assert_eq!(unified("a", "b", "f"), end);
        assert_eq!(unified("", "b\n", "f"), "--- f\n+++ f\n@@ -0,0 +1 @@\n+b\n");
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_changed(
            before in "([ab\u{e9}]{0,2}\n){0,12}", after in "([ab]{0,2}\n){0,12}",
            old in "([ab\u{e9}\u{ea}]{0,2}\n){0,5}", new in "([ab\u{e9}\u{ea}]{0,2}\n){0,5}",
        ) {
            let (old, new) = (format!("{before}{old}{after}"), format!("{before}{new}{after}"));
            prop_assert_eq!(patched(&old, &unified(&old, &new, "f")), new);
        }
    }
}
