//! OAuth 2.1 as a client (MCP 2026-07-28, `basic/authorization`): how durward gets a token for a server, keeps
//! it, renews it, and sends it to that server alone.
//!
//! A person logs in by `durward auth login`, which goes through an [`Attempt`]; whoever serves calls only
//! uses what is kept and renews it, and never begins a login. Every request of it goes through a connector
//! of its own: all the URLs were written by the server.

mod away;
mod client;
mod discover;
mod fault;
mod kept;
mod login;
mod proof;
mod standing;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;
use durward_cage::egress::Connector;
use durward_core::{Clock, Secret, ServerName};
use durward_guard::{
    egress::Target,
    oauth::{Ground, Scopes},
};
use durward_store::tokens::TokenFiles;
use tokio::sync::Mutex as AsyncMutex;
use tokio_util::task::TaskTracker;

pub use discover::Found;
pub use fault::AuthFault;
pub use login::Attempt;
pub use standing::{LoggedOut, LoginStatus};

pub(crate) use proof::{Proof, Verdict};

use away::Away;
use proof::Pause;

/// What the configuration says of the login at one server.
#[derive(Debug, Clone)]
pub struct OAuthSettings {
    /// Durward's name there, if it was given one; or the URL of the document that describes it.
    pub client_id: Option<String>,
    /// Its password, if it was given one.
    pub client_secret: Option<Secret>,
    /// What is asked for; what the server wants, where there is nothing.
    pub scopes: Option<Scopes>,
    /// Who logs in.
    pub grant: Grant,
}

/// Who logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// A person, in a browser.
    AuthorizationCode,
    /// Durward itself, with its own password.
    ClientCredentials,
}

/// The login at one server.
pub struct OAuth {
    server: ServerName,
    target: Target,
    settings: OAuthSettings,
    away: Away,
    files: Arc<TokenFiles>,
    clock: Arc<dyn Clock>,
    /// What is sent with requests now.
    current: ArcSwapOption<Proof>,
    /// Held by whoever gets another token, so that it is done once.
    turn: AsyncMutex<()>,
    /// After a failure nothing is asked for a while.
    pause: Mutex<Option<Pause>>,
    /// A token that is being got is kept though the call that wanted it is gone.
    tasks: TaskTracker,
}

impl OAuth {
    /// The login at the server at `target`. `connector` is for what the server names, and judges it.
    pub fn new(
        server: ServerName,
        target: Target,
        settings: OAuthSettings,
        connector: Connector,
        files: Arc<TokenFiles>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let oauth = Arc::new(Self {
            server,
            target,
            settings,
            away: Away::new(connector),
            files,
            clock,
            current: ArcSwapOption::empty(),
            turn: AsyncMutex::new(()),
            pause: Mutex::default(),
            tasks: TaskTracker::new(),
        });
        oauth.look();
        oauth
    }

    /// Looks at what is kept now: after a login or a logout of another process.
    pub fn look(&self) {
        let proof = match self.load() {
            Ok(kept) => kept.login(&self.target).map(Proof::of),
            Err(error) => {
                tracing::warn!(server = %self.server, %error, "the login can't be read");
                None
            }
        };
        self.current.store(proof.map(Arc::new));
        self.set_pause(None);
    }

    /// Waits until what is being got is kept.
    pub(crate) async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn ground(&self) -> Ground {
        Ground::of(&self.target)
    }
}
