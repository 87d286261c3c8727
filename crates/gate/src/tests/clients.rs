//! A client of each era, as HTTP sees it.

use durward_core::ServerName;
use serde_json::{Value, json};

use super::world::{Sent, World, notification, request, sent};
use crate::{Endpoint, Posted};

/// The revision of modern requests.
pub(super) const MODERN: &str = "2026-07-28";
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// A client in a legacy session.
pub(super) struct Legacy<'a> {
    pub(super) world: &'a World,
    pub(super) who: &'a str,
    /// `Mcp-Session-Id`
    pub(super) token: String,
}

impl<'a> Legacy<'a> {
    /// Opens a session and says that it is ready.
    pub(super) async fn open(world: &'a World, who: &'a str, revision: &str) -> Self {
        let opened = initialize(world, who, revision).await;
        let token = opened.session.expect("a session");
        let client = Self { world, who, token };
        client.tell("notifications/initialized", json!({})).await;
        client
    }

    /// The same session, in another's hand.
    pub(super) fn stolen_by(&self, who: &'a str) -> Self {
        let (world, token) = (self.world, self.token.clone());
        Self { world, who, token }
    }

    pub(super) fn post(&self, body: &Value) -> Posted {
        let headers = [("mcp-session-id", self.token.as_str())];
        self.world.post(self.who, &headers, &body.to_string())
    }

    pub(super) fn start(&self, id: Value, method: &str, params: Value) -> Posted {
        self.post(&request(&id, method, &params))
    }

    pub(super) async fn ask(&self, method: &str, params: Value) -> Sent {
        let id = self.world.next_id().into();
        sent(self.start(id, method, params)).await
    }

    pub(super) async fn call(&self, tool: &str, arguments: Value) -> Sent {
        let params = json!({"name": tool, "arguments": arguments});
        self.ask("tools/call", params).await
    }

    pub(super) async fn tell(&self, method: &str, params: Value) -> Sent {
        sent(self.post(&notification(method, &params))).await
    }
}

pub(super) async fn initialize(world: &World, who: &str, revision: &str) -> Sent {
    let params = json!({
        "protocolVersion": revision,
        "capabilities": {"roots": {}},
        "clientInfo": {"name": "tests", "version": "1"},
    });
    let body = request(&json!("init"), "initialize", &params);
    sent(world.post(who, &[], &body.to_string())).await
}

/// One modern request; a test may spoil its parts.
pub(super) struct Modern {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Value,
}

impl Modern {
    pub(super) fn new(id: Value, method: &str, params: Value) -> Self {
        let named = match method {
            "tools/call" | "prompts/get" => params["name"].as_str(),
            "resources/read" => params["uri"].as_str(),
            _ => None,
        };
        let mut headers = vec![
            ("mcp-protocol-version", MODERN.to_owned()),
            ("mcp-method", method.to_owned()),
        ];
        headers.extend(named.map(|name| ("mcp-name", name.to_owned())));
        let body = modern_line(&id, method, params);
        Self { headers, body }
    }

    /// With this header in place of those of its name; `None` takes it away.
    pub(super) fn header(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.retain(|(held, _)| *held != name);
        self.headers
            .extend(value.map(|value| (name, value.to_owned())));
        self
    }

    /// With this member added to `_meta`; `null` takes it away.
    pub(super) fn meta(mut self, key: &str, value: Value) -> Self {
        let meta = self.body["params"]["_meta"].as_object_mut().unwrap();
        if value.is_null() {
            meta.remove(key);
        } else {
            meta.insert(key.to_owned(), value);
        }
        self
    }

    pub(super) fn post(&self, world: &World, who: &str) -> Posted {
        self.post_at(&Endpoint::Merged, world, who)
    }

    pub(super) fn post_at(&self, endpoint: &Endpoint, world: &World, who: &str) -> Posted {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<_> = headers.collect();
        world.post_at(endpoint, who, &headers, &self.body.to_string())
    }

    pub(super) async fn send(&self, world: &World, who: &str) -> Sent {
        sent(self.post(world, who)).await
    }
}

/// A modern request as a pipe has it.
pub(super) fn modern_line(id: &Value, method: &str, mut params: Value) -> Value {
    params["_meta"][VERSION] = MODERN.into();
    params["_meta"][CAPABILITIES] = json!({});
    request(id, method, &params)
}

pub(super) async fn modern(world: &World, who: &str, method: &str, params: Value) -> Sent {
    let id = world.next_id().into();
    Modern::new(id, method, params).send(world, who).await
}

/// The same at the endpoint of one server.
pub(super) async fn modern_at(
    world: &World,
    server: &str,
    who: &str,
    method: &str,
    params: Value,
) -> Sent {
    let endpoint = Endpoint::Server(ServerName::new(server).unwrap());
    let id = world.next_id().into();
    sent(Modern::new(id, method, params).post_at(&endpoint, world, who)).await
}

/// One modern call of a tool.
pub(super) async fn call(world: &World, who: &str, tool: &str, arguments: Value) -> Sent {
    let params = json!({"name": tool, "arguments": arguments});
    modern(world, who, "tools/call", params).await
}

/// The names in a list, or the URIs.
pub(super) fn names(sent: &Sent, member: &str, key: &str) -> Vec<String> {
    let list = sent.body["result"][member].as_array().expect("a list");
    let names = list
        .iter()
        .map(|item| item[key].as_str().unwrap().to_owned());
    names.collect()
}
