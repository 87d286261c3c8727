//! From a validator's error to a sentence that a model can act on.

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde_json::Value;

use super::{Violation, member_names};

/// How much of a name, pattern or list is shown, in characters.
const SHOWN: usize = 200;

pub(super) fn violation(error: &ValidationError<'_>, schema: &Value) -> Violation {
    let at = error.instance_path().as_str();
    let wanted = wanted_by(error, schema);
    let says = |rest: &str| Violation {
        path: at.to_owned(),
        message: format!("{} {rest}.", subject(at)),
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unknown(at, unexpected, wanted)
        }
        Kind::Required { property } => missing(at, property.as_str().unwrap_or_default()),
        Kind::UniqueItems => says("must not hold the same item twice"),
        Kind::FalseSchema => says("is not allowed here"),
        Kind::MultipleOf { multiple_of } => says(&format!("must be a multiple of {multiple_of}")),
        Kind::MinProperties { limit } => says(&format!("must have at least {limit} members")),
        Kind::MaxProperties { limit } => says(&format!("must have at most {limit} members")),
        Kind::AdditionalItems { .. } | Kind::UnevaluatedItems { .. } => says("has too many items"),
        Kind::Contains => says("lacks an item that it must hold"),
        Kind::PropertyNames { .. } => says("has a member whose name is not allowed"),
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            says("can't be checked against its pattern, so it is refused")
        }
        _ => match wanted.and_then(expectation) {
            Some(expected) => says(&format!("must be {expected}")),
            None => says("does not fit the schema of this tool"),
        },
    }
}

/// The schema whose keyword was not met.
fn wanted_by<'a>(error: &ValidationError<'_>, schema: &'a Value) -> Option<&'a Value> {
    let (parent, _keyword) = error.schema_path().as_str().rsplit_once('/')?;
    schema.pointer(parent)
}

fn unknown(at: &str, names: &[String], wanted: Option<&Value>) -> Violation {
    let first = names.first().map(String::as_str).unwrap_or_default();
    let whose = match at {
        "" => "is not an argument of this tool".to_owned(),
        at => format!("is not a member of {}", subject(at)),
    };
    let known = wanted.map(member_names).unwrap_or_default();
    let takes = match known.is_empty() {
        true => "it takes none".to_owned(),
        false => format!("it takes: {}", cut(&known.join(", "))),
    };
    Violation {
        path: member(at, first),
        message: format!("`{}` {whose}; {takes}.", cut(first)),
    }
}

fn missing(at: &str, name: &str) -> Violation {
    let path = member(at, name);
    Violation {
        message: format!("{} is missing.", subject(&path)),
        path,
    }
}

fn member(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// `edits[0].old` for `/edits/0/old`.
fn subject(pointer: &str) -> String {
    let mut name = String::new();
    for segment in pointer.split('/').skip(1) {
        if !name.is_empty() && segment.bytes().all(|b| b.is_ascii_digit()) {
            name.push_str(&format!("[{segment}]"));
            continue;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&segment.replace("~1", "/").replace("~0", "~"));
    }
    match pointer {
        "" => "The whole of the arguments".to_owned(),
        _ => format!("`{}`", cut(&name)),
    }
}

/// What a schema wants, as in `an integer of at least 1`; `None` where it does not say simply.
fn expectation(schema: &Value) -> Option<String> {
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        return Some(format!("one of: {}", listed(options)));
    }
    if let Some(only) = schema.get("const") {
        return Some(cut(&plain(only)));
    }
    if let Some(forms) = ["anyOf", "oneOf"]
        .iter()
        .find_map(|form| schema.get(form)?.as_array())
    {
        let forms: Option<Vec<_>> = forms.iter().map(expectation).collect();
        return forms.map(|forms| cut(&forms.join(" or ")));
    }
    let types = match schema.get("type") {
        Some(Value::String(word)) => vec![word.as_str()],
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        _ => vec![implied(schema)?],
    };
    let types: Vec<_> = types
        .into_iter()
        .map(|word| with_bounds(word, schema))
        .collect();
    Some(types.join(" or "))
}

/// The type that a schema's bounds speak of where it names none.
fn implied(schema: &Value) -> Option<&'static str> {
    let has = |keys: &[&str]| keys.iter().any(|key| schema.get(key).is_some());
    if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]) {
        Some("number")
    } else if has(&["minLength", "maxLength", "pattern", "format"]) {
        Some("string")
    } else if has(&["minItems", "maxItems"]) {
        Some("array")
    } else {
        None
    }
}

fn with_bounds(word: &str, schema: &Value) -> String {
    let bound = |low, high, unit: &str| between(schema.get(low), schema.get(high), unit);
    match word {
        "integer" => format!(
            "an integer{}",
            bound("minimum", "maximum", "") + &beyond(schema)
        ),
        "number" => format!(
            "a number{}",
            bound("minimum", "maximum", "") + &beyond(schema)
        ),
        "string" => {
            format!(
                "a string{}{}",
                bound("minLength", "maxLength", " characters"),
                form(schema)
            )
        }
        "array" => format!("a list{}", bound("minItems", "maxItems", " items")),
        "boolean" => "true or false".to_owned(),
        "object" => "an object".to_owned(),
        other => other.to_owned(),
    }
}

fn between(low: Option<&Value>, high: Option<&Value>, unit: &str) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!(" of {low} to {high}{unit}"),
        (Some(low), None) => format!(" of at least {low}{unit}"),
        (None, Some(high)) => format!(" of at most {high}{unit}"),
        (None, None) => String::new(),
    }
}

fn beyond(schema: &Value) -> String {
    let above = schema
        .get("exclusiveMinimum")
        .map(|limit| format!(" above {limit}"));
    let below = schema
        .get("exclusiveMaximum")
        .map(|limit| format!(" below {limit}"));
    [above, below].into_iter().flatten().collect()
}

fn form(schema: &Value) -> String {
    let text = |key| schema.get(key).and_then(Value::as_str);
    let pattern = text("pattern").map(|pattern| format!(" that matches `{}`", cut(pattern)));
    let format = text("format").map(|format| format!(" in the format {}", cut(format)));
    [pattern, format].into_iter().flatten().collect()
}

fn listed(options: &[Value]) -> String {
    let words: Vec<_> = options.iter().map(plain).collect();
    cut(&words.join(", "))
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// At most so much of a text, on one line.
fn cut(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    match text.char_indices().nth(SHOWN) {
        None => text.chars().map(clean).collect(),
        Some((end, _)) => text[..end].chars().map(clean).chain(['…']).collect(),
    }
}
