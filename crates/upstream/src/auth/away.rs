//! Asking what a server names: bounded, without redirects, by a connector that judges every address.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use durward_cage::egress::{Budget, Connector, Request, Response};
use durward_core::{Cancel, Secret};
use durward_guard::{
    egress::{Method, RequestHeaders, Target},
    oauth::ClientAuth,
};
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use super::{AuthFault, client::Client};

/// The longest document that is read.
const LONGEST: usize = 256 * 1024;
/// For one request, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to what a server names.
pub(super) struct Away {
    connector: Connector,
}

/// The parameters of a request to a token endpoint.
pub(super) struct Form(String);

impl Form {
    pub(super) fn new(pairs: &[(&str, &str)]) -> Self {
        let mut form = Self(String::new());
        for (name, value) in pairs {
            form.add(name, value);
        }
        form
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.extend(byte_serialize(name.as_bytes()));
        self.0.push('=');
        self.0.extend(byte_serialize(value.as_bytes()));
    }
}

impl Away {
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector }
    }

    /// A document, if there is one: what is not there, or is no JSON, is `None`.
    pub(super) async fn document(
        &self,
        what: &'static str,
        target: &Target,
    ) -> Result<Option<Bytes>, AuthFault> {
        let answer = self
            .ask(what, Method::Get, target, (None, None), Bytes::new())
            .await?;
        match answer.status {
            200 if is_json(&answer) => Ok(Some(answer.body)),
            // A site that has a page for everything has no such document.
            200 | 404 | 405 | 410 | 400 | 401 | 403 | 406 => Ok(None),
            status => Err(AuthFault::Status {
                what,
                url: target.to_string(),
                status,
            }),
        }
    }

    /// A registration: JSON there and back.
    pub(super) async fn register(
        &self,
        target: &Target,
        body: String,
    ) -> Result<Response, AuthFault> {
        let what = "the registration of clients";
        let content = Some("application/json");
        self.ask(what, Method::Post, target, (content, None), body.into())
            .await
    }

    /// A request of a client to a token or revocation endpoint (RFC 6749 section 2.3.1).
    pub(super) async fn post(
        &self,
        what: &'static str,
        target: &Target,
        client: &Client,
        mut form: Form,
    ) -> Result<Response, AuthFault> {
        let mut proof = None;
        match (client.auth, &client.secret) {
            (ClientAuth::ClientSecretBasic, Some(secret)) => {
                let encoded = |text: &str| -> String { byte_serialize(text.as_bytes()).collect() };
                let pair = format!("{}:{}", encoded(&client.id), encoded(secret.expose()));
                let pair = Zeroizing::new(pair);
                let value = format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes()));
                proof = Some(Secret::new(value));
            }
            (ClientAuth::ClientSecretPost, Some(secret)) => {
                form.add("client_id", &client.id);
                form.add("client_secret", secret.expose());
            }
            _ => form.add("client_id", &client.id),
        }
        let content = Some("application/x-www-form-urlencoded");
        let body = form.0.into();
        self.ask(what, Method::Post, target, (content, proof), body)
            .await
    }

    async fn ask(
        &self,
        what: &'static str,
        method: Method,
        target: &Target,
        (content, proof): (Option<&str>, Option<Secret>),
        body: Bytes,
    ) -> Result<Response, AuthFault> {
        let fault = |fault| AuthFault::Egress {
            what,
            url: target.to_string(),
            fault,
        };
        let mut headers = RequestHeaders::new();
        headers.set("accept", "application/json").map_err(fault)?;
        if let Some(content) = content {
            headers.set("content-type", content).map_err(fault)?;
        }
        let request = Request {
            method,
            target: target.clone(),
            headers,
            proof,
            body,
        };
        let budget = Budget {
            total: PATIENCE,
            first_byte: PATIENCE,
            body: LONGEST,
            wire: LONGEST as u64,
            redirects: 0,
            ..Budget::default()
        };
        let cancel = Cancel::new();
        let fetched = self.connector.fetch(request, &budget, &cancel);
        let answer = fetched.await.map_err(fault)?;
        if answer.truncated {
            return Err(AuthFault::TooLong {
                what,
                url: target.to_string(),
            });
        }
        Ok(answer)
    }
}

fn is_json(answer: &Response) -> bool {
    let content = answer.header("content-type").unwrap_or_default();
    let kind = content.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}
