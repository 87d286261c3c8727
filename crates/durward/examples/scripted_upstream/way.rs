//! Where a message goes: to the pipe, or to one stream of HTTP.

use std::{
    io::{Write, stdout},
    net::TcpStream,
    sync::{Arc, Mutex},
    time::Duration,
};

#[derive(Clone)]
pub(crate) enum Way {
    Stdout,
    Stream(Arc<Mutex<TcpStream>>),
}

impl Way {
    pub(crate) fn stream(stream: &TcpStream) -> Self {
        Self::Stream(Arc::new(Mutex::new(
            stream.try_clone().expect("the same stream"),
        )))
    }

    /// Says it. Whoever reads may be gone, and that is no matter of the server's.
    pub(crate) fn say(&self, message: &str) {
        match self {
            Self::Stdout => {
                let mut out = stdout().lock();
                let _ = out.write_all(format!("{message}\n").as_bytes());
                let _ = out.flush();
            }
            Self::Stream(stream) => {
                let event = format!("data: {message}\n\n");
                let chunk = format!("{:x}\r\n{event}\r\n", event.len());
                let _ = lock(stream).write_all(chunk.as_bytes());
            }
        }
    }

    /// Has the other side hung up?
    pub(crate) fn is_gone(&self) -> bool {
        let Self::Stream(stream) = self else {
            return false;
        };
        let stream = lock(stream);
        let _ = stream.set_read_timeout(Some(Duration::from_millis(1)));
        let looked = stream.peek(&mut [0]);
        let _ = stream.set_read_timeout(None);
        matches!(looked, Ok(0)) || looked.is_err_and(|error| error.raw_os_error() == Some(104))
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
