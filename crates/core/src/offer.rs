//! What a provider offers.

use serde::Serialize;
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
}

/// One tool.
#[derive(Debug, Clone)]
pub struct Tool {
    /// The canonical name, the one that is listed.
    pub name: ToolName,
    /// Other names that are accepted and never listed.
    pub aliases: Vec<ToolName>,
    /// What people read.
    pub title: String,
    /// What a model reads.
    pub description: String,
    /// How much harm it can do, whatever its arguments. Who may not do that does not see the tool.
    pub tier: Tier,
    /// Which arguments make it do more.
    pub raises: &'static [Raise],
    /// JSON Schema 2020-12 of the arguments.
    pub input_schema: RawJson,
    /// JSON Schema 2020-12 of `structuredContent`.
    pub output_schema: Option<RawJson>,
    /// Hints for clients.
    pub annotations: Annotations,
    /// What an argument is called elsewhere, and its name here; `list[].alias` is a member of each
    /// object of a list.
    pub argument_aliases: &'static [(&'static str, &'static str)],
}

impl Tool {
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

/// One resource that can be listed (schema.ts, `Resource`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its URI.
    pub uri: String,
    /// Its name.
    pub name: String,
    /// What people read.
    pub title: String,
    /// What it is.
    pub description: String,
    /// Its media type.
    pub mime_type: String,
}

/// A resource by pattern (schema.ts, `ResourceTemplate`; RFC 6570).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The pattern.
    pub uri_template: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
}

/// One prompt (schema.ts, `Prompt`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompt {
    /// Its name.
    pub name: String,
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
            title: String::new(),
            description: String::new(),
            tier: Tier::Read,
            raises,
            input_schema: RawJson::empty_object(),
            output_schema: None,
            annotations: Annotations {
                read_only_hint: false,
                destructive_hint: true,
                idempotent_hint: false,
                open_world_hint: true,
            },
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
