//! One tree over another: the file over the defaults, then the environment, then `--set`.

use super::{
    Sources, commands, defaults,
    fault::Fault,
    node::{Key, Map, Node, Place, Style, Value},
    origin::{Source, TextId, Texts},
    yaml,
};

/// Puts what the file says over the defaults. A list replaces the list below it, and so does a map
/// of names: a role is what the file says of it.
pub(super) fn file(below: &mut Node, above: Node, faults: &mut Vec<Fault>) {
    let Value::Map(above) = above.value else {
        faults.push(
            Fault::new("a configuration is made of keys")
                .place(above.place)
                .hint("begin with `version: 1`"),
        );
        return;
    };
    over(below, above, &mut Vec::new(), faults);
}

fn over(below: &mut Node, above: Map, path: &mut Vec<String>, faults: &mut Vec<Fault>) {
    let Value::Map(map) = &mut below.value else {
        return;
    };
    for (key, node) in above.0 {
        path.push(key.text.clone());
        match (map.get_mut(&key.text), node.value) {
            (
                Some(
                    section @ Node {
                        value: Value::Map(_),
                        ..
                    },
                ),
                Value::Map(inner),
            ) if !replaces(path) => {
                section.place = node.place;
                over(section, inner, path, faults);
            }
            (
                Some(Node {
                    value: Value::Map(_),
                    ..
                }),
                Value::Null,
            ) => {
                let fault =
                    Fault::new(format!("`{}` says nothing", path.join("."))).place(key.place);
                faults.push(
                    fault.hint("write a key under it, or take it out: then its defaults hold"),
                );
            }
            (_, value) => map.put(
                key,
                Node {
                    value,
                    place: node.place,
                },
            ),
        }
        path.pop();
    }
}

/// Whether a map of the file takes the place of the default one as a whole.
fn replaces(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(path[..], ["roles", _] | ["identity", "os_user", "roles"])
}

/// Puts `DURWARD_LISTEN__HTTP` and its like, then commands, `--state` and `--set` over what is there.
pub(super) fn overrides(
    root: &mut Node,
    sources: &Sources,
    texts: &mut Texts,
    faults: &mut Vec<Fault>,
) {
    for (name, value) in &sources.env {
        if let Some(path) = env_path(name) {
            let text = format!("{name}={value}");
            let id = texts.add(Source::Env(name.clone()), &text);
            put(root, &path, &text, name.len() + 1, id);
        }
    }
    commands::put(root, sources, texts, faults);
    let state = sources
        .state
        .as_deref()
        .map(|path| format!("state={}", path.display()));
    for text in state.iter().chain(&sources.set) {
        let id = texts.add(Source::Set, text);
        match set_path(text) {
            Some((path, at)) => put(root, &path, text, at, id),
            None => {
                let fault = Fault::new("`--set` wants a key and a value")
                    .hint("write it as `--set listen.http=off`");
                faults.push(fault.place(Place {
                    text: id,
                    span: 0..text.len(),
                }));
            }
        }
    }
}

/// The key that a variable overrides. `DURWARD_KEY`, or what an orchestrator puts there for a service
/// that is called durward, overrides none: only names with `__`, and `DURWARD_STATE`, do.
fn env_path(name: &str) -> Option<Vec<String>> {
    let key = name.strip_prefix("DURWARD_")?;
    (key.contains("__") || key == "STATE")
        .then(|| key.to_lowercase().split("__").map(str::to_owned).collect())
}

/// The key of `a.b."c.d"=value`, and where the value begins.
fn set_path(text: &str) -> Option<(Vec<String>, usize)> {
    let (mut path, mut key, mut quoted) = (Vec::new(), String::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => path.push(std::mem::take(&mut key)),
            '=' if !quoted => {
                path.push(key);
                return path
                    .iter()
                    .all(|key| !key.is_empty())
                    .then_some((path, at + 1));
            }
            _ => key.push(c),
        }
    }
    None
}

fn put(root: &mut Node, path: &[String], text: &str, at: usize, id: TextId) {
    let node = value(
        &text[at..],
        Place {
            text: id,
            span: at..text.len(),
        },
    );
    let place = Place {
        text: id,
        span: 0..at.saturating_sub(1),
    };
    let Some((last, outer)) = path.split_last() else {
        return;
    };
    let mut map = map_of(root, &place);
    for key in outer {
        if map.get(key).is_none() {
            let node = Node {
                place: place.clone(),
                ..defaults::empty_map()
            };
            map.put(
                Key {
                    text: key.clone(),
                    place: place.clone(),
                },
                node,
            );
        }
        // It is there: if not before, then since the lines above.
        let Some(node) = map.get_mut(key) else { return };
        map = map_of(node, &place);
    }
    map.put(
        Key {
            text: last.clone(),
            place,
        },
        node,
    );
}

/// The map in a node; what else was there makes way.
fn map_of<'a>(node: &'a mut Node, place: &Place) -> &'a mut Map {
    if !matches!(node.value, Value::Map(_)) {
        *node = Node {
            value: Value::Map(Map::default()),
            place: place.clone(),
        };
    }
    match &mut node.value {
        Value::Map(map) => map,
        _ => unreachable!("it was made a map just now"),
    }
}

/// Lists, maps and quoted texts are YAML; anything else is taken as it stands.
fn value(text: &str, place: Place) -> Node {
    let flow = text.starts_with(['[', '{', '"', '\'']);
    if let Some(Ok(Some(node))) = flow.then(|| yaml::parse(text, place.text)) {
        return moved(node, &place);
    }
    let value = if yaml::is_null(text) {
        Value::Null
    } else {
        Value::Scalar(text.to_owned(), Style::Given)
    };
    Node { value, place }
}

/// Everything in a value stands where the value does; bare words in it have no type of their own.
fn moved(mut node: Node, place: &Place) -> Node {
    node.place = place.clone();
    match &mut node.value {
        Value::List(items) => items
            .iter_mut()
            .for_each(|item| *item = moved(item.clone(), place)),
        Value::Map(map) => {
            for (key, inner) in &mut map.0 {
                key.place = place.clone();
                *inner = moved(inner.clone(), place);
            }
        }
        Value::Scalar(_, style) => *style = Style::Given,
        Value::Null | Value::Sealed(_) => {}
    }
    node
}
