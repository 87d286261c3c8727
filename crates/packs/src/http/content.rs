//! What an answer's body is, and what becomes of it: text, Markdown or base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use durward_core::{Cancel, Refusal, RefusalCode};
use serde::{Deserialize, Serialize};

use super::{charset, markdown, media::Media};

/// The argument `format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    Auto,
    Text,
    Markdown,
    Base64,
}

impl Format {
    /// What is to be made of this body. Only HTML becomes Markdown.
    pub(super) fn settled(self, html_is_markdown: bool, source: &Source) -> Shape {
        match self {
            Self::Base64 => Shape::Base64,
            Self::Auto if html_is_markdown && source.is_html() => Shape::Markdown,
            Self::Markdown if source.is_html() => Shape::Markdown,
            Self::Auto | Self::Text | Self::Markdown => Shape::Text,
        }
    }
}

/// What a body is turned into. What is not text comes as base64 all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Markdown,
    Base64,
}

/// A body as it came.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) body: Vec<u8>,
    pub(super) content_type: Option<Box<str>>,
    /// The URL that links in it are relative to.
    pub(super) base: Box<str>,
    /// Is there more than that?
    pub(super) cut: bool,
    /// The most bytes of text that may become of it.
    pub(super) most: usize,
}

impl Source {
    fn is_html(&self) -> bool {
        Media::parse(self.content_type.as_deref().unwrap_or_default()).is_html()
    }
}

/// How `body` is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    Utf8,
    Base64,
}

/// What became of a body.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) text: String,
    pub(super) encoding: Encoding,
    /// For people: is it Markdown that was HTML?
    pub(super) is_markdown: bool,
    /// Is something missing at its end that can't be had?
    pub(super) cut: bool,
}

/// Converts a body, in its own place where that can be: it may be as long as is allowed.
///
/// # Errors
/// `cancelled`.
pub(super) fn convert(source: Source, shape: Shape, stop: &Cancel) -> Result<Content, Refusal> {
    let most = source.most;
    let media = Media::parse(source.content_type.as_deref().unwrap_or_default());
    let read = match shape {
        Shape::Base64 => Err(source.body),
        Shape::Text | Shape::Markdown => charset::decode(source.body, &media, source.cut, most),
    };
    let (text, cut) = match read {
        Ok(read) => read,
        Err(bytes) => {
            return Ok(Content {
                text: base64(bytes),
                encoding: Encoding::Base64,
                is_markdown: false,
                cut: source.cut,
            });
        }
    };
    let (text, cut) = match shape {
        Shape::Markdown => {
            let made = markdown::of_html(text, &source.base, most, stop);
            let made =
                made.ok_or_else(|| Refusal::new(RefusalCode::Cancelled, "the call was cancelled"))?;
            (made.text, cut || made.full)
        }
        Shape::Text | Shape::Base64 => (text, cut),
    };
    Ok(Content {
        text,
        encoding: Encoding::Utf8,
        is_markdown: shape == Shape::Markdown,
        cut,
    })
}

/// Base64 where the bytes stand: from the end, so that nothing is written over before it was read.
fn base64(mut bytes: Vec<u8>) -> String {
    const PIECE: usize = 3 * 1024;
    let mut piece = [0; PIECE];
    let length = bytes.len();
    let room = length.div_ceil(3) * 4;
    bytes.reserve_exact(room - length);
    bytes.resize(room, 0);
    for start in (0..length).step_by(PIECE).rev() {
        let taken = (length - start).min(PIECE);
        piece[..taken].copy_from_slice(&bytes[start..start + taken]);
        let written = STANDARD.encode_slice(&piece[..taken], &mut bytes[start / 3 * 4..]);
        debug_assert!(written.is_ok(), "there is room for all of it");
    }
    // Base64 is ASCII.
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_in_place_is_base64() {
        let all: Vec<u8> = (0..10_000u32).map(|n| (n * 7 % 251) as u8).collect();
        for length in [0, 1, 2, 3, 4, 3071, 3072, 3073, 6144, 6145, 10_000] {
            let bytes = &all[..length];
            assert_eq!(base64(bytes.to_vec()), STANDARD.encode(bytes), "{length}");
        }
    }
}
