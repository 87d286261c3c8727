//! HTML as Markdown: from the tokens as they come, with no tree. So hostile nesting costs nothing, the
//! work grows with the input, and it can be stopped at any piece.
//!
//! It is meant to be read, not rendered: text is not escaped, and what only looks is left out.

mod links;
mod tags;
mod writer;

use std::cell::RefCell;

use durward_core::Cancel;
use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind,
    },
};

use links::Links;
use tags::Element;
use writer::Writer;

/// So many bytes are looked at between two looks at whether to stop. One tag with very many attributes
/// costs the tokenizer the square of their number, so this is little.
const PIECE: usize = 2 * 1024;

/// So much of a page is read between two times that what was read is let go: it and what is made of it
/// are not held whole at once.
const STRETCH: usize = 128 * 1024;

/// What became of a page.
pub(super) struct Made {
    pub(super) text: String,
    /// It would have been longer than is allowed.
    pub(super) full: bool,
}

/// Turns a page into at most `most` bytes of Markdown, about. `None` where it was stopped.
pub(super) fn of_html(mut html: String, base: &str, most: usize, stop: &Cancel) -> Option<Made> {
    let sink = Sink(RefCell::new(Page {
        writer: Writer::new(most),
        links: Links::new(base),
        unseen: None,
    }));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let queue = BufferQueue::default();
    let is_full = || tokenizer.sink.0.borrow().writer.is_full();
    while !html.is_empty() && !is_full() {
        let (mut rest, after) = html.split_at(html.floor_char_boundary(STRETCH));
        while !rest.is_empty() && !is_full() {
            if stop.is_cancelled() {
                return None;
            }
            let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
            queue.push_back(StrTendril::from_slice(piece));
            // It never waits for a script: none is ever reported to it.
            let _ = tokenizer.feed(&queue);
            rest = after;
        }
        let read = html.len() - after.len();
        html.drain(..read);
        html.shrink_to_fit();
    }
    drop(html);
    tokenizer.end();
    let writer = tokenizer.sink.0.into_inner().writer;
    Some(Made {
        full: writer.is_full(),
        text: writer.finish(),
    })
}

/// Takes the tokens.
struct Sink(RefCell<Page>);

struct Page {
    writer: Writer,
    links: Links,
    /// The element whose content is not for readers.
    unseen: Option<Element>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut page = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) if page.unseen.is_none() => page.writer.text(&text),
            Token::TagToken(tag) => return page.tag(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Page {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let element = Element::of(&tag.name);
        let attribute = |name: &str| {
            let mut all = tag.attrs.iter();
            all.find(|attribute| &*attribute.name.local == name)
                .map(|attribute| &*attribute.value)
        };
        match tag.kind {
            TagKind::EndTag => {
                if self.unseen == Some(element) {
                    self.unseen = None;
                } else {
                    self.writer.end(element);
                }
                TokenSinkResult::Continue
            }
            TagKind::StartTag => {
                match element {
                    Element::Base => self.links.base(attribute("href")),
                    Element::Link => self.writer.link(self.links.resolve(attribute("href"))),
                    Element::Image => {
                        let source = self.links.resolve(attribute("src"));
                        self.writer.image(attribute("alt"), source);
                    }
                    Element::Ordered => {
                        let start = attribute("start").and_then(|start| start.parse().ok());
                        self.writer.list(Some(start.unwrap_or(1)));
                    }
                    _ => self.writer.start(element),
                }
                let Some(kind) = element.raw() else {
                    return TokenSinkResult::Continue;
                };
                if kind != RawKind::Rcdata {
                    self.unseen = Some(element);
                }
                TokenSinkResult::RawData(kind)
            }
        }
    }
}

#[cfg(test)]
mod tests;
