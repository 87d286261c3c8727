//! What a server of ours can do (schema.ts, `ServerCapabilities`): all servers together always the same,
//! one alone what it says of itself.

use durward_core::{Era, RawJson, Revision};
use durward_wire::{bridge::tasks::EXTENSION, encode, scan::members};

use crate::{endpoint::Endpoint, standing::Standing, tasks};

/// What is passed on as a server says it; of the rest we know what we can carry.
const AS_THEY_ARE: [&str; 3] = ["completions", "experimental", "logging"];
const LISTS: [&str; 3] = ["prompts", "resources", "tools"];

/// `lasting`: there is a way to tell the client what it did not ask for just now.
pub(crate) fn of(
    standing: &Standing,
    endpoint: &Endpoint,
    revision: Revision,
    lasting: bool,
) -> RawJson {
    let shelves = standing.house().catalogue.shelves();
    let own = endpoint
        .server()
        .and_then(|server| shelves.get(server)?.capabilities.as_ref());
    let mut all = match own {
        Some(own) => own_of(own, lasting),
        None => merged(lasting),
    };
    all.retain(|(key, _)| *key != "completions" || revision >= Revision::V2025_03_26);
    if revision.era() == Era::Modern && tasks::are_offered(standing, endpoint) {
        let tasks = RawJson::empty_object();
        all.push(("extensions", encode::object(&[(EXTENSION, &tasks)])));
    }
    if revision == Revision::V2025_11_25 && tasks::are_offered(standing, endpoint) {
        all.push(("tasks", RawJson::from_static(tasks::legacy::CAPABILITY)));
    }
    let all: Vec<_> = all.iter().map(|(key, value)| (*key, value)).collect();
    encode::object(&all)
}

fn merged(lasting: bool) -> Vec<(&'static str, RawJson)> {
    vec![
        ("tools", list(lasting, false)),
        ("resources", list(lasting, lasting)),
        ("prompts", list(lasting, false)),
        ("completions", RawJson::empty_object()),
        ("logging", RawJson::empty_object()),
    ]
}

/// Changes of a list are told of whatever the server does: its lists are looked at anew from time to time.
fn own_of(own: &RawJson, lasting: bool) -> Vec<(&'static str, RawJson)> {
    let given = members(own);
    let find = |key: &str| given.iter().find(|(name, _)| name == key);
    let lists = LISTS.into_iter().filter_map(|key| {
        let (_, value) = find(key)?;
        let subscribe = members(value)
            .iter()
            .any(|(name, value)| name == "subscribe" && value.as_str() == "true");
        Some((key, list(lasting, lasting && subscribe)))
    });
    let rest = AS_THEY_ARE
        .into_iter()
        .filter_map(|key| Some((key, find(key)?.1.clone())));
    lists.chain(rest).collect()
}

fn list(changes: bool, subscribe: bool) -> RawJson {
    RawJson::from_static(match (changes, subscribe) {
        (true, true) => r#"{"subscribe":true,"listChanged":true}"#,
        (true, false) => r#"{"listChanged":true}"#,
        (false, _) => "{}",
    })
}
