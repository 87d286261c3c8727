//! A server that wants a login and the authorization server that it names, both on loopback, and the browser
//! of a person who always agrees. Whatever they say can be changed by the test.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpStream,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use crate::{Asked, Http, Post, Site, say};

/// What was given to a client.
#[derive(Debug, Clone)]
struct Given {
    client: String,
    resource: String,
    scope: String,
}

/// A code, and what it was asked for with.
#[derive(Debug, Clone)]
struct Code {
    given: Given,
    challenge: String,
    redirect: String,
}

/// What both sides know, and what the test wants of them.
pub struct Script {
    /// Members put over the server's metadata; `null` takes one out.
    pub resource: Value,
    /// The same, over the authorization server's.
    pub server: Value,
    /// The same, over what a registration is answered with.
    pub registration: Value,
    /// The same, over what the token endpoint answers with.
    pub token: Value,
    /// The same, over the query that a browser is sent back with.
    pub answer: Value,
    /// `WWW-Authenticate` in place of the usual one.
    pub challenge: Option<String>,
    /// Redirects by path, for whoever follows them.
    pub redirects: BTreeMap<String, String>,
    /// What a call of a tool must have been given.
    pub call_scope: Option<String>,
    /// Is no token ever enough for a call?
    pub never_enough: bool,
    /// What `expires_in` says.
    pub lifetime: Option<u64>,
    /// Has the server metadata at all? One of revision 2025-03-26 has none.
    pub has_metadata: bool,
    /// Are refresh tokens taken?
    pub refreshes: bool,
    codes: BTreeMap<String, Code>,
    access: BTreeMap<String, Given>,
    refresh: BTreeMap<String, Given>,
    revoked: BTreeSet<String>,
    clients: BTreeMap<String, Option<String>>,
}

/// The two sites.
pub struct Guarded {
    /// The MCP server.
    pub server: Site,
    /// The authorization server.
    pub issuer: Site,
    script: Arc<Mutex<Script>>,
}

struct Places {
    server: String,
    issuer: String,
}

impl Guarded {
    /// Both, on free ports.
    ///
    /// # Panics
    /// Where none is free.
    pub fn start() -> Self {
        let script = Arc::new(Mutex::new(Script {
            resource: json!({}),
            server: json!({}),
            registration: json!({}),
            token: json!({}),
            answer: json!({}),
            challenge: None,
            redirects: BTreeMap::new(),
            call_scope: None,
            never_enough: false,
            lifetime: Some(3600),
            has_metadata: true,
            refreshes: true,
            codes: BTreeMap::new(),
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            revoked: BTreeSet::new(),
            clients: BTreeMap::new(),
        }));
        let places: Arc<OnceLock<Places>> = Arc::default();
        let (own, at) = (Arc::clone(&script), Arc::clone(&places));
        let server = Site::serving(move |asked, stream| {
            let places = at.get().expect("both serve");
            serve(&mut lock(&own), places, asked, stream);
        });
        let (own, at) = (Arc::clone(&script), Arc::clone(&places));
        let issuer = Site::serving(move |asked, stream| {
            let places = at.get().expect("both serve");
            issue(&mut lock(&own), places, asked, stream);
        });
        let set = places.set(Places {
            server: server.url(""),
            issuer: issuer.url(""),
        });
        assert!(set.is_ok());
        Self {
            server,
            issuer,
            script,
        }
    }

    /// What they say, to be changed.
    ///
    /// # Panics
    /// A thread of theirs did.
    pub fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.script)
    }

    /// The section of a configuration: the server is `crm`, with these members of `oauth`.
    pub fn section(&self, oauth: &str) -> String {
        format!(
            "servers:\n  crm:\n    url: {}\n    auth: {{ oauth: {{ {oauth} }} }}\n",
            self.server.url("/mcp")
        )
    }

    /// How often a path of the authorization server was asked.
    pub fn asked(&self, path: &str) -> usize {
        let all = self.issuer.asked();
        let at = |asked: &&Asked| asked.target.split('?').next() == Some(path);
        all.iter().filter(at).count()
    }

    /// The forms that the token endpoint was sent.
    pub fn forms(&self) -> Vec<BTreeMap<String, String>> {
        let all = self.issuer.asked();
        let tokens = all.iter().filter(|asked| asked.target == "/token");
        tokens.map(|asked| form(&asked.body)).collect()
    }

    /// All tokens that there are become worthless at the server.
    pub fn forget_access(&self) {
        self.script().access.clear();
    }

    /// A token that the server takes from now on, as if it had been issued.
    pub fn give(&self, token: &str) {
        let given = Given {
            client: token.to_owned(),
            resource: String::new(),
            scope: "read".to_owned(),
        };
        self.script().access.insert(token.to_owned(), given);
    }

    /// A client that is known there.
    pub fn know_client(&self, id: &str, secret: Option<&str>) {
        let secret = secret.map(ToOwned::to_owned);
        self.script().clients.insert(id.to_owned(), secret);
    }

    /// How many tokens were revoked.
    pub fn revoked(&self) -> usize {
        self.script().revoked.len()
    }
}

/// A person's browser: goes there, agrees, and follows where it is sent. What the last page says.
///
/// # Panics
/// Where there is no such site.
pub fn browse(url: &str) -> String {
    let mut url = Url::parse(url).expect("a URL");
    for _ in 0..5 {
        let address = url.socket_addrs(|| None).expect("an address")[0];
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let get = Post::new("GET", target).header("Host", &address.to_string());
        let answer = Http::connect(address).ask(&get);
        match answer.header("location") {
            Some(location) => url = url.join(location).expect("where to"),
            None => return String::from_utf8_lossy(&answer.body).into_owned(),
        }
    }
    panic!("it is sent on and on");
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().expect("the script")
}

/// Puts members over others.
fn over(mut under: Value, over: &Value) -> Value {
    for (key, value) in over.as_object().expect("an object") {
        let members = under.as_object_mut().expect("an object");
        match value {
            Value::Null => members.remove(key),
            value => members.insert(key.clone(), value.clone()),
        };
    }
    under
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn json_to(stream: &mut TcpStream, status: &str, body: &Value) {
    let content = [("Content-Type", "application/json")];
    say(stream, status, &content, body.to_string());
}

fn redirected(script: &Script, path: &str, stream: &mut TcpStream) -> bool {
    let Some(to) = script.redirects.get(path) else {
        return false;
    };
    say(stream, "307 A", &[("Location", to)], "");
    true
}

/// The MCP server: revision 2025-11-25, one tool.
fn serve(script: &mut Script, places: &Places, asked: &Asked, stream: &mut TcpStream) {
    let path = asked.target.split('?').next().unwrap_or_default();
    if redirected(script, path, stream) {
        return;
    }
    if path.starts_with("/.well-known/oauth-protected-resource") && script.has_metadata {
        let document = json!({
            "resource": format!("{}/mcp", places.server),
            "authorization_servers": [places.issuer],
            "scopes_supported": ["read"],
        });
        return json_to(stream, "200 OK", &over(document, &script.resource));
    }
    if path != "/mcp" {
        return say(stream, "404 Not Found", &[], "");
    }
    let token = asked.header("authorization").unwrap_or_default();
    let given = token
        .strip_prefix("Bearer ")
        .and_then(|token| script.access.get(token));
    let Some(given) = given else {
        let usual = match script.has_metadata {
            true => format!(
                r#"Bearer resource_metadata="{}/.well-known/oauth-protected-resource/mcp", scope="read""#,
                places.server
            ),
            false => "Bearer".to_owned(),
        };
        let challenge = script.challenge.clone().unwrap_or(usual);
        return say(
            stream,
            "401 Unauthorized",
            &[("WWW-Authenticate", &challenge)],
            "",
        );
    };
    let message: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let method = message["method"].as_str().unwrap_or_default();
    if let Some(scope) = script
        .call_scope
        .as_deref()
        .filter(|_| method == "tools/call")
        && (script.never_enough || !given.scope.split(' ').any(|own| own == scope))
    {
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{scope}""#);
        return say(
            stream,
            "403 Forbidden",
            &[("WWW-Authenticate", &challenge)],
            "",
        );
    }
    let result = match (asked.method.as_str(), method) {
        ("POST", "initialize") => json!({
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
            "serverInfo": {"name": "guarded", "version": "1"},
        }),
        ("POST", "tools/list") => json!({"tools": [{
            "name": "who", "inputSchema": {"type": "object"}, "description": "Says whose token it is.",
        }]}),
        ("POST", "tools/call") => json!({
            "content": [{"type": "text", "text": format!("{} for {}", given.client, given.scope)}],
        }),
        ("POST", _) if message.get("id").is_none() => return say(stream, "202 Accepted", &[], ""),
        ("POST", _) => {
            let error = json!({"code": -32601, "message": "no such method"});
            let body = json!({"jsonrpc": "2.0", "id": message["id"], "error": error});
            return json_to(stream, "400 Bad Request", &body);
        }
        _ => return say(stream, "405 Method Not Allowed", &[], ""),
    };
    let body = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
    json_to(stream, "200 OK", &body);
}

/// The authorization server.
fn issue(script: &mut Script, places: &Places, asked: &Asked, stream: &mut TcpStream) {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    if redirected(script, path, stream) {
        return;
    }
    match path {
        "/.well-known/oauth-authorization-server" => {
            let at = |path: &str| format!("{}{path}", places.issuer);
            let document = json!({
                "issuer": places.issuer,
                "authorization_endpoint": at("/authorize"),
                "token_endpoint": at("/token"),
                "registration_endpoint": at("/register"),
                "revocation_endpoint": at("/revoke"),
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported":
                    ["none", "client_secret_basic", "client_secret_post"],
                "authorization_response_iss_parameter_supported": true,
            });
            json_to(stream, "200 OK", &over(document, &script.server));
        }
        "/register" => register(script, asked, stream),
        "/authorize" => authorize(script, places, query, stream),
        "/token" => token(script, asked, stream),
        "/revoke" => {
            let token = form(&asked.body).remove("token").unwrap_or_default();
            script.access.remove(&token);
            script.refresh.remove(&token);
            script.revoked.insert(token);
            say(stream, "200 OK", &[], "");
        }
        _ => say(stream, "404 Not Found", &[], ""),
    }
}

fn register(script: &mut Script, asked: &Asked, stream: &mut TcpStream) {
    let wanted: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    if wanted["application_type"] != "native" {
        let error = json!({"error": "invalid_redirect_uri"});
        return json_to(stream, "400 Bad Request", &error);
    }
    let id = format!("client-{}", Uuid::now_v7());
    let answer = over(json!({"client_id": id}), &script.registration);
    let id = answer["client_id"].as_str().unwrap_or_default().to_owned();
    let secret = answer["client_secret"].as_str().map(ToOwned::to_owned);
    script.clients.insert(id, secret);
    json_to(stream, "201 Created", &answer);
}

fn authorize(script: &mut Script, places: &Places, query: &str, stream: &mut TcpStream) {
    let asked = form(query.as_bytes());
    let get = |key: &str| asked.get(key).cloned().unwrap_or_default();
    let is_url = get("client_id").starts_with("https://");
    let is_sound = (is_url || script.clients.contains_key(&get("client_id")))
        && get("response_type") == "code"
        && get("code_challenge_method") == "S256"
        && get("redirect_uri").starts_with("http://127.0.0.1:");
    if !is_sound {
        return say(stream, "400 Bad Request", &[], format!("{asked:?}"));
    }
    let code = Uuid::now_v7().to_string();
    let given = Given {
        client: get("client_id"),
        resource: get("resource"),
        scope: get("scope"),
    };
    script.codes.insert(
        code.clone(),
        Code {
            given,
            challenge: get("code_challenge"),
            redirect: get("redirect_uri"),
        },
    );
    let answer = json!({"code": code, "state": get("state"), "iss": places.issuer});
    let answer = over(answer, &script.answer);
    let mut location = Url::parse(&get("redirect_uri")).expect("a redirect");
    for (key, value) in answer.as_object().expect("an object") {
        let value = value.as_str().unwrap_or_default();
        location.query_pairs_mut().append_pair(key, value);
    }
    say(stream, "302 Found", &[("Location", location.as_str())], "");
}

fn token(script: &mut Script, asked: &Asked, stream: &mut TcpStream) {
    let no = |stream: &mut TcpStream, error: &str| {
        json_to(stream, "400 Bad Request", &json!({"error": error}));
    };
    let form = form(&asked.body);
    let get = |key: &str| form.get(key).cloned().unwrap_or_default();
    let Some(client) = client(script, asked, &form) else {
        return no(stream, "invalid_client");
    };
    let given = match get("grant_type").as_str() {
        "authorization_code" => {
            let Some(code) = script.codes.remove(&get("code")) else {
                return no(stream, "invalid_grant");
            };
            let digest = digest(&SHA256, get("code_verifier").as_bytes());
            let is_its = BASE64_URL_SAFE_NO_PAD.encode(digest) == code.challenge
                && code.given.client == client
                && code.redirect == get("redirect_uri")
                && code.given.resource == get("resource");
            if !is_its {
                return no(stream, "invalid_grant");
            }
            code.given
        }
        "refresh_token" if script.refreshes => {
            // Each is good for once: of two that renew at a time, one would be thrown out.
            match script.refresh.remove(&get("refresh_token")) {
                Some(given) if given.client == client => given,
                _ => return no(stream, "invalid_grant"),
            }
        }
        "client_credentials" => Given {
            client,
            resource: get("resource"),
            scope: get("scope"),
        },
        _ => return no(stream, "invalid_grant"),
    };
    let (access, refresh) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    let mut answer = json!({
        "access_token": access, "token_type": "Bearer", "scope": given.scope,
    });
    if let Some(lifetime) = script.lifetime {
        answer["expires_in"] = json!(lifetime);
    }
    if get("grant_type") != "client_credentials" {
        answer["refresh_token"] = json!(refresh);
        script.refresh.insert(refresh, given.clone());
    }
    script.access.insert(access, given);
    json_to(stream, "200 OK", &over(answer, &script.token));
}

/// Who asks, if it is proven.
fn client(script: &Script, asked: &Asked, sent: &BTreeMap<String, String>) -> Option<String> {
    let basic = asked
        .header("authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|value| base64::prelude::BASE64_STANDARD.decode(value).ok())
        .and_then(|pair| String::from_utf8(pair).ok());
    let (id, secret) = match &basic {
        Some(pair) => {
            let (id, secret) = pair.split_once(':')?;
            // They are encoded before they are joined (RFC 6749 section 2.3.1).
            let decoded = |text: &str| {
                let pair = format!("x={text}");
                form(pair.as_bytes()).remove("x")
            };
            (decoded(id)?, decoded(secret))
        }
        None => (
            sent.get("client_id")?.clone(),
            sent.get("client_secret").cloned(),
        ),
    };
    match script.clients.get(&id) {
        Some(known) => (*known == secret).then_some(id),
        None => id.starts_with("https://").then_some(id),
    }
}
