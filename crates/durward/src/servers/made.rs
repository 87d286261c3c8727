//! What the configuration says of one server, as the upstream room takes it.

use durward_cage::{egress::Connector, launch::Plan};
use durward_core::{RawJson, Secret};
use durward_guard::{
    GuardError,
    names::{ServerTools, ServerToolsSettings},
};
use durward_upstream::{Headers, May, Pinned, Url};

use crate::{
    config,
    sandbox::{Enclosure, OF_USER},
};

pub(super) fn plan(program: &config::Program, enclosure: &Enclosure) -> Plan {
    let plan = Plan::new(program.command.as_slice().iter().cloned()).inherit(OF_USER);
    let mut plan = enclosure.around(plan);
    for (name, value) in &program.env {
        plan = plan.env(name.as_str(), value.secret().clone());
    }
    match &program.cwd {
        Some(folder) => plan.folder(folder),
        None => plan,
    }
}

/// What goes to a server with every request, but for a token of a login.
pub(crate) fn headers(http: &config::Http) -> Vec<(String, Secret)> {
    let mut headers: Vec<(String, Secret)> = http
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.secret().clone()))
        .collect();
    if let Some(config::Auth::Bearer(token)) = &http.auth {
        let value = Secret::new(format!("Bearer {}", token.secret().expose()));
        headers.push(("authorization".to_owned(), value));
    }
    headers
}

pub(super) fn url(http: &config::Http, connector: Connector, headers: Headers) -> Url {
    Url {
        target: http.url.target().clone(),
        transport: match http.transport {
            config::Transport::Auto => Pinned::Auto,
            config::Transport::Http => Pinned::StreamableHttp,
            config::Transport::Sse => Pinned::Sse,
        },
        connector,
        headers,
        auth: None,
    }
}

pub(super) fn may(capabilities: &[config::Capability]) -> May {
    use config::Capability as Is;
    let has = |capability| capabilities.contains(&capability);
    May {
        tools: has(Is::Tools),
        resources: has(Is::Resources),
        prompts: has(Is::Prompts),
        completions: has(Is::Completions),
        logging: has(Is::Logging),
        sampling: has(Is::Sampling),
        elicitation: has(Is::Elicitation),
        roots: has(Is::Roots),
    }
}

/// What a legacy server hears of us: what it may ask for; the client decides each time.
pub(super) fn client_capabilities(may: May) -> RawJson {
    let offered = [
        (may.sampling, r#""sampling":{}"#),
        (may.elicitation, r#""elicitation":{"form":{},"url":{}}"#),
        (may.roots, r#""roots":{}"#),
    ];
    let offered = offered
        .into_iter()
        .filter_map(|(is, text)| is.then_some(text));
    let text = format!("{{{}}}", offered.collect::<Vec<_>>().join(","));
    RawJson::from_scanned(text.into())
}

pub(super) fn tools(tools: &config::ServerTools) -> Result<ServerTools, GuardError> {
    let texts = |all: &[config::ToolGlob]| all.iter().map(ToString::to_string).collect();
    ServerTools::build(&ServerToolsSettings {
        allow: texts(&tools.allow),
        deny: texts(&tools.deny),
        rename: tools
            .rename
            .iter()
            .map(|(own, name)| (own.to_string(), name.to_string()))
            .collect(),
        tier: tools
            .tier
            .iter()
            .map(|(glob, tier)| (glob.to_string(), (*tier).into()))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_hears_of_no_more_than_it_may_ask_for() {
        use config::Capability as Is;
        let heard = |all: &[config::Capability]| client_capabilities(may(all));
        assert_eq!(heard(&config::Capability::USUAL).as_str(), "{}");
        assert_eq!(
            heard(&[Is::Sampling, Is::Roots]).as_str(),
            r#"{"sampling":{},"roots":{}}"#
        );
    }
}
