//! A pipe: lines in, lines out. Standard input and output, or the UNIX socket.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use durward_core::Cancel;
use durward_gate::Pipe;
use durward_wire::frame::{Frame, LineFrames, write_line};
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
/// A client that takes nothing for so long is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The two ends of what leaves by a pipe.
pub fn outbox() -> (mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>) {
    mpsc::channel(WAITING)
}

/// Serves one client until it closes its end, `stop` says so, or it can't be written to. With `stop`
/// the calls under way may end first, for as long as `drain`.
pub async fn serve(
    mut pipe: Pipe,
    outbox: mpsc::Receiver<Bytes>,
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

/// Writes messages as they come, as many at once as are there.
async fn write(
    mut outbox: mpsc::Receiver<Bytes>,
    mut writer: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut out = BytesMut::new();
    while let Some(message) = outbox.recv().await {
        write_line(&mut out, &message);
        while out.len() < BATCH {
            let Ok(message) = outbox.try_recv() else {
                break;
            };
            write_line(&mut out, &message);
        }
        let all = async {
            writer.write_all(&out).await?;
            writer.flush().await
        };
        tokio::time::timeout(WRITE_TIMEOUT, all)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        out.clear();
        if out.capacity() > 4 * BATCH {
            out = BytesMut::new();
        }
    }
    Ok(())
}
