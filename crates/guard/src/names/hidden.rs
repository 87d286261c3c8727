//! Characters that are in a text and not before the eye.

/// What Unicode says may be ignored when it is shown (UAX #44, `Default_Ignorable_Code_Point`: zero width,
/// direction, tags, variation selectors …), and what looks like a blank or ends a line.
const HIDDEN: &[(u32, u32)] = &[
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x061c, 0x061c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    // The line and paragraph separators, and what turns the direction.
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    // An empty cell of Braille.
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x1_bca0, 0x1_bca3),
    (0x1_d173, 0x1_d17a),
    (0xe_0000, 0xe_0fff),
];

/// Is this a control character or one that can't be seen?
pub(crate) fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    let in_order = HIDDEN.partition_point(|(_, last)| *last < code);
    c.is_control()
        || HIDDEN
            .get(in_order)
            .is_some_and(|(first, _)| *first <= code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_told_from_those_that_show() {
        for c in [
            '\0',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{202a}',
            '\u{202e}',
            '\u{2029}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{3164}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{1d173}',
        ] {
            assert!(is_hidden(c), "{c:?}");
        }
        for c in [
            'a', ' ', '_', '\u{a0}', 'é', 'е', '中', '😀', '\u{301}', '\u{2010}', '\u{2027}',
            '\u{202f}',
        ] {
            assert!(!is_hidden(c), "{c:?}");
        }
    }

    #[test]
    fn the_ranges_are_in_order() {
        assert!(HIDDEN.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(HIDDEN.iter().all(|(first, last)| first <= last));
    }
}
