//! A pipe: lines in, lines out. Standard input and output, or the UNIX socket.

use std::{io, time::Duration};

use bytes::{BufMut, BytesMut};
use durward_core::{Body, Cancel};
use durward_gate::Pipe;
use durward_wire::frame::{Frame, LineFrames, is_one_line, write_line};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

/// Messages that may wait for a slow client; calls wait with their answers beyond it.
const WAITING: usize = 256;
/// What is written at once.
const BATCH: usize = 64 * 1024;
/// What is read at once.
const READ: usize = 16 * 1024;
/// End of file cancels everything; what is about to end anyway may say so first.
const GRACE: Duration = Duration::from_millis(80);
/// A client that takes less than this in [`WRITE_TIMEOUT`] is given up.
const PACE: usize = 1 << 20;
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The two ends of what leaves by a pipe.
pub fn outbox() -> (mpsc::Sender<Body>, mpsc::Receiver<Body>) {
    mpsc::channel(WAITING)
}

/// Serves one client until it closes its end, `stop` says so, or it can't be written to. With `stop`
/// the calls under way may end first, for as long as `drain`.
pub async fn serve(
    mut pipe: Pipe,
    outbox: mpsc::Receiver<Body>,
    line: usize,
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin,
    stop: &Cancel,
    drain: Duration,
) -> io::Result<()> {
    let reading = async {
        tokio::select! {
            read = read(&mut pipe, reader, line) => {
                // A stopped timer only means that not all of them were that quick.
                let _ = tokio::time::timeout(GRACE, pipe.finish()).await;
                read
            }
            () = stop.cancelled() => Ok(()),
        }?;
        if stop.is_cancelled() {
            // What does not end in time is cancelled with the pipe.
            let _ = tokio::time::timeout(drain, pipe.finish()).await;
        }
        drop(pipe);
        Ok(())
    };
    let writing = write(outbox, writer);
    tokio::pin!(reading, writing);
    tokio::select! {
        read = &mut reading => {
            // Every sender is gone, so the writer ends with the last answer.
            let wrote = writing.await;
            read.and(wrote)
        }
        wrote = &mut writing => wrote,
    }
}

async fn read(pipe: &mut Pipe, mut reader: impl AsyncRead + Unpin, line: usize) -> io::Result<()> {
    let mut frames = LineFrames::new(line);
    loop {
        while let Some(frame) = frames.next() {
            match frame {
                Frame::Line(line) => {
                    if pipe.line(line).await.is_err() {
                        return Ok(());
                    }
                }
                Frame::TooLong => pipe.too_long().await,
            }
        }
        frames.buffer().reserve(READ);
        if reader.read_buf(frames.buffer()).await? == 0 {
            return Ok(());
        }
    }
}

/// Writes messages as they come, as many short ones at once as are there; a long one is not copied.
async fn write(
    mut outbox: mpsc::Receiver<Body>,
    mut writer: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut out = BytesMut::new();
    while let Some(mut message) = outbox.recv().await {
        loop {
            if message.len() >= BATCH && message.parts().all(is_one_line) {
                send(&mut writer, &out).await?;
                for part in message.parts() {
                    send(&mut writer, part).await?;
                }
                out.clear();
                out.put_u8(b'\n');
            } else {
                write_line(&mut out, &message.into_bytes());
            }
            message = match outbox.try_recv() {
                Ok(next) if out.len() < BATCH => next,
                Ok(next) => {
                    send(&mut writer, &out).await?;
                    out.clear();
                    next
                }
                Err(_) => break,
            };
        }
        send(&mut writer, &out).await?;
        out.clear();
        if out.capacity() > 4 * BATCH {
            out = BytesMut::new();
        }
    }
    Ok(())
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    // A pace, not a total: a large answer to a slow but living client is let through.
    for piece in bytes.chunks(PACE) {
        let all = async {
            writer.write_all(piece).await?;
            writer.flush().await
        };
        tokio::time::timeout(WRITE_TIMEOUT, all)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    }
    Ok(())
}
