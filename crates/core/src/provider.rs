//! The one trait behind which everything stands that a call can reach.

use std::{future::Future, pin::Pin, sync::Arc};

use uuid::Uuid;

use crate::{
    Answer, Call, CallerId, ClientRoots, Freshness, Located, Offer, OnChange, PackName, Refusal,
    ServerName, Target, Watch, Witness,
};

/// A future on the heap: the one that a call may cost.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Offers tools, resources and prompts. Only the gate's pipeline may call [`Provider::call`].
///
/// Dropping the future stops the work; so does the call's [`crate::Cancel`], which work on other
/// threads must watch.
pub trait Provider: Send + Sync {
    /// The name that `server:` selectors and the record use.
    fn name(&self) -> &PackName;

    /// What it offers now.
    fn offer(&self) -> Offer;

    /// How well the offer holds just now.
    fn freshness(&self) -> Freshness {
        Freshness::default()
    }

    /// The server that it stands for, if it is one: it has an endpoint of its own, where its names are
    /// not prefixed.
    fn server(&self) -> Option<&ServerName> {
        None
    }

    /// Takes note of whom to tell when what it offers changes; who was told of before is told no more.
    /// `changed` asks for the offer before it returns, so it is called with no lock held that
    /// [`Provider::offer`] takes, and not from within this.
    fn attend(&self, _changed: OnChange) {}

    /// Takes note of who keeps the record of what it asks of clients.
    fn report_to(&self, _witness: Arc<dyn Witness>) {}

    /// A client looks at its lists: whatever of them has had its time may be asked for anew. It may not
    /// wait.
    fn wanted(&self) {}

    /// Ends when something is known of what it offers; `None` where something is. Lists wait for it a
    /// moment, once.
    fn ready(&self) -> Option<BoxFuture<'_, ()>> {
        None
    }

    /// Where a URI leads that none of its listed resources has; `None` where none of its templates
    /// covers it. Looks at the spelling and its own rules, and does no I/O.
    ///
    /// # Errors
    /// It is spelled in a way that is not taken, or the rules forbid the place.
    fn locate(
        &self,
        _uri: &str,
        _within: Option<&ClientRoots>,
    ) -> Option<Result<Located, Refusal>> {
        None
    }

    /// Did an answer of its own hold this URI, for this caller? As its own names are, without its server's.
    fn gave(&self, _caller: &CallerId, _uri: &str) -> bool {
        false
    }

    /// A client's session is over: what was kept for it alone may end.
    fn session_ended(&self, _session: Uuid) {}

    /// Watches a place that it located; `None` where it can't tell of changes.
    ///
    /// # Errors
    /// Too much is watched already.
    fn watch(&self, _located: &Located, _changed: OnChange) -> Result<Option<Watch>, Refusal> {
        Ok(None)
    }

    /// Watches a task that a call has become, by the server's own id; `None` where it can't tell of changes.
    /// Whoever is told looks for itself, as the caller whose task it is.
    fn watch_task(&self, _own: &str, _changed: OnChange) -> Option<Watch> {
        None
    }

    /// Watches a URL that the server wants opened, by its elicitation's id: `done` is told when the server says
    /// that it was.
    fn watch_elicitation(&self, _id: &str, _done: OnChange) -> Option<Watch> {
        None
    }

    /// Do the client's own roots narrow what it does?
    fn heeds_roots(&self) -> bool {
        false
    }

    /// What the program runs in that works for this (`box`, `home`, `host`, `off`); `None` where none is
    /// started for its calls.
    fn room(&self, _target: &Target) -> Option<&'static str> {
        None
    }

    /// Does it.
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>>;
}
