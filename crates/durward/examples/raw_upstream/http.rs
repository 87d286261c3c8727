//! The same server over Streamable HTTP, without sessions: each request is answered by a stream of its own.

use std::{cell::RefCell, io::Write, net::TcpStream, thread};

use durward_testkit::{Asked, Site, say};

use super::{Message, Server};

thread_local! {
    /// The stream of the request that this thread answers.
    static STREAM: RefCell<Option<TcpStream>> = const { RefCell::new(None) };
}

/// Serves for ever, and says on standard output where.
pub(super) fn serve(server: Server, address: &str) {
    let site = Site::serving_at(address, move |asked, stream| answer(&server, asked, stream));
    println!("{}", site.url("/mcp"));
    loop {
        thread::park();
    }
}

fn answer(server: &Server, asked: &Asked, stream: &mut TcpStream) {
    if asked.method != "POST" {
        return say(stream, "405 Method Not Allowed", &[], "");
    }
    if let Some(elsewhere) = &server.0.redirect {
        return say(
            stream,
            "307 Temporary Redirect",
            &[("Location", elsewhere)],
            "",
        );
    }
    let Ok(message) = serde_json::from_slice::<Message>(&asked.body) else {
        return say(stream, "400 Bad Request", &[], "");
    };
    if message.id.is_none() || message.method.is_none() {
        say(stream, "202 Accepted", &[], "");
        return server.take(&message);
    }
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    // A client that went away is no matter of the server's.
    let _ = stream.write_all(head.as_bytes());
    STREAM.set(stream.try_clone().ok());
    server.take(&message);
    STREAM.take();
    let _ = stream.write_all(b"0\r\n\r\n");
}

/// Says it as an event, where this thread answers a request; false where it does not.
pub(super) fn said(message: &str) -> bool {
    STREAM.with_borrow_mut(|stream| {
        let Some(stream) = stream else { return false };
        let event = format!("data: {message}\n\n");
        let _ = stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
        true
    })
}
