//! Defaults where nobody sits at a terminal: a client's bridge started the daemon, in whatever folder the
//! client was.

use super::{
    node::{Node, Style, Value},
    origin::TextId,
};

/// Closes what is open by default alone: the port, and the files of the working folder, to tools and boxes.
pub(super) fn close(root: &mut Node) {
    let is_default = |root: &Node, path: &[&str]| {
        let node = root.at(path);
        node.is_some_and(|node| node.place.text == TextId::DEFAULTS)
    };
    if is_default(root, &["listen", "http"]) {
        put(root, &["listen", "http"], "off", Style::Quoted);
    }
    let shares_nothing =
        is_default(root, &["files", "root"]) && is_default(root, &["files", "roots"]);
    if shares_nothing && is_default(root, &["packs", "fs", "enabled"]) {
        put(root, &["packs", "fs", "enabled"], "false", Style::Plain);
    }
    if shares_nothing
        && is_default(root, &["sandbox", "read"])
        && let Some(Value::List(paths)) = root.at_mut(&["sandbox", "read"]).map(|it| &mut it.value)
    {
        let is_root =
            |path: &Node| matches!(&path.value, Value::Scalar(text, _) if text == "${files.root}");
        paths.retain(|path| !is_root(path));
    }
}

fn put(root: &mut Node, path: &[&str], text: &str, style: Style) {
    if let Some(node) = root.at_mut(path) {
        node.value = Value::Scalar(text.to_owned(), style);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, HttpDoor, Sources, load};

    fn read(yaml: &str) -> Config {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("test.yaml");
        std::fs::write(&file, format!("version: 1\n{yaml}")).unwrap();
        let sources = Sources {
            file: Some(file),
            home: Some(dir.path().to_owned()),
            unasked: true,
            ..Sources::default()
        };
        load(&sources).unwrap().config
    }

    #[test]
    fn what_nobody_named_is_closed() {
        let config = read("");
        assert_eq!(config.listen.http, HttpDoor::Off);
        assert!(!config.packs.fs.enabled);
        let read: Vec<_> = config.sandbox.read.iter().map(|it| it.as_str()).collect();
        assert_eq!(read, ["/usr", "/lib*", "/etc/ssl"]);
    }

    #[test]
    fn what_is_named_is_open() {
        for files in [
            "files: { root: /srv }",
            "files: { roots: { a: { path: /srv } } }",
            "packs: { fs: { enabled: true } }",
        ] {
            let config = read(&format!("listen: {{ http: 127.0.0.1:0 }}\n{files}\n"));
            assert!(matches!(config.listen.http, HttpDoor::Open(_)));
            assert!(config.packs.fs.enabled, "{files}");
        }
    }
}
