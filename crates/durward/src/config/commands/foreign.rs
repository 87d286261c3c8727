//! Commands from outside the file: `--command NAME=TEMPLATE`, and the notation and variables of
//! mcp-secure-exec for those who come from it.

use durward_guard::template::{definitions, with_types_of_names};

use crate::config::{
    Commands, Sources, defaults,
    fault::Fault,
    node::{Key, Map, Node, Place, Style, Value},
    origin::{Source, TextId, Texts},
    units,
};

/// Its variables; only where the first one is set do the others say anything.
const COMMANDS: &str = "MCP_EXEC_COMMANDS";
const ALLOW_DANGEROUS: &str = "MCP_EXEC_ALLOW_DANGEROUS";
const ALLOW_MISSING: &str = "MCP_EXEC_ALLOW_MISSING_BINARIES";
const TIMEOUT: &str = "MCP_EXEC_CMD_TIMEOUT_SECS";
const BASE: &str = "MCP_EXEC_BASE_PATH";

const HINT: &str = "write it as `--command 'say=echo {message}'`";

/// A command from outside.
struct Given {
    name: String,
    template: String,
    /// What holds for it beside.
    keys: Vec<Beside>,
    place: Place,
}

/// A key that a variable says for all commands.
#[derive(Clone)]
struct Beside {
    key: &'static str,
    value: String,
    place: Place,
}

/// Puts the commands of those variables over what is there, and then those of `--command`.
pub(in crate::config) fn put(
    root: &mut Node,
    sources: &Sources,
    texts: &mut Texts,
    faults: &mut Vec<Fault>,
) {
    let of_variables = variables(root, sources, texts, faults);
    over(root, of_variables, faults);
    let of_options = options(sources, texts, faults);
    over(root, of_options, faults);
}

/// Says of each command whether it is one of those variables.
pub(in crate::config) fn mark(all: &mut Commands, root: &Node, texts: &Texts) {
    for (name, command) in all {
        let run = root.at(&["commands", &name.to_string(), "run"]);
        let source = run.and_then(|run| texts.get(run.place.text));
        command.by_variables =
            matches!(source, Some((Source::Env(variable), _)) if variable == COMMANDS);
    }
}

fn variables(
    root: &mut Node,
    sources: &Sources,
    texts: &mut Texts,
    faults: &mut Vec<Fault>,
) -> Vec<Given> {
    let said = |name: &str| {
        let found = sources.env.iter().rfind(|(known, _)| known == name);
        found
            .map(|(_, value)| value.trim())
            .filter(|it| !it.is_empty())
    };
    let Some(commands) = said(COMMANDS) else {
        return Vec::new();
    };
    let mut at = |name: &str, value: &str| {
        let line = format!("{name}={value}");
        place(Source::Env(name.to_owned()), &line, texts)
    };
    let mut keys = Vec::new();
    for (name, key, value) in [
        (ALLOW_DANGEROUS, "dangerous", "true"),
        (ALLOW_MISSING, "missing", "warn"),
    ] {
        if let Some(word) = said(name).filter(|word| units::boolean(word) == Some(true)) {
            let (value, place) = (value.to_owned(), at(name, word));
            keys.push(Beside { key, value, place });
        }
    }
    if let Some(seconds) = said(TIMEOUT) {
        let place = at(TIMEOUT, seconds);
        match seconds.parse::<u32>() {
            Ok(1..) => keys.push(Beside {
                key: "timeout",
                value: format!("{seconds}s"),
                place,
            }),
            _ => {
                let fault =
                    Fault::new(format!("`{TIMEOUT}` is no whole number of seconds above 0"));
                faults.push(
                    fault
                        .place(place)
                        .hint("write a number alone, such as `30`"),
                );
            }
        }
    }
    if let Some(base) = said(BASE) {
        let place = at(BASE, base);
        if let Some(files) = root.at_mut(&["files"])
            && let Value::Map(map) = &mut files.value
        {
            map.put(key("root", &place), text(&literal(base), &place));
        }
    }
    let place = at(COMMANDS, commands);
    defined(commands, &keys, &place, faults)
}

fn options(sources: &Sources, texts: &mut Texts, faults: &mut Vec<Fault>) -> Vec<Given> {
    let mut all = Vec::new();
    for option in &sources.commands {
        let place = place(Source::Command, option, texts);
        match option.find(['=', '|']).map(|at| option.split_at(at)) {
            Some((name, template)) if template.starts_with('=') => all.push(Given {
                name: name.trim().to_owned(),
                template: template[1..].to_owned(),
                keys: Vec::new(),
                place,
            }),
            Some(_) => all.extend(defined(option, &[], &place, faults)),
            None => {
                let fault = Fault::new("`--command` wants a name and a template").hint(HINT);
                faults.push(fault.place(place));
            }
        }
    }
    all
}

/// Commands in the notation of others.
fn defined(notation: &str, keys: &[Beside], place: &Place, faults: &mut Vec<Fault>) -> Vec<Given> {
    let mut given = Vec::new();
    for found in definitions(notation) {
        match found {
            Ok((name, template)) => given.push(Given {
                name,
                template: literal(&with_types_of_names(&template)),
                keys: keys.to_vec(),
                place: place.clone(),
            }),
            Err(fault) => faults.push(Fault::new(fault.to_string()).place(place.clone())),
        }
    }
    given
}

/// A text in which `${` means itself.
fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

fn over(root: &mut Node, all: Vec<Given>, faults: &mut Vec<Fault>) {
    let mut known: Vec<&str> = Vec::new();
    for given in &all {
        if known.contains(&given.name.as_str()) {
            let fault = Fault::new(format!("the command `{}` is there twice", given.name));
            faults.push(fault.place(given.place.clone()));
        }
        known.push(&given.name);
        let Some(commands) = commands(root, &given.place) else {
            return;
        };
        let mut map = Map::default();
        map.put(
            key("run", &given.place),
            text(&given.template, &given.place),
        );
        for beside in &given.keys {
            let node = Node {
                value: Value::Scalar(beside.value.clone(), Style::Given),
                place: beside.place.clone(),
            };
            map.put(key(beside.key, &beside.place), node);
        }
        let node = Node {
            value: Value::Map(map),
            place: given.place.clone(),
        };
        commands.put(key(&given.name, &given.place), node);
    }
}

/// The section, made where there is none.
fn commands<'a>(root: &'a mut Node, place: &Place) -> Option<&'a mut Map> {
    let Value::Map(map) = &mut root.value else {
        return None;
    };
    if map.get("commands").is_none() {
        map.put(key("commands", place), defaults::empty_map());
    }
    let node = map.get_mut("commands")?;
    if !matches!(node.value, Value::Map(_)) {
        *node = defaults::empty_map();
    }
    match &mut node.value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

fn place(source: Source, line: &str, texts: &mut Texts) -> Place {
    let text: TextId = texts.add(source, line);
    Place {
        text,
        span: 0..line.len(),
    }
}

fn key(name: &str, place: &Place) -> Key {
    Key {
        text: name.to_owned(),
        place: place.clone(),
    }
}

fn text(text: &str, place: &Place) -> Node {
    Node {
        value: Value::Scalar(text.to_owned(), Style::Quoted),
        place: place.clone(),
    }
}
