//! A legacy session over HTTP.

use serde_json::{Value, json};

use crate::{Answer, Daemon, Post, legacy, notification};

/// A session of a revision that begins with `initialize`.
pub struct Session<'a> {
    daemon: &'a Daemon,
    /// The session's id.
    pub id: String,
    /// The revision that was agreed.
    pub revision: String,
}

impl<'a> Session<'a> {
    pub(crate) fn open(daemon: &'a Daemon, initialize: &Value) -> Self {
        let answer = daemon.ask(&daemon.post(initialize.to_string()));
        assert_eq!(answer.status, 200, "{answer:?}");
        let id = answer
            .header("mcp-session-id")
            .expect("a session id")
            .to_owned();
        let agreed = answer.json()["result"]["protocolVersion"].clone();
        let session = Self {
            daemon,
            id,
            revision: agreed.as_str().unwrap_or_default().to_owned(),
        };
        let ready = notification("notifications/initialized", json!({}));
        assert_eq!(session.send(&ready).status, 202);
        session
    }

    /// A request of this session.
    pub fn post(&self, body: impl Into<Vec<u8>>) -> Post {
        let post = self.daemon.post(body).header("Mcp-Session-Id", &self.id);
        if self.revision.as_str() < "2025-06-18" {
            return post;
        }
        post.header("MCP-Protocol-Version", &self.revision)
    }

    /// A request without a body, such as the `GET` of the session's stream.
    pub fn bodiless(&self, method: &str) -> Post {
        let post = self
            .post("")
            .method(method)
            .without("Content-Type")
            .without("Content-Length");
        post.with("Accept", "text/event-stream")
    }

    /// Sends a message.
    ///
    /// # Panics
    /// Where no answer comes.
    pub fn send(&self, message: &Value) -> Answer {
        self.daemon.ask(&self.post(message.to_string()))
    }

    /// Sends a request and gives the whole JSON-RPC answer.
    ///
    /// # Panics
    /// Where no answer comes.
    pub fn ask(&self, method: &str, params: Value) -> Value {
        self.send(&legacy(7, method, params)).json()
    }

    /// Calls a tool.
    ///
    /// # Panics
    /// Where no answer comes.
    pub fn call(&self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments}))
    }
}
