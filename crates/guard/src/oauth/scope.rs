//! What a token is good for (RFC 6749 section 3.3).

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a client asks for that wants to stay logged in.
pub const OFFLINE: &str = "offline_access";

/// More than anybody asks for.
const MOST: usize = 200;
const LONGEST: usize = 256;

/// Scopes in the order in which they were named, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Of a text with blanks between them; what is none is left out.
    pub fn parse(text: &str) -> Self {
        Self::of(text.split(' '))
    }

    /// Of these; what is none is left out.
    pub fn of<T: AsRef<str>>(all: impl IntoIterator<Item = T>) -> Self {
        let mut scopes = Self::default();
        for scope in all {
            scopes.add(scope.as_ref());
        }
        scopes
    }

    /// Adds one, if it is one.
    pub fn add(&mut self, scope: &str) {
        let fits = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        let is_scope = (1..=LONGEST).contains(&scope.len()) && scope.bytes().all(fits);
        if is_scope && !self.has(scope) && self.0.len() < MOST {
            self.0.push(scope.to_owned());
        }
    }

    /// These, and those that are not among them.
    #[must_use]
    pub fn and(&self, more: &Self) -> Self {
        Self::of(self.0.iter().chain(&more.0))
    }

    /// Is this among them?
    pub fn has(&self, scope: &str) -> bool {
        self.0.iter().any(|own| own == scope)
    }

    /// Are all of those among them?
    pub fn have(&self, others: &Self) -> bool {
        others.0.iter().all(|other| self.has(other))
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_named_once_and_what_is_none_is_left_out() {
        let scopes = Scopes::parse("a  b:c a \"x\" d\u{7f} é https://x/y.z");
        assert_eq!(scopes.to_string(), "a b:c https://x/y.z");
        let more = scopes.and(&Scopes::parse("z a"));
        assert_eq!(more.to_string(), "a b:c https://x/y.z z");
        assert!(more.have(&scopes) && !scopes.have(&more));
        let many = (0..1000).map(|n| n.to_string());
        assert_eq!(Scopes::of(many).iter().count(), MOST);
    }
}
