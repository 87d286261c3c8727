//! Is it well-formed?

use durward_core::{Arguments, RawJson, Refusal, RefusalCode, Shown, Tool};
use serde_json::Value;

use crate::walk::{Verdict, Walk};

/// Checks the arguments of a tool against its schema, after putting what is called otherwise
/// elsewhere under the tool's own names.
pub(crate) fn judge(walk: &mut Walk<'_>) -> Verdict {
    // What a task is brought are answers to its questions, and no arguments of its tool.
    if walk.call.operation.is_of_task() {
        return Verdict::Pass;
    }
    if let Some(renamed) = rename(walk) {
        walk.call.arguments = Arguments::new(renamed);
    }
    let Some(entry) = walk.tool() else {
        return Verdict::Pass;
    };
    let schema = match entry.schema() {
        Ok(schema) => schema,
        Err(cause) => return Verdict::Refuse(unusable(&entry.tool, cause)),
    };
    match schema.check(walk.call.arguments.value()) {
        Ok(()) => Verdict::Pass,
        Err(violation) => Verdict::Refuse(
            Refusal::new(RefusalCode::InvalidArguments, violation.message).path(violation.path),
        ),
    }
}

/// What can't be checked is not passed on.
fn unusable(tool: &Tool, cause: &str) -> Refusal {
    match tool.shown {
        Shown::Own(_) => {
            tracing::error!(tool = %tool.name, cause, "a tool's schema can't be compiled");
            Refusal::new(RefusalCode::Internal, "This tool's schema can't be used.")
        }
        Shown::Given(_) => {
            tracing::warn!(tool = %tool.name, cause, "a server's schema can't be compiled");
            let sentence = "The server's schema for this tool is not sound JSON Schema, so no \
                            arguments can be checked by it and the tool can't be called. Tell whoever \
                            runs the server.";
            Refusal::new(RefusalCode::Unavailable, sentence).detail("unusable_schema")
        }
    }
}

type Object = serde_json::Map<String, Value>;

/// The arguments under the tool's own names; `None` where they already are.
fn rename(walk: &Walk<'_>) -> Option<RawJson> {
    let aliases = walk.tool()?.tool.argument_aliases;
    let Value::Object(given) = walk.call.arguments.value() else {
        return None;
    };
    let is_due = |(alias, name): &(&str, &str)| match alias.split_once("[].") {
        None => is_due(given, alias, name),
        Some((list, alias)) => objects(given, list).any(|object| is_due(object, alias, name)),
    };
    if !aliases.iter().any(is_due) {
        return None;
    }
    let mut renamed = given.clone();
    for (alias, name) in aliases {
        match alias.split_once("[].") {
            None => put_right(&mut renamed, alias, name),
            Some((list, alias)) => {
                let inner = renamed.get_mut(list).and_then(Value::as_array_mut);
                let objects = inner.into_iter().flatten().filter_map(Value::as_object_mut);
                objects.for_each(|object| put_right(object, alias, name));
            }
        }
    }
    RawJson::of(&renamed).ok()
}

fn is_due(given: &Object, alias: &str, name: &str) -> bool {
    given.contains_key(alias) && !given.contains_key(name)
}

fn put_right(given: &mut Object, alias: &str, name: &str) {
    if is_due(given, alias, name)
        && let Some(value) = given.remove(alias)
    {
        given.insert(name.to_owned(), value);
    }
}

fn objects<'a>(given: &'a Object, list: &str) -> impl Iterator<Item = &'a Object> {
    let list = given.get(list).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}
