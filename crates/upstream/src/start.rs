//! Starting a program that speaks on its standard input and output.

use std::time::Duration;

use durward_core::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

/// Starts a program, each time a new one.
pub trait Starts: Send + Sync {
    /// Starts it; the text says why it could not be.
    fn start(&self) -> BoxFuture<'_, Result<Running, String>>;
}

/// A program that runs, in pieces.
pub struct Running {
    /// Its standard input.
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its standard output.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Its standard error.
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// The process and all that it started; dropping it kills them.
    pub process: Box<dyn Process>,
}

/// A process and all that it started.
pub trait Process: Send {
    /// Waits for its end, and says how it ended.
    fn exited(&mut self) -> BoxFuture<'_, String>;
    /// Gives it so long to end by itself, its input being closed, and then kills the tree.
    fn stop(self: Box<Self>, grace: Duration) -> BoxFuture<'static, ()>;
}
