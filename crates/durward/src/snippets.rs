//! The lines to paste into a client.

use std::fmt::Write;

use durward_cage::peer;
use serde_json::json;

/// How a client starts a durward.
pub(crate) struct Own {
    /// The arguments of one for this client alone.
    pub(crate) stdio: Vec<String>,
    /// The arguments of a bridge to the one that serves.
    pub(crate) connect: Vec<String>,
}

impl Own {
    /// For clients of this machine's user, which need no key.
    pub(crate) fn lines(&self) -> String {
        let (program, host) = (program(), host());
        let stdio = json!({"mcpServers": {"durward": {"command": program, "args": self.stdio}}});
        let connect =
            json!({"mcpServers": {"durward": {"command": program, "args": self.connect}}});
        let words = [&program].into_iter().chain(&self.stdio);
        let remote: Vec<String> = words.map(|word| quoted(word)).collect();
        let ssh = json!({"mcpServers": {"durward": {
            "command": "ssh", "args": ["-T", host, remote.join(" ")]
        }}});
        format!(
            "Any client of yours on this machine, without a key:\n  {connect}\n\
             Claude Desktop, claude_desktop_config.json (it starts its own durward):\n  {stdio}\n\
             From another machine by ssh (it starts its own durward here):\n  {ssh}\n"
        )
    }
}

/// What to paste into each of the clients that people use, for a gate at `url`.
pub(crate) fn all(url: &str, key: &str, own: &Own) -> String {
    let http = json!({"url": url, "headers": {"Authorization": format!("Bearer {key}")}});
    let with_type = json!({
        "type": "http",
        "url": url,
        "headers": {"Authorization": format!("Bearer {key}")},
    });
    let cursor = json!({"mcpServers": {"durward": http}});
    let code = json!({"servers": {"durward": with_type}});
    let mut text = own.lines();
    // Writing to a `String` can't fail.
    let _ = write!(
        text,
        "Claude Code:\n  claude mcp add --transport http durward {url} --header \"Authorization: Bearer {key}\"\n\
         Cursor, .cursor/mcp.json:\n  {cursor}\n\
         VS Code, .vscode/mcp.json:\n  {code}\n"
    );
    text
}

fn program() -> String {
    let own = std::env::current_exe();
    own.map_or_else(|_| "durward".to_owned(), |path| path.display().to_string())
}

/// What ssh calls this user here.
fn host() -> String {
    let node = rustix::system::uname();
    let node = node.nodename().to_string_lossy();
    match peer::user_name(peer::current_uid()) {
        Some(user) => format!("{user}@{node}"),
        None => node.into_owned(),
    }
}

/// A word as a shell takes it: that is what ssh hands the command to.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_words_as_they_are() {
        assert_eq!(quoted("/usr/bin/durward"), "/usr/bin/durward");
        assert_eq!(quoted("/my files/it's"), r"'/my files/it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("$(x)"), "'$(x)'");
    }
}
