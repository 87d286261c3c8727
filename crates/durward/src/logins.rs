//! Logins at other servers, as the configuration has them: for the daemon, which uses them, and for
//! `durward auth`, which makes them.

use std::{path::PathBuf, sync::Arc};

use durward_cage::egress::Connector;
use durward_core::{Clock, ServerName};
use durward_guard::{GuardError, oauth::Scopes};
use durward_store::{
    StoreError, sealing,
    tokens::{SealingKey, TokenFiles},
};
use durward_upstream::{Grant, OAuth, OAuthSettings};
use zeroize::Zeroizing;

use crate::{
    config::{self, Config},
    egress,
};

/// Where logins are kept, and how they are made.
pub(crate) struct Logins {
    files: Arc<TokenFiles>,
    clock: Arc<dyn Clock>,
}

/// The login at one server.
pub(crate) struct Login {
    /// It itself.
    pub(crate) oauth: Arc<OAuth>,
    /// The way to what the server names.
    pub(crate) connector: Connector,
}

impl Logins {
    /// In the state folder of this configuration. Nothing is read or made yet.
    ///
    /// # Errors
    /// `cluster.sealing_key` is none.
    pub(crate) fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let key = match &config.cluster.sealing_key {
            Some(key) => SealingKey::Given(Zeroizing::new(sealing::parse(key.secret())?)),
            None => SealingKey::File(config.state.join("sealing.key")),
        };
        let files = TokenFiles::new(folder(config), key, Arc::clone(&clock));
        Ok(Self {
            files: Arc::new(files),
            clock,
        })
    }

    /// The login at a server; `None` where it is not by OAuth.
    ///
    /// # Errors
    /// [`GuardError`], naming what can't be used.
    pub(crate) fn at(
        &self,
        config: &Config,
        name: &ServerName,
        http: &config::Http,
    ) -> Result<Option<Login>, GuardError> {
        let Some(config::Auth::OAuth(oauth)) = &http.auth else {
            return Ok(None);
        };
        let connector = Connector::new(egress::for_login(config, http))?;
        // Where durward serves, whoever serves says so again.
        if let config::HttpDoor::Open(address) = &config.listen.http {
            connector.set_listeners(address.addresses().to_vec());
        }
        let scopes = Scopes::of(oauth.scopes.iter().map(config::ScopeWord::as_str));
        let secret = oauth.client_secret.as_ref();
        let settings = OAuthSettings {
            client_id: oauth.client_id.clone(),
            client_secret: secret.map(|secret| secret.secret().clone()),
            scopes: (!scopes.is_empty()).then_some(scopes),
            grant: match oauth.grant {
                config::GrantWord::AuthorizationCode => Grant::AuthorizationCode,
                config::GrantWord::ClientCredentials => Grant::ClientCredentials,
            },
        };
        let oauth = OAuth::new(
            name.clone(),
            http.url.target().clone(),
            settings,
            connector.clone(),
            Arc::clone(&self.files),
            Arc::clone(&self.clock),
        );
        Ok(Some(Login { oauth, connector }))
    }
}

/// The files of all servers that are logged in at, by name: another process may change them.
pub(crate) fn files(config: &Config) -> Vec<(ServerName, PathBuf)> {
    let by_oauth = |server: &config::Server| match &server.reach {
        config::Reach::Http(http) => matches!(http.auth, Some(config::Auth::OAuth(_))),
        config::Reach::Program(_) => false,
    };
    let named = config.servers.iter().filter(|(_, server)| by_oauth(server));
    named
        .map(|(key, _)| {
            let file = folder(config).join(format!("{}.sealed", key.name()));
            (key.name().clone(), file)
        })
        .collect()
}

/// Where they are kept.
pub(crate) fn folder(config: &Config) -> PathBuf {
    config.state.join("oauth")
}
