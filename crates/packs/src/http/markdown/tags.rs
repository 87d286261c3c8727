//! The elements of HTML, by what they mean to a reader.

use html5ever::tokenizer::states::RawKind;

/// What an element is to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// `base`: what links are relative to.
    Base,
    Link,
    Image,
    /// `h1` to `h6`.
    Heading(u8),
    /// A paragraph, or what stands apart like one.
    Block,
    /// What begins a line: `dt`, `option` …
    Line,
    /// `br`.
    Break,
    /// `hr`.
    Rule,
    Ordered,
    Unordered,
    Item,
    Quote,
    Preformatted,
    Code,
    Strong,
    Emphasis,
    Table,
    Row,
    Cell,
    /// `title`, whose content is text alone.
    Title,
    /// `textarea`, likewise.
    TextArea,
    Script,
    Style,
    /// `iframe`: what is in it is shown by none.
    Frame,
    /// What flows with the text, and what nobody knows.
    Inline,
}

impl Element {
    /// What the element of this (lower-case) name is.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "a" => Self::Link,
            "img" => Self::Image,
            "h1" => Self::Heading(1),
            "h2" => Self::Heading(2),
            "h3" => Self::Heading(3),
            "h4" => Self::Heading(4),
            "h5" => Self::Heading(5),
            "h6" => Self::Heading(6),
            "p" | "div" | "section" | "article" | "header" | "footer" | "nav" | "main"
            | "aside" | "form" | "fieldset" | "address" | "details" | "summary" | "figure"
            | "figcaption" | "dl" | "body" | "html" | "center" | "caption" | "dialog"
            | "hgroup" | "search" => Self::Block,
            "dt" | "dd" | "option" | "legend" | "optgroup" => Self::Line,
            "br" => Self::Break,
            "hr" => Self::Rule,
            "ol" => Self::Ordered,
            "ul" | "menu" | "dir" => Self::Unordered,
            "li" => Self::Item,
            "blockquote" => Self::Quote,
            "pre" | "listing" => Self::Preformatted,
            "code" | "kbd" | "samp" | "tt" => Self::Code,
            "strong" | "b" => Self::Strong,
            "em" | "i" => Self::Emphasis,
            "table" => Self::Table,
            "tr" => Self::Row,
            "td" | "th" => Self::Cell,
            "base" => Self::Base,
            "title" => Self::Title,
            "textarea" => Self::TextArea,
            "script" => Self::Script,
            "style" => Self::Style,
            "iframe" => Self::Frame,
            _ => Self::Inline,
        }
    }

    /// How its content is read, where there is no markup in it.
    pub(super) fn raw(self) -> Option<RawKind> {
        match self {
            Self::Title | Self::TextArea => Some(RawKind::Rcdata),
            Self::Script => Some(RawKind::ScriptData),
            Self::Style | Self::Frame => Some(RawKind::Rawtext),
            _ => None,
        }
    }
}
