//! How a type that people write as text is read, shown and described.

/// Gives a type with `FromStr` and `Display` its `Serialize`, `Deserialize` and `JsonSchema`.
/// With `number`, a plain whole number is taken as well.
macro_rules! text_type {
    ($name:ident, $what:literal, $pattern:literal $(, $number:ident)?) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    $(text_type! { @$number $name })?
                }

                deserializer.deserialize_str(Text)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                text_type! { @schema $what, $pattern $(, $number)? }
            }
        }
    };
    (@number $name:ident) => {
        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$name, E> {
            self.visit_str(&number.to_string())
        }
    };
    (@schema $what:literal, $pattern:literal) => {
        schemars::json_schema!({ "type": "string", "description": $what, "pattern": $pattern })
    };
    (@schema $what:literal, $pattern:literal, number) => {
        schemars::json_schema!({
            "description": $what,
            "oneOf": [{ "type": "string", "pattern": $pattern }, { "type": "integer", "minimum": 1 }],
        })
    };
}

pub(super) use text_type;

/// Is this a name of at most so many bytes: a letter a-z, then a-z, 0-9, `-` and `_`?
pub(super) fn is_name(text: &str, most: usize) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    text.len() <= most
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(fits)
}
