//! Something wrong, as those notice it who read the tree.

use thiserror::Error;

use super::node::Place;

/// Something wrong with a part of the tree, before anyone looked up which text it stands in.
#[derive(Debug, Clone, Error)]
#[error("{message}")]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) place: Option<Place>,
    /// The keys from the fault outwards.
    pub(super) path: Vec<String>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            place: None,
            path: Vec::new(),
        }
    }

    /// Says where, unless that is known more exactly.
    pub(super) fn place(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert(hint.into());
        self
    }

    /// A tab is what people don't see.
    pub(super) fn hint_at_tab(self, source: &str, at: usize) -> Self {
        let start = source
            .get(..at)
            .and_then(|before| before.rfind('\n'))
            .map_or(0, |end| end + 1);
        let line = source
            .get(start..)
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default();
        if line.trim_start_matches(' ').starts_with('\t') {
            self.hint("indent with spaces, not with tabs")
        } else {
            self
        }
    }

    /// Whether `other` only says again, of the same place, that something is wrong.
    pub(super) fn within(&self, other: &Self) -> bool {
        let (Some(inner), Some(outer)) = (&self.place, &other.place) else {
            return false;
        };
        inner.text == outer.text
            && outer.span.start <= inner.span.start
            && inner.span.end <= outer.span.end
    }

    /// Goes out through a key.
    pub(super) fn under(mut self, key: &str) -> Self {
        self.path.push(key.to_owned());
        self
    }
}
