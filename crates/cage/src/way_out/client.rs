//! One side of a connection: its bytes, and those that were read ahead.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// As much is read at once.
pub(super) const PIECE: usize = 16 << 10;

/// Bytes both ways.
pub(super) trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// A client of the proxy.
pub(super) struct Client<S> {
    pub(super) stream: S,
    /// What was read and not used yet.
    pub(super) ahead: BytesMut,
}

impl<S: Pipe> Client<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            ahead: BytesMut::new(),
        }
    }

    /// The next bytes, exactly so many.
    pub(super) async fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.take_into(&mut bytes).await?;
        Ok(bytes)
    }

    pub(super) async fn take_into(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        while self.ahead.len() < bytes.len() {
            more(&mut self.stream, &mut self.ahead).await?;
        }
        self.ahead.copy_to_slice(bytes);
        Ok(())
    }

    pub(super) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }
}

/// Reads on.
///
/// # Errors
/// As the stream says; its end is one.
pub(super) async fn more(from: &mut (impl AsyncRead + Unpin), to: &mut BytesMut) -> io::Result<()> {
    to.reserve(PIECE);
    match from.take(PIECE as u64).read_buf(to).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
