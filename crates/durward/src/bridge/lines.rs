//! Lines on their way out, in order. A line counts as sent with its last byte: whoever reads it acts on
//! nothing less.

use std::{collections::VecDeque, io, io::IoSlice};

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// So many lines leave by one call of the system at most.
const AT_ONCE: usize = 16;

/// A line's place among all that were ever added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(u64);

/// The lines that are not sent yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    waiting: VecDeque<Bytes>,
    /// So many bytes of the first one are written.
    written: usize,
    sent: u64,
    /// Of all that wait, in bytes.
    size: usize,
}

impl Lines {
    /// Adds a line, without its end.
    pub(super) fn push(&mut self, line: Bytes) -> Number {
        let number = self.sent + u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        self.size += line.len();
        self.waiting.push_back(line);
        Number(number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many bytes wait.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The first that is not sent: those before it may have been acted on, it and those after it not.
    pub(super) fn unsent(&self) -> Number {
        Number(self.sent)
    }

    /// Another reader: what was begun is written from its start.
    pub(super) fn rewind(&mut self) {
        self.written = 0;
    }

    /// Drops all that wait.
    pub(super) fn clear(&mut self) {
        self.sent += u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        self.waiting.clear();
        (self.written, self.size) = (0, 0);
    }

    /// Writes some of what waits. Nothing is lost where this is given up.
    pub(super) async fn write(&mut self, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
        let mut skip = self.written;
        let mut pieces = Vec::with_capacity(2 * AT_ONCE.min(self.waiting.len()));
        for line in self.waiting.iter().take(AT_ONCE) {
            for piece in [&line[..], b"\n"] {
                let from = skip.min(piece.len());
                skip -= from;
                if from < piece.len() {
                    pieces.push(IoSlice::new(&piece[from..]));
                }
            }
        }
        let count = to.write_vectored(&pieces).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.took(count);
        Ok(())
    }

    fn took(&mut self, count: usize) {
        self.written += count;
        while let Some(first) = self.waiting.front() {
            let whole = first.len() + 1;
            if self.written < whole {
                break;
            }
            self.written -= whole;
            self.size -= first.len();
            self.sent += 1;
            self.waiting.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use proptest::prelude::*;

    use super::*;

    /// Takes a few bytes at a time.
    struct Slow(Vec<u8>, usize);

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.1);
            self.0.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn written(lines: &mut Lines, to: &mut Slow) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(lines.write(to)).unwrap();
    }

    proptest! {
        #[test]
        fn all_leaves_in_order(texts in proptest::collection::vec("[a-z]{0,9}", 0..40), pace in 1..20_usize) {
            let mut lines = Lines::default();
            let mut to = Slow(Vec::new(), pace);
            for text in &texts {
                lines.push(Bytes::from(text.clone()));
            }
            while !lines.is_empty() {
                written(&mut lines, &mut to);
            }
            let expected: String = texts.iter().map(|text| format!("{text}\n")).collect();
            prop_assert_eq!(String::from_utf8(to.0).unwrap(), expected);
        }
    }

    #[test]
    fn a_line_is_sent_with_its_end_and_half_of_one_is_sent_anew() {
        let mut lines = Lines::default();
        let numbers = ["one", "two"].map(|text| lines.push(Bytes::from_static(text.as_bytes())));
        let mut to = Slow(Vec::new(), 3);
        written(&mut lines, &mut to);
        assert_eq!(lines.unsent(), numbers[0], "its end is missing");
        to.1 = 2;
        written(&mut lines, &mut to);
        assert_eq!(lines.unsent(), numbers[1]);
        lines.rewind();
        let mut next = Slow(Vec::new(), 100);
        while !lines.is_empty() {
            written(&mut lines, &mut next);
        }
        assert_eq!((&next.0[..], lines.size()), (&b"two\n"[..], 0));
        assert!(lines.unsent() > numbers[1]);
    }
}
