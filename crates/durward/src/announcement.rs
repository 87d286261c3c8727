//! What a daemon says once it serves: where, and what to paste into a client.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    config::{self, Config},
    daemon::Start,
    first_key::FirstKey,
    sandbox::Sandboxes,
    snippets::{self, Own},
};

/// Says what is served and how to reach it. That nobody reads it is no reason not to serve.
pub(crate) fn print(
    start: &Start,
    port: u16,
    http: bool,
    key: Option<&FirstKey>,
    sandboxes: &Sandboxes,
) {
    let text = text(start, port, http, key, sandboxes);
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn text(
    start: &Start,
    port: u16,
    http: bool,
    key: Option<&FirstKey>,
    sandboxes: &Sandboxes,
) -> String {
    let config = &start.loaded.config;
    let url = http.then(|| url(config, port));
    let roots: Vec<_> = config
        .files
        .shared()
        .iter()
        .map(|(_, path)| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()))
        .collect();
    if start.json {
        let facts = serde_json::json!({
            "url": url,
            "socket": config.listen.socket,
            "roots": roots,
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
            "walls": sandboxes.told(config),
            "key": match key { Some(FirstKey::Shown(key)) => Some(key.expose()), _ => None },
            "key_file": match key { Some(FirstKey::Written(path)) => Some(path), _ => None },
        });
        return format!("{facts}\n");
    }
    let mut text = format!("durward {} guards\n", env!("CARGO_PKG_VERSION"));
    let files = match config.files.are_writable() {
        true => "files, some to be written",
        false => "read-only files",
    };
    for root in &roots {
        text.push_str(&format!("  {} ({files})\n", root.display()));
    }
    text.push_str(&format!("  socket {}\n", config.listen.socket.display()));
    if let Some(walls) = sandboxes.told(config) {
        text.push_str(&format!("  {walls}\n"));
    }
    let own = own_arguments(start, &roots);
    let Some(url) = url else {
        return text + "\n" + &own.lines();
    };
    text.push_str(&format!("  {url}\n\n"));
    text.push_str(&match key {
        Some(FirstKey::Shown(key)) => {
            let (key, lines) = (key.expose(), snippets::all(&url, key.expose(), &own));
            format!("Your key, shown this once (role reader):\n  {key}\n\n{lines}")
        }
        Some(FirstKey::Written(path)) => {
            let (path, lines) = (path.display(), snippets::all(&url, "KEY", &own));
            format!("Your key (role reader) is in {path}\n\n{lines}")
        }
        None => {
            "Keys: `durward keys list`; another one: `durward keys new --role reader`\n".to_owned()
        }
    });
    text
}

/// How a client starts a durward of its own that shares the same, or a bridge to this one: by the same file,
/// and with whole paths, since it starts in a folder of its own.
fn own_arguments(start: &Start, roots: &[PathBuf]) -> Own {
    let say = |arguments: &mut Vec<String>, option: &str, path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        arguments.extend([option.to_owned(), path.display().to_string()]);
    };
    let (mut stdio, mut connect) = (vec!["stdio".to_owned()], vec!["connect".to_owned()]);
    for arguments in [&mut stdio, &mut connect] {
        if let Some(file) = &start.loaded.path {
            say(arguments, "--config", file);
        }
        if let Some(folder) = &start.sources.state {
            say(arguments, "--state", folder);
        }
    }
    if let ([root], true) = (roots, start.loaded.config.files.roots.is_empty()) {
        say(&mut stdio, "--root", root);
    }
    Own { stdio, connect }
}

fn url(config: &Config, port: u16) -> String {
    let path = config
        .listen
        .paths
        .first()
        .map_or("/mcp", |path| path.as_str());
    match (&config.listen.public_url, &config.listen.http) {
        (Some(public), _) => format!("{}{path}", public.as_str().trim_end_matches('/')),
        (None, config::HttpDoor::Open(address)) => {
            let host = address.addresses().first().map_or_else(
                || "127.0.0.1".to_owned(),
                |first| match first.ip() {
                    std::net::IpAddr::V6(ip) => format!("[{ip}]"),
                    std::net::IpAddr::V4(ip) => ip.to_string(),
                },
            );
            format!("http://{host}:{port}{path}")
        }
        (None, config::HttpDoor::Off) => String::new(),
    }
}
