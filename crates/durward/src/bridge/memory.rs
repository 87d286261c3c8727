//! What a bridge knows of its client's conversation: enough to take it up with another daemon, and to answer
//! what the one before can't any more.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use durward_core::RawJson;
use durward_wire::{
    encode, meta,
    scan::{
        Message, Notification, Params, Request, RequestId, Response, ResponseOutcome, ScanLimits,
        scan,
    },
};
use serde::Deserialize;

use super::{
    answers::{self, Asked, Lost},
    lines::Number,
};

/// Subscriptions that are kept; a daemon holds no more for a session.
const MOST_SUBSCRIBED: usize = 256;
/// How deep a message may nest is the daemon's to judge.
const ANY: ScanLimits = ScanLimits { depth: usize::MAX };

/// Of the conversation until now.
#[derive(Default)]
pub(super) struct Memory {
    flying: HashMap<RequestId, Flight>,
    /// Questions of the daemon's that the client has not answered.
    asked: HashSet<RequestId>,
    opening: Option<Opening>,
    level: Option<RawJson>,
    subscribed: BTreeMap<String, RawJson>,
    /// Our own requests.
    own: HashMap<RequestId, Own>,
    named: u64,
    /// Listens that were begun again: their client has had its acknowledgement.
    begun_again: HashSet<RequestId>,
}

/// A request that has no answer yet.
struct Flight {
    number: Number,
    asked: Asked,
    /// The line, where asking twice is asking once.
    again: Option<Bytes>,
}

/// The client's `initialize`.
struct Opening {
    id: RequestId,
    params: RawJson,
    agreed: Option<Agreed>,
    is_initialized: bool,
}

/// What the client was told.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Agreed {
    protocol_version: String,
    #[serde(default)]
    capabilities: Capabilities,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Capabilities {
    tools: Lists,
    prompts: Lists,
    resources: Lists,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Lists {
    list_changed: bool,
}

/// What we ask for ourselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Opening,
    Rest,
}

/// What to do with a line of the daemon's.
pub(super) enum Heard {
    /// It is the client's.
    Pass,
    /// These are the client's instead.
    Instead(Vec<Bytes>),
    /// The conversation can't be taken up with this daemon.
    Over(String),
}

impl Memory {
    /// Takes note of a line of the client's that is to be sent. What is no message is the daemon's to
    /// answer.
    pub(super) fn sends(&mut self, line: &Bytes, number: Number) {
        match scan(line, ANY) {
            Ok(Message::Batch(members)) => {
                for member in members {
                    if let Ok(message) = scan(&member, ANY) {
                        self.send(message, &member, number);
                    }
                }
            }
            Ok(message) => self.send(message, line, number),
            Err(_) => {}
        }
    }

    fn send(&mut self, message: Message, line: &Bytes, number: Number) {
        match message {
            Message::Request(request) => self.request(request, line, number),
            Message::Notification(told) => match told.method.as_str() {
                "notifications/initialized" => {
                    if let Some(opening) = &mut self.opening {
                        opening.is_initialized = true;
                    }
                }
                "notifications/cancelled" => {
                    if let Some(id) = named(&told) {
                        self.flying.remove(&id);
                    }
                }
                _ => {}
            },
            Message::Response(response) => {
                self.asked.remove(&response.id);
            }
            Message::Batch(_) => {}
        }
    }

    fn request(&mut self, request: Request, line: &Bytes, number: Number) {
        let method = request.method.as_str();
        match method {
            "initialize" if self.opening.is_none() => {
                self.opening = Some(Opening {
                    id: kept_id(&request.id),
                    params: kept(&request.params),
                    agreed: None,
                    is_initialized: false,
                });
            }
            "logging/setLevel" => self.level = Some(kept(&request.params)),
            "resources/subscribe" if self.subscribed.len() < MOST_SUBSCRIBED => {
                if let Ok(Some(uri)) = request.params.string("uri") {
                    self.subscribed.insert(uri, kept(&request.params));
                }
            }
            "resources/unsubscribe" => {
                if let Ok(Some(uri)) = request.params.string("uri") {
                    self.subscribed.remove(&uri);
                }
            }
            _ => {}
        }
        let asked = match method {
            "tools/call" => Asked::Call {
                modern: meta::is_modern(&request.params),
            },
            _ => Asked::Other,
        };
        let again = is_harmless(method).then(|| Bytes::copy_from_slice(line));
        let flight = Flight {
            number,
            asked,
            again,
        };
        self.flying.insert(kept_id(&request.id), flight);
    }

    /// Takes note of a line of the daemon's, and says whose it is.
    pub(super) fn hears(&mut self, line: &Bytes) -> Heard {
        match scan(line, ANY) {
            Ok(Message::Response(response)) => return self.answered(&response),
            Ok(Message::Request(request)) => {
                self.asked.insert(kept_id(&request.id));
            }
            Ok(Message::Notification(told)) => return self.told(&told),
            Ok(Message::Batch(members)) => {
                for member in members {
                    if let Ok(Message::Response(response)) = scan(&member, ANY) {
                        self.flying.remove(&response.id);
                    }
                }
            }
            Err(_) => {}
        }
        Heard::Pass
    }

    fn answered(&mut self, response: &Response) -> Heard {
        if let Some(own) = self.own.remove(&response.id) {
            return match own {
                Own::Opening => self.reopened(response),
                // What can't be had again is missed, as it would be by any client that comes back.
                Own::Rest => Heard::Instead(Vec::new()),
            };
        }
        self.flying.remove(&response.id);
        self.begun_again.remove(&response.id);
        if let Some(opening) = &mut self.opening
            && opening.id == response.id
            && opening.agreed.is_none()
        {
            match agreed(response) {
                Some(agreed) => opening.agreed = Some(agreed),
                // It was refused: the client may try another one.
                None => self.opening = None,
            }
        }
        Heard::Pass
    }

    /// The session stands again: its client hears that the lists may be others by now.
    fn reopened(&self, response: &Response) -> Heard {
        let before = self.opening.as_ref().and_then(|it| it.agreed.as_ref());
        match (before, agreed(response)) {
            (Some(before), Some(now)) if before.protocol_version == now.protocol_version => {
                let lists = &before.capabilities;
                let changed = [
                    (lists.tools.list_changed, "tools"),
                    (lists.prompts.list_changed, "prompts"),
                    (lists.resources.list_changed, "resources"),
                ];
                let told = changed.into_iter().filter_map(|(told, what)| {
                    let method = format!("notifications/{what}/list_changed");
                    told.then(|| encode::notification(&method, &RawJson::empty_object()))
                });
                Heard::Instead(told.collect())
            }
            _ => Heard::Over(
                "the durward that runs now does not take up what the one before agreed on with this \
                 client; start the client's connection anew"
                    .to_owned(),
            ),
        }
    }

    fn told(&mut self, told: &Notification) -> Heard {
        match told.method.as_str() {
            "notifications/cancelled" => {
                if let Some(id) = named(told) {
                    self.asked.remove(&id);
                }
            }
            "notifications/subscriptions/acknowledged" if !self.begun_again.is_empty() => {
                let listen = subscription(&told.params);
                if listen.is_some_and(|id| self.begun_again.remove(&id)) {
                    return Heard::Instead(Vec::new());
                }
            }
            _ => {}
        }
        Heard::Pass
    }

    /// The daemon is gone. What it was asked and may have done is answered so; what it asked is withdrawn.
    /// `unsent` and what comes after it never reached it.
    pub(super) fn lost(&mut self, unsent: Number) -> Vec<Bytes> {
        self.own.clear();
        let gone = self.asked.drain().map(|id| answers::withdrawn(&id));
        let mut told: Vec<Bytes> = gone.collect();
        let may_have_run = |flight: &Flight| flight.number < unsent && flight.again.is_none();
        let lost = self.flying.extract_if(|_, flight| may_have_run(flight));
        told.extend(answered(lost, Lost::MayHaveRun));
        told
    }

    /// No daemon can be had: what waits is answered so.
    pub(super) fn gives_up(&mut self, why: &str) -> Vec<Bytes> {
        answered(self.flying.drain(), Lost::NotSent(why)).collect()
    }

    /// Does something wait for a daemon?
    pub(super) fn waits(&self) -> bool {
        !self.flying.is_empty()
    }

    /// What to send to another daemon before all else: the session as it was, then what may be asked again.
    pub(super) fn replays(&mut self, unsent: Number) -> Vec<Bytes> {
        let mut lines = Vec::new();
        let opening = self.opening.as_ref().filter(|it| it.agreed.is_some());
        if let Some(opening) = opening {
            let (params, is_initialized) = (opening.params.clone(), opening.is_initialized);
            lines.push(self.ask("initialize", &params, Own::Opening));
            if is_initialized {
                let nothing = RawJson::empty_object();
                lines.push(encode::notification("notifications/initialized", &nothing));
            }
            if let Some(level) = self.level.clone() {
                lines.push(self.ask("logging/setLevel", &level, Own::Rest));
            }
            for params in self.subscribed.values().cloned().collect::<Vec<_>>() {
                lines.push(self.ask("resources/subscribe", &params, Own::Rest));
            }
        }
        let mut again: Vec<_> = self
            .flying
            .iter()
            .filter(|(_, flight)| flight.number < unsent)
            .filter_map(|(id, flight)| Some((flight.number, id.clone(), flight.again.clone()?)))
            .collect();
        again.sort_by_key(|(number, ..)| *number);
        for (_, id, line) in again {
            self.begun_again.insert(id);
            lines.push(line);
        }
        lines
    }

    /// A request of our own.
    fn ask(&mut self, method: &str, params: &RawJson, own: Own) -> Bytes {
        self.named += 1;
        let name = encode::string(&format!("durward-bridge-{}", self.named));
        let Ok(id) = RequestId::try_from(name) else {
            unreachable!("a short string is an id")
        };
        let line = encode::request(&id, method, params);
        self.own.insert(id, own);
        line
    }
}

/// What these are answered, in the order in which they were asked.
fn answered<'a>(
    flights: impl Iterator<Item = (RequestId, Flight)>,
    lost: Lost<'a>,
) -> impl Iterator<Item = Bytes> + 'a {
    let mut all: Vec<_> = flights.collect();
    all.sort_by_key(|(_, flight)| flight.number);
    let all = all.into_iter();
    all.map(move |(id, flight)| answers::lost(&id, flight.asked, lost))
}

/// Asking twice is asking once: nothing behind the daemon is carried out for it.
fn is_harmless(method: &str) -> bool {
    matches!(
        method,
        "initialize"
            | "ping"
            | "server/discover"
            | "tools/list"
            | "prompts/list"
            | "resources/list"
            | "resources/templates/list"
            | "resources/subscribe"
            | "resources/unsubscribe"
            | "logging/setLevel"
            | "subscriptions/listen"
    )
}

/// The request that a cancellation names.
fn named(told: &Notification) -> Option<RequestId> {
    RequestId::try_from(told.params.get("requestId")?).ok()
}

/// The listen that a message belongs to.
fn subscription(params: &Params) -> Option<RequestId> {
    let meta = Params::try_from(params.get("_meta")?).ok()?;
    RequestId::try_from(meta.get("io.modelcontextprotocol/subscriptionId")?).ok()
}

fn agreed(response: &Response) -> Option<Agreed> {
    match &response.outcome {
        ResponseOutcome::Result(result) => result.parse().ok(),
        ResponseOutcome::Error(_) => None,
    }
}

/// A copy that does not hold on to what was read with it.
fn kept(params: &Params) -> RawJson {
    RawJson::from_scanned(params.raw().as_str().into())
}

fn kept_id(id: &RequestId) -> RequestId {
    let copy = RawJson::from_scanned(id.raw().as_str().into());
    // It was one before.
    RequestId::try_from(copy).unwrap_or_else(|_| id.clone())
}

#[cfg(test)]
mod tests;
