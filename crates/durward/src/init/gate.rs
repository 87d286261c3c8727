//! durward's own side: the names and secrets of servers that are taken over, and the lines that its
//! file gets.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use durward_core::ServerName;
use durward_guard::{egress::Target, names::Register};

use super::{
    client::{Bases, Speaks},
    gate_text::{Yaml, inserted},
    naming::{shortened, slug},
    reference::{Piece, Words},
    secret::Looks,
    server::{Definition, Reach},
    settled::{Settled, settle},
};
use crate::{
    checks,
    config::{self, Config, HttpDoor, SandboxPath, Sources},
};

/// The longest secret that is read from a file, in bytes.
const LONGEST_SECRET: usize = 64 * 1024;

/// Where a secret's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A file that init writes.
    File(PathBuf, String),
    /// A variable.
    Variable(String),
}

/// A secret that durward's file gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewSecret {
    pub(super) name: String,
    pub(super) source: Source,
}

/// A server that durward's file gets.
#[derive(Debug, Clone)]
struct NewServer {
    name: String,
    /// Where it was found.
    from: String,
    lines: Yaml,
    settled: Settled,
}

/// The addresses that durward's clients use: a server at one of them would be durward behind itself.
struct Own {
    port: Option<u16>,
    url: Option<String>,
}

impl Own {
    fn is_at(&self, url: &str) -> bool {
        let here = Target::parse(url).is_ok_and(|target| {
            target.host().is_this_machine() && Some(target.port()) == self.port
        });
        here || self.url.as_ref().is_some_and(|own| {
            url.strip_prefix(own.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// What durward has, and is to have.
pub(super) struct Gate<'a> {
    /// Its file.
    pub(super) path: PathBuf,
    /// What is in it, if there is one.
    pub(super) text: Option<String>,
    sources: &'a Sources,
    bases: &'a Bases,
    looks: &'a Looks,
    /// Where durward itself is reached.
    own: Own,
    names: Register,
    known: Vec<(String, Settled)>,
    servers: Vec<NewServer>,
    secrets: Vec<NewSecret>,
    taken_secrets: BTreeSet<String>,
}

impl<'a> Gate<'a> {
    pub(super) fn new(
        path: PathBuf,
        text: Option<String>,
        config: &Config,
        (sources, bases, looks): (&'a Sources, &'a Bases, &'a Looks),
    ) -> Self {
        let mut names = Register::new();
        let mut known = Vec::new();
        for (key, server) in &config.servers {
            // They are there already, alike or not.
            let _ = names.take(key.name().as_str());
            known.push((key.name().to_string(), Settled::of_config(server)));
        }
        Self {
            path,
            text,
            sources,
            bases,
            looks,
            own: Own {
                port: match &config.listen.http {
                    HttpDoor::Open(address) => Some(address.port()),
                    HttpDoor::Off => None,
                },
                url: config
                    .listen
                    .public_url
                    .as_ref()
                    .map(|it| it.as_str().to_owned()),
            },
            names,
            known,
            servers: Vec::new(),
            secrets: Vec::new(),
            taken_secrets: config.secrets.keys().map(ToString::to_string).collect(),
        }
    }

    /// The servers that durward will have.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        let known = self.known.iter().map(|(name, _)| name.as_str());
        known
            .chain(self.servers.iter().map(|server| server.name.as_str()))
            .collect()
    }

    pub(super) fn secrets(&self) -> &[NewSecret] {
        &self.secrets
    }

    /// Is there anything new?
    pub(super) fn grows(&self) -> bool {
        !self.servers.is_empty()
    }

    /// What would have to stand in durward's file for all to read who may read that: whether a
    /// server's words or address have what looks like a secret.
    pub(super) fn shows_secret(&self, definition: &Definition) -> bool {
        let bare = |words: &Words| {
            words.0.iter().any(|piece| match piece {
                Piece::Text(text) => self.looks.bare(text) || self.in_query(text),
                Piece::Variable(_) => false,
            })
        };
        match &definition.reach {
            Reach::Program { command, .. } => {
                let after_option = |pair: &[Words]| {
                    let (option, value) = (pair[0].text(), pair[1].text());
                    let option = option.filter(|it| it.starts_with('-'));
                    option.zip(value).is_some_and(|(option, value)| {
                        !value.starts_with('-') && self.looks.named(&option, &value)
                    })
                };
                command.iter().any(bare) || command.windows(2).any(after_option)
            }
            Reach::Site { url, .. } => bare(url),
        }
    }

    fn in_query(&self, text: &str) -> bool {
        let query = text.split_once('?').map_or("", |(_, query)| query);
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.any(|(name, value)| self.looks.named(name, value))
    }

    /// Takes a server over, and says under which name: one of its own, unless durward has the same
    /// server already.
    ///
    /// # Errors
    /// Why durward can't have it, as a clause.
    pub(super) fn adopt(
        &mut self,
        wish: &str,
        whose: &str,
        from: &str,
        definition: &Definition,
    ) -> Result<String, String> {
        let settled = Settled::of(definition, self.bases)?;
        if settled.site().is_some_and(|url| self.own.is_at(url)) {
            return Err("it is durward itself".to_owned());
        }
        let servers = self.servers.iter().map(|it| (&it.name, &it.settled));
        let known = self
            .known
            .iter()
            .map(|(name, it)| (name, it))
            .chain(servers);
        if let Some((name, _)) = known.into_iter().find(|(_, it)| it.is(&settled)) {
            return Ok(name.clone());
        }
        let name = self.free(wish, whose);
        let (lines, secrets) = self.written(&name, definition)?;
        let server = NewServer {
            name: name.clone(),
            from: from.to_owned(),
            lines,
            settled,
        };
        self.alone(&server, &secrets)?;
        // It was free a moment ago.
        let _ = self.names.take(&name);
        self.taken_secrets
            .extend(secrets.iter().map(|secret| secret.name.clone()));
        self.secrets.extend(secrets);
        self.servers.push(server);
        Ok(name)
    }

    /// A name that no other server has or looks like.
    fn free(&self, wish: &str, whose: &str) -> String {
        let wish = match slug(wish) {
            name if name.is_empty() => "server".to_owned(),
            name if !name.starts_with(|c: char| c.is_ascii_lowercase()) => format!("s-{name}"),
            name => name,
        };
        let fits = |name: &str| {
            let mut names = self.names.clone();
            ServerName::new(name).is_ok() && !config::is_own_name(name) && names.take(name).is_ok()
        };
        let other = match config::is_own_name(&wish) {
            true => "server".to_owned(),
            false => slug(whose),
        };
        let names = [shortened(&wish, ""), shortened(&wish, &format!("-{other}"))];
        let numbered = (2..).map(|number| shortened(&wish, &format!("-{other}-{number}")));
        let mut names = names.into_iter().chain(numbered);
        // The numbers don't end.
        names.find(|name| fits(name)).unwrap_or(wish)
    }

    /// The lines of a server, and the secrets that they name.
    fn written(
        &self,
        name: &str,
        definition: &Definition,
    ) -> Result<(Yaml, Vec<NewSecret>), String> {
        let mut secrets = Vec::new();
        let mut lines = Vec::new();
        let mut add = |key: &str, value: Yaml| lines.push((key.to_owned(), value));
        match &definition.reach {
            Reach::Program { command, env, cwd } => {
                add("command", Yaml::list(command.iter().map(escaped)));
                if !env.is_empty() {
                    let mut map = Vec::new();
                    for (key, value) in env {
                        map.push((key.clone(), self.value(name, key, value, &mut secrets)?));
                    }
                    add("env", Yaml::Map(map));
                }
                if let Some(cwd) = cwd {
                    add("cwd", Yaml::Text(escaped(cwd)));
                }
                if let Some(walls) = self.walls(command) {
                    add("sandbox", walls);
                }
            }
            Reach::Site {
                url,
                speaks,
                headers,
            } => {
                add("url", Yaml::Text(escaped(url)));
                match speaks {
                    Speaks::Either => {}
                    Speaks::Http => add("transport", Yaml::Text("http".to_owned())),
                    Speaks::Sse => add("transport", Yaml::Text("sse".to_owned())),
                }
                let mut map = Vec::new();
                for (key, value) in headers {
                    match bearer(key, value) {
                        Some(token) => {
                            let token = self.sealed(name, "token", &token, &mut secrets)?;
                            add("auth", Yaml::Map(vec![("bearer".to_owned(), token)]));
                        }
                        None => {
                            map.push((key.clone(), self.value(name, key, value, &mut secrets)?));
                        }
                    }
                }
                if !map.is_empty() {
                    add("headers", Yaml::Map(map));
                }
            }
        }
        let (only, without) = (&definition.only, &definition.without);
        if !only.is_empty() || !without.is_empty() {
            let lists = [("allow", only), ("deny", without)];
            let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
            let lists =
                lists.map(|(key, names)| (key.to_owned(), Yaml::list(names.iter().cloned())));
            add("tools", Yaml::Map(lists.collect()));
        }
        Ok((Yaml::Map(lines), secrets))
    }

    /// What a server's walls have to be other than `home`: none for the client of a container engine; folders
    /// that it is told on its command line are there to be worked in.
    fn walls(&self, command: &[Words]) -> Option<Yaml> {
        let (program, arguments) = command.split_first()?;
        if checks::engine(&program.text()?).is_some() {
            return Some(Yaml::Text("host".to_owned()));
        }
        let is_folder = |words: &&Words| {
            let Some(text) = words.text() else {
                return false;
            };
            let path = Path::new(&text);
            let is_plain = text.parse::<SandboxPath>().is_ok_and(|it| !it.is_pattern());
            is_plain && path.is_absolute() && !self.bases.home.starts_with(path) && path.is_dir()
        };
        let folders: Vec<_> = arguments.iter().filter(is_folder).map(escaped).collect();
        let write = || vec![("write".to_owned(), Yaml::list(folders.iter().cloned()))];
        (!folders.is_empty()).then(|| Yaml::Line(write()))
    }

    /// A variable's or a header's value: as it is, or as a secret.
    fn value(
        &self,
        server: &str,
        key: &str,
        value: &Words,
        secrets: &mut Vec<NewSecret>,
    ) -> Result<Yaml, String> {
        match self.looks.named(key, &settle(value, self.bases)) {
            true => self.sealed(server, key, value, secrets),
            false => Ok(Yaml::Text(escaped(value))),
        }
    }

    fn sealed(
        &self,
        server: &str,
        key: &str,
        value: &Words,
        secrets: &mut Vec<NewSecret>,
    ) -> Result<Yaml, String> {
        let mut text = String::new();
        for piece in &value.0 {
            // A word before a variable, such as `Bearer `, is none.
            let source = match piece {
                Piece::Text(plain) if value.0.len() > 1 && !self.looks.bare(plain) => {
                    text.push_str(&plain.replace("${", "$${"));
                    continue;
                }
                Piece::Text(plain) => {
                    if plain.ends_with(['\r', '\n']) {
                        return Err(format!("its `{key}` ends with a line break"));
                    }
                    if plain.len() > LONGEST_SECRET {
                        return Err(format!("its `{key}` is too long for a secret"));
                    }
                    None
                }
                Piece::Variable(variable) => Some(Source::Variable(variable.clone())),
            };
            let name = self.free_secret(server, key, secrets);
            let source = source.unwrap_or_else(|| {
                let Piece::Text(plain) = piece else {
                    return Source::Variable(String::new());
                };
                Source::File(self.folder().join(&name), plain.clone())
            });
            text.push_str(&format!("${{secret:{name}}}"));
            secrets.push(NewSecret { name, source });
        }
        Ok(Yaml::Text(text))
    }

    /// The folder of the secrets that init writes.
    pub(super) fn folder(&self) -> PathBuf {
        let home = self.path.parent().unwrap_or(Path::new("."));
        home.join("secrets.d")
    }

    fn free_secret(&self, server: &str, key: &str, new: &[NewSecret]) -> String {
        let key = slug(key);
        let wish = match key.starts_with(&format!("{server}-")) {
            true => key,
            false => format!("{server}-{key}"),
        };
        let wish: String = wish.chars().take(56).collect();
        let taken = |name: &str| {
            self.taken_secrets.contains(name)
                || new.iter().any(|secret| secret.name == name)
                || self.folder().join(name).exists()
        };
        let numbered = (2..).map(|number| format!("{wish}-{number}"));
        let mut names = std::iter::once(wish.clone()).chain(numbered);
        // The numbers don't end.
        names.find(|name| !taken(name)).unwrap_or(wish.clone())
    }

    /// durward's file with what is new in it; `None` where nothing is.
    ///
    /// # Errors
    /// What durward says of the file as it would be.
    pub(super) fn grown(&self) -> Result<Option<String>, String> {
        if !self.grows() {
            return Ok(None);
        }
        let text = |secret: &NewSecret, _: usize| match &secret.source {
            Source::File(path, _) => ("file", path.display().to_string()),
            Source::Variable(name) => ("env", name.clone()),
        };
        let old = self.text.as_deref();
        let new = self.with(old, &self.servers, &self.secrets, &text);
        let probe = self.with(old, &self.servers, &self.secrets, &|_, at| {
            ("env", probe(at))
        });
        let sources = self.probing(&self.secrets, self.sources.clone());
        let loaded = config::load_text(&self.path, &probe, &sources).map_err(|fault| {
            let first = fault.diagnostics().first().map(|it| it.message.clone());
            format!(
                "{} can't have these servers: {}; put `servers:` and `secrets:` on lines of their own, or mend it",
                self.path.display(),
                first.unwrap_or_default()
            )
        })?;
        for server in &self.servers {
            if !came_out(&loaded.config, server) {
                return Err(format!(
                    "{} would not say of `{}` what its client says",
                    self.path.display(),
                    server.name
                ));
            }
        }
        Ok(Some(new))
    }

    /// Tries one server with nothing beside it.
    fn alone(&self, server: &NewServer, secrets: &[NewSecret]) -> Result<(), String> {
        let servers = std::slice::from_ref(server);
        let text = self.with(None, servers, secrets, &|_, at| ("env", probe(at)));
        let mut sources = Sources {
            set: Vec::new(),
            ..self.sources.clone()
        };
        sources.env.retain(|(key, _)| !key.starts_with("DURWARD_"));
        let sources = self.probing(secrets, sources);
        let loaded = config::load_text(&self.path, &text, &sources).map_err(|fault| {
            let first = fault.diagnostics().first();
            let why = first.map_or_else(String::new, |it| it.message.clone());
            format!("durward can't have it: {why}")
        })?;
        match came_out(&loaded.config, server) {
            true => Ok(()),
            false => Err("durward would not read it as its client does".to_owned()),
        }
    }

    /// What loading needs to know the new secrets before their files are there.
    fn probing(&self, secrets: &[NewSecret], mut sources: Sources) -> Sources {
        for (at, secret) in secrets.iter().enumerate() {
            let value = match &secret.source {
                Source::File(_, value) => value.clone(),
                Source::Variable(name) => self.bases.var(name).unwrap_or_default().to_owned(),
            };
            sources.env.push((probe(at), value));
        }
        sources
    }

    fn with(
        &self,
        text: Option<&str>,
        servers: &[NewServer],
        secrets: &[NewSecret],
        source: &dyn Fn(&NewSecret, usize) -> (&'static str, String),
    ) -> String {
        let secrets: Vec<_> = secrets
            .iter()
            .enumerate()
            .map(|(at, secret)| {
                let (key, value) = source(secret, at);
                let value = Yaml::Text(value.replace("${", "$${"));
                (
                    secret.name.clone(),
                    Yaml::Line(vec![(key.to_owned(), value)]),
                    None,
                )
            })
            .collect();
        let servers: Vec<_> = servers
            .iter()
            .map(|it| (it.name.clone(), it.lines.clone(), Some(it.from.clone())))
            .collect();
        inserted(text, &secrets, &servers)
    }
}

fn probe(at: usize) -> String {
    format!("INIT_PROBE_{at}")
}

fn came_out(config: &Config, server: &NewServer) -> bool {
    let mut servers = config.servers.iter();
    servers.any(|(key, found)| {
        key.name().as_str() == server.name && Settled::of_config(found).is(&server.settled)
    })
}

/// The token of `Authorization: Bearer …`.
fn bearer(key: &str, value: &Words) -> Option<Words> {
    let Some(Piece::Text(first)) = value.0.first() else {
        return None;
    };
    let rest = first
        .strip_prefix("Bearer ")
        .filter(|_| key == "authorization")?;
    let mut token = Words::from(rest);
    token.0.extend(value.0.iter().skip(1).cloned());
    // With nothing in it, it is no token.
    (!token.0.is_empty()).then_some(token)
}

/// As durward's file writes it.
fn escaped(words: &Words) -> String {
    words
        .0
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.replace("${", "$${"),
            Piece::Variable(name) => format!("${{{name}}}"),
        })
        .collect()
}

#[cfg(test)]
mod tests;
