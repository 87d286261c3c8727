//! How a login stands, and its end.

use std::sync::Arc;

use durward_core::Wall;
use durward_guard::{egress::Target, oauth::Scopes};
use tokio::task::spawn_blocking;

use super::{
    AuthFault, OAuth,
    away::Form,
    kept::{Kept, Login},
};

const REVOCATION: &str = "the revocation endpoint";

/// How a login stands.
#[derive(Debug, Clone)]
pub struct LoginStatus {
    /// Who issued the token.
    pub issuer: String,
    /// What it is good for, as far as that was said.
    pub scopes: Scopes,
    /// When the token ends, if that was said.
    pub expires: Option<Wall>,
    /// Is it renewed without anybody?
    pub renews: bool,
    /// What the server wanted beyond it.
    pub wanted: Option<Scopes>,
}

/// What came of a logout.
#[derive(Debug)]
pub enum LoggedOut {
    /// There was no login.
    Nothing,
    /// It is forgotten here; the authorization server has no way to be told.
    Forgotten,
    /// It is forgotten here, and holds no more there.
    Revoked,
    /// It is forgotten here, and may hold there.
    NotRevoked(AuthFault),
}

impl OAuth {
    /// How the login stands; `None` where there is none.
    ///
    /// # Errors
    /// What is kept can't be read.
    pub fn status(&self) -> Result<Option<LoginStatus>, AuthFault> {
        let kept = self.load()?;
        Ok(kept.login(&self.target).map(|login| LoginStatus {
            issuer: login.issuer.clone(),
            scopes: login.granted.as_ref().unwrap_or(&login.asked).clone(),
            expires: login.expires,
            renews: login.refresh.is_some(),
            wanted: kept.wanted.clone(),
        }))
    }

    /// Forgets the login, with all that is kept of it, after telling the authorization server (RFC 7009).
    ///
    /// # Errors
    /// What is kept can't be removed.
    pub async fn log_out(self: &Arc<Self>) -> Result<LoggedOut, AuthFault> {
        // What can't be read can be removed all the same.
        let kept = self.load().unwrap_or_else(|error| {
            tracing::warn!(server = %self.server, %error, "what is kept of the login can't be read");
            Kept::default()
        });
        let told = match kept.login(&self.target) {
            Some(login) => Some(self.revoke(login).await),
            None => None,
        };
        let own = Arc::clone(self);
        let removed = spawn_blocking(move || own.files.lock(&own.server)?.remove());
        let removed = removed.await.map_err(|_| AuthFault::Ending)??;
        self.look();
        Ok(match told {
            None if removed => LoggedOut::Forgotten,
            None => LoggedOut::Nothing,
            Some(Ok(false)) => LoggedOut::Forgotten,
            Some(Ok(true)) => LoggedOut::Revoked,
            Some(Err(fault)) => LoggedOut::NotRevoked(fault),
        })
    }

    /// False where there is no way.
    async fn revoke(&self, login: &Login) -> Result<bool, AuthFault> {
        let Some(endpoint) = &login.revocation_endpoint else {
            return Ok(false);
        };
        let endpoint = Target::parse(endpoint);
        let endpoint = endpoint.map_err(|_| AuthFault::Kept(self.server.to_string()))?;
        let client = self.client_of(login);
        let refresh = login.refresh.iter().map(|token| (token, "refresh_token"));
        for (token, hint) in refresh.chain([(&login.access, "access_token")]) {
            let form = Form::new(&[("token", token.expose()), ("token_type_hint", hint)]);
            let answer = self.away.post(REVOCATION, &endpoint, &client, form).await?;
            if answer.status != 200 {
                return Err(AuthFault::Status {
                    what: REVOCATION,
                    url: endpoint.to_string(),
                    status: answer.status,
                });
            }
        }
        Ok(true)
    }
}
