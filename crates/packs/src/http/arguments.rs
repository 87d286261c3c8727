//! The arguments of `http_fetch`, and the request that they ask for.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use durward_cage::egress::{EgressFault, Request};
use durward_core::{Call, Refusal, RefusalCode};
use durward_guard::egress::{Method, RequestHeaders, Target};
use serde::Deserialize;

use super::{content::Format, page::Range};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    url: String,
    #[serde(default)]
    method: Verb,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    body_encoding: BodyEncoding,
    #[serde(default)]
    pub(super) format: Format,
    #[serde(default)]
    pub(super) range: Range,
    #[serde(default = "ten_seconds")]
    timeout_ms: u64,
    pub(super) max_redirects: Option<u8>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BodyEncoding {
    #[default]
    Utf8,
    Base64,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Verb(Method);

impl Default for Verb {
    fn default() -> Self {
        Self(Method::Get)
    }
}

impl TryFrom<String> for Verb {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
            .map(Self)
            .map_err(|_| "`method` is none that can be sent")
    }
}

fn ten_seconds() -> u64 {
    10_000
}

impl Args {
    /// Reads the arguments. The gate has held them against the schema; what it let through and we can't
    /// read is refused all the same.
    pub(super) fn read(call: &Call) -> Result<Self, Refusal> {
        call.arguments
            .parse()
            .map_err(|error| invalid("", format!("the arguments don't fit: {error}")))
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// The request; refused without a packet where it can't be sent.
    pub(super) fn request(&self) -> Result<Request, Refusal> {
        let target = Target::parse(&self.url).map_err(|fault| at("/url", fault))?;
        let mut headers = RequestHeaders::new();
        for (name, value) in &self.headers {
            headers
                .set(name, value)
                .map_err(|fault| at(&pointer(name), fault))?;
        }
        let method = self.method.0;
        if method.is_read() && !self.body.is_empty() {
            return Err(at("/body", EgressFault::BodyNotAllowed));
        }
        Ok(Request {
            method,
            target,
            headers,
            proof: None,
            body: self.body()?,
        })
    }

    fn body(&self) -> Result<Bytes, Refusal> {
        match self.body_encoding {
            BodyEncoding::Utf8 => Ok(Bytes::copy_from_slice(self.body.as_bytes())),
            BodyEncoding::Base64 => STANDARD.decode(&self.body).map(Bytes::from).map_err(|_| {
                invalid("/body", "`body` is not base64".to_owned()).detail("invalid_base64")
            }),
        }
    }
}

/// A fault that an argument is to blame for.
fn at(path: &str, fault: EgressFault) -> Refusal {
    fault.refusal().path(path)
}

/// The header of this name, as a JSON Pointer (RFC 6901).
fn pointer(name: &str) -> String {
    let short: String = name.chars().take(64).collect();
    format!("/headers/{}", short.replace('~', "~0").replace('/', "~1"))
}

pub(super) fn invalid(path: &str, reason: String) -> Refusal {
    Refusal::new(RefusalCode::InvalidArguments, reason).path(path)
}
