//! The same over Streamable HTTP: with sessions and a stream of their own in the legacy era, without in the modern.

use std::{
    collections::HashMap,
    io::Write,
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use durward_testkit::{Asked, Site, say};
use serde_json::{Value, json};

use crate::{
    open::Server,
    script::Message,
    way::{Way, lock},
};

const STREAM: &str = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n";

/// How many requests each session had.
type Sessions = Mutex<HashMap<String, usize>>;

/// Serves for ever, and says on standard output where.
pub(crate) fn serve(server: &Arc<Server>, address: &str) {
    let (server, sessions) = (Arc::clone(server), Sessions::default());
    let site = Site::serving_at(address, move |asked, stream| {
        answer(&server, &sessions, asked, stream);
    });
    println!("{}", site.url("/mcp"));
    loop {
        thread::park();
    }
}

fn answer(server: &Server, sessions: &Sessions, asked: &Asked, stream: &mut TcpStream) {
    let headers: Value = asked
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    let body = if body.is_empty() { "null" } else { &body };
    server.note(&format!(
        r#"{{"http":"{}","headers":{headers},"message":{body}}}"#,
        asked.method
    ));
    let message = serde_json::from_slice::<Message>(&asked.body).ok();
    let method = message
        .as_ref()
        .and_then(|message| message.method.as_deref());
    let mut opened = String::new();
    if !server.is_modern() && method == Some("initialize") {
        let id = format!("session-{}", lock(sessions).len());
        lock(sessions).insert(id.clone(), 0);
        opened = format!("Mcp-Session-Id: {id}\r\n");
    } else if !server.is_modern() && !knows(server, sessions, asked) {
        let status = if method == Some("server/discover") {
            "400 Bad Request"
        } else {
            "404 Not Found"
        };
        return say(stream, status, &[], "");
    }
    match (asked.method.as_str(), message) {
        ("POST", Some(message)) if message.id.is_some() && message.method.is_some() => {
            let way = open(stream, &opened);
            if !server.take(&message, &way) {
                let _ = stream.write_all(b"0\r\n\r\n");
            }
        }
        ("POST", Some(message)) => {
            say(stream, "202 Accepted", &[], "");
            server.take(&message, &Way::stream(stream));
        }
        ("GET", _) if !server.is_modern() => server.listen(&open(stream, "")),
        ("DELETE", _) if !server.is_modern() => say(stream, "204 No Content", &[], ""),
        _ => {
            say(stream, "405 Method Not Allowed", &[], "");
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn open(stream: &mut TcpStream, more: &str) -> Way {
    let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{STREAM}{more}\r\n").as_bytes());
    Way::stream(stream)
}

/// Is it of a session that has not been forgotten?
fn knows(server: &Server, sessions: &Sessions, asked: &Asked) -> bool {
    let id = asked.header("mcp-session-id").unwrap_or_default();
    let mut sessions = lock(sessions);
    let Some(count) = sessions.get_mut(id) else {
        return false;
    };
    *count += 1;
    server.script.forget_after.is_none_or(|most| *count <= most)
}
