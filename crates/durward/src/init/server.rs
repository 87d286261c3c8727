//! A server's entry in a client's file, and what it means.

use std::{collections::BTreeMap, path::Path};

use crate::{config::HeaderKey, migrate::Predecessor};

use super::{
    client::{Speaks, Spelling},
    edit::{Node, Value},
    reference::{Piece, Surroundings, Words},
};

/// A server, however it was spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) reach: Reach,
    /// The only tools that were used, where that was said.
    pub(super) only: Vec<String>,
    /// Tools that were not.
    pub(super) without: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    Program {
        command: Vec<Words>,
        env: BTreeMap<String, Words>,
        cwd: Option<Words>,
    },
    Site {
        url: Words,
        speaks: Speaks,
        /// By their names in lower case.
        headers: BTreeMap<String, Words>,
    },
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A server, and what of its entry durward has no place for.
    Server(Definition, Vec<String>),
    /// durward itself.
    Ours {
        /// `connect` without `--server`: all that durward has.
        whole: bool,
    },
    /// What durward takes the place of, as `durward migrate` calls it.
    Predecessor(&'static str),
    /// Switched off, or no server.
    Passed,
    /// It can't be taken over, for this reason.
    Left(String),
}

/// Reads an entry.
pub(super) fn read(node: &Node, spelling: &Spelling, around: &Surroundings<'_>) -> Entry {
    if node.members().is_empty() {
        return Entry::Left("its entry is no map of keys".to_owned());
    }
    let is = |key: &str, wanted: bool| matches!(&node.get(key).map(|node| &node.value), Some(Value::Flag(flag)) if *flag == wanted);
    let kind = ["type", "source"].iter().find_map(|key| {
        node.get(key)?
            .text()
            .filter(|it| spelling.no_servers.contains(it))
    });
    if kind.is_some() {
        return Entry::Passed;
    }
    let reader = Reader {
        node,
        spelling,
        around,
    };
    let words = reader.plain_words();
    if let Some(ours) = ours(&words) {
        return ours;
    }
    if let Some(known) = predecessor(&words) {
        return Entry::Predecessor(known);
    }
    if spelling.off.iter().any(|(key, value)| is(key, *value)) {
        return Entry::Passed;
    }
    match reader.definition() {
        Ok(definition) => Entry::Server(definition, reader.unknown()),
        Err(why) => Entry::Left(why),
    }
}

/// durward's own entry, told by its program's name.
fn ours(words: &[&str]) -> Option<Entry> {
    let (program, arguments) = words.split_first()?;
    let name = Path::new(program).file_stem()?.to_str()?;
    let connects = arguments.contains(&"connect") || arguments.contains(&"stdio");
    (name == "durward" && connects).then(|| Entry::Ours {
        whole: arguments.contains(&"connect") && !arguments.contains(&"--server"),
    })
}

fn predecessor(words: &[&str]) -> Option<&'static str> {
    /// Programs whose own arguments stand before what they start.
    const STARTERS: &[&str] = &["docker", "podman", "uv"];
    /// What others say before the name of a package.
    const VERBS: &[&str] = &["run", "exec", "dlx", "x", "tool"];
    let (program, arguments) = words.split_first()?;
    let known = |word: &str| Predecessor::of_program(&bare_name(word));
    let mut arguments = arguments
        .iter()
        .filter(|word| !word.starts_with('-') && !VERBS.contains(word));
    let found = known(program).or_else(|| match STARTERS.contains(&bare_name(program).as_str()) {
        true => arguments.find_map(|word| known(word)),
        // What comes later is the started program's own.
        false => arguments.next().and_then(|word| known(word)),
    });
    found.map(Predecessor::word)
}

/// A program's name, without the path, scope, version, tag or extension that it may be written with.
fn bare_name(word: &str) -> String {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    let name = name.split(['@', ':']).next().unwrap_or(name);
    let ends = ["exe", "js", "mjs", "py"].iter();
    let name = ends
        .filter_map(|end| name.strip_suffix(end)?.strip_suffix('.'))
        .next()
        .unwrap_or(name);
    name.replace('_', "-").to_ascii_lowercase()
}

struct Reader<'a> {
    node: &'a Node,
    spelling: &'a Spelling,
    around: &'a Surroundings<'a>,
}

impl<'a> Reader<'a> {
    /// The program and its arguments as they are written.
    fn plain_words(&self) -> Vec<&'a str> {
        let (command, beside) = self.command();
        let args = self.spelling.args.and_then(|key| beside.get(key));
        [command, args]
            .into_iter()
            .flatten()
            .flat_map(|node| match &node.value {
                Value::List(items) => items.iter().filter_map(Node::text).collect(),
                _ => node.text().into_iter().collect::<Vec<_>>(),
            })
            .collect()
    }

    /// The command, and what its arguments stand beside: Zed once had all of them under `command`.
    fn command(&self) -> (Option<&'a Node>, &'a Node) {
        match self.node.get(self.spelling.command) {
            Some(inner) if !inner.members().is_empty() => (inner.get("path"), inner),
            command => (command, self.node),
        }
    }

    fn definition(&self) -> Result<Definition, String> {
        if let Some(key) = self.spelling.needed.iter().find(|key| self.says(key)) {
            return Err(format!("its `{key}` has no equal in durward"));
        }
        let urls = self.spelling.urls.iter();
        let url = urls.filter_map(|(key, speaks)| Some((self.node.get(key)?, *speaks)));
        let reach = match (self.command().0, url.clone().next()) {
            (Some(command), None) => self.program(command)?,
            (None, Some((url, speaks))) => self.site(url, speaks)?,
            (Some(_), Some(_)) => {
                return Err("it has both a command and an address".to_owned());
            }
            (None, None) => return Err("it has neither a command nor an address".to_owned()),
        };
        Ok(Definition {
            reach,
            only: self.names(self.spelling.only)?,
            without: self.names(self.spelling.without)?,
        })
    }

    /// Is there such a key, with something in it?
    fn says(&self, key: &str) -> bool {
        self.node.get(key).is_some_and(|node| match &node.value {
            Value::Null | Value::Flag(false) => false,
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(members) => !members.is_empty(),
            Value::Flag(true) | Value::Number(_) => true,
        })
    }

    fn program(&self, command: &Node) -> Result<Reach, String> {
        let beside = self.command().1;
        let mut words = match self.spelling.args {
            // A list of all words, or a program.
            None => self.list(command, self.spelling.command)?,
            Some(_) => vec![self.value(command, self.spelling.command)?],
        };
        if let Some((key, args)) = self
            .spelling
            .args
            .and_then(|key| Some((key, beside.get(key)?)))
        {
            words.extend(self.list(args, key)?);
        }
        if words.first().is_none_or(|first| first.0.is_empty()) {
            return Err("its command is empty".to_owned());
        }
        let env = beside.at(self.spelling.env.iter().copied());
        let cwd = self.spelling.cwd.and_then(|key| self.node.get(key));
        let cwd = cwd.filter(|node| node.value != Value::Null);
        let cwd = cwd.map(|node| self.value(node, "cwd")).transpose()?;
        let project = self.around.project;
        Ok(Reach::Program {
            command: words,
            env: self.map(env, "env")?,
            cwd: match (cwd, project) {
                (Some(cwd), project) => Some(absolute(cwd, project)?),
                // What a project starts, it starts in its folder.
                (None, Some(project)) => Some(Words::from(path_text(project)?)),
                (None, None) => None,
            },
        })
    }

    fn site(&self, url: &Node, speaks: Speaks) -> Result<Reach, String> {
        let kind = ["type", "transport"]
            .iter()
            .find_map(|key| self.node.get(key)?.text());
        let speaks = match kind.map(|kind| kind.to_ascii_lowercase().replace(['-', '_'], "")) {
            None => speaks,
            Some(kind) => match kind.as_str() {
                "sse" => Speaks::Sse,
                "http" | "streamablehttp" => Speaks::Http,
                "remote" | "custom" => speaks,
                other => return Err(format!("durward doesn't speak `{other}` to servers")),
            },
        };
        let url = self.value(url, "url")?;
        let mut headers = BTreeMap::new();
        let written = self.node.at(self.spelling.headers.iter().copied());
        for (name, value) in self.map(written, "headers")? {
            let lower = name.to_ascii_lowercase();
            if HeaderKey::is_ours(&lower) {
                continue;
            }
            if headers.insert(lower, value).is_some() {
                return Err(format!("its header `{name}` is there twice"));
            }
        }
        if let Some(key) = self.spelling.header_variables {
            for (name, variable) in self.map(self.node.get(key), key)? {
                let variable = variable.text().unwrap_or_default();
                let value = Words(vec![self.around.variable(&variable)?]);
                headers.insert(name.to_ascii_lowercase(), value);
            }
        }
        let bearer = self.spelling.bearer_variable;
        if let Some(variable) = bearer.and_then(|key| self.node.get(key)?.text()) {
            let mut words = Words::from("Bearer ");
            words.0.push(self.around.variable(variable)?);
            headers.insert("authorization".to_owned(), words);
        }
        Ok(Reach::Site {
            url,
            speaks,
            headers,
        })
    }

    /// A text, a number or a flag.
    fn value(&self, node: &Node, key: &str) -> Result<Words, String> {
        match &node.value {
            Value::Text(text) => self.around.read(text),
            Value::Number(number) => Ok(Words::from(number.as_str())),
            Value::Flag(flag) => Ok(Words::from(if *flag { "true" } else { "false" })),
            Value::Null => Ok(Words::default()),
            Value::List(_) | Value::Map(_) => Err(format!("its `{key}` is no text")),
        }
    }

    fn list(&self, node: &Node, key: &str) -> Result<Vec<Words>, String> {
        match &node.value {
            Value::List(items) => items.iter().map(|item| self.value(item, key)).collect(),
            Value::Null => Ok(Vec::new()),
            Value::Text(_) => Ok(vec![self.value(node, key)?]),
            _ => Err(format!("its `{key}` is no list")),
        }
    }

    fn map(&self, node: Option<&Node>, key: &str) -> Result<BTreeMap<String, Words>, String> {
        let node = match node {
            None => return Ok(BTreeMap::new()),
            Some(node) if matches!(node.value, Value::Null) => return Ok(BTreeMap::new()),
            Some(node) if matches!(node.value, Value::Map(_)) => node,
            Some(_) => return Err(format!("its `{key}` is no map of keys")),
        };
        node.members()
            .iter()
            .map(|member| Ok((member.key.clone(), self.value(&member.node, key)?)))
            .collect()
    }

    fn names(&self, keys: &[&str]) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        for key in keys {
            let Some(node) = self.node.get(key) else {
                continue;
            };
            for name in self.list(node, key)? {
                names.extend(name.text());
            }
        }
        Ok(names)
    }

    /// Keys that durward has no place for and init has no word about.
    fn unknown(&self) -> Vec<String> {
        let spelling = self.spelling;
        let known = |key: &str| {
            let single = [
                Some(spelling.command),
                spelling.args,
                spelling.cwd,
                spelling.bearer_variable,
                spelling.header_variables,
                spelling.name,
            ];
            let first = [spelling.env, spelling.headers];
            single.contains(&Some(key))
                || first.iter().any(|path| path.first() == Some(&key))
                || spelling.urls.iter().any(|(url, _)| *url == key)
                || spelling.off.iter().any(|(off, _)| *off == key)
                || [
                    spelling.only,
                    spelling.without,
                    spelling.dropped,
                    spelling.needed,
                ]
                .iter()
                .any(|keys| keys.contains(&key))
        };
        let members = self.node.members().iter();
        members
            .filter(|member| !known(&member.key))
            .map(|member| member.key.clone())
            .collect()
    }
}

/// A folder as it is meant in a project.
fn absolute(folder: Words, project: Option<&Path>) -> Result<Words, String> {
    let Some(Piece::Text(text)) = folder.0.first() else {
        return Ok(folder);
    };
    if Path::new(text).is_absolute() || text.starts_with("~/") {
        return Ok(folder);
    }
    match project {
        Some(project) => {
            let inner = text.strip_prefix("./").unwrap_or(text);
            let mut words = folder.clone();
            let whole = match inner {
                "." | "" => project.to_owned(),
                inner => project.join(inner),
            };
            words.0[0] = Piece::Text(path_text(&whole)?.to_owned());
            Ok(words)
        }
        None => Err("its `cwd` is another folder wherever the client begins".to_owned()),
    }
}

fn path_text(path: &Path) -> Result<&str, String> {
    let text = path.to_str();
    text.ok_or_else(|| "its folder's name is not UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        text.split(' ').collect()
    }

    #[test]
    fn predecessors_are_known_however_they_are_started() {
        for (command, known) in [
            ("mcp-guard --config x", "mcp-guard"),
            ("npx -y mcp-guard@1.4.0", "mcp-guard"),
            ("npx -y @acme/mcp-guard", "mcp-guard"),
            ("/opt/pagurus/bin/pagurus serve", "pagurus"),
            ("C:\\\\bin\\\\Pagurus.exe", "pagurus"),
            ("python -m mcp_secure_exec", "secure-exec"),
            ("python3 /srv/mcp_secure_server.py", "secure-server"),
            ("uv run --script /srv/pocket-mcp.py", "pocket"),
            (
                "docker run -i --rm -v /a:/b ghcr.io/acme/mcp-secure-server:2",
                "secure-server",
            ),
            ("uv --directory /srv run mcp-secure-exec", "secure-exec"),
            ("pnpm dlx mcp-guard", "mcp-guard"),
        ] {
            assert_eq!(predecessor(&words(command)), Some(known), "{command}");
        }
    }

    #[test]
    fn a_folder_or_an_argument_is_no_predecessor() {
        for command in [
            "npx -y server-filesystem /home/ann/mcp-guard",
            "mcp-guardian",
            "python3 /srv/main.py",
            "node server.js mcp-guard",
            "uvx mcp-server-git --repository /srv/pagurus",
        ] {
            assert_eq!(predecessor(&words(command)), None, "{command}");
        }
    }

    #[test]
    fn durwards_own_entries_are_known() {
        let whole = |command: &str| ours(&words(command));
        assert_eq!(
            whole("/usr/bin/durward connect"),
            Some(Entry::Ours { whole: true })
        );
        assert_eq!(
            whole("durward connect --server x"),
            Some(Entry::Ours { whole: false })
        );
        assert_eq!(
            whole("durward.exe stdio --root ."),
            Some(Entry::Ours { whole: false })
        );
        assert_eq!(whole("durward bench"), None);
        assert_eq!(whole("not-durward connect"), None);
    }
}
