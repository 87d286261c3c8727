//! The tree to the types: a deserializer whose every error knows where it is.

use durward_core::Secret;
use serde::{
    Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{
    fault::Fault,
    node::{Key, Node, Piece, Style, Value},
    secrets::{PerhapsSecret, SecretText},
    units, wording,
};

/// How `${secret:name}` becomes a secret; the fault says nothing of it.
pub(super) type Unseal<'a> = &'a dyn Fn(&str) -> Result<Secret, Fault>;

/// Reads one node.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    node: &'a Node,
    unseal: Unseal<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(node: &'a Node, unseal: Unseal<'a>) -> Self {
        Self { node, unseal }
    }

    fn other(&self, node: &'a Node) -> Self {
        Self { node, ..*self }
    }

    fn any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar(text, Style::Plain) => plain(text, visitor),
            Value::Scalar(text, _) => visitor.visit_str(text),
            Value::Sealed(_) => Err(Fault::new(
                "a secret can't stand here, for this value is shown to people",
            )),
            Value::List(items) => visitor.visit_seq(Items {
                reader: self,
                rest: items.iter(),
            }),
            Value::Map(map) => visitor.visit_map(Entries {
                reader: self,
                rest: map.0.iter(),
                value: None,
            }),
        }
    }

    fn secret<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        let hint = "name it under `secrets:` and write `${secret:name}`";
        match &self.node.value {
            Value::Scalar(text, Style::Given) => visitor.visit_string(text.clone()),
            Value::Scalar(..) => {
                Err(Fault::new("a secret must not stand in the file itself").hint(hint))
            }
            Value::Sealed(pieces) => visitor.visit_string(self.unsealed(pieces)?),
            _ => Err(Fault::new("expected a secret").hint(hint)),
        }
    }

    /// Any text as it was written, or a secret: the visitor gets that one as a `String`.
    fn perhaps_secret<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Scalar(text, style) if style.is_outside() => visitor.visit_string(text.clone()),
            Value::Scalar(text, _) => visitor.visit_str(text),
            Value::Sealed(pieces) => visitor.visit_string(self.unsealed(pieces)?),
            _ => Err(Fault::new(
                "expected a text, or a secret as `${secret:name}`",
            )),
        }
    }

    fn unsealed(self, pieces: &[Piece]) -> Result<String, Fault> {
        let mut whole = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => whole.push_str(text),
                Piece::Secret(name) => whole.push_str((self.unseal)(name)?.expose()),
            }
        }
        Ok(whole)
    }

    fn given(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Scalar(text, Style::Given) => Some(text),
            _ => None,
        }
    }
}

/// A bare scalar by YAML's core schema (YAML 1.2.2 section 10.3.2).
fn plain<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Fault> {
    match text {
        "true" | "True" | "TRUE" => return visitor.visit_bool(true),
        "false" | "False" | "FALSE" => return visitor.visit_bool(false),
        _ => {}
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && text.contains(|c: char| c.is_ascii_digit());
    match (
        text.parse::<u64>(),
        text.parse::<i64>(),
        text.parse::<f64>(),
    ) {
        (Ok(number), ..) if numeric => visitor.visit_u64(number),
        (_, Ok(number), _) if numeric => visitor.visit_i64(number),
        (.., Ok(number)) if numeric => visitor.visit_f64(number),
        _ => visitor.visit_str(text),
    }
}

/// Numbers that come from outside the file have no type of their own.
macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
            let read = match self.given() {
                Some(text) => plain(text, visitor),
                None => self.any(visitor),
            };
            read.map_err(|fault| fault.place(self.node.place.clone()))
        }
    )*};
}

impl<'a> Deserializer<'a> for Reader<'a> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.any(visitor)
            .map_err(|fault| fault.place(self.node.place.clone()))
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.given().and_then(units::boolean) {
            Some(value) => visitor.visit_bool(value),
            None => self.deserialize_any(visitor),
        }
    }

    numbers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let read = match name {
            SecretText::MARK => self.secret(visitor),
            PerhapsSecret::MARK => self.perhaps_secret(visitor),
            _ => return visitor.visit_newtype_struct(self),
        };
        read.map_err(|fault| fault.place(self.node.place.clone()))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let read = match &self.node.value {
            Value::Scalar(word, _) => visitor.visit_enum(word.as_str().into_deserializer()),
            Value::Map(map) if map.0.len() == 1 => {
                let entries = Entries {
                    reader: self,
                    rest: map.0.iter(),
                    value: None,
                };
                visitor.visit_enum(de::value::MapAccessDeserializer::new(entries))
            }
            _ => Err(Fault::new(format!(
                "expected one of {}",
                wording::listed(words)
            ))),
        };
        read.map_err(|fault| fault.place(self.node.place.clone()))
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a> {
    reader: Reader<'a>,
    rest: std::slice::Iter<'a, Node>,
}

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.rest.next() else {
            return Ok(None);
        };
        seed.deserialize(self.reader.other(node))
            .map(Some)
            .map_err(|fault| fault.place(node.place.clone()))
    }
}

struct Entries<'a> {
    reader: Reader<'a>,
    rest: std::slice::Iter<'a, (Key, Node)>,
    value: Option<&'a (Key, Node)>,
}

impl<'a> MapAccess<'a> for Entries<'a> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some(entry) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(entry);
        let (key, _) = entry;
        let text: de::value::StrDeserializer<'a, Fault> = key.text.as_str().into_deserializer();
        seed.deserialize(text)
            .map(Some)
            .map_err(|fault| fault.place(key.place.clone()).under(&key.text))
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        // Serde asks for a value only after its key.
        let (key, node) = self
            .value
            .take()
            .ok_or_else(|| Fault::new("a value without a key"))?;
        // A `try_from` fails after the node was read, and would not know where it was.
        let here = |fault: Fault| fault.place(node.place.clone()).under(&key.text);
        seed.deserialize(self.reader.other(node)).map_err(here)
    }
}
