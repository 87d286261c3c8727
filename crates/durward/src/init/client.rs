//! What init knows of a client: where its files are, and how servers are spelled in them.

use std::path::{Path, PathBuf};

use super::edit::Format;

/// One client.
#[derive(Debug)]
pub(super) struct Client {
    /// As `--client` has it.
    pub(super) name: &'static str,
    /// As people call it.
    pub(super) title: &'static str,
    /// The page that says where its files are and what is in them.
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever keeps the table"))]
    pub(super) docs: &'static str,
    pub(super) files: &'static [File],
    pub(super) spelling: Spelling,
}

/// A file of a client.
#[derive(Debug)]
pub(super) struct File {
    pub(super) scope: Scope,
    pub(super) places: &'static [Place],
    pub(super) format: Format,
    /// Where in it the servers are.
    pub(super) homes: &'static [Home],
}

/// For whom a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// For the person, everywhere.
    User,
    /// For one folder.
    Project,
}

/// Where a file is on a system. For a project, `base` is its folder.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) system: System,
    pub(super) base: Base,
    /// Below the base, with `/` between; a `*` in a part stands for any name.
    pub(super) path: &'static str,
}

/// An operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    Any,
    Linux,
    MacOs,
    Windows,
}

impl System {
    /// The one that this program is built for.
    pub(super) const HERE: Self = match () {
        () if cfg!(target_os = "macos") => Self::MacOs,
        () if cfg!(windows) => Self::Windows,
        () => Self::Linux,
    };
}

/// What a path begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// The home folder.
    Home,
    /// `XDG_CONFIG_HOME`, or `.config` in the home folder.
    XdgConfig,
    /// `Library/Application Support` in the home folder.
    Library,
    /// `%APPDATA%`, or `AppData/Roaming` in the home folder.
    AppData,
    /// The folder that a variable of the client names, or this one in the home folder.
    Named(&'static str, &'static str),
    /// The project's folder.
    Project,
}

/// What places begin with on this machine, or on another one in a test.
#[derive(Debug, Clone)]
pub(super) struct Bases {
    pub(super) system: System,
    pub(super) home: PathBuf,
    /// Variables, such as `XDG_CONFIG_HOME`.
    pub(super) env: Vec<(String, String)>,
}

impl Bases {
    /// The folder that a place is in or below; `None` where it is on another system.
    pub(super) fn base(&self, place: &Place, project: Option<&Path>) -> Option<PathBuf> {
        if place.system != System::Any && place.system != self.system {
            return None;
        }
        Some(match place.base {
            Base::Home => self.home.clone(),
            Base::XdgConfig => self.named("XDG_CONFIG_HOME", ".config"),
            Base::Library => self.home.join("Library/Application Support"),
            Base::AppData => self.named("APPDATA", "AppData/Roaming"),
            Base::Named(variable, folder) => self.named(variable, folder),
            Base::Project => project?.to_owned(),
        })
    }

    fn named(&self, variable: &str, folder: &str) -> PathBuf {
        // A relative path would mean another place in every folder.
        let said = self.var(variable).map(PathBuf::from);
        said.filter(|path| path.is_absolute())
            .unwrap_or_else(|| self.home.join(folder))
    }

    /// A variable that is set and not empty.
    pub(super) fn var(&self, name: &str) -> Option<&str> {
        let found = self.env.iter().rev().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// Where in a file its servers are.
#[derive(Debug)]
pub(super) enum Home {
    /// At a path of keys.
    At(&'static [&'static str]),
    /// In every project that the file has under the first key, at the second.
    OfProjects(&'static str, &'static str),
}

/// How a client writes a server.
#[derive(Debug)]
pub(super) struct Spelling {
    /// The program; its arguments stand beside it.
    pub(super) command: &'static str,
    /// The arguments; `None` where `command` is a list of all words.
    pub(super) args: Option<&'static str>,
    pub(super) env: &'static [&'static str],
    pub(super) cwd: Option<&'static str>,
    /// Keys of an address, and what the server speaks there.
    pub(super) urls: &'static [(&'static str, Speaks)],
    /// Where headers are.
    pub(super) headers: &'static [&'static str],
    /// The variable that holds a bearer token.
    pub(super) bearer_variable: Option<&'static str>,
    /// Headers whose values are the names of variables.
    pub(super) header_variables: Option<&'static str>,
    /// Entries of these types are no MCP servers.
    pub(super) no_servers: &'static [&'static str],
    /// A key and the value that switches a server off.
    pub(super) off: &'static [(&'static str, bool)],
    /// Keys with the only tools that are used.
    pub(super) only: &'static [&'static str],
    /// Keys with tools that are not.
    pub(super) without: &'static [&'static str],
    /// Keys that need no equal: they are about how the client shows or starts a server.
    pub(super) dropped: &'static [&'static str],
    /// Keys without an equal, without which the server is another one.
    pub(super) needed: &'static [&'static str],
    /// How other values are referred to.
    pub(super) references: References,
    /// What an entry has beside its command.
    pub(super) beside: &'static [(&'static str, Beside)],
    /// The key of a server's name, where servers are a list.
    pub(super) name: Option<&'static str>,
}

/// What a server speaks at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Speaks {
    /// To be found out.
    Either,
    /// Streamable HTTP.
    Http,
    /// HTTP+SSE.
    Sse,
}

/// How a client's file refers to values that stand elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum References {
    /// It doesn't.
    None,
    /// `${VAR}` and `${VAR:-default}`.
    Braces,
    /// `$VAR` and `${VAR}`.
    Dollar,
    /// `${env:VAR}`, `${workspaceFolder}`, `${userHome}`, `${input:id}`.
    Editor,
    /// `{env:VAR}` and `{file:path}`.
    Curly,
    /// `${{ secrets.NAME }}`.
    Secrets,
}

/// What stands beside the command of durward's own entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Beside {
    Text(&'static str),
    Flag(bool),
    /// The server's name.
    Name,
}

impl Spelling {
    /// As most clients have it, after Claude Desktop's example.
    pub(super) const USUAL: Self = Self {
        command: "command",
        args: Some("args"),
        env: &["env"],
        cwd: Some("cwd"),
        urls: &[("url", Speaks::Either)],
        headers: &["headers"],
        bearer_variable: None,
        header_variables: None,
        no_servers: &[],
        off: &[("disabled", true), ("enabled", false)],
        only: &[],
        without: &[],
        dropped: &[
            "type",
            "transport",
            "disabled",
            "enabled",
            "autoApprove",
            "alwaysAllow",
            "timeout",
            "description",
            "name",
        ],
        needed: &["envFile", "oauth", "auth"],
        references: References::None,
        beside: &[],
        name: None,
    };
}
