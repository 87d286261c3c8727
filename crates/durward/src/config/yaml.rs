//! YAML to a tree: one document, no tags, no key twice, and no more nodes than a person writes.

use std::{collections::HashMap, ops::Range};

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use super::{
    fault::Fault,
    node::{Key, Map, Node, Place, Style, Value},
    origin::TextId,
};

/// More nodes than this are an attack, aliases counted as often as they are used.
const NODES: usize = 20_000;
const DEPTH: usize = 64;

/// Parses the only document of `source`; a text without any is `None`.
pub(super) fn parse(source: &str, text: TextId) -> Result<Option<Node>, Fault> {
    let options = granit_parser::options! {
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
        strict_indentation: true,
    };
    Builder::new(source, text, options).document()
}

struct Builder<'a> {
    source: &'a str,
    text: TextId,
    events: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn new(source: &'a str, text: TextId, options: Options) -> Self {
        let events = Parser::new_from_str_with_options(source, options);
        Self {
            source,
            text,
            events,
            anchors: HashMap::new(),
            nodes: 0,
        }
    }

    fn document(&mut self) -> Result<Option<Node>, Fault> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(..) if root.is_some() => {
                    let fault = Fault::new("a second document is not read");
                    return Err(fault
                        .place(self.place(&span))
                        .hint("keep one document: take the `---` out"));
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                first => root = Some(self.node(first, &span, 0)?),
            }
        }
        Ok(root)
    }

    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, Fault> {
        let before = self.nodes;
        self.count(1, span)?;
        let mut place = self.place(span);
        let (value, anchor, tagged) = match event {
            Event::Alias(id) => return self.alias(id, span),
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(&text, style), anchor, tag.is_some())
            }
            Event::SequenceStart(_, anchor, tag) => {
                (self.list(&mut place, depth)?, anchor, tag.is_some())
            }
            Event::MappingStart(_, anchor, tag) => {
                (self.map(&mut place, depth)?, anchor, tag.is_some())
            }
            _ => return Err(Fault::new("this is not YAML").place(place)),
        };
        if tagged {
            let fault = Fault::new("a tag has no meaning here").place(self.place(span));
            return Err(fault.hint("take the word with the `!` out"));
        }
        let node = Node { value, place };
        if anchor != 0 {
            self.anchors
                .insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, span: &Span) -> Result<Node, Fault> {
        let unknown = || Fault::new("there is no such anchor before this").place(self.place(span));
        let (node, size) = self.anchors.get(&id).cloned().ok_or_else(unknown)?;
        self.count(size, span)?;
        Ok(Node {
            place: self.place(span),
            ..node
        })
    }

    fn list(&mut self, place: &mut Place, depth: usize) -> Result<Value, Fault> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.inner(place, depth)?;
            if event == Event::SequenceEnd {
                self.close(place, &span);
                return Ok(Value::List(items));
            }
            items.push(self.node(event, &span, depth + 1)?);
        }
    }

    fn map(&mut self, place: &mut Place, depth: usize) -> Result<Value, Fault> {
        let mut map = Map::default();
        loop {
            let (event, span) = self.inner(place, depth)?;
            if event == Event::MappingEnd {
                self.close(place, &span);
                return Ok(Value::Map(map));
            }
            let key = self.key(event, &span)?;
            if map.get(&key.text).is_some() {
                let fault = Fault::new(format!("`{}` stands here twice", key.text));
                return Err(fault.place(key.place).hint("keep one of them"));
            }
            let (event, span) = self.inner(place, depth)?;
            let node = self.node(event, &span, depth + 1)?;
            map.0.push((key, node));
        }
    }

    fn key(&mut self, event: Event<'a>, span: &Span) -> Result<Key, Fault> {
        self.count(1, span)?;
        match event {
            Event::Scalar(text, _, _, None) => Ok(Key {
                text: text.into_owned(),
                place: self.place(span),
            }),
            _ => Err(Fault::new("a key must be a plain word").place(self.place(span))),
        }
    }

    /// A collection reaches from its first character to its last.
    fn close(&self, place: &mut Place, end: &Span) {
        let end = end.byte_range().map_or(place.span.end, |range| range.end);
        place.span = trimmed(self.source, place.span.start..end.max(place.span.end));
    }

    /// The next event inside a collection.
    fn inner(&mut self, place: &Place, depth: usize) -> Result<(Event<'a>, Span), Fault> {
        if depth >= DEPTH {
            return Err(
                Fault::new(format!("this nests deeper than {DEPTH} levels")).place(place.clone())
            );
        }
        match self.next()? {
            Some((event, span)) => Ok((event, span)),
            None => Err(Fault::new("the text ends too early").place(place.clone())),
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Fault> {
        match self.events.next_event() {
            None => Ok(None),
            Some(Ok(next)) => Ok(Some(next)),
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or_default();
                let fault = Fault::new(format!("this is not YAML: {}", error.kind()));
                Err(fault
                    .place(Place {
                        text: self.text,
                        span: self.line_part(at),
                    })
                    .hint_at_tab(self.source, at))
            }
        }
    }

    fn count(&mut self, nodes: usize, span: &Span) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > NODES {
            let fault = Fault::new(format!("the text says more than {NODES} things"));
            return Err(fault.place(self.place(span)));
        }
        Ok(())
    }

    fn place(&self, span: &Span) -> Place {
        let range = span.byte_range().unwrap_or_default();
        Place {
            text: self.text,
            span: trimmed(self.source, range),
        }
    }

    /// One character, or none at the end.
    fn line_part(&self, at: usize) -> Range<usize> {
        let rest = self.source.get(at..).unwrap_or_default();
        let len = rest
            .chars()
            .next()
            .filter(|c| *c != '\n')
            .map_or(0, char::len_utf8);
        at..at + len
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match style {
        ScalarStyle::Plain if is_null(text) => Value::Null,
        ScalarStyle::Plain => Value::Scalar(text.to_owned(), Style::Plain),
        _ => Value::Scalar(text.to_owned(), Style::Quoted),
    }
}

/// YAML's spellings of nothing (core schema, YAML 1.2.2 section 10.3.2).
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The range without the white space at its end.
fn trimmed(source: &str, range: Range<usize>) -> Range<usize> {
    let text = source.get(range.clone()).unwrap_or_default();
    range.start..range.start + text.trim_end().len()
}
