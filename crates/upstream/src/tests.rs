//! Links to servers that do exactly what a test wants.

mod http_calls;
mod http_opening;
mod launched;
mod program;
mod site;
mod sse;
mod stdio_calls;
mod stdio_opening;

use std::sync::{Arc, Mutex};

use durward_core::{BoxFuture, LogLevel, ProtocolError, RawJson};
use durward_wire::headers::HeaderParams;
use serde_json::Value;
use tokio::sync::Notify;

use crate::{Exchange, Hears, Link, Outcome};

pub(crate) fn raw(text: impl Into<String>) -> RawJson {
    RawJson::from_scanned(text.into().into())
}

pub(crate) fn json(raw: &RawJson) -> Value {
    raw.parse().unwrap()
}

/// What a link heard that belongs to no call.
#[derive(Default)]
pub(crate) struct Ear {
    heard: Mutex<Vec<(String, String)>>,
    came: Notify,
}

impl Ear {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn heard(&self) -> Vec<(String, String)> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until so much was heard.
    pub(crate) async fn until(&self, many: usize) -> Vec<(String, String)> {
        loop {
            let came = self.came.notified();
            let heard = self.heard();
            if heard.len() >= many {
                return heard;
            }
            came.await;
        }
    }
}

impl Hears for Ear {
    fn notified(&self, method: &str, params: &RawJson) {
        let heard = (method.to_owned(), params.as_str().to_owned());
        self.heard.lock().unwrap().push(heard);
        self.came.notify_waiters();
    }
}

/// The surroundings of a test's call.
pub(crate) struct Client {
    pub(crate) caller: Option<u64>,
    pub(crate) capabilities: RawJson,
    pub(crate) level: Option<LogLevel>,
    pub(crate) wants_progress: bool,
    pub(crate) header_params: Option<HeaderParams>,
    pub(crate) told: Mutex<Vec<(&'static str, String)>>,
    pub(crate) asked: Mutex<Vec<String>>,
    /// What it answers; `None` is silence.
    pub(crate) answer: Option<Result<RawJson, ProtocolError>>,
    pub(crate) withdrawn: Arc<Mutex<u32>>,
}

impl Client {
    pub(crate) fn of(caller: u64) -> Self {
        Self {
            caller: Some(caller),
            capabilities: RawJson::empty_object(),
            level: None,
            wants_progress: true,
            header_params: None,
            told: Mutex::default(),
            asked: Mutex::default(),
            answer: Some(Ok(raw(r#"{"action":"accept"}"#))),
            withdrawn: Arc::default(),
        }
    }

    pub(crate) fn told(&self) -> Vec<(&'static str, String)> {
        self.told.lock().unwrap().clone()
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

struct Withdrawn(Arc<Mutex<u32>>, bool);

impl Withdrawn {
    fn disarm(&mut self) {
        self.1 = true;
    }
}

impl Drop for Withdrawn {
    fn drop(&mut self) {
        if !self.1 {
            *self.0.lock().unwrap() += 1;
        }
    }
}

impl Exchange for Client {
    fn client_capabilities(&self) -> &RawJson {
        &self.capabilities
    }

    fn log_level(&self) -> Option<LogLevel> {
        self.level
    }

    fn wants_progress(&self) -> bool {
        self.wants_progress
    }

    fn caller(&self) -> Option<u64> {
        self.caller
    }

    fn header_params(&self) -> Option<&HeaderParams> {
        self.header_params.as_ref()
    }

    fn progress(&self, params: &RawJson) {
        let told = ("progress", params.as_str().to_owned());
        self.told.lock().unwrap().push(told);
    }

    fn log(&self, params: &RawJson) {
        let told = ("log", params.as_str().to_owned());
        self.told.lock().unwrap().push(told);
    }

    fn ask<'a>(
        &'a self,
        method: &'a str,
        params: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, ProtocolError>> {
        let asked = format!("{method} {}", params.as_str());
        self.asked.lock().unwrap().push(asked);
        let mut guard = Withdrawn(Arc::clone(&self.withdrawn), false);
        Box::pin(async move {
            let answer = match self.answer.clone() {
                Some(answer) => answer,
                None => std::future::pending().await,
            };
            guard.disarm();
            answer
        })
    }
}

/// Calls, and expects a result.
pub(crate) async fn result(link: &Link, method: &str, params: &str, client: &Client) -> String {
    match link.call(method, &raw(params), client).await.unwrap() {
        Outcome::Result(result) => result.as_str().to_owned(),
        Outcome::Error(error) => panic!("{error:?}"),
    }
}
