//! Values that a client puts together from elsewhere: `${env:TOKEN}` and its kin.

use std::{collections::BTreeMap, path::Path};

use super::client::{Bases, References};

/// A text that may have variables in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Words(pub(super) Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    Text(String),
    /// An environment variable.
    Variable(String),
}

impl Words {
    /// The text, where it has no variables.
    pub(super) fn text(&self) -> Option<String> {
        let texts = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Variable(_) => None,
        });
        texts.collect()
    }

    fn push(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (_, Piece::Text(text)) if text.is_empty() => {}
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => self.0.push(piece),
        }
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        let mut words = Self::default();
        words.push(Piece::Text(text.to_owned()));
        words
    }
}

/// What references mean in one file.
pub(super) struct Surroundings<'a> {
    pub(super) references: References,
    pub(super) bases: &'a Bases,
    /// The folder of the project, in a project's file.
    pub(super) project: Option<&'a Path>,
    /// What VS Code asks for, by its id: the answer, if it is known.
    pub(super) inputs: &'a BTreeMap<String, Option<String>>,
}

impl Surroundings<'_> {
    /// What a text means.
    ///
    /// # Errors
    /// In a clause that follows a server's name: why that can't be said.
    pub(super) fn read(&self, text: &str) -> Result<Words, String> {
        let (open, close) = match self.references {
            References::None => return Ok(Words::from(text)),
            References::Braces | References::Editor => ("${", "}"),
            References::Dollar => return self.dollars(text),
            References::Curly => ("{", "}"),
            References::Secrets => ("${{", "}}"),
        };
        let mut words = Words::default();
        let mut rest = text;
        while let Some(at) = rest.find(open) {
            let inside = &rest[at + open.len()..];
            let Some(end) = inside.find(close) else { break };
            words.push(Piece::Text(rest[..at].to_owned()));
            for piece in self.named(&inside[..end])? {
                words.push(piece);
            }
            rest = &inside[end + close.len()..];
        }
        words.push(Piece::Text(rest.to_owned()));
        Ok(words)
    }

    fn named(&self, name: &str) -> Result<Vec<Piece>, String> {
        let one = |piece| Ok(vec![piece]);
        match self.references {
            References::Braces => {
                let (name, default) = match name.split_once(":-") {
                    Some((name, default)) => (name, Some(default)),
                    None => (name, None),
                };
                match default {
                    Some(default) if self.bases.var(name).is_none() => {
                        one(Piece::Text(default.to_owned()))
                    }
                    _ => one(self.variable(name)?),
                }
            }
            References::Editor => one(self.editors(name)?),
            References::Curly => match name.split_once(':') {
                Some(("env", name)) => one(self.variable(name)?),
                Some(("file", path)) => Err(format!("its value is in the file {path}")),
                _ => one(Piece::Text(format!("{{{name}}}"))),
            },
            References::Secrets => Err(format!("Continue keeps `{}` itself", name.trim())),
            References::None | References::Dollar => one(Piece::Text(String::new())),
        }
    }

    fn editors(&self, name: &str) -> Result<Piece, String> {
        if let Some(variable) = name.strip_prefix("env:") {
            return self.variable(variable);
        }
        if let Some(id) = name.strip_prefix("input:") {
            return match self.inputs.get(id) {
                Some(Some(answer)) => Ok(Piece::Text(answer.clone())),
                _ => Err(format!(
                    "the client asks for its `{id}` and keeps the answer"
                )),
            };
        }
        let folder = |path: Option<&Path>| match path {
            Some(path) => Ok(path.display().to_string()),
            None => Err(format!("`${{{name}}}` is another folder in each window")),
        };
        let text = match name {
            "userHome" => self.bases.home.display().to_string(),
            "workspaceFolder" | "workspaceRoot" => folder(self.project)?,
            "workspaceFolderBasename" => {
                folder(self.project.and_then(Path::file_name).map(Path::new))?
            }
            "pathSeparator" | "/" => std::path::MAIN_SEPARATOR.to_string(),
            _ => return Err(format!("`${{{name}}}` has no equal here")),
        };
        Ok(Piece::Text(text))
    }

    /// `$VAR` and `${VAR}`.
    fn dollars(&self, text: &str) -> Result<Words, String> {
        let mut words = Words::default();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let after = &rest[at + 1..];
            let (name, len) = match after.strip_prefix('{').and_then(|it| it.split_once('}')) {
                Some((name, _)) => (name, name.len() + 2),
                None => {
                    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let name = &after[..after.find(|c| !fits(c)).unwrap_or(after.len())];
                    (name, name.len())
                }
            };
            words.push(Piece::Text(rest[..at].to_owned()));
            words.push(match name.is_empty() {
                true => Piece::Text("$".to_owned()),
                false => self.variable(name)?,
            });
            rest = &after[len..];
        }
        words.push(Piece::Text(rest.to_owned()));
        Ok(words)
    }

    /// A variable: durward refuses to start where one is not set, so it must be set now.
    pub(super) fn variable(&self, name: &str) -> Result<Piece, String> {
        match self.bases.var(name) {
            Some(_) => Ok(Piece::Variable(name.to_owned())),
            None => Err(format!(
                "it takes the variable `{name}`, which is not set here"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::init::client::System;

    fn read(references: References, text: &str) -> Result<Words, String> {
        let bases = Bases {
            system: System::Linux,
            home: PathBuf::from("/home/ann"),
            env: vec![("SET".to_owned(), "x".to_owned())],
        };
        let inputs = [("known".to_owned(), Some("answer".to_owned()))];
        let surroundings = Surroundings {
            references,
            bases: &bases,
            project: Some(Path::new("/srv/app")),
            inputs: &inputs.into(),
        };
        surroundings.read(text)
    }

    fn pieces(parts: &[&str]) -> Words {
        let mut words = Words::default();
        for part in parts {
            words.push(match part.strip_prefix('@') {
                Some(name) => Piece::Variable(name.to_owned()),
                None => Piece::Text((*part).to_owned()),
            });
        }
        words
    }

    #[test]
    fn each_client_refers_in_its_own_way() {
        for (references, text, expected) in [
            (References::None, "${SET}", &["${SET}"][..]),
            (References::Braces, "a ${SET} b", &["a ", "@SET", " b"]),
            (References::Braces, "${UNSET:-8080}", &["8080"]),
            (References::Braces, "${SET:-8080}", &["@SET"]),
            (References::Braces, "${unfinished", &["${unfinished"]),
            (
                References::Dollar,
                "$SET/${SET}$",
                &["@SET", "/", "@SET", "$"],
            ),
            (References::Editor, "${env:SET}", &["@SET"]),
            (References::Editor, "${workspaceFolder}/x", &["/srv/app/x"]),
            (References::Editor, "${userHome}${/}x", &["/home/ann/x"]),
            (References::Editor, "${input:known}", &["answer"]),
            (
                References::Curly,
                "{env:SET}{\"a\":1}",
                &["@SET", "{\"a\":1}"],
            ),
            (References::Secrets, "plain", &["plain"]),
        ] {
            assert_eq!(read(references, text), Ok(pieces(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        for (references, text, why) in [
            (References::Braces, "${UNSET}", "the variable `UNSET`"),
            (References::Dollar, "$UNSET", "the variable `UNSET`"),
            (References::Editor, "${input:token}", "asks for its `token`"),
            (References::Editor, "${config:x.y}", "has no equal"),
            (References::Curly, "{file:~/.key}", "in the file ~/.key"),
            (
                References::Secrets,
                "${{ secrets.KEY }}",
                "keeps `secrets.KEY` itself",
            ),
        ] {
            let said = read(references, text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
