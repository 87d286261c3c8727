//! A body on its way from one connection to another: exactly as long as its head said.

use std::io;

use bytes::BytesMut;
use durward_wire::http1::{ChunkedDecoder, Progress};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::{client::more, tunnel::Moved};

/// How the end of a body is known, and how it is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length(u64),
    /// By its chunks; it goes on in chunks.
    Chunked,
    /// By its chunks; it goes on without, and ends with the connection.
    Unchunked,
    /// With the connection.
    UntilClose,
}

/// Passes a body on; `ahead` was read of it before. Nothing beyond it is passed on.
pub(super) async fn pass(
    framing: Framing,
    from: &mut (impl AsyncRead + Unpin),
    ahead: &mut BytesMut,
    to: &mut (impl AsyncWrite + Unpin),
    moved: &Moved,
) -> io::Result<()> {
    match framing {
        Framing::None => Ok(()),
        Framing::Length(length) => counted(length, from, ahead, to, moved).await,
        Framing::Chunked => chunked(true, from, ahead, to, moved).await,
        Framing::Unchunked => chunked(false, from, ahead, to, moved).await,
        Framing::UntilClose => loop {
            let length = ahead.len();
            to.write_all_buf(ahead).await?;
            moved.by(length);
            match more(from, ahead).await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                read => read?,
            }
        },
    }
}

async fn counted(
    mut left: u64,
    from: &mut (impl AsyncRead + Unpin),
    ahead: &mut BytesMut,
    to: &mut (impl AsyncWrite + Unpin),
    moved: &Moved,
) -> io::Result<()> {
    loop {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(ahead.len());
        to.write_all_buf(&mut ahead.split_to(here)).await?;
        moved.by(here);
        left -= here as u64;
        if left == 0 {
            return Ok(());
        }
        more(from, ahead).await?;
    }
}

async fn chunked(
    stay: bool,
    from: &mut (impl AsyncRead + Unpin),
    ahead: &mut BytesMut,
    to: &mut (impl AsyncWrite + Unpin),
    moved: &Moved,
) -> io::Result<()> {
    let mut decoder = ChunkedDecoder::new();
    let mut out = BytesMut::new();
    loop {
        // What was there is all that it holds: it is passed on before more is read.
        let progress = decoder
            .decode(ahead, &mut out, usize::MAX)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        moved.by(out.len());
        if !out.is_empty() {
            if stay {
                to.write_all(format!("{:x}\r\n", out.len()).as_bytes())
                    .await?;
                out.extend_from_slice(b"\r\n");
            }
            to.write_all_buf(&mut out).await?;
        }
        if progress == Progress::Done {
            return if stay {
                to.write_all(b"0\r\n\r\n").await
            } else {
                Ok(())
            };
        }
        more(from, ahead).await?;
    }
}
