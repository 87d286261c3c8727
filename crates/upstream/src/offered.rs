//! What a server offers, from its lists: named as clients see it, and with the way back.

use std::{collections::HashMap, time::Duration};

use durward_core::{
    Given, Offer, Prompt, RawJson, Resource, ServerName, Shown, Template, Tool, ToolName,
};
use durward_guard::names;
use durward_wire::{
    bridge::{
        tasks::{self, Support},
        uris,
    },
    headers::HeaderParams,
    member,
};

use crate::{known::Known, settings::ServerSettings};

/// One tool's way back to its server.
#[derive(Debug)]
pub(crate) struct OwnTool {
    /// The server's own name, as JSON.
    pub(crate) name: RawJson,
    /// May its calls become tasks? It counts where the server is a legacy one that has tasks.
    pub(crate) tasks: Support,
    /// Arguments that go into headers too (MCP 2026-07-28, server/tools, `x-mcp-header`).
    pub(crate) headers: Option<HeaderParams>,
}

/// Something that is not offered, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) what: String,
    pub(crate) why: String,
}

/// What a server offers.
#[derive(Debug, Default)]
pub(crate) struct Offered {
    pub(crate) offer: Offer,
    pub(crate) tools: HashMap<ToolName, OwnTool>,
    pub(crate) prompts: HashMap<String, RawJson>,
    pub(crate) left_out: Vec<LeftOut>,
    /// For how long the lists hold from when they were had.
    pub(crate) ttl: Option<Duration>,
}

impl Offered {
    /// What these lists offer under these settings. `header_params`: do annotations of arguments count?
    pub(crate) fn new(settings: &ServerSettings, known: &Known, header_params: bool) -> Self {
        let mut offered = Self::default();
        offered.offer.capabilities = Some(known.capabilities());
        offered.offer.instructions = known.instructions.clone();
        offered.ttl = known.ttl();
        for definition in &known.lists.tools {
            if let Err(left_out) = offered.tool(settings, definition, header_params) {
                offered.left_out.extend(left_out);
            }
        }
        let server = &settings.name;
        for definition in &known.lists.resources {
            if let Some((uri, shown)) = offered.placed(server, definition, "uri") {
                offered.offer.resources.push(Resource { uri, shown });
            }
        }
        for definition in &known.lists.templates {
            if let Some((uri_template, shown)) = offered.placed(server, definition, "uriTemplate") {
                let template = Template {
                    uri_template,
                    shown,
                };
                offered.offer.templates.push(template);
            }
        }
        for definition in &known.lists.prompts {
            if let Err(left_out) = offered.prompt(server, definition) {
                offered.left_out.push(left_out);
            }
        }
        offered
    }

    /// Adds a tool; `Err(None)` is one that the rules leave out.
    fn tool(
        &mut self,
        settings: &ServerSettings,
        definition: &RawJson,
        header_params: bool,
    ) -> Result<(), Option<LeftOut>> {
        let leave = |what: &str, why: String| {
            let what = names::shown(what);
            Some(LeftOut { what, why })
        };
        let own = text(definition, "name").ok_or_else(|| leave("", "it has no name".to_owned()))?;
        let as_what = settings.tools.offered(&own).ok_or(None)?;
        let server = &settings.name;
        let name = names::exposed_tool(server, as_what.name)
            .map_err(|fault| leave(&own, fault.to_string()))?;
        let input_schema = member(definition, "inputSchema")
            .filter(|schema| schema.as_str().starts_with('{'))
            .ok_or_else(|| leave(&own, "it has no `inputSchema`".to_owned()))?;
        let headers = match HeaderParams::of_schema(&input_schema) {
            Ok(headers) => Some(headers).filter(|headers| header_params && !headers.is_empty()),
            Err(fault) if header_params => return Err(leave(&own, fault.to_string())),
            Err(_) => None,
        };
        if self.tools.contains_key(&name) {
            return Err(leave(
                &own,
                format!("another tool is called `{name}` already"),
            ));
        }
        let definition = uris::in_definition(definition, |uri| exposed(server, uri));
        self.offer.tools.push(Tool {
            name: name.clone(),
            aliases: Vec::new(),
            shown: given(&own, &definition),
            tier: as_what.tier,
            raises: &[],
            output_schema: member(&definition, "outputSchema"),
            input_schema,
            argument_aliases: &[],
        });
        let name_text = member(&definition, "name").unwrap_or_else(RawJson::empty_object);
        let own = OwnTool {
            tasks: tasks::support(&definition),
            name: name_text,
            headers,
        };
        self.tools.insert(name, own);
        Ok(())
    }

    /// A resource or template under the URI that clients see; `None` of one that has none.
    fn placed<T>(
        &mut self,
        server: &ServerName,
        definition: &RawJson,
        member: &str,
    ) -> Option<(String, Shown<T>)> {
        let own = text(definition, member).unwrap_or_default();
        match names::exposed_uri(server, &own) {
            Ok(uri) => Some((uri, given(&own, definition))),
            Err(fault) => {
                self.left_out.push(LeftOut {
                    what: names::shown(&own),
                    why: fault.to_string(),
                });
                None
            }
        }
    }

    fn prompt(&mut self, server: &ServerName, definition: &RawJson) -> Result<(), LeftOut> {
        let own = text(definition, "name").unwrap_or_default();
        let name = names::exposed_prompt(server, &own).map_err(|fault| LeftOut {
            what: names::shown(&own),
            why: fault.to_string(),
        })?;
        let name_text = member(definition, "name").unwrap_or_else(RawJson::empty_object);
        self.prompts.insert(name.clone(), name_text);
        let shown = given(&own, definition);
        self.offer.prompts.push(Prompt { name, shown });
        Ok(())
    }
}

/// The server's own URI of one that clients see; `None` where it is not this server's.
pub(crate) fn own_uri<'a>(server: &ServerName, exposed: &'a str) -> Option<&'a str> {
    let (named, own) = names::own_uri(exposed)?;
    (named == *server).then_some(own)
}

/// The URI that clients see of a server's own. What anyone can fetch from the web stays as it is.
pub(crate) fn exposed(server: &ServerName, uri: &str) -> Option<String> {
    let is_web = uri
        .get(..6)
        .is_some_and(|head| head.eq_ignore_ascii_case("https:"));
    names::exposed_uri(server, uri).ok().filter(|_| !is_web)
}

fn given<T>(name: &str, definition: &RawJson) -> Shown<T> {
    Shown::Given(Given {
        name: name.into(),
        definition: definition.clone(),
    })
}

fn text(object: &RawJson, name: &str) -> Option<String> {
    member(object, name)?.parse().ok()
}
