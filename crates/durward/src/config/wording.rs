//! What serde notices, in the words of the file.

use serde::de::{self, Unexpected};

use super::{fault::Fault, nearest::nearest};

impl de::Error for Fault {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let wanted = wanted(expected);
        let fault = Self::new(format!("expected {wanted}, found {}", called(found)));
        match found {
            Unexpected::Bool(_)
            | Unexpected::Unsigned(_)
            | Unexpected::Signed(_)
            | Unexpected::Float(_)
                if wanted == "a text" || wanted == "a path" =>
            {
                fault.hint("put it in quotes, if it is a text")
            }
            _ => fault,
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!(
            "expected {}, found {}",
            wanted(expected),
            called(found)
        ))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown key `{field}`")).hint(meant(field, expected, "keys"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown word `{variant}`")).hint(meant(variant, expected, "words"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is missing here"))
    }
}

fn meant(word: &str, expected: &[&str], kind: &str) -> String {
    match nearest(word, expected.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the {kind} here are {}", listed(expected)),
    }
}

pub(super) fn listed(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Serde's names for what a type wants, in the words of the file.
fn wanted(expected: &dyn de::Expected) -> String {
    let name = expected.to_string();
    match name.as_str() {
        "u8" | "u16" | "u32" | "u64" => "a whole number".to_owned(),
        "a nonzero u32" => "a whole number above 0".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" => "a text".to_owned(),
        "path string" => "a path".to_owned(),
        "a sequence" => "a list, such as `[a, b]`".to_owned(),
        "a map" => "keys".to_owned(),
        "unit variant" => "a single word".to_owned(),
        "newtype variant" => "a key with a value".to_owned(),
        _ if name.starts_with("struct ") => "keys".to_owned(),
        _ => name,
    }
}

fn called(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(number) => format!("the number `{number}`"),
        Unexpected::Signed(number) => format!("the number `{number}`"),
        Unexpected::Float(number) => format!("the number `{number}`"),
        Unexpected::Str(text) => {
            format!("the text `{}`", text.chars().take(80).collect::<String>())
        }
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "keys".to_owned(),
        Unexpected::UnitVariant => "a single word".to_owned(),
        Unexpected::NewtypeVariant => "a key with a value".to_owned(),
        other => other.to_string(),
    }
}
