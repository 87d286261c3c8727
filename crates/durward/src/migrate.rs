//! `durward migrate`: from a predecessor's configuration to `durward.yaml`, with every line of theirs
//! accounted for. One file a predecessor; what they share is how their lines are read (`inputs`) and how
//! they are accounted for (`desk`).

mod client_entry;
mod compose;
mod desk;
mod doors;
mod draft;
mod given;
mod inputs;
mod mcp_guard;
mod pagurus;
mod pocket;
mod secure_exec;
mod secure_server;
mod shell;
#[cfg(test)]
mod tests;

use std::{fmt, path::Path};

pub(crate) use desk::{Entry, Fate, Migration};
pub(crate) use inputs::Inputs;

use crate::config::Tree;
use given::Given;

/// A program's name that says nothing of whose it is.
const MANY_S: &str = "main";

/// What people come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Predecessor {
    /// Pagurus: files, HTTP and shell over HTTP, in TypeScript.
    Pagurus,
    /// mcp-secure-exec: command templates, in Rust.
    SecureExec,
    /// mcp-secure-server: a policy file and plugins on stdio, in Python.
    SecureServer,
    /// mcp-guard: a proxy daemon before other servers, in TypeScript.
    McpGuard,
    /// pocket-homeserver's MCP server: operating a home server, in Python.
    Pocket,
}

impl Predecessor {
    /// Whose program it is, by the program's name without folder, version and extension.
    pub(crate) fn of_program(name: &str) -> Option<Self> {
        let all = <Self as clap::ValueEnum>::value_variants().iter().copied();
        let mut known = all.filter(|it| {
            let mut programs = it.programs().iter();
            programs.any(|program| program.split('.').next() == Some(name) && name != MANY_S)
        });
        known.next()
    }

    /// What `durward migrate` calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pagurus => "pagurus",
            Self::SecureExec => "secure-exec",
            Self::SecureServer => "secure-server",
            Self::McpGuard => "mcp-guard",
            Self::Pocket => "pocket",
        }
    }

    /// Its programs, as command lines have them.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Pagurus => &["pagurus"],
            Self::SecureExec => &["mcp-secure-exec", "mcp-exec"],
            Self::SecureServer => &["main.py", "mcp-secure-server", "mcp-secure-local"],
            Self::McpGuard => &["mcp-guard", "mcpguard"],
            Self::Pocket => &["pocket-mcp", "pocket-mcp.py"],
        }
    }

    /// What people call it in compose files and clients.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Pagurus => &["pagurus"],
            Self::SecureExec => &["mcp-secure-exec", "secure-exec", "mcp-exec"],
            Self::SecureServer => &["secure-local", "mcp-secure-server", "mcp-secure-local"],
            Self::McpGuard => &["mcp-guard", "mcpguard"],
            Self::Pocket => &["pocket", "pocket-mcp", "pocket-homeserver"],
        }
    }

    /// Whether it reads this variable.
    fn knows(self, variable: &str) -> bool {
        match self {
            Self::Pagurus => variable.starts_with("PAGURUS_"),
            Self::SecureExec => variable.starts_with("MCP_EXEC_"),
            Self::SecureServer => secure_server::knows(variable),
            Self::McpGuard => variable.starts_with("MCP_GUARD_"),
            Self::Pocket => pocket::knows(variable),
        }
    }

    /// Whether it has a configuration file.
    fn has_a_file(self) -> bool {
        matches!(self, Self::SecureServer | Self::McpGuard)
    }

    /// Whether this tree is its own file, though it has a map of servers as clients' files do.
    fn has_servers_of_its_own(self, tree: &Tree) -> bool {
        self == Self::McpGuard && mcp_guard::is_own(tree)
    }

    /// The configuration files that a command line names.
    fn files_of(self, words: &[String]) -> Vec<String> {
        let options: &[&str] = match self {
            Self::SecureServer => &["--policy", "-p"],
            Self::McpGuard => &["--config", "-c"],
            _ => &[],
        };
        let pairs = words.windows(2);
        let split = pairs
            .filter(|pair| options.contains(&pair[0].as_str()))
            .map(|pair| pair[1].clone());
        let joined = words.iter().filter_map(|word| {
            let (option, file) = word.split_once('=')?;
            options.contains(&option).then(|| file.to_owned())
        });
        split.chain(joined).collect()
    }
}

impl fmt::Display for Predecessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What was given, as `durward.yaml`. Keys will be in files of their own in the folder `vault`.
pub(crate) fn migrate(predecessor: Predecessor, given: &Given, vault: &Path) -> Migration {
    let mut desk = desk::Desk::new(given, vault);
    match predecessor {
        Predecessor::Pagurus => pagurus::account(&mut desk),
        Predecessor::SecureExec => secure_exec::account(&mut desk),
        Predecessor::SecureServer => secure_server::account(&mut desk),
        Predecessor::McpGuard => mcp_guard::account(&mut desk),
        Predecessor::Pocket => pocket::account(&mut desk),
    }
    desk.finish(predecessor)
}
