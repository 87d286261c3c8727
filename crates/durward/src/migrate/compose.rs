//! A compose file's service: its environment, ports, volumes and command.

use std::path::Path;

use super::{
    given::{Mount, Published, absolute},
    inputs::Inputs,
    shell,
};
use crate::config::{Tree, TreeValue};

const CONTAINER: &str = "the container's own: see `packaging/compose.yaml` for durward's";

/// Takes what the predecessor's service says.
pub(super) fn read(
    inputs: &mut Inputs<'_>,
    file: &str,
    tree: &Tree,
    folder: &Path,
) -> Result<(), String> {
    // As compose does, for `${…}` in the file.
    inputs.perhaps(&folder.join(".env"))?;
    let services = tree.get("services").map(Tree::entries).unwrap_or_default();
    let chosen = services
        .iter()
        .position(|(name, service)| is_of(inputs, name, service))
        .or((services.len() == 1).then_some(0));
    let Some(chosen) = chosen else {
        return Err(format!(
            "{file} has no service that is {}",
            inputs.predecessor
        ));
    };
    for (at, (name, service)) in services.iter().enumerate() {
        if at == chosen {
            service_of(inputs, file, service, folder)?;
        } else {
            inputs.aside(
                format!("{file}:{}", service.line),
                name.clone(),
                "another service",
            );
        }
    }
    for (key, value) in tree.entries() {
        if !["services", "version", "name"].contains(&key.as_str()) {
            inputs.aside(format!("{file}:{}", value.line), key.clone(), CONTAINER);
        }
    }
    Ok(())
}

fn is_of(inputs: &Inputs<'_>, name: &str, service: &Tree) -> bool {
    let image = service
        .get("image")
        .and_then(Tree::text)
        .map(|image| image.rsplit('/').next().unwrap_or(image));
    let image = image.map(|image| image.split(':').next().unwrap_or(image));
    let names = inputs.predecessor.names();
    let known = |word: &str| names.contains(&word) || inputs.predecessor.programs().contains(&word);
    known(name) || image.is_some_and(known)
}

fn service_of(
    inputs: &mut Inputs<'_>,
    file: &str,
    service: &Tree,
    folder: &Path,
) -> Result<(), String> {
    for path in texts(service.get("env_file")) {
        inputs.perhaps(&folder.join(path))?;
    }
    let source = inputs.next_source();
    for (key, value) in service.entries() {
        let at = |tree: &Tree| format!("{file}:{}", tree.line);
        match key.as_str() {
            "env_file" => {}
            "environment" => environment(inputs, file, value, source, folder),
            "ports" => {
                for port in value.items() {
                    let text = resolved(inputs, port.text().unwrap_or_default());
                    match published(at(port), port, &text) {
                        Some(port) => inputs.given.published.push(port),
                        None => inputs.aside(at(port), "ports".to_owned(), CONTAINER),
                    }
                }
            }
            "volumes" => {
                for volume in value.items() {
                    let text = resolved(inputs, volume.text().unwrap_or_default());
                    match mount(at(volume), volume, &text, folder) {
                        Some(mount) => inputs.given.mounts.push(mount),
                        None => inputs.aside(at(volume), "volumes".to_owned(), CONTAINER),
                    }
                }
            }
            "command" => {
                let words = match value.text() {
                    Some(line) => shell::words(line, &|name| inputs.look_up(name)),
                    None => texts(Some(value))
                        .iter()
                        .map(|word| resolved(inputs, word))
                        .collect(),
                };
                inputs.command(at(value), words, folder.to_owned());
            }
            _ => inputs.aside(at(value), key.clone(), CONTAINER),
        }
    }
    Ok(())
}

fn environment(inputs: &mut Inputs<'_>, file: &str, tree: &Tree, source: usize, folder: &Path) {
    let mut set = Vec::new();
    for (name, value) in tree.entries() {
        set.push((value.line, name.clone(), value.text().map(str::to_owned)));
    }
    for item in tree.items() {
        let text = item.text().unwrap_or_default();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        set.push((item.line, name.to_owned(), value));
    }
    for (line, name, value) in set {
        let at = format!("{file}:{line}");
        // Without a value, it is that of the environment.
        let value = match value {
            Some(value) => Some(resolved(inputs, &value)),
            None => inputs.look_up(&name),
        };
        match value {
            Some(value) => inputs.variable(at, name, value, source, folder),
            None => inputs.aside(at, name, "not set"),
        }
    }
}

fn resolved(inputs: &Inputs<'_>, text: &str) -> String {
    shell::expanded(text, &|name| inputs.look_up(name))
}

/// The texts of a scalar or a list; `env_file` may have maps with a `path`.
fn texts(tree: Option<&Tree>) -> Vec<String> {
    let text = |tree: &Tree| {
        let text = tree.text().or_else(|| tree.get("path")?.text());
        text.map(str::to_owned)
    };
    match tree.map(|tree| (&tree.value, tree)) {
        Some((TreeValue::List(items), _)) => items.iter().filter_map(text).collect(),
        Some((_, tree)) => text(tree).into_iter().collect(),
        None => Vec::new(),
    }
}

/// `127.0.0.1:8080:80/tcp`, or its long form.
fn published(at: String, tree: &Tree, text: &str) -> Option<Published> {
    let field = |key: &str| tree.get(key).and_then(Tree::text).map(str::to_owned);
    if let Some(inside) = field("target") {
        return Some(Published {
            at,
            address: field("host_ip"),
            outside: field("published")?,
            inside,
        });
    }
    let text = text.split('/').next().unwrap_or(text);
    let (rest, inside) = text.rsplit_once(':')?;
    let (address, outside) = match rest.rsplit_once(':') {
        Some((address, outside)) => (Some(address.to_owned()), outside),
        None => (None, rest),
    };
    Some(Published {
        at,
        address,
        outside: outside.to_owned(),
        inside: inside.to_owned(),
    })
}

/// `./data:/workspace:ro`, or its long form.
fn mount(at: String, tree: &Tree, text: &str, folder: &Path) -> Option<Mount> {
    let field = |key: &str| tree.get(key).and_then(Tree::text);
    let (outside, inside, read_only) = match field("target") {
        Some(inside) => (field("source")?, inside, field("read_only") == Some("true")),
        None => {
            let mut parts = text.split(':');
            let (outside, inside) = (parts.next()?, parts.next()?);
            let options = parts.next().unwrap_or_default();
            (outside, inside, options.split(',').any(|it| it == "ro"))
        }
    };
    // A name alone is a volume of the engine's own.
    let is_path = outside.starts_with(['/', '.', '~', '$']);
    Some(Mount {
        at,
        outside: is_path.then(|| absolute(outside, folder).into()),
        inside: inside.to_owned(),
        read_only,
    })
}
