//! The entry of a predecessor in an MCP client's file.

use std::path::Path;

use super::{given::Remote, inputs::Inputs, shell};
use crate::config::{Tree, TreeValue};

/// What clients call the map of their servers.
const MAPS: [&str; 5] = [
    "mcpServers",
    "mcp_servers",
    "servers",
    "context_servers",
    "mcp",
];

const ELSEWHERE: &str = "another server: `durward init` takes it";
const THE_CLIENTS: &str = "the client's own; it stays there";

/// The first map of servers in a file, wherever it is.
pub(super) fn servers(tree: &Tree) -> Option<&Tree> {
    let here = MAPS.iter().find_map(|name| tree.get(name)).filter(|map| {
        let entries = map.entries();
        entries.iter().any(|(_, entry)| {
            ["command", "url", "serverUrl", "httpUrl"]
                .iter()
                .any(|key| entry.get(key).is_some())
        })
    });
    here.or_else(|| tree.entries().iter().find_map(|(_, inner)| servers(inner)))
}

/// Takes the predecessor's entries.
pub(super) fn read(
    inputs: &mut Inputs<'_>,
    file: &str,
    tree: &Tree,
    folder: &Path,
) -> Result<(), String> {
    for (name, entry) in servers(tree).map(Tree::entries).unwrap_or_default() {
        let at = format!("{file}:{}", entry.line);
        if is_of(inputs, name, entry) {
            entry_of(inputs, file, entry, folder)?;
        } else {
            inputs.aside(at, name.clone(), ELSEWHERE);
        }
    }
    Ok(())
}

fn is_of(inputs: &Inputs<'_>, name: &str, entry: &Tree) -> bool {
    let programs = inputs.predecessor.programs();
    let words = words(entry);
    words.iter().any(|word| shell::runs(word, programs))
        || programs.iter().any(|program| name.contains(program))
        || inputs.predecessor.names().contains(&name)
}

/// The program and its arguments; some clients have them in one list.
fn words(entry: &Tree) -> Vec<String> {
    let texts = |key: &str| -> Vec<String> {
        let of = |tree: &Tree| -> Vec<String> {
            match &tree.value {
                TreeValue::Text(text) => vec![text.clone()],
                TreeValue::List(items) => items
                    .iter()
                    .filter_map(|item| item.text().map(str::to_owned))
                    .collect(),
                _ => Vec::new(),
            }
        };
        entry.get(key).map(of).unwrap_or_default()
    };
    [texts("command"), texts("args")].concat()
}

fn entry_of(
    inputs: &mut Inputs<'_>,
    file: &str,
    entry: &Tree,
    folder: &Path,
) -> Result<(), String> {
    let at = |tree: &Tree| format!("{file}:{}", tree.line);
    let source = inputs.next_source();
    let mut url = None;
    let mut bearer = None;
    for (key, value) in entry.entries() {
        match (key.as_str(), value.text()) {
            ("command", _) => {}
            ("args", _) => {}
            ("env", _) => {
                for (name, value_of) in value.entries() {
                    let text = value_of.text().unwrap_or_default().to_owned();
                    inputs.variable(at(value_of), name.clone(), text, source, folder);
                }
            }
            ("url" | "serverUrl" | "httpUrl", Some(text)) => {
                url = Some((at(value), text.to_owned()));
            }
            ("headers", _) => {
                for (name, header) in value.entries() {
                    let token = header.text().and_then(token);
                    if name.eq_ignore_ascii_case("authorization") && token.is_some() {
                        bearer = token;
                    } else {
                        inputs.aside(at(header), name.clone(), THE_CLIENTS);
                    }
                }
            }
            _ => inputs.aside(at(value), key.clone(), THE_CLIENTS),
        }
    }
    if let Some((at, url)) = url {
        inputs.given.remotes.push(Remote { at, url, bearer });
    }
    if let Some(line) = entry.get("args").or(entry.get("command")) {
        let words = words(entry);
        for file in inputs.predecessor.files_of(&words) {
            inputs.perhaps(&folder.join(file))?;
        }
        inputs.command(at(line), words, folder.to_owned());
    }
    Ok(())
}

/// The token of `Bearer …`; nothing where it is a reference to be filled in.
fn token(header: &str) -> Option<String> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains("${"))
        .then(|| token.to_owned())
}
