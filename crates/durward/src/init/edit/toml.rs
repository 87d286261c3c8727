//! TOML: what is changed is the lines of a table, or an inline table where it stands.

use std::ops::Range;

use toml_edit::{Item, TableLike, Value as TomlValue};

use super::{Edit, Fate, LONGEST, Member, New, Node, NotUnderstood, Value, lines, quoted};

type Parsed<'a> = toml_edit::Document<&'a str>;

fn parsed(text: &str) -> Result<Parsed<'_>, NotUnderstood> {
    if text.len() > LONGEST {
        return Err(NotUnderstood::at(text, 0, "it is too long"));
    }
    Parsed::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        NotUnderstood::at(text, at, error.message())
    })
}

pub(super) fn read(text: &str) -> Result<Node, NotUnderstood> {
    Ok(node(text, parsed(text)?.as_item()))
}

fn node(text: &str, item: &Item) -> Node {
    let span = item.span().unwrap_or_default();
    let value = match item {
        Item::Table(table) => map(text, table),
        Item::ArrayOfTables(tables) => Value::List(
            tables
                .iter()
                .map(|table| Node {
                    span: table.span().unwrap_or_default(),
                    value: map(text, table),
                })
                .collect(),
        ),
        Item::Value(value) => return inline(text, value),
        Item::None => Value::Null,
    };
    Node { span, value }
}

fn inline(text: &str, value: &TomlValue) -> Node {
    let span = value.span().unwrap_or_default();
    let said = match value {
        TomlValue::String(it) => Value::Text(it.value().clone()),
        TomlValue::Boolean(it) => Value::Flag(*it.value()),
        TomlValue::Array(items) => {
            Value::List(items.iter().map(|item| inline(text, item)).collect())
        }
        TomlValue::InlineTable(table) => map(text, table),
        _ => Value::Number(text.get(span.clone()).unwrap_or_default().to_owned()),
    };
    Node { span, value: said }
}

fn map(text: &str, table: &dyn TableLike) -> Value {
    let member = |(key, item): (&str, &Item)| {
        let node = node(text, item);
        let start = table.get_key_value(key).and_then(|(key, _)| key.span());
        let start = start.map_or(node.span.start, |span| span.start.min(node.span.start));
        Member {
            key: key.to_owned(),
            span: start..node.span.end.max(start),
            comma: None,
            node,
        }
    };
    Value::Map(table.iter().map(member).collect())
}

pub(super) fn rewire(
    text: &str,
    root: &Node,
    path: &[String],
    fates: &[(usize, Fate)],
) -> Result<Vec<Edit>, NotUnderstood> {
    let document = parsed(text)?;
    let home = path
        .iter()
        .try_fold(document.as_item(), |item, key| item.get(key.as_str()));
    let members = root.at(path.iter().map(String::as_str));
    let (Some(home), Some(members)) = (home, members.map(Node::members)) else {
        return Ok(Vec::new());
    };
    if home.is_value() {
        let why = "its servers stand in one inline table";
        return Err(NotUnderstood::at(text, 0, why));
    }
    let mut edits = Vec::new();
    for (index, fate) in fates {
        let Some(member) = members.get(*index) else {
            continue;
        };
        match home.get(member.key.as_str()) {
            Some(Item::Value(TomlValue::InlineTable(_))) => {
                edits.push(of_inline(text, member, fate));
            }
            Some(item @ Item::Table(_)) => {
                let mut regions = Vec::new();
                own_lines(text, item, &mut regions).map_err(|()| {
                    NotUnderstood::at(text, member.span.start, "a server has dotted keys")
                })?;
                regions.sort_by_key(|range| range.start);
                edits.extend(of_tables(text, path, member, fate, regions));
            }
            _ => {
                let why = "a server is no table";
                return Err(NotUnderstood::at(text, member.span.start, why));
            }
        }
    }
    Ok(edits)
}

/// The lines of a table and of the tables in it, from each header to the last value.
fn own_lines(text: &str, item: &Item, regions: &mut Vec<Range<usize>>) -> Result<(), ()> {
    let Item::Table(table) = item else {
        return Err(());
    };
    if table.is_dotted() {
        return Err(());
    }
    let mut end = table.span().map(|span| span.end);
    for (_, inner) in table.iter() {
        match inner {
            Item::Value(value) => end = end.max(value.span().map(|span| span.end)),
            inner => own_lines(text, inner, regions)?,
        }
    }
    if let (Some(header), Some(end)) = (table.span(), end)
        && !header.is_empty()
    {
        let first = lines::start(text, header.start) + mark_at(text, header.start);
        regions.push(first..lines::end(text, end));
    }
    Ok(())
}

/// A byte order mark is no part of the first line.
fn mark_at(text: &str, at: usize) -> usize {
    match lines::start(text, at) {
        0 => super::mark(text),
        _ => 0,
    }
}

fn of_tables(
    text: &str,
    path: &[String],
    member: &Member,
    fate: &Fate,
    regions: Vec<Range<usize>>,
) -> Vec<Edit> {
    let mut new = match fate {
        Fate::Gone => None,
        Fate::Value(entry) => Some((member.key.as_str(), entry)),
        Fate::Entry(key, entry) => Some((key.as_str(), entry)),
    };
    let all = new.is_none();
    let edit = |region: Range<usize>| match new.take() {
        Some((key, entry)) => {
            let ends = text[region.clone()].ends_with('\n');
            let mut text = table(text, path, key, entry);
            text.truncate(match ends {
                true => text.len(),
                false => text.trim_end().len(),
            });
            Edit { span: region, text }
        }
        None => Edit {
            // What stays in its place has the empty lines after it, too.
            span: match all {
                true => with_blank_lines(text, region),
                false => region,
            },
            text: String::new(),
        },
    };
    regions.into_iter().map(edit).collect()
}

/// The lines with the empty ones after them.
fn with_blank_lines(text: &str, region: Range<usize>) -> Range<usize> {
    let mut end = region.end;
    while end < text.len() && lines::blank(&text[end..lines::end(text, end)]) {
        end = lines::end(text, end);
    }
    region.start..end
}

fn of_inline(text: &str, member: &Member, fate: &Fate) -> Edit {
    match fate {
        Fate::Gone => Edit {
            span: lines::swept(text, member.span.clone()),
            text: String::new(),
        },
        Fate::Value(entry) => Edit {
            span: member.node.span.clone(),
            text: flat(entry),
        },
        Fate::Entry(key, entry) => Edit {
            span: member.span.clone(),
            text: format!("{} = {}", bare(key), flat(entry)),
        },
    }
}

fn table(text: &str, path: &[String], key: &str, entry: &[(String, New)]) -> String {
    let end = super::line_break(text);
    let names = path.iter().map(String::as_str).chain([key]);
    let header = names.map(bare).collect::<Vec<_>>().join(".");
    let mut new = format!("[{header}]{end}");
    for (key, value) in entry {
        new.push_str(&format!("{} = {}{end}", bare(key), written(value)));
    }
    new
}

fn flat(entry: &[(String, New)]) -> String {
    let parts: Vec<_> = entry
        .iter()
        .map(|(key, value)| format!("{} = {}", bare(key), written(value)))
        .collect();
    format!("{{ {} }}", parts.join(", "))
}

fn written(value: &New) -> String {
    match value {
        New::Text(text) => quoted(text),
        New::Flag(flag) => flag.to_string(),
        New::List(items) => {
            let items: Vec<_> = items.iter().map(|item| quoted(item)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

/// A key, in quotes where it must.
fn bare(key: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    match !key.is_empty() && key.bytes().all(plain) {
        true => key.to_owned(),
        false => quoted(key),
    }
}
