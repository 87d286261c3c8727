//! Templates as people write them, and values as callers send them.

mod parsing;
mod properties;
mod values;

use serde_json::{Value, json};

use super::*;

/// A template of which no more is said.
fn template(text: &str) -> Template {
    refined(text, &[]).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn refined(text: &str, said: &[(&str, Refinement)]) -> Result<Template, TemplateFault> {
    let said = said.iter().map(|(name, refinement)| (*name, refinement));
    Template::parse(text)?.refine(said)
}

/// What the program is given for these values.
fn given(template: &Template, values: &[Value]) -> Result<Vec<String>, Why> {
    let texts = template
        .slots()
        .iter()
        .zip(values)
        .map(|(slot, value)| slot.judge(value).map(|text| text.into_owned()));
    let texts = texts
        .collect::<Result<Vec<_>, _>>()
        .map_err(|fault| fault.why)?;
    template.arguments(&texts).map_err(|fault| fault.why)
}

/// The same for one text.
fn one(text: &str, value: &str) -> Result<Vec<String>, Why> {
    given(&template(text), &[json!(value)])
}
