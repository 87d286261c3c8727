//! Is it well-formed?

use durward_core::{Arguments, RawJson, Refusal, RefusalCode};
use serde_json::Value;

use crate::walk::{Verdict, Walk};

/// Checks the arguments of a tool against its schema, after putting what is called otherwise
/// elsewhere under the tool's own names.
pub(crate) fn judge(walk: &mut Walk<'_>) -> Verdict {
    if let Some(renamed) = rename(walk) {
        walk.call.arguments = Arguments::new(renamed);
    }
    let Some(entry) = walk.tool() else {
        return Verdict::Pass;
    };
    let schema = match entry.schema() {
        Ok(schema) => schema,
        Err(cause) => {
            tracing::error!(tool = %entry.tool.name, cause, "a tool's schema can't be compiled");
            return Verdict::Refuse(Refusal::new(
                RefusalCode::Internal,
                "This tool's schema can't be used.",
            ));
        }
    };
    match schema.check(walk.call.arguments.value()) {
        Ok(()) => Verdict::Pass,
        Err(violation) => Verdict::Refuse(
            Refusal::new(RefusalCode::InvalidArguments, violation.message).path(violation.path),
        ),
    }
}

/// The arguments under the tool's own names; `None` where they already are.
fn rename(walk: &Walk<'_>) -> Option<RawJson> {
    let aliases = walk.tool()?.tool.argument_aliases;
    let Value::Object(given) = walk.call.arguments.value() else {
        return None;
    };
    let is_due = |alias: &str, name: &str| given.contains_key(alias) && !given.contains_key(name);
    if !aliases.iter().any(|(alias, name)| is_due(alias, name)) {
        return None;
    }
    let mut renamed = serde_json::Map::new();
    for (key, value) in given {
        let name = aliases
            .iter()
            .find(|(alias, name)| alias == key && is_due(alias, name))
            .map_or(key.as_str(), |(_, name)| name);
        renamed.entry(name).or_insert_with(|| value.clone());
    }
    RawJson::of(&renamed).ok()
}
