//! The word that was probably meant.

/// The candidate that is most like `word`, if any is like it at all.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (candidate.to_lowercase(), candidate))
        .map(|(lower, candidate)| {
            (
                distance(&word, &lower),
                same_start(&word, &lower),
                candidate,
            )
        })
        .filter(|(steps, same_start, _)| *steps <= allowed(&word) || *same_start)
        .min_by_key(|(steps, ..)| *steps)
        .map(|(.., candidate)| candidate)
}

/// One slip in three letters is a slip; more is another word.
fn allowed(word: &str) -> usize {
    word.chars().count().div_ceil(3)
}

fn same_start(word: &str, candidate: &str) -> bool {
    word.chars()
        .zip(candidate.chars())
        .take_while(|(a, b)| a == b)
        .count()
        >= 3
}

/// Insertions, deletions, changes and swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    // Nobody writes longer keys, and the table grows with the square.
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slips_are_seen_through() {
        let keys = ["inherit", "allow", "deny", "confirm", "limits"];
        for (word, meant) in [
            ("denied_tool", Some("deny")),
            ("alow", Some("allow")),
            ("limit", Some("limits")),
            ("xyz", None),
        ] {
            assert_eq!(nearest(word, keys), meant, "{word}");
        }
    }

    #[test]
    fn steps_are_counted() {
        for (a, b, steps) in [
            ("", "", 0),
            ("a", "", 1),
            ("port", "prot", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), steps, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn a_distance_is_symmetric(a in ".{0,12}", b in ".{0,12}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }
    }
}
