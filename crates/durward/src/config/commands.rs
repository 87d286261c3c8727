//! `commands`: one tool each. No shell ever runs.

mod check;
mod foreign;
mod written;

use std::collections::BTreeMap;

use durward_core::Tier;
use durward_guard::template::{Refinement, Template, TemplateFault};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use check::check;
pub(super) use foreign::{mark, put};

use super::{limits::ToolKey, sandbox::ItemSandbox, units::Period};

/// Commands, by the name of their tool.
pub type Commands = BTreeMap<ToolKey, Command>;

/// One command: a template alone, or with more said of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "written::Command", into = "written::Command")]
#[schemars(with = "written::Command")]
pub struct Command {
    /// What runs: a program and its arguments, in which `{name:type}` is filled by the caller.
    pub run: String,
    /// What a model is told of it.
    pub description: Option<String>,
    /// How much harm it can do.
    pub tier: Tier,
    /// How long it may run; `limits.timeout` where it is not said.
    pub timeout: Option<Period>,
    /// The folder that it runs in, below what `files` shares.
    pub cwd: Option<String>,
    /// May the program be a shell, `rm` and the like?
    pub dangerous: bool,
    /// What happens where the program is not there at the start.
    pub missing: Missing,
    /// The walls of its own; those of `sandbox` where it is not said.
    pub sandbox: Option<ItemSandbox>,
    /// What else is said of its placeholders.
    pub params: BTreeMap<String, Param>,
    /// No key: is it one of the variables of mcp-secure-exec?
    pub by_variables: bool,
}

/// What happens where a command's program is not there at the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// durward does not start.
    #[default]
    Refuse,
    /// It starts and says so; calls are refused.
    Warn,
}

/// What is said of one placeholder beside its type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Param {
    /// What it is, for a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The least number, or the fewest characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest number, or the most characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// A regular expression that the whole value matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The only values; of a flag the options that it may be, of a command the programs that it may begin
    /// with.
    #[serde(rename = "enum", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
}

impl Command {
    /// One of which nothing but the template is said.
    pub(super) fn of(run: String) -> Self {
        Self {
            run,
            description: None,
            tier: Tier::Operate,
            timeout: None,
            cwd: None,
            dangerous: false,
            missing: Missing::default(),
            sandbox: None,
            params: BTreeMap::new(),
            by_variables: false,
        }
    }

    /// The template, with what is said of its placeholders.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn template(&self) -> Result<Template, TemplateFault> {
        let params: Vec<_> = self
            .params
            .iter()
            .map(|(name, param)| (name.as_str(), param.refinement()))
            .collect();
        let said = params.iter().map(|(name, refinement)| (*name, refinement));
        Template::parse(&self.run)?.refine(said)
    }
}

impl Param {
    fn refinement(&self) -> Refinement {
        Refinement {
            min: self.min,
            max: self.max,
            pattern: self.pattern.clone(),
            one_of: self.one_of.clone(),
            description: self.description.clone(),
        }
    }
}
