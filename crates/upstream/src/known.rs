//! What was last known good of a server, as its file in the state folder has it.

use std::time::Duration;

use durward_core::RawJson;
use durward_wire::{
    ScanLimits,
    edit::{self, Change},
    elements, encode, members,
};
use serde::{Deserialize, Serialize};

use crate::{
    EraFound, Transport,
    lists::{Capabilities, Lists},
};

/// A file of another shape is forgotten.
const FORMAT: u32 = 1;

/// All that is kept of a server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) found: Option<EraFound>,
    pub(crate) capabilities: RawJson,
    pub(crate) instructions: Option<String>,
    pub(crate) lists: Lists,
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    found: Option<EraFound>,
    instructions: Option<String>,
}

impl Known {
    /// Do `x-mcp-header` annotations count? Only where it is reached over HTTP in the modern era.
    pub(crate) fn has_header_params(&self) -> bool {
        self.found
            .is_some_and(|found| found.modern && found.transport == Transport::StreamableHttp)
    }

    /// What it says that it can do. Extensions came with the modern era: a legacy server's are none.
    pub(crate) fn capabilities(&self) -> RawJson {
        match self.found {
            Some(found) if found.modern => self.capabilities.clone(),
            _ => edit::changed(&self.capabilities, &[("extensions", Change::Drop)]),
        }
    }

    /// For how long the lists hold: as the server says; a legacy one that tells of no changes says nothing of
    /// the next moment.
    pub(crate) fn ttl(&self) -> Option<Duration> {
        let is_legacy = self.found.is_some_and(|found| !found.modern);
        let tells = || {
            let has: Capabilities = self.capabilities.parse().unwrap_or_default();
            has.tells_of_changes()
        };
        match is_legacy && !tells() {
            true => Some(Duration::ZERO),
            false => self.lists.ttl,
        }
    }

    pub(crate) fn write(&self) -> Option<Vec<u8>> {
        let head = RawJson::of(&Head {
            format: FORMAT,
            found: self.found,
            instructions: self.instructions.clone(),
        });
        let head = head.ok()?;
        let lists = &self.lists;
        let [tools, resources, templates, prompts] = [
            &lists.tools,
            &lists.resources,
            &lists.templates,
            &lists.prompts,
        ]
        .map(|it| array(it));
        let whole = encode::object(&[
            ("head", &head),
            ("capabilities", &self.capabilities),
            ("tools", &tools),
            ("resources", &resources),
            ("templates", &templates),
            ("prompts", &prompts),
        ]);
        Some(whole.bytes().to_vec())
    }

    /// Reads the file; `None` of what is not whole or of another version.
    pub(crate) fn read(bytes: Vec<u8>) -> Option<Self> {
        let whole = sound(bytes)?;
        let all = members(&whole);
        let get = |name: &str| {
            all.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        let head: Head = get("head")?.parse().ok()?;
        let list = |name: &str| get(name).map(elements).unwrap_or_default();
        (head.format == FORMAT).then(|| Self {
            found: head.found,
            capabilities: get("capabilities")
                .cloned()
                .unwrap_or_else(RawJson::empty_object),
            instructions: head.instructions,
            lists: Lists {
                tools: list("tools"),
                resources: list("resources"),
                templates: list("templates"),
                prompts: list("prompts"),
                ttl: None,
            },
        })
    }
}

/// The file is judged as strictly as a message: what it holds is spliced into answers.
fn sound(bytes: Vec<u8>) -> Option<RawJson> {
    let mut message = br#"{"jsonrpc":"2.0","method":"known","params":"#.to_vec();
    message.extend(bytes);
    message.push(b'}');
    let limits = ScanLimits { depth: 256 };
    match durward_wire::scan(&message.into(), limits).ok()? {
        durward_wire::Message::Notification(told) => Some(told.params.raw().clone()),
        _ => None,
    }
}

fn array(items: &[RawJson]) -> RawJson {
    let text: Vec<_> = items.iter().map(RawJson::as_str).collect();
    RawJson::from_scanned(format!("[{}]", text.join(",")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_as_it_was_spelled() {
        let known = Known {
            found: None,
            capabilities: RawJson::from_static(r#"{"tools":{ }}"#),
            instructions: Some("say \"please\"".to_owned()),
            lists: Lists {
                tools: vec![RawJson::from_static(r#"{"name" : "a","x":1.0}"#)],
                prompts: vec![RawJson::from_static("{}"), RawJson::from_static("{ }")],
                ..Lists::default()
            },
        };
        assert_eq!(Known::read(known.write().unwrap()).unwrap(), known);
    }

    #[test]
    fn what_is_not_whole_is_forgotten() {
        let empty = Known {
            found: None,
            capabilities: RawJson::empty_object(),
            instructions: None,
            lists: Lists::default(),
        };
        let whole = empty.write().unwrap();
        for end in 0..whole.len() {
            assert!(Known::read(whole[..end].to_vec()).is_none(), "{end}");
        }
        for bad in [
            "{}",
            "[]",
            r#"{"head":{"format":0}}"#,
            r#"{"head":{"format":1}},"id":1"#,
        ] {
            assert!(Known::read(bad.into()).is_none(), "{bad}");
        }
    }
}
