//! The end of what a program wrote on its standard error.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// The last 64 KiB of what a program wrote on its standard error.
#[derive(Debug, Default)]
pub struct Tail(Mutex<VecDeque<u8>>);

impl Tail {
    /// So many bytes are kept.
    pub const KEPT: usize = 64 * 1024;

    /// Adds what it wrote.
    pub fn push(&self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(Self::KEPT)..];
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = (kept.len() + bytes.len()).saturating_sub(Self::KEPT);
        kept.drain(..over);
        kept.extend(bytes);
    }

    /// What is kept, as text.
    pub fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (front, back) = kept.as_slices();
        String::from_utf8_lossy(&[front, back].concat()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept() {
        let tail = Tail::default();
        for number in 0..20_000 {
            tail.push(format!("{number}\n").as_bytes());
        }
        let text = tail.text();
        assert_eq!(text.len(), Tail::KEPT);
        assert!(text.ends_with("\n19999\n"));
        tail.push("x".repeat(3 * Tail::KEPT).as_bytes());
        assert_eq!(tail.text(), "x".repeat(Tail::KEPT));
    }
}
