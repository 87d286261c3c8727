//! A UNIX socket whose writer is left in peace. The system tells whoever may want to write of every message
//! that the peer takes off the socket: here it tells nobody but who waits for room. A process that
//! relays one message a time is woken by that message alone.

use std::{
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, unix::AsyncFd};

/// A connected socket.
pub struct Quiet {
    stream: AsyncFd<UnixStream>,
    /// Only while there is no room.
    room: Option<AsyncFd<UnixStream>>,
}

impl Quiet {
    /// The same socket, in the runtime at hand.
    ///
    /// # Errors
    /// The system has no room to watch it.
    pub fn new(stream: tokio::net::UnixStream) -> io::Result<Self> {
        let stream = watched(stream.into_std()?, Interest::READABLE)?;
        Ok(Self { stream, room: None })
    }

    fn poll_do<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl Fn(&UnixStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            match write(self.stream.get_ref()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                done => {
                    self.room = None;
                    return Poll::Ready(done);
                }
            }
            let room = match self.room.take() {
                Some(room) => room,
                None => {
                    let same = self.stream.get_ref().try_clone()?;
                    watched(same, Interest::WRITABLE)?
                }
            };
            let room = self.room.insert(room);
            ready!(room.poll_write_ready(context))?.clear_ready();
        }
    }
}

fn watched(stream: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    // SAFETY: a `UnixStream` owns its descriptor, which is open and the same until it is dropped, and it
    // is dropped with the `AsyncFd`: nobody takes it out.
    #[expect(unsafe_code, reason = "what is watched must stay open")]
    let watched = unsafe { AsyncFd::register_with_interest(stream, interest) };
    Ok(watched?)
}

impl AsyncRead for Quiet {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.stream.poll_read_ready(context))?;
            let room = into.initialize_unfilled();
            let wanted = room.len();
            match ready.try_io(|stream| stream.get_ref().read(room)) {
                Ok(Ok(count)) => {
                    // Less than there was room for is all there was: the next who asks need not look.
                    if (1..wanted).contains(&count) {
                        ready.clear_ready();
                    }
                    into.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for Quiet {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_do(context, |mut stream| stream.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_do(context, |mut stream| stream.write_vectored(pieces))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.get_ref().shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn more_than_there_is_room_for_arrives_and_so_does_what_comes_back() {
        const LONG: usize = 4 << 20;
        let (ours, mut theirs) = tokio::net::UnixStream::pair().unwrap();
        let echo = async {
            let mut all = vec![0; LONG];
            theirs.read_exact(&mut all).await.unwrap();
            theirs.write_all(&all).await.unwrap();
            theirs.shutdown().await.unwrap();
            assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0);
        };
        let (mut reader, mut writer) = tokio::io::split(Quiet::new(ours).unwrap());
        let sent: Vec<u8> = (0..LONG).map(|at| (at % 251) as u8).collect();
        let speak = async {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let (.., heard) = tokio::join!(echo, speak, reader.read_to_end(&mut got));
        assert_eq!(heard.unwrap(), LONG);
        assert!(got == sent);
    }
}
