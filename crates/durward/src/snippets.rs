//! The lines to paste into a client.

use std::fmt::Write;

/// What to paste into each of the clients that people use, for a gate at `url`; one of them starts its own
/// durward, with these arguments.
pub(crate) fn all(url: &str, key: &str, own: &[String]) -> String {
    let mut text = String::new();
    let http = serde_json::json!({
        "url": url,
        "headers": {"Authorization": format!("Bearer {key}")},
    });
    let with_type = serde_json::json!({
        "type": "http",
        "url": url,
        "headers": {"Authorization": format!("Bearer {key}")},
    });
    let program = std::env::current_exe()
        .map_or_else(|_| "durward".to_owned(), |path| path.display().to_string());
    let stdio = serde_json::json!({
        "mcpServers": {"durward": {"command": program, "args": own}},
    });
    let cursor = serde_json::json!({"mcpServers": {"durward": http}});
    let code = serde_json::json!({"servers": {"durward": with_type}});
    // Writing to a `String` can't fail.
    let _ = write!(
        text,
        "Claude Code:\n  claude mcp add --transport http durward {url} --header \"Authorization: Bearer {key}\"\n\
         Claude Desktop, claude_desktop_config.json (it starts its own durward):\n  {stdio}\n\
         Cursor, .cursor/mcp.json:\n  {cursor}\n\
         VS Code, .vscode/mcp.json:\n  {code}\n"
    );
    text
}
