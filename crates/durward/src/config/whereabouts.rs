//! Where the daemon is to be found: the little that its clients need of a configuration. No secret is
//! unsealed for it, and what else stands in the file need not hold in their environment.

use std::path::PathBuf;

use serde::Deserialize;

use super::{
    Config, ConfigError, Diagnostic, Listen, Severity, Sources, defaults,
    fault::Fault,
    find::find,
    interpolate::interpolate,
    node::{Map, Node, Value},
    origin::{Source, Texts},
    overlay,
    reader::Reader,
    yaml,
};

/// The keys that are read, `REFERRED` ones first.
const KEYS: [&[&str]; 5] = [
    &["state"],
    &["files", "root"],
    &["listen", "socket"],
    &["listen", "limits", "line"],
    &["listen", "limits", "drain"],
];

/// Where the daemon is, and what it takes.
#[derive(Debug, Clone)]
pub struct Whereabouts {
    /// The state folder.
    pub state: PathBuf,
    /// The doors; only the socket, `limits.line` and `limits.drain` are as the configuration says.
    pub listen: Listen,
}

/// Reads where the daemon is.
///
/// # Errors
/// What is wrong with the file as a whole, or with these keys.
pub fn whereabouts(sources: &Sources) -> Result<Whereabouts, ConfigError> {
    let found = find(sources)?;
    let (mut texts, mut faults) = (Texts::default(), Vec::new());
    let mut root = defaults::tree();
    if let Some((path, text)) = &found.file {
        let id = texts.add(Source::File(path.clone()), text);
        match yaml::parse(text, id) {
            Ok(Some(node)) => overlay::file(&mut root, node, &mut faults),
            Ok(None) => {}
            Err(fault) => faults.push(fault),
        }
    }
    overlay::overrides(&mut root, sources, &mut texts, &mut faults);
    let mut few = defaults::empty_map();
    for path in KEYS {
        copy(&root, &mut few, path);
    }
    interpolate(&mut few, sources, &texts, &mut faults);
    let no_secret = |_: &str| Err(Fault::new("no secret can stand here"));
    let known = Config::deserialize(Reader::new(&few, &no_secret));
    match known {
        Ok(config) if faults.is_empty() => Ok(Whereabouts {
            state: config.state,
            listen: config.listen,
        }),
        Ok(_) => Err(told(faults, &texts)),
        Err(fault) => {
            faults.push(fault);
            Err(told(faults, &texts))
        }
    }
}

fn told(faults: Vec<Fault>, texts: &Texts) -> ConfigError {
    let of = |fault| Diagnostic::of(fault, Severity::Error, texts);
    ConfigError(faults.into_iter().map(of).collect())
}

/// Copies the value at a path of keys, with the maps that hold it.
fn copy(from: &Node, to: &mut Node, path: &[&str]) {
    let (Value::Map(source), Some((first, rest))) = (&from.value, path.split_first()) else {
        return;
    };
    let (Some((key, node)), Value::Map(map)) = (source.entry(first), &mut to.value) else {
        return;
    };
    if rest.is_empty() {
        return map.put(key.clone(), node.clone());
    }
    if map.get(first).is_none() {
        let value = Value::Map(Map::default());
        let place = node.place.clone();
        map.put(key.clone(), Node { value, place });
    }
    if let Some(inner) = map.get_mut(first) {
        copy(node, inner, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> (tempfile::TempDir, Sources) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("test.yaml");
        std::fs::write(&file, text).unwrap();
        let sources = Sources {
            file: Some(file),
            home: Some("/home/ann".into()),
            env: vec![("DURWARD_STATE".to_owned(), "/var/state".to_owned())],
            ..Sources::default()
        };
        (dir, sources)
    }

    #[test]
    fn what_others_need_is_not_asked_for() {
        let text = "version: 1\nlisten: { public_url: \"${UNSET}\", limits: { line: 1MiB } }\n\
                    servers: { a: { command: [x], env: { A: \"${secret:none}\" } } }\n";
        let (_dir, sources) = sources(text);
        let found = whereabouts(&sources).unwrap();
        assert_eq!(found.state, PathBuf::from("/var/state"));
        assert_eq!(
            found.listen.socket,
            PathBuf::from("/var/state/durward.sock")
        );
        assert_eq!(found.listen.limits.line.bytes(), 1 << 20);
    }

    #[test]
    fn it_is_where_the_daemon_would_listen() {
        let (_dir, sources) = sources("version: 1\nlisten: { socket: ~/d.sock }\n");
        let found = whereabouts(&sources).unwrap();
        assert_eq!(found.listen.socket, PathBuf::from("/home/ann/d.sock"));
        let whole = super::super::load(&sources).unwrap();
        assert_eq!(whole.config.listen.socket, found.listen.socket);
    }

    #[test]
    fn a_wrong_key_of_these_is_told_with_its_line() {
        let (_dir, sources) = sources("version: 1\nlisten: { socket: \"${NONE}/s\" }\n");
        let error = whereabouts(&sources).unwrap_err().to_string();
        assert!(error.contains("NONE") && error.contains(":2:"), "{error}");
    }
}
