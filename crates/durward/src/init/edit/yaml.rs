//! YAML: what is changed is the lines of an entry, in block style.

use std::{collections::HashSet, ops::Range};

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::{DEPTH, Edit, Fate, LONGEST, Member, New, Node, NotUnderstood, Value, lines, quoted};

pub(super) fn read(text: &str) -> Result<Node, NotUnderstood> {
    if text.len() > LONGEST {
        return Err(NotUnderstood::at(text, 0, "it is too long"));
    }
    let options = granit_parser::options! {
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let skipped = super::mark(text);
    let mut reader = Reader {
        text,
        skipped,
        events: Parser::new_from_str_with_options(&text[skipped..], options),
    };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            _ if root.is_some() => return Err(reader.fault(&span, "it has a second document")),
            first => root = Some(reader.node(first, &span)?),
        }
    }
    Ok(root.unwrap_or(Node {
        span: text.len()..text.len(),
        value: Value::Null,
    }))
}

struct Reader<'a> {
    text: &'a str,
    /// The bytes of the byte order mark.
    skipped: usize,
    events: Parser<'a, granit_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), NotUnderstood> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or_default();
                Err(NotUnderstood::at(
                    self.text,
                    at + self.skipped,
                    error.kind().to_string(),
                ))
            }
            None => Err(NotUnderstood::at(
                self.text,
                self.text.len(),
                "it ends too early",
            )),
        }
    }

    fn fault(&self, span: &Span, why: &str) -> NotUnderstood {
        NotUnderstood::at(self.text, self.range(span).start, why)
    }

    /// Without the blanks at its end, which the parser counts in.
    fn range(&self, span: &Span) -> Range<usize> {
        let range = span.byte_range().unwrap_or_default();
        let (start, end) = (range.start + self.skipped, range.end + self.skipped);
        let text = self.text.get(start..end).unwrap_or_default();
        start..start + text.trim_end().len()
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node, NotUnderstood> {
        let mut range = self.range(span);
        let value = match event {
            Event::Scalar(text, style, ..) => scalar(text.into_owned(), style),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::SequenceEnd {
                        range.end = self.end(&range, &span, items.last());
                        break Value::List(items);
                    }
                    items.push(self.node(event, &span)?);
                }
            }
            Event::MappingStart(..) => {
                let mut members: Vec<Member> = Vec::new();
                let mut keys = HashSet::new();
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::MappingEnd {
                        let last = members.last().map(|member| &member.node);
                        range.end = self.end(&range, &span, last);
                        break Value::Map(members);
                    }
                    members.push(self.member(event, &span, &mut keys)?);
                }
            }
            Event::Alias(_) => return Err(self.fault(span, "init reads no aliases")),
            _ => return Err(self.fault(span, "a value was expected")),
        };
        Ok(Node { span: range, value })
    }

    fn member(
        &mut self,
        event: Event<'a>,
        span: &Span,
        keys: &mut HashSet<String>,
    ) -> Result<Member, NotUnderstood> {
        let Event::Scalar(key, ..) = event else {
            return Err(self.fault(span, "a key must be a plain word"));
        };
        if !keys.insert(key.to_string()) {
            return Err(self.fault(span, &format!("the key `{key}` is there twice")));
        }
        let start = self.range(span);
        let (event, span) = self.next()?;
        let mut node = self.node(event, &span)?;
        if node.span.is_empty() && node.value == Value::Null {
            // The parser puts what is not there where the next thing begins.
            node.span = start.end..start.end;
        }
        Ok(Member {
            key: key.into_owned(),
            span: start.start..node.span.end.max(start.end),
            comma: None,
            node,
        })
    }

    /// Where a collection ends: at its bracket, or with its last part.
    fn end(&self, range: &Range<usize>, closing: &Span, last: Option<&Node>) -> usize {
        let closing = self.range(closing);
        match self.is_flow(range) {
            true => closing.end,
            false => last.map_or(range.start, |node| node.span.end.max(range.start)),
        }
    }

    fn is_flow(&self, range: &Range<usize>) -> bool {
        matches!(self.text.as_bytes().get(range.start), Some(b'{' | b'[')) && !range.is_empty()
    }
}

fn scalar(text: String, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text);
    }
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Flag(true),
        "false" | "False" | "FALSE" => Value::Flag(false),
        _ if serde_json::from_str::<serde_json::Number>(&text).is_ok() => Value::Number(text),
        _ => Value::Text(text),
    }
}

pub(super) fn rewire(
    text: &str,
    home: &Node,
    fates: &[(usize, Fate)],
) -> Result<Vec<Edit>, NotUnderstood> {
    let mut edits = Vec::new();
    for (index, fate) in fates {
        let edit = match &home.value {
            Value::Map(members) => members.get(*index).map(|it| of_member(text, it, fate)),
            Value::List(items) => items.get(*index).map(|it| of_item(text, it, fate)),
            _ => None,
        };
        let flow = || {
            let why = "its servers don't stand on lines of their own";
            NotUnderstood::at(text, home.span.start, why)
        };
        edits.push(edit.flatten().ok_or_else(flow)?);
    }
    Ok(edits)
}

fn of_member(text: &str, member: &Member, fate: &Fate) -> Option<Edit> {
    let base = lines::indent(text, member.span.start)?;
    let region = region(text, member.span.clone())?;
    let line = super::line_break(text);
    let (key, entry) = match fate {
        Fate::Gone => return Some(gone(region)),
        Fate::Value(entry) => {
            let key = &text[member.span.clone()];
            let own = key.find(':').map_or(key, |at| &key[..at]);
            (own.trim_end().to_owned(), entry)
        }
        Fate::Entry(key, entry) => (word(key), entry),
    };
    let inner = format!("{base}  ");
    let body = block(&inner, line, entry);
    Some(instead(
        text,
        region,
        format!("{base}{key}:{line}{inner}{body}"),
    ))
}

fn of_item(text: &str, item: &Node, fate: &Fate) -> Option<Edit> {
    let first = lines::start(text, item.span.start);
    let lead = &text[first..item.span.start];
    let dash = lead.find('-')?;
    if !lines::blank(&lead[..dash]) || !lines::blank(&lead[dash + 1..]) {
        return None;
    }
    let region = region(text, item.span.clone())?;
    let entry = match fate {
        Fate::Gone => return Some(gone(region)),
        Fate::Value(entry) | Fate::Entry(_, entry) => entry,
    };
    let inner = " ".repeat(lead.len());
    let body = block(&inner, super::line_break(text), entry);
    Some(instead(text, region, format!("{lead}{body}")))
}

/// The lines of an entry, which must have nothing else.
fn region(text: &str, span: Range<usize>) -> Option<Range<usize>> {
    let start = lines::start(text, span.start);
    let start = start + super::mark(&text[start..span.start]);
    let end = lines::end(text, span.end);
    let rest = text[span.end..end].trim_start_matches([' ', '\t']);
    let rest = rest.strip_prefix(':').unwrap_or(rest).trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(start..end)
}

fn gone(span: Range<usize>) -> Edit {
    Edit {
        span,
        text: String::new(),
    }
}

/// The last line may have no break, and then gets none.
fn instead(text: &str, span: Range<usize>, mut new: String) -> Edit {
    if text[span.clone()].ends_with('\n') {
        new.push_str(super::line_break(text));
    }
    Edit { span, text: new }
}

/// The lines of a map without the first one's indent and the last one's break.
fn block(indent: &str, line: &str, entry: &[(String, New)]) -> String {
    let parts: Vec<_> = entry
        .iter()
        .map(|(key, value)| match value {
            New::Text(text) => format!("{}: {}", word(key), word(text)),
            New::Flag(flag) => format!("{}: {flag}", word(key)),
            New::List(items) => {
                let items = items
                    .iter()
                    .map(|item| format!("{line}{indent}  - {}", word(item)));
                format!("{}:{}", word(key), items.collect::<String>())
            }
        })
        .collect();
    parts.join(&format!("{line}{indent}"))
}

/// A text, in quotes unless no reader could take it for anything else.
pub(in crate::init) fn word(text: &str) -> String {
    const OTHERWISE: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_/.-".contains(&b));
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_');
    match plain && begins && !OTHERWISE.contains(&text.to_ascii_lowercase().as_str()) {
        true => text.to_owned(),
        false => quoted(text),
    }
}
