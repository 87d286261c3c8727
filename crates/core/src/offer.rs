//! What a provider offers.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Arguments, Raise, RawJson, Tier, ToolName};

/// All that one provider offers, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// Tools.
    pub tools: Vec<Tool>,
    /// Resources that can be listed.
    pub resources: Vec<Resource>,
    /// Resources by pattern.
    pub templates: Vec<Template>,
    /// Prompts.
    pub prompts: Vec<Prompt>,
    /// What the guide tells those who see one of the tools: sentences.
    pub notes: Vec<String>,
    /// What a server says that it can do (schema.ts, `ServerCapabilities`), for its own endpoint.
    pub capabilities: Option<RawJson>,
    /// What a server tells a model of itself.
    pub instructions: Option<String>,
}

/// How well an offer holds just now. Asking costs nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freshness {
    /// True where it is what was last known, and whether it still holds can't be told.
    pub stale: bool,
    /// For how much longer it holds, where that is known.
    pub ttl: Option<Duration>,
}

/// How something that is offered is shown to clients.
#[derive(Debug, Clone)]
pub enum Shown<T> {
    /// In our own words.
    Own(T),
    /// As a server defined it.
    Given(Given),
}

/// A definition of a server's: passed on as it was spelled, but for the name.
#[derive(Debug, Clone)]
pub struct Given {
    /// What the server itself calls it: a tool's or prompt's name, a resource's URI, a template's pattern.
    pub name: Box<str>,
    /// The whole object, as it came.
    pub definition: RawJson,
}

/// One tool.
#[derive(Debug, Clone)]
pub struct Tool {
    /// The canonical name, the one that is listed.
    pub name: ToolName,
    /// Other names that are accepted and never listed.
    pub aliases: Vec<ToolName>,
    /// What people and models read.
    pub shown: Shown<ToolText>,
    /// How much harm it can do, whatever its arguments. Who may not do that does not see the tool.
    pub tier: Tier,
    /// Which arguments make it do more.
    pub raises: &'static [Raise],
    /// JSON Schema 2020-12 of the arguments.
    pub input_schema: RawJson,
    /// JSON Schema 2020-12 of `structuredContent`.
    pub output_schema: Option<RawJson>,
    /// What an argument is called elsewhere, and its name here; `list[].alias` is a member of each
    /// object of a list.
    pub argument_aliases: &'static [(&'static str, &'static str)],
}

/// A tool of our own, in words.
#[derive(Debug, Clone)]
pub struct ToolText {
    /// What people read.
    pub title: String,
    /// What a model reads.
    pub description: String,
    /// Hints for clients.
    pub annotations: Annotations,
}

impl Tool {
    /// What a model reads of it, unescaped; empty where there is nothing.
    pub fn description(&self) -> Cow<'_, str> {
        #[derive(Deserialize)]
        struct Described {
            description: String,
        }
        match &self.shown {
            Shown::Own(text) => Cow::Borrowed(&text.description),
            Shown::Given(given) => {
                let read = given.definition.parse::<Described>();
                Cow::Owned(read.map_or_else(|_| String::new(), |read| read.description))
            }
        }
    }

    /// How much harm a call with these arguments can do. An argument counts under each of its names.
    pub fn tier_of(&self, arguments: &Arguments) -> Tier {
        // Most tools have one tier, and their arguments need not be read for it.
        if self.raises.is_empty() {
            return self.tier;
        }
        let given = arguments.value();
        let due = self.raises.iter().filter(|raise| {
            self.spellings(raise.argument)
                .filter_map(|name| given.get(name))
                .any(|value: &Value| raise.is_due(value))
        });
        due.map(|raise| raise.to).fold(self.tier, Tier::max)
    }

    /// The names that an argument goes by.
    fn spellings(&self, argument: &'static str) -> impl Iterator<Item = &'static str> {
        let aliases = self.argument_aliases.iter();
        let others = aliases.filter_map(move |(alias, name)| (*name == argument).then_some(*alias));
        std::iter::once(argument).chain(others)
    }
}

/// Tool annotations (schema.ts, `ToolAnnotations`).
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// Changes nothing.
    pub read_only_hint: bool,
    /// May destroy something.
    pub destructive_hint: bool,
    /// A second time changes nothing more.
    pub idempotent_hint: bool,
    /// Reaches beyond what durward guards.
    pub open_world_hint: bool,
}

/// One resource that can be listed.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its URI, the one that is listed.
    pub uri: String,
    /// What people and models read.
    pub shown: Shown<ResourceText>,
}

/// A resource of our own, in words (schema.ts, `Resource`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceText {
    /// Its name.
    pub name: String,
    /// What people read.
    pub title: String,
    /// What it is.
    pub description: String,
    /// Its media type.
    pub mime_type: String,
}

/// A resource by pattern (RFC 6570).
#[derive(Debug, Clone)]
pub struct Template {
    /// The pattern, the one that is listed.
    pub uri_template: String,
    /// What people and models read.
    pub shown: Shown<TemplateText>,
}

/// A template of our own, in words (schema.ts, `ResourceTemplate`).
#[derive(Debug, Clone, Serialize)]
pub struct TemplateText {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
}

/// One prompt.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Its name, the one that is listed.
    pub name: String,
    /// What people and models read.
    pub shown: Shown<PromptText>,
}

/// A prompt of our own, in words (schema.ts, `Prompt`).
#[derive(Debug, Clone, Serialize)]
pub struct PromptText {
    /// What people read.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// What it takes.
    pub arguments: Vec<PromptArgument>,
}

/// An argument of a prompt.
#[derive(Debug, Clone, Serialize)]
pub struct PromptArgument {
    /// Its name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Must it be given?
    pub required: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(raises: &'static [Raise]) -> Tool {
        Tool {
            name: ToolName::new("fetch").unwrap(),
            aliases: Vec::new(),
            shown: Shown::Own(ToolText {
                title: String::new(),
                description: String::new(),
                annotations: Annotations {
                    read_only_hint: false,
                    destructive_hint: true,
                    idempotent_hint: false,
                    open_world_hint: true,
                },
            }),
            tier: Tier::Read,
            raises,
            input_schema: RawJson::empty_object(),
            output_schema: None,
            argument_aliases: &[("verb", "method"), ("url", "uri")],
        }
    }

    #[test]
    fn an_argument_raises_the_tier_under_any_name_and_in_any_shape() {
        let tool = tool(&[Raise {
            argument: "method",
            unless: &["GET", "HEAD"],
            to: Tier::Operate,
        }]);
        for (arguments, tier) in [
            ("{}", Tier::Read),
            (r#"{"method":"GET"}"#, Tier::Read),
            (r#"{"verb":"HEAD","uri":"POST"}"#, Tier::Read),
            (r#"{"method":"POST"}"#, Tier::Operate),
            (r#"{"verb":"POST"}"#, Tier::Operate),
            (r#"{"method":"GET","verb":"POST"}"#, Tier::Operate),
            (r#"{"method":"get"}"#, Tier::Operate),
            (r#"{"method":["GET"]}"#, Tier::Operate),
            (r#"{"method":null}"#, Tier::Operate),
        ] {
            let given = Arguments::new(RawJson::from_static(arguments));
            assert_eq!(tool.tier_of(&given), tier, "{arguments}");
        }
    }

    #[test]
    fn a_raise_never_lowers_and_the_highest_counts() {
        const fn to(argument: &'static str, to: Tier) -> Raise {
            Raise {
                argument,
                unless: &[],
                to,
            }
        }
        static RAISES: [Raise; 3] = [
            to("a", Tier::Danger),
            to("b", Tier::Operate),
            to("c", Tier::Read),
        ];
        let mut tool = tool(&RAISES);
        let of = |tool: &Tool, text| tool.tier_of(&Arguments::new(RawJson::from_static(text)));
        assert_eq!(of(&tool, r#"{"a":1,"b":1}"#), Tier::Danger);
        assert_eq!(of(&tool, r#"{"b":1}"#), Tier::Operate);
        tool.tier = Tier::Operate;
        assert_eq!(of(&tool, r#"{"c":1}"#), Tier::Operate);
    }
}
