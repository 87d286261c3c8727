//! Finds keys that an object has twice, after unescaping.

use std::ops::Range;

use super::reader::Quoted;

/// Up to so many keys each new one is compared with the others; beyond, all are sorted at the end.
const FEW: usize = 32;

/// What `serde_json` gives numbers and raw values away by, inside: a parser that takes such an object for
/// a number would read another message than one that does not.
const RESERVED: &[u8] = b"$serde_json::private::";
const RESERVED_PREFIX: u64 = u64::from_be_bytes(*b"$serde_j");

pub(super) const DOUBLE_KEY: &str = "an object has the same key twice";
const RESERVED_KEY: &str = "a key is reserved: it begins with `$serde_json::private::`";

/// Set in a start that points into the unescaped keys rather than the text.
const UNESCAPED: u32 = 1 << 31;

/// A key by its first eight bytes, its length, and where it is.
#[derive(Clone, Copy)]
struct Key {
    prefix: u64,
    start: u32,
    len: u32,
}

/// What stood before an object opened.
#[derive(Clone, Copy)]
struct Level {
    keys: usize,
    unescaped: usize,
}

/// The keys of all objects that are open, the innermost object's last.
pub(super) struct Keys {
    keys: Vec<Key>,
    unescaped: Vec<u8>,
    levels: Vec<Level>,
    ignoring: bool,
}

impl Keys {
    /// For a text whose keys count.
    pub(super) fn counted() -> Self {
        Self {
            keys: Vec::with_capacity(16),
            unescaped: Vec::new(),
            levels: Vec::with_capacity(8),
            ignoring: false,
        }
    }

    /// For a text whose keys somebody else judges.
    pub(super) fn ignored() -> Self {
        Self {
            keys: Vec::new(),
            unescaped: Vec::new(),
            levels: Vec::new(),
            ignoring: true,
        }
    }

    /// An object opens.
    pub(super) fn open(&mut self) {
        if !self.ignoring {
            let (keys, unescaped) = (self.keys.len(), self.unescaped.len());
            self.levels.push(Level { keys, unescaped });
        }
    }

    /// Adds a key to the innermost object, and says what is wrong with it if that is seen by now.
    pub(super) fn add(&mut self, text: &str, quoted: Quoted) -> Option<&'static str> {
        if self.ignoring {
            return None;
        }
        let key = self.key(text, quoted);
        let bytes = key.bytes(text.as_bytes(), &self.unescaped);
        let level = self.level();
        let double = level.len() < FEW
            && level.iter().any(|other| {
                other.prefix == key.prefix
                    && other.len == key.len
                    && (key.len <= 8 || other.bytes(text.as_bytes(), &self.unescaped) == bytes)
            });
        let reserved = key.prefix == RESERVED_PREFIX && bytes.starts_with(RESERVED);
        self.keys.push(key);
        match (double, reserved) {
            (true, _) => Some(DOUBLE_KEY),
            (false, true) => Some(RESERVED_KEY),
            (false, false) => None,
        }
    }

    /// The innermost object ends. True if it is seen only now that it has a key twice.
    pub(super) fn close(&mut self, text: &[u8]) -> bool {
        let Some(level) = self.levels.pop() else {
            return false;
        };
        let keys = &mut self.keys[level.keys..];
        let double = keys.len() > FEW && has_double(keys, text, &self.unescaped);
        self.keys.truncate(level.keys);
        self.unescaped.truncate(level.unescaped);
        double
    }

    fn level(&self) -> &[Key] {
        let start = self.levels.last().map_or(0, |level| level.keys);
        &self.keys[start..]
    }

    fn key(&mut self, text: &str, quoted: Quoted) -> Key {
        if !quoted.escaped {
            return Key::new(text.as_bytes(), quoted.span.range(), 0);
        }
        let start = self.unescaped.len();
        let value = quoted.unescape(text);
        self.unescaped.extend_from_slice(value.as_bytes());
        Key::new(&self.unescaped, start..self.unescaped.len(), UNESCAPED)
    }
}

impl Key {
    fn new(whole: &[u8], range: Range<usize>, place: u32) -> Self {
        // Both fit: a text is no longer than `Span::MAX`, and unescaping only shortens.
        let narrow = |n| u32::try_from(n).unwrap_or(u32::MAX);
        let prefix = prefix(&whole[range.start..], range.len());
        Self {
            prefix,
            start: narrow(range.start) | place,
            len: narrow(range.len()),
        }
    }

    fn bytes<'a>(&self, text: &'a [u8], unescaped: &'a [u8]) -> &'a [u8] {
        let whole = if self.start & UNESCAPED == 0 {
            text
        } else {
            unescaped
        };
        let start = (self.start & !UNESCAPED) as usize;
        &whole[start..start + self.len as usize]
    }
}

/// The first eight bytes of a key of `len` bytes, which starts where `from` does.
fn prefix(from: &[u8], len: usize) -> u64 {
    match (from.first_chunk::<8>(), len) {
        (_, 0) => 0,
        (Some(head), 1..8) => u64::from_be_bytes(*head) >> (64 - 8 * len),
        (Some(head), _) => u64::from_be_bytes(*head),
        (None, _) => {
            let bytes = from.iter().take(len);
            bytes.fold(0, |prefix, &byte| prefix << 8 | u64::from(byte))
        }
    }
}

fn has_double(keys: &mut [Key], text: &[u8], unescaped: &[u8]) -> bool {
    let order = |a: &Key, b: &Key| {
        let by_head = (a.prefix, a.len).cmp(&(b.prefix, b.len));
        by_head.then_with(|| a.bytes(text, unescaped).cmp(b.bytes(text, unescaped)))
    };
    keys.sort_unstable_by(order);
    keys.windows(2)
        .any(|pair| order(&pair[0], &pair[1]).is_eq())
}
