//! Cursors of lists: which list, and the last name that was given. Any replica can go on from one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use durward_core::ProtocolError;

use crate::code;

/// A list that comes in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// `tools/list`
    Tools,
    /// `prompts/list`
    Prompts,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    Templates,
}

impl ListKind {
    fn letter(self) -> char {
        match self {
            Self::Tools => 't',
            Self::Prompts => 'p',
            Self::Resources => 'r',
            Self::Templates => 'm',
        }
    }
}

/// The cursor behind `last_name`.
pub fn encode(kind: ListKind, last_name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}{last_name}", kind.letter()))
}

/// The last name that the client was given; what it names need not exist any more.
///
/// # Errors
/// -32602 if it is no cursor of ours, or one of another list.
pub fn decode(kind: ListKind, cursor: &str) -> Result<String, ProtocolError> {
    let plain = URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    plain
        .as_deref()
        .and_then(|plain| plain.strip_prefix(kind.letter()))
        .map(str::to_owned)
        .ok_or_else(|| code::invalid_params("`cursor` is not one that this list gave"))
}

/// The cursor behind so many entries of a list that has an order of its own, and only as long as the
/// list is what it was.
pub fn encode_place(kind: ListKind, place: usize, digest: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}{place}.{}", kind.letter(), short(digest)))
}

/// How many entries the client was given.
///
/// # Errors
/// -32602 if it is no cursor of this list as it is now.
pub fn decode_place(
    kind: ListKind,
    cursor: &str,
    digest: &[u8; 32],
) -> Result<usize, ProtocolError> {
    let last = decode(kind, cursor)?;
    last.split_once('.')
        .filter(|(_, of)| *of == short(digest))
        .and_then(|(place, _)| place.parse().ok())
        .ok_or_else(|| code::invalid_params("the list has changed: begin again without `cursor`"))
}

/// Enough of a digest to tell one list from another.
fn short(digest: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(&digest[..12])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let cursor = encode(ListKind::Tools, "fs_read_file");
        let error = decode(ListKind::Prompts, &cursor).unwrap_err();
        assert_eq!(error.code, code::INVALID_PARAMS);
    }

    #[test]
    fn a_place_counts_only_in_the_list_that_it_was_given_for() {
        let cursor = encode_place(ListKind::Tools, 1000, &[1; 32]);
        assert_eq!(
            decode_place(ListKind::Tools, &cursor, &[1; 32]).unwrap(),
            1000
        );
        assert!(decode_place(ListKind::Tools, &cursor, &[2; 32]).is_err());
        assert!(decode_place(ListKind::Prompts, &cursor, &[1; 32]).is_err());
        let named = encode(ListKind::Tools, "fs_read");
        assert!(decode_place(ListKind::Tools, &named, &[1; 32]).is_err());
    }

    proptest! {
        #[test]
        fn a_name_comes_back(name in ".*") {
            let cursor = encode(ListKind::Templates, &name);
            prop_assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
            prop_assert_eq!(decode(ListKind::Templates, &cursor).unwrap(), name);
        }

        #[test]
        fn any_text_is_judged(text in ".*") {
            if let Ok(name) = decode(ListKind::Tools, &text) {
                prop_assert_eq!(encode(ListKind::Tools, &name), text);
            }
        }
    }
}
