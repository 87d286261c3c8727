//! A method's name.

use std::fmt;

use bytestring::ByteString;

/// What a request or notification names; unescaped, without NUL, cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Method(ByteString);

impl Method {
    pub(super) fn new(name: ByteString) -> Self {
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
