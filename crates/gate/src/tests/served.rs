//! A server behind the gate, as its provider shows it: a test changes what it offers while clients look.

use std::sync::{Arc, Mutex};

use durward_core::{
    Answer, BoxFuture, Call, ClientRoots, Given, Located, Naming, Offer, OnChange, Operation,
    PackName, Prompt, Provider, RawJson, Refusal, Resource, ServerName, Shown, Template, Tier,
    Tool, ToolName, Watch,
};
use tokio::sync::watch;

/// What reached it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) operation: Operation,
    /// Its target's name among all servers.
    pub(super) target: String,
    pub(super) naming: Naming,
    pub(super) params: String,
}

pub(super) struct Served {
    server: ServerName,
    offer: Mutex<Offer>,
    changed: Mutex<Option<OnChange>>,
    known: watch::Sender<bool>,
    reached: Mutex<Vec<Reached>>,
    watches: Mutex<Vec<(String, OnChange)>>,
}

impl Served {
    /// One of which everything is known.
    pub(super) fn new(server: &str, offer: Offer) -> Arc<Self> {
        Arc::new(Self {
            server: ServerName::new(server).unwrap(),
            offer: Mutex::new(offer),
            changed: Mutex::default(),
            known: watch::Sender::new(true),
            reached: Mutex::default(),
            watches: Mutex::default(),
        })
    }

    /// One of which nothing is known yet.
    pub(super) fn unknown(server: &str) -> Arc<Self> {
        let served = Self::new(server, Offer::default());
        served.known.send_replace(false);
        served
    }

    /// From now on it offers this.
    pub(super) fn offers(&self, offer: Offer) {
        *self.offer.lock().unwrap() = offer;
        let changed = self.changed.lock().unwrap().clone();
        if let Some(changed) = changed {
            changed();
        }
        self.known.send_replace(true);
    }

    /// A resource has changed.
    pub(super) fn updates(&self, uri: &str) {
        let watches = self.watches.lock().unwrap().clone();
        for (_, changed) in watches.iter().filter(|(watched, _)| watched == uri) {
            changed();
        }
    }

    pub(super) fn reached(&self) -> Vec<Reached> {
        self.reached.lock().unwrap().clone()
    }
}

impl Provider for Served {
    fn name(&self) -> &PackName {
        self.server.as_provider()
    }

    fn offer(&self) -> Offer {
        self.offer.lock().unwrap().clone()
    }

    fn server(&self) -> Option<&ServerName> {
        Some(&self.server)
    }

    fn attend(&self, changed: OnChange) {
        *self.changed.lock().unwrap() = Some(changed);
    }

    fn ready(&self) -> Option<BoxFuture<'_, ()>> {
        let mut known = self.known.subscribe();
        let is_known = *known.borrow();
        (!is_known).then(|| -> BoxFuture<'_, ()> {
            Box::pin(async move {
                let _ = known.wait_for(|known| *known).await;
            })
        })
    }

    fn locate(&self, uri: &str, _: Option<&ClientRoots>) -> Option<Result<Located, Refusal>> {
        let begins = format!("{}+note:///", self.server);
        uri.starts_with(&begins).then(|| {
            Ok(Located {
                uri: uri.into(),
                also: Vec::new(),
            })
        })
    }

    fn watch(&self, located: &Located, changed: OnChange) -> Result<Option<Watch>, Refusal> {
        let mut watches = self.watches.lock().unwrap();
        watches.push((located.uri.to_string(), changed));
        Ok(Some(Watch::of(())))
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        self.reached.lock().unwrap().push(Reached {
            operation: call.operation,
            target: call.target.name().to_owned(),
            naming: call.naming,
            params: call.params.as_str().to_owned(),
        });
        Box::pin(async move {
            let body = match call.operation {
                Operation::CallTool => r#"{"content":[]}"#,
                Operation::ReadResource => r#"{"contents":[]}"#,
                Operation::GetPrompt => r#"{"messages":[]}"#,
                Operation::Complete => r#"{"completion":{"values":["a"]}}"#,
                Operation::Subscribe => "{}",
            };
            Ok(Answer::Result(RawJson::from_static(body)))
        })
    }
}

fn given(name: &str, definition: String) -> Given {
    Given {
        name: name.into(),
        definition: RawJson::from_scanned(definition.into()),
    }
}

/// A tool that goes by `exposed` among all servers; `rest` are members of its definition.
pub(super) fn tool_as(exposed: &str, own: &str, rest: &str) -> Tool {
    let definition =
        format!(r#"{{"x":1.50, "name":"{own}","inputSchema":{{"type":"object"}}{rest}}}"#);
    let read: serde_json::Value = serde_json::from_str(&definition).unwrap();
    let schema = |key: &str| read.get(key).map(|schema| RawJson::of(schema).unwrap());
    Tool {
        name: ToolName::new(exposed).unwrap(),
        aliases: Vec::new(),
        input_schema: schema("inputSchema").unwrap(),
        output_schema: schema("outputSchema"),
        shown: Shown::Given(given(own, definition)),
        tier: Tier::Read,
        raises: &[],
        argument_aliases: &[],
    }
}

/// Tools of `crm` of these names, in this order.
pub(super) fn tools(own: &[&str]) -> Offer {
    Offer {
        tools: own
            .iter()
            .map(|own| tool_as(&format!("crm__{own}"), own, ""))
            .collect(),
        ..Offer::default()
    }
}

pub(super) fn resource(server: &str, uri: &str) -> Resource {
    let definition = format!(r#"{{"uri":"{uri}","name":"n"}}"#);
    Resource {
        uri: format!("{server}+{uri}"),
        shown: Shown::Given(given(uri, definition)),
    }
}

pub(super) fn template(server: &str, pattern: &str) -> Template {
    let definition = format!(r#"{{"uriTemplate":"{pattern}","name":"n"}}"#);
    Template {
        uri_template: format!("{server}+{pattern}"),
        shown: Shown::Given(given(pattern, definition)),
    }
}

pub(super) fn prompt(server: &str, name: &str) -> Prompt {
    Prompt {
        name: format!("{server}__{name}"),
        shown: Shown::Given(given(name, format!(r#"{{"name":"{name}"}}"#))),
    }
}
