//! A task that was made for a call which nobody waits for any more: the server is told to give it up.

use std::time::Duration;

use super::about;
use crate::{Link, Own, server::Server};

/// How long a server may take to hear of it.
const FAREWELL: Duration = Duration::from_secs(5);

/// Cancels its task when it is dropped, unless the task has ended.
pub(crate) struct Abandoned<'a> {
    server: &'a Server,
    task: Option<(Link, Box<str>)>,
}

impl<'a> Abandoned<'a> {
    pub(crate) fn new(server: &'a Server, link: &Link, own: &str) -> Self {
        let task = Some((link.clone(), own.into()));
        Self { server, task }
    }

    /// It has ended.
    pub(crate) fn disarm(&mut self) {
        self.task = None;
    }
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        let Some((link, own)) = self.task.take() else {
            return;
        };
        self.server.later(async move {
            let params = about(&own);
            let own = Own::with_tasks();
            let told = link.call("tasks/cancel", &params, &own);
            // A server that does not hear it finds its task's end of life by itself.
            let _ = tokio::time::timeout(FAREWELL, told).await;
        });
    }
}
