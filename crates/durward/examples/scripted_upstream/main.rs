//! An MCP server for the tests that says what a script tells it to, in either era, on a pipe or over HTTP, and
//! keeps a record of all that it got. Nothing here is shipped.
//!
//!     scripted_upstream SCRIPT RECORD [--http ADDRESS]

#![expect(clippy::print_stdout, reason = "it is a program")]

mod http;
mod open;
mod play;
mod script;
mod way;

use std::{
    fs::{OpenOptions, read_to_string},
    io::{BufRead, stdin},
    sync::Arc,
    thread,
};

use open::Server;
use script::{Message, Script};
use way::Way;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let script = read_to_string(&arguments[0]).expect("a script");
    let script: Script = serde_json::from_str(&script).expect("a script");
    let record = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&arguments[1])
        .expect("a file to record to");
    let server = Arc::new(Server::new(script, record));
    if let Some(address) = arguments.get(3) {
        return http::serve(&server, address);
    }
    let way = Way::Stdout;
    server.listen(&way);
    for line in stdin().lock().lines() {
        let Ok(line) = line else { break };
        server.note(&format!(r#"{{"message":{line}}}"#));
        let message: Message = serde_json::from_str(&line).expect("a message of durward's");
        let (server, way) = (Arc::clone(&server), way.clone());
        // Each on its own thread: calls overlap.
        thread::spawn(move || server.take(&message, &way));
    }
}
