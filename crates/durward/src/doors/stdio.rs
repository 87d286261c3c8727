//! Standard input and output. What is read and written depends on what they are: a pipe and a socket
//! can be waited for, a file or a terminal needs a thread.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::fs::FileType;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{
        UnixStream,
        unix::pipe::{Receiver, Sender},
    },
};

/// What a pipe to the client may hold, in bytes: a long answer then takes few writes and wakes. Larger
/// ones would soon use up what Linux grants a user in all (`fs.pipe-user-pages-soft`).
const PIPE: usize = 256 * 1024;

/// Standard input.
pub fn input() -> io::Result<Box<dyn AsyncRead + Unpin + Send>> {
    let fd = own(rustix::stdio::stdin())?;
    Ok(match kind(&fd)? {
        FileType::Fifo => Box::new(Receiver::from_owned_fd(fd)?),
        FileType::Socket => Box::new(socket(fd)?),
        _ => Box::new(tokio::io::stdin()),
    })
}

/// Standard output.
pub fn output() -> io::Result<Box<dyn AsyncWrite + Unpin + Send>> {
    let fd = own(rustix::stdio::stdout())?;
    Ok(match kind(&fd)? {
        FileType::Fifo => {
            // What the system refuses costs time and nothing else.
            let _ = rustix::pipe::fcntl_setpipe_size(&fd, PIPE);
            Box::new(Sender::from_owned_fd(fd)?)
        }
        FileType::Socket => Box::new(socket(fd)?),
        _ => Box::new(tokio::io::stdout()),
    })
}

/// A handle of our own, which no program that we start has, too.
fn own(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

fn kind(fd: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode))
}

fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let stream = std::os::unix::net::UnixStream::from(fd);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}
