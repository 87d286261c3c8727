//! What an answer's body is, and what becomes of it: text, Markdown or base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
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
    pub(super) body: Bytes,
    pub(super) content_type: Option<Box<str>>,
    /// The URL that links in it are relative to.
    pub(super) base: Box<str>,
    /// Is there more than that?
    pub(super) cut: bool,
    /// The most bytes that may become of it.
    pub(super) most: usize,
}

impl Source {
    fn media(&self) -> Media<'_> {
        Media::parse(self.content_type.as_deref().unwrap_or_default())
    }

    fn is_html(&self) -> bool {
        self.media().is_html()
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

/// Converts a body.
///
/// # Errors
/// `cancelled`.
pub(super) fn convert(source: &Source, shape: Shape, stop: &Cancel) -> Result<Content, Refusal> {
    let media = source.media();
    let text = match shape {
        Shape::Base64 => None,
        Shape::Text | Shape::Markdown => {
            charset::decode(&source.body, media.charset(), media.is_html(), source.cut)
        }
    };
    let Some(text) = text else {
        return Ok(Content {
            text: STANDARD.encode(&source.body),
            encoding: Encoding::Base64,
            is_markdown: false,
            cut: source.cut,
        });
    };
    let (text, cut) = match shape {
        Shape::Markdown => {
            let made = markdown::of_html(&text, &source.base, source.most, stop);
            let made =
                made.ok_or_else(|| Refusal::new(RefusalCode::Cancelled, "the call was cancelled"))?;
            (made.text, source.cut || made.full)
        }
        Shape::Text | Shape::Base64 => (text, source.cut),
    };
    Ok(Content {
        text,
        encoding: Encoding::Utf8,
        is_markdown: shape == Shape::Markdown,
        cut,
    })
}
