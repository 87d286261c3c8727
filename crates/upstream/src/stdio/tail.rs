//! The end of what a program wrote on its standard error.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// So many bytes are kept.
const KEPT: usize = 64 * 1024;

#[derive(Default)]
pub(super) struct Tail(Mutex<VecDeque<u8>>);

impl Tail {
    pub(super) fn push(&self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(KEPT)..];
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = (kept.len() + bytes.len()).saturating_sub(KEPT);
        kept.drain(..over);
        kept.extend(bytes);
    }

    /// What is kept, as text: whole lines, for of half a secret nobody would know that it is one.
    pub(super) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = match kept.len() < KEPT {
            true => 0,
            false => kept
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(KEPT, |at| at + 1),
        };
        let whole: Vec<u8> = kept.iter().skip(cut).copied().collect();
        String::from_utf8_lossy(&whole).into_owned()
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
        assert!((KEPT - 6..KEPT).contains(&text.len()), "{}", text.len());
        assert!(text.ends_with("\n19999\n"));
        let first = text
            .lines()
            .next()
            .and_then(|line| line.parse::<u32>().ok());
        let lines = u32::try_from(text.lines().count()).ok();
        assert_eq!(
            first.zip(lines).map(|(first, lines)| first + lines),
            Some(20_000)
        );
        tail.push("x".repeat(3 * KEPT).as_bytes());
        assert_eq!(tail.text(), "", "half a line");
    }
}
