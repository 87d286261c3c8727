//! What a program prints, and no more of it than is kept.

use std::{future::pending, io::ErrorKind};

use bytes::BufMut;
use tokio::net::unix::pipe::Receiver;

use super::telling::Telling;

/// So much is read at once: what a pipe holds (pipe(7)).
const CHUNK: usize = 64 * 1024;

/// Both outputs of one program.
pub(super) struct Heard<'a> {
    stdout: Stream,
    stderr: Stream,
    telling: Telling<'a>,
}

/// What is kept of one output.
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    pub(super) truncated: bool,
}

struct Stream {
    pipe: Receiver,
    most: usize,
    kept: Kept,
    /// Nothing more is read: it is closed, or full.
    done: bool,
}

impl<'a> Heard<'a> {
    pub(super) fn new(
        stdout: Receiver,
        stderr: Receiver,
        most: usize,
        telling: Telling<'a>,
    ) -> Self {
        Self {
            stdout: Stream::new(stdout, most),
            stderr: Stream::new(stderr, most),
            telling,
        }
    }

    /// Reads until one of them has more than is kept. May be given up.
    pub(super) async fn until_full(&mut self) {
        while !self.stdout.kept.truncated && !self.stderr.kept.truncated {
            self.step().await;
        }
    }

    /// Reads until both are closed or full. May be given up.
    pub(super) async fn rest(&mut self) {
        while !self.stdout.done || !self.stderr.done {
            self.step().await;
        }
    }

    /// Stdout and stderr.
    pub(super) fn into_kept(self) -> (Kept, Kept) {
        (self.stdout.kept, self.stderr.kept)
    }

    async fn step(&mut self) {
        let Self {
            stdout,
            stderr,
            telling,
        } = self;
        tokio::select! {
            from = stdout.more() => telling.hear(&stdout.kept.bytes[from..]),
            from = stderr.more() => telling.hear(&stderr.kept.bytes[from..]),
            () = telling.due() => telling.tell(),
        }
    }
}

impl Stream {
    fn new(pipe: Receiver, most: usize) -> Self {
        Self {
            pipe,
            most,
            kept: Kept {
                bytes: Vec::new(),
                truncated: false,
            },
            done: false,
        }
    }

    /// Reads once; where what is new begins. Never, where nothing more is read.
    async fn more(&mut self) -> usize {
        let from = self.kept.bytes.len();
        while !self.done {
            let ready = self.pipe.readable().await;
            // One byte more than is kept tells that there is more.
            let room = self.most - from + 1;
            self.kept.bytes.reserve_exact(room.min(CHUNK));
            let mut space = (&mut self.kept.bytes).limit(room);
            match ready.and_then(|()| self.pipe.try_read_buf(&mut space)) {
                Ok(0) => self.done = true,
                Ok(_) if self.kept.bytes.len() > self.most => {
                    self.kept.bytes.truncate(self.most);
                    self.kept.truncated = true;
                    self.done = true;
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(_) => self.done = true,
            }
            return from;
        }
        pending().await
    }
}
