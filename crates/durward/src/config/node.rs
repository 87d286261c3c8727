//! A configuration as a tree in which every key and value knows where it stands.

use std::ops::Range;

use super::origin::TextId;

/// Where something stands: a range of bytes in one of the texts that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) text: TextId,
    pub(super) span: Range<usize>,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Scalar(String, Style),
    /// A text with a secret in it, which only a secret's place may resolve.
    Sealed(Vec<Piece>),
    List(Vec<Node>),
    Map(Map),
}

/// How a scalar was written, which decides what it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Bare: a number, a boolean or a text, by YAML's core schema.
    Plain,
    /// In quotes or a block: a text.
    Quoted,
    /// From outside the file, where there are no types: whatever its key wants.
    Given,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Secret(String),
}

impl Style {
    /// Did it come from outside the file?
    pub(super) fn is_outside(self) -> bool {
        self == Self::Given
    }
}

/// A key and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) place: Place,
}

/// Keys and values, in the order of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Map(pub(super) Vec<(Key, Node)>);

impl Map {
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.0
            .iter()
            .find(|(k, _)| k.text == key)
            .map(|(_, node)| node)
    }

    pub(super) fn entry(&self, key: &str) -> Option<&(Key, Node)> {
        self.0.iter().find(|(k, _)| k.text == key)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.0
            .iter_mut()
            .find(|(k, _)| k.text == key)
            .map(|(_, node)| node)
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.0.retain(|(k, _)| k.text != key);
    }

    /// Puts a value under a key, in the place of the one that was there.
    pub(super) fn put(&mut self, key: Key, node: Node) {
        match self.0.iter_mut().find(|(k, _)| k.text == key.text) {
            Some(entry) => *entry = (key, node),
            None => self.0.push((key, node)),
        }
    }
}

impl Node {
    /// The value at a path of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| match &node.value {
            Value::Map(map) => map.get(key),
            _ => None,
        })
    }

    /// The value at a path of keys.
    pub(super) fn at_mut(&mut self, path: &[&str]) -> Option<&mut Self> {
        path.iter()
            .try_fold(self, |node, key| match &mut node.value {
                Value::Map(map) => map.get_mut(key),
                _ => None,
            })
    }
}
