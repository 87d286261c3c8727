//! Starting a program that speaks on its standard input and output.

use std::{sync::Arc, time::Duration};

use durward_cage::launch::{self, Launcher, Level, Plan};
use durward_core::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

/// A program, and how it is started.
#[derive(Clone)]
pub struct Command(pub(crate) Arc<dyn Starts>);

impl Command {
    /// One that the launcher starts by this plan.
    pub fn new(launcher: Launcher, plan: Plan) -> Self {
        Self(Arc::new(Launched { launcher, plan }))
    }
}

/// Starts a program, each time a new one.
pub(crate) trait Starts: Send + Sync {
    /// Starts it; the text says why it could not be.
    fn start(&self) -> BoxFuture<'_, Result<Running, String>>;
}

/// A program that runs, in pieces.
pub(crate) struct Running {
    pub(crate) stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub(crate) stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) stderr: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) process: Box<dyn Process>,
    /// How it is held.
    pub(crate) level: Level,
}

/// A process and all that it started. Dropping it kills them.
pub(crate) trait Process: Send {
    /// Waits for its end, and says how it ended.
    fn exited(&mut self) -> BoxFuture<'_, String>;
    /// Gives it so long to end by itself, its input being closed, and then kills the tree.
    fn stop(self: Box<Self>, grace: Duration) -> BoxFuture<'static, ()>;
}

struct Launched {
    launcher: Launcher,
    plan: Plan,
}

impl Starts for Launched {
    fn start(&self) -> BoxFuture<'_, Result<Running, String>> {
        Box::pin(async {
            let child = self.launcher.spawn(&self.plan).await;
            let child = child.map_err(|fault| fault.to_string())?;
            Ok(Running {
                level: child.level(),
                stdin: Box::new(child.stdin),
                stdout: Box::new(child.stdout),
                stderr: Box::new(child.stderr),
                process: Box::new(child.process),
            })
        })
    }
}

impl Process for launch::Process {
    fn exited(&mut self) -> BoxFuture<'_, String> {
        Box::pin(async { launch::Process::exited(self).await.to_string() })
    }

    fn stop(self: Box<Self>, grace: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            launch::Process::stop(*self, grace).await;
        })
    }
}
