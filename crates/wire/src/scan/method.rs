//! A method's name.

use std::fmt;

use bytes::Bytes;

/// What a request or notification names; unescaped, without NUL, cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Method(Bytes);

impl Method {
    /// Takes bytes that are UTF-8.
    pub(super) fn new(name: Bytes) -> Self {
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        // The scan has found the bytes to be UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
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
