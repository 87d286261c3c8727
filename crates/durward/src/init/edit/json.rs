//! JSON as editors take it: with comments and trailing commas (the «JSON with Comments» of VS Code).

use super::{DEPTH, Edit, Fate, LONGEST, Member, New, Node, NotUnderstood, Value, lines, quoted};

pub(super) fn read(text: &str) -> Result<Node, NotUnderstood> {
    let mut reader = Reader {
        text,
        at: super::mark(text),
    };
    if text.len() > LONGEST {
        return Err(reader.fault("it is too long"));
    }
    reader.space()?;
    let root = reader.node(0)?;
    reader.space()?;
    match reader.at == text.len() {
        true => Ok(root),
        false => Err(reader.fault("something stands after its end")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn fault(&self, why: &str) -> NotUnderstood {
        NotUnderstood::at(self.text, self.at, why)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Blanks and comments.
    fn space(&mut self) -> Result<(), NotUnderstood> {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            self.at += blanks;
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return Err(self.fault("a comment has no end")),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn node(&mut self, depth: usize) -> Result<Node, NotUnderstood> {
        if depth > DEPTH {
            return Err(self.fault("it nests too deep"));
        }
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            _ => self.word()?,
        };
        Ok(Node {
            span: start..self.at,
            value,
        })
    }

    fn map(&mut self, depth: usize) -> Result<Value, NotUnderstood> {
        let mut members: Vec<Member> = Vec::new();
        let mut keys = std::collections::HashSet::new();
        self.at += 1;
        loop {
            self.space()?;
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Map(members));
                }
                Some(b'"') if members.last().is_none_or(|last| last.comma.is_some()) => {}
                _ => return Err(self.fault("a key in double quotes, a comma or `}` was expected")),
            }
            let start = self.at;
            let key = self.string()?;
            if !keys.insert(key.clone()) {
                self.at = start;
                return Err(self.fault(&format!("the key `{key}` is there twice")));
            }
            self.space()?;
            if self.peek() != Some(b':') {
                return Err(self.fault("a colon was expected"));
            }
            self.at += 1;
            self.space()?;
            let node = self.node(depth + 1)?;
            let span = start..self.at;
            let comma = self.comma()?;
            members.push(Member {
                key,
                span,
                comma,
                node,
            });
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, NotUnderstood> {
        let mut items = Vec::new();
        let mut open = true;
        self.at += 1;
        loop {
            self.space()?;
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(items));
                }
                _ if !open => return Err(self.fault("a comma or `]` was expected")),
                _ => {}
            }
            items.push(self.node(depth + 1)?);
            open = self.comma()?.is_some();
        }
    }

    /// The comma after a value.
    fn comma(&mut self) -> Result<Option<usize>, NotUnderstood> {
        self.space()?;
        let comma = (self.peek() == Some(b',')).then_some(self.at);
        self.at += usize::from(comma.is_some());
        Ok(comma)
    }

    fn string(&mut self) -> Result<String, NotUnderstood> {
        let mut escaped = false;
        let end = self.rest().bytes().skip(1).position(|b| {
            let ends = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            ends
        });
        let end = end.ok_or_else(|| self.fault("a text has no end"))? + 2;
        let text = serde_json::from_str(&self.rest()[..end])
            .map_err(|_| self.fault("a text is not as JSON writes it"))?;
        self.at += end;
        Ok(text)
    }

    /// `null`, `true`, `false` or a number.
    fn word(&mut self) -> Result<Value, NotUnderstood> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let rest = self.rest();
        let word = &rest[..rest.find(|c| !fits(c)).unwrap_or(rest.len())];
        let value = match word {
            "null" => Value::Null,
            "true" | "false" => Value::Flag(word == "true"),
            _ if serde_json::from_str::<serde_json::Number>(word).is_ok() => {
                Value::Number(word.to_owned())
            }
            _ => return Err(self.fault("a value was expected")),
        };
        self.at += word.len();
        Ok(value)
    }
}

pub(super) fn rewire(text: &str, home: &Node, fates: &[(usize, Fate)]) -> Vec<Edit> {
    let members = home.members();
    let fate = |index: usize| fates.iter().find(|(at, _)| *at == index).map(|(_, it)| it);
    let mut edits = Vec::new();
    for (index, member) in members.iter().enumerate() {
        match fate(index) {
            None => {}
            Some(Fate::Value(entry)) => edits.push(Edit {
                span: member.node.span.clone(),
                text: rendered(text, home, member, entry),
            }),
            Some(Fate::Entry(key, entry)) => edits.push(Edit {
                span: member.span.clone(),
                text: format!("{}: {}", quoted(key), rendered(text, home, member, entry)),
            }),
            Some(Fate::Gone) => edits.push(gone(text, member)),
        }
    }
    edits.extend(stray_comma(members, &|index| {
        matches!(fate(index), Some(Fate::Gone))
    }));
    edits
}

/// The bytes of a member that goes, with its comma and its lines.
fn gone(text: &str, member: &Member) -> Edit {
    let span = member.span.start..member.comma.map_or(member.span.end, |comma| comma + 1);
    let mut span = lines::swept(text, span);
    if member.comma.is_none() && lines::indent(text, span.start).is_none() {
        span.start = text[..span.start].trim_end_matches([' ', '\t']).len();
    }
    Edit {
        span,
        text: String::new(),
    }
}

/// Where the last members go and had no comma, the one before them has one too many.
fn stray_comma(members: &[Member], is_gone: &dyn Fn(usize) -> bool) -> Option<Edit> {
    let last = members.len().checked_sub(1)?;
    if !is_gone(last) || members[last].comma.is_some() {
        return None;
    }
    let stays = (0..last).rev().find(|index| !is_gone(*index))?;
    members[stays].comma.map(|comma| Edit {
        span: comma..comma + 1,
        text: String::new(),
    })
}

/// A value as its neighbours are written: over lines, or on one.
fn rendered(text: &str, home: &Node, member: &Member, entry: &[(String, New)]) -> String {
    let Some(base) = lines::indent(text, member.span.start) else {
        let parts = entry
            .iter()
            .map(|(key, value)| format!("{}: {}", quoted(key), flat(value)));
        return format!("{{{}}}", parts.collect::<Vec<_>>().join(", "));
    };
    let unit = unit(text, home, base);
    let end = super::line_break(text);
    let inner = format!("{base}{unit}");
    let parts = entry.iter().map(|(key, value)| {
        let value = match value {
            New::List(items) if !items.is_empty() => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| format!("{inner}{unit}{}", quoted(item)))
                    .collect();
                format!("[{end}{}{end}{inner}]", items.join(&format!(",{end}")))
            }
            other => flat(other),
        };
        format!("{inner}{}: {value}", quoted(key))
    });
    let parts = parts.collect::<Vec<_>>().join(&format!(",{end}"));
    format!("{{{end}{parts}{end}{base}}}")
}

/// How much deeper each level stands.
fn unit<'a>(text: &str, home: &Node, base: &'a str) -> &'a str {
    let line = lines::start(text, home.span.start);
    let outer = text[line..].trim_start_matches('\u{feff}');
    let outer = &outer[..outer.len() - outer.trim_start_matches([' ', '\t']).len()];
    match base.strip_prefix(outer) {
        Some(unit) if !unit.is_empty() => unit,
        _ if base.is_empty() => "  ",
        _ => base,
    }
}

fn flat(value: &New) -> String {
    match value {
        New::Text(text) => quoted(text),
        New::Flag(flag) => flag.to_string(),
        New::List(items) => {
            let items: Vec<_> = items.iter().map(|item| quoted(item)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}
