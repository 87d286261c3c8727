//! One HTTP/1.1 connection (RFC 9112) and the requests on it. Nothing runs beside it: it moves when its
//! request does, and ends with it or waits in the pool.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming, SizeHint},
    client::conn::http1::{Builder, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::EgressFault;

/// The largest head of an answer, and so many headers.
const HEAD: usize = 32 << 10;
const HEADERS: usize = 128;
/// Interim (1xx) answers to one request.
const INTERIM: u8 = 8;

/// Bytes to elsewhere and back, in the clear or not.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A body in one piece.
pub(super) struct Whole(Option<Bytes>);

impl Whole {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

type Driver = Pin<Box<Connection<TokioIo<Box<dyn Stream>>, Whole>>>;

/// The connection.
pub(super) struct Link {
    sender: SendRequest<Whole>,
    /// Gone once the connection has ended.
    driver: Option<Driver>,
    opened: Instant,
    is_used: bool,
}

/// Why a request came to nothing.
pub(super) enum LinkFault {
    /// The connection had waited and was gone before a byte of an answer came.
    Stale,
    /// Anything else.
    Fault(EgressFault),
}

impl Link {
    /// Begins to speak HTTP on a stream.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that speaks HTTP to elsewhere"
    )]
    pub(super) async fn new(stream: Box<dyn Stream>) -> Result<Self, EgressFault> {
        let (sender, driver) = Builder::new()
            .max_buf_size(HEAD)
            .max_header_size(HEAD)
            .max_headers(HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| EgressFault::BadResponse)?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
            opened: Instant::now(),
            is_used: false,
        })
    }

    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    pub(super) fn is_open(&self) -> bool {
        self.driver.is_some() && !self.sender.is_closed()
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Whole>,
    ) -> Result<Response<Incoming>, LinkFault> {
        let interim = Arc::new(AtomicU8::new(0));
        let counter = Arc::clone(&interim);
        hyper::ext::on_informational(&mut request, move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let was_used = std::mem::replace(&mut self.is_used, true);
        self.ready().await;
        let mut answer = pin!(self.sender.send_request(request));
        let driver = &mut self.driver;
        poll_fn(|context| {
            drive(driver, context);
            if interim.load(Ordering::Relaxed) > INTERIM {
                return Poll::Ready(Err(LinkFault::Fault(EgressFault::TooManyInterim)));
            }
            let answered = answer.as_mut().poll(context);
            answered.map_err(|error| fault(&error, was_used))
        })
        .await
    }

    /// The next bytes of a body; none at its end.
    pub(super) async fn next(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, EgressFault> {
        let driver = &mut self.driver;
        loop {
            let frame = poll_fn(|context| {
                drive(driver, context);
                Pin::new(&mut *body).poll_frame(context)
            });
            match frame.await {
                None => return Ok(None),
                Some(Err(error)) => {
                    tracing::debug!(%error, "an answer broke off");
                    return Err(EgressFault::BadResponse);
                }
                // Trailers say nothing that is passed on.
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// May another request follow? To be asked after the end of the body.
    pub(super) async fn settle(&mut self) -> bool {
        // Once is enough: the end of the body has been read, and there is nothing to wait for.
        poll_fn(|context| {
            drive(&mut self.driver, context);
            Poll::Ready(())
        })
        .await;
        self.is_open() && self.sender.is_ready()
    }

    /// A connection has to move to notice that it is ready, or that it has ended.
    async fn ready(&mut self) {
        poll_fn(|context| {
            drive(&mut self.driver, context);
            match &self.driver {
                Some(_) => self.sender.poll_ready(context).map(drop),
                None => Poll::Ready(()),
            }
        })
        .await;
    }
}

fn drive(driver: &mut Option<Driver>, context: &mut Context<'_>) {
    if let Some(running) = driver
        && running.as_mut().poll(context).is_ready()
    {
        *driver = None;
    }
}

fn fault(error: &hyper::Error, was_used: bool) -> LinkFault {
    tracing::debug!(%error, "no answer");
    // hyper has a method for this for servers alone; its sentence is the same for both.
    let fault = if error.is_parse() && error.to_string().ends_with("head is too large") {
        EgressFault::HeadTooLarge
    } else if error.is_parse() || !was_used {
        EgressFault::BadResponse
    } else {
        return LinkFault::Stale;
    };
    LinkFault::Fault(fault)
}
