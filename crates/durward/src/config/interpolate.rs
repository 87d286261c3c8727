//! `${VAR}`, `${state}`, `${files.root}`, `${secret:name}` and `~/` in values. Keys and comments are
//! left alone, and what comes out of a variable is a text, never YAML.

use super::{
    Sources,
    fault::Fault,
    nearest::nearest,
    node::{Node, Piece, Place, Style, Value},
    origin::{TextId, Texts},
};

/// Keys that others may refer to, in the order in which they are settled.
const REFERRED: [&[&str]; 2] = [&["state"], &["files", "root"]];

/// Settles every value of the tree.
pub(super) fn interpolate(
    root: &mut Node,
    sources: &Sources,
    texts: &Texts,
    faults: &mut Vec<Fault>,
) {
    socket_without_runtime_dir(root, sources);
    let mut names = Names {
        sources,
        texts,
        known: Vec::new(),
    };
    for path in REFERRED {
        let Some(node) = root.at_mut(path) else {
            continue;
        };
        names.settle(node, faults);
        let text = match &node.value {
            Value::Scalar(text, _) => text.clone(),
            // The fault is noted, here or when the types are read.
            _ => String::new(),
        };
        names.known.push((path.join("."), text));
    }
    names.settle_all(root, &mut Vec::new(), faults);
}

/// Where there is no folder for sockets, the default one is in the state folder.
fn socket_without_runtime_dir(root: &mut Node, sources: &Sources) {
    if let Some(node) = root.at_mut(&["listen", "socket"])
        && node.place.text == TextId::DEFAULTS
        && sources
            .var("XDG_RUNTIME_DIR")
            .is_none_or(|dir| dir.is_empty())
    {
        node.value = Value::Scalar("${state}/durward.sock".to_owned(), Style::Quoted);
    }
}

struct Names<'a> {
    sources: &'a Sources,
    texts: &'a Texts,
    known: Vec<(String, String)>,
}

impl Names<'_> {
    fn settle_all(&self, node: &mut Node, path: &mut Vec<String>, faults: &mut Vec<Fault>) {
        match &mut node.value {
            Value::Map(map) => {
                for (key, inner) in &mut map.0 {
                    path.push(key.text.clone());
                    if !REFERRED.iter().any(|known| path == known) {
                        self.settle_all(inner, path, faults);
                    }
                    path.pop();
                }
            }
            Value::List(items) => items
                .iter_mut()
                .for_each(|item| self.settle_all(item, path, faults)),
            _ => self.settle(node, faults),
        }
    }

    fn settle(&self, node: &mut Node, faults: &mut Vec<Fault>) {
        let Value::Scalar(text, _) = &node.value else {
            return;
        };
        if !text.contains("${") && !text.starts_with("~/") {
            return;
        }
        match self.pieces(text, &node.place) {
            Ok(pieces) => node.value = joined(pieces),
            Err(fault) => faults.push(fault.place(node.place.clone())),
        }
    }

    fn pieces(&self, text: &str, place: &Place) -> Result<Vec<Piece>, Fault> {
        let mut pieces = Vec::new();
        let mut rest = text;
        if text.starts_with("~/") {
            let home = self
                .sources
                .var("HOME")
                .ok_or_else(|| Fault::new("`~` stands for the home folder, and none is known"))?;
            pieces.push(Piece::Text(home));
            rest = &rest[1..];
        }
        while let Some(at) = rest.find("${") {
            let (before, after) = rest.split_at(at);
            let literal = before.strip_suffix('$');
            pieces.push(Piece::Text(literal.unwrap_or(before).to_owned()));
            if literal.is_some() {
                pieces.push(Piece::Text("${".to_owned()));
                rest = &after[2..];
                continue;
            }
            let end = after.find('}').ok_or_else(|| {
                Fault::new("`${` has no `}`").hint("a literal `${` is written `$${`")
            })?;
            pieces.push(self.named(&after[2..end], place)?);
            rest = &after[end + 1..];
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(pieces)
    }

    fn named(&self, name: &str, place: &Place) -> Result<Piece, Fault> {
        if let Some(secret) = name.strip_prefix("secret:") {
            return Ok(Piece::Secret(secret.to_owned()));
        }
        if let Some((_, text)) = self.known.iter().find(|(known, _)| known == name) {
            return Ok(Piece::Text(text.clone()));
        }
        if let Some(text) = self.sources.var(name) {
            return Ok(Piece::Text(text));
        }
        let fault = Fault::new(format!("`${{{name}}}` is not set")).place(self.narrow(name, place));
        let known = REFERRED
            .iter()
            .map(|path| path.join("."))
            .collect::<Vec<_>>();
        let variables = self
            .sources
            .env
            .iter()
            .map(|(key, _)| key.as_str())
            .chain(["HOME"]);
        let others = variables.chain(known.iter().map(String::as_str));
        Err(match nearest(name, others) {
            Some(near) => fault.hint(format!(
                "did you mean `${{{near}}}`? A literal `${{` is written `$${{`"
            )),
            None => fault.hint(
                "set the variable in the environment of durward; a literal `${` is written `$${`",
            ),
        })
    }

    /// The place of `${name}` inside the value, where its text shows it.
    fn narrow(&self, name: &str, place: &Place) -> Place {
        let found = self.texts.get(place.text).and_then(|(_, text)| {
            let shown = text.get(place.span.clone())?;
            let wanted = format!("${{{name}}}");
            let at = place.span.start + shown.find(&wanted)?;
            Some(at..at + wanted.len())
        });
        Place {
            text: place.text,
            span: found.unwrap_or(place.span.clone()),
        }
    }
}

fn joined(pieces: Vec<Piece>) -> Value {
    if pieces.iter().any(|piece| matches!(piece, Piece::Secret(_))) {
        return Value::Sealed(pieces);
    }
    let text = pieces.into_iter().map(|piece| match piece {
        Piece::Text(text) | Piece::Secret(text) => text,
    });
    Value::Scalar(text.collect(), Style::Given)
}
