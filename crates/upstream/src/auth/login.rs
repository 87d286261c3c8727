//! A login of a person, from the browser's way out to the token that is kept.

use durward_core::Secret;
use durward_guard::{
    egress::Target,
    oauth::{
        Answered, Authorization, AuthorizationServer, OAuthFault, Scopes, Tokens, token_fault,
        tokens,
    },
};
use tokio::task::spawn_blocking;

use super::{
    AuthFault, Found, OAuth,
    away::Form,
    client::{Client, Enrolled},
    kept::{Kept, Login},
};
use std::sync::Arc;

const TOKENS: &str = "the token endpoint";

/// One attempt of a person to log in.
pub struct Attempt {
    found: Found,
    enrolled: Enrolled,
    authorization: Authorization,
    redirect: String,
    asked: Scopes,
}

impl Attempt {
    /// Where the browser goes.
    pub fn url(&self) -> &str {
        self.authorization.url()
    }

    /// Judges the query that a browser came back with. The code is used by [`OAuth::redeem`].
    ///
    /// # Errors
    /// As [`Authorization::judge`]; a refusal is one too.
    pub fn judge(&self, query: &str) -> Result<Secret, OAuthFault> {
        match self.authorization.judge(query)? {
            Answered::Code(code) => Ok(code),
            Answered::Refused(fault) => Err(fault),
        }
    }
}

/// What a token request was for.
pub(super) struct Bearing<'a> {
    pub(super) found: &'a Found,
    pub(super) client: &'a Client,
    pub(super) is_given: bool,
    pub(super) asked: &'a Scopes,
}

impl OAuth {
    /// The redirect that durward is registered with there, if it is: to be used again where it can be.
    ///
    /// # Errors
    /// What is kept can't be read.
    pub fn redirect(&self, found: &Found) -> Result<Option<String>, AuthFault> {
        let kept = self.load()?;
        Ok(kept
            .registration(found.issuer())
            .map(|registration| registration.redirect.clone()))
    }

    /// Begins an attempt whose answer goes to `redirect`, registering durward where it must be.
    ///
    /// # Errors
    /// [`AuthFault`]; nothing is kept.
    pub async fn attempt(&self, found: Found, redirect: &str) -> Result<Attempt, AuthFault> {
        let kept = self.load()?;
        // Before anybody hears of durward: without PKCE there is no login.
        if !found.server.takes_pkce {
            return Err(OAuthFault::NoPkce.into());
        }
        let enrolled = self.enrol(&found.server, &kept, redirect).await?;
        let asked = found.server.scopes(&self.scopes(&found, &kept));
        let authorization = Authorization::new(
            &found.server,
            &enrolled.client.id,
            redirect,
            &found.resource.id,
            &asked,
            &*self.clock,
        )?;
        Ok(Attempt {
            found,
            enrolled,
            authorization,
            redirect: redirect.to_owned(),
            asked,
        })
    }

    /// Turns the code of an attempt into a token, and keeps it.
    ///
    /// # Errors
    /// [`AuthFault`]; nothing is kept.
    pub async fn redeem(self: &Arc<Self>, attempt: Attempt, code: Secret) -> Result<(), AuthFault> {
        let Attempt {
            found,
            enrolled,
            authorization,
            redirect,
            asked,
        } = attempt;
        let form = Form::new(&[
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &redirect),
            ("code_verifier", authorization.verifier().secret().expose()),
            ("resource", &found.resource.id),
        ]);
        let client = &enrolled.client;
        let tokens = self.tokens(&found.server.token, client, form).await?;
        let bearing = Bearing {
            found: &found,
            client,
            is_given: enrolled.is_given,
            asked: &asked,
        };
        let login = self.login_of(&bearing, tokens);
        let registration = enrolled.registration;
        let bound = enrolled
            .is_given
            .then(|| (client.id.clone(), found.issuer().to_owned()));
        self.keep(move |kept| {
            if let Some(registration) = registration {
                kept.register(registration);
            }
            if let Some((id, issuer)) = bound {
                kept.bind(&id, &issuer);
            }
            kept.log_in(login);
        })
        .await
    }

    /// Asks a token endpoint.
    pub(super) async fn tokens(
        &self,
        endpoint: &Target,
        client: &Client,
        form: Form,
    ) -> Result<Tokens, AuthFault> {
        let answer = self.away.post(TOKENS, endpoint, client, form).await?;
        match answer.status {
            200 => Ok(tokens(&answer.body)?),
            status @ 400..=499 => Err(token_fault(status, &answer.body).into()),
            status => Err(AuthFault::Status {
                what: TOKENS,
                url: endpoint.to_string(),
                status,
            }),
        }
    }

    /// What is to be kept of a token.
    pub(super) fn login_of(&self, bearing: &Bearing<'_>, tokens: Tokens) -> Login {
        let AuthorizationServer { token, revoke, .. } = &bearing.found.server;
        let (expires, renew) = self.ends(tokens.lifetime);
        Login {
            server: self.target.as_str().to_owned(),
            issuer: bearing.found.issuer().to_owned(),
            resource: bearing.found.resource.id.clone(),
            client_id: bearing.client.id.clone(),
            // What the file has stays in the file.
            client_secret: bearing.client.secret.clone().filter(|_| !bearing.is_given),
            client_auth: bearing.client.auth,
            token_endpoint: token.to_string(),
            revocation_endpoint: revoke.as_ref().map(ToString::to_string),
            access: tokens.access,
            refresh: tokens.refresh,
            expires,
            renew,
            asked: bearing.asked.clone(),
            granted: tokens.scope,
        }
    }

    /// Changes what is kept, on a thread that may wait for the disk and for others.
    pub(super) async fn keep(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Kept) + Send + 'static,
    ) -> Result<(), AuthFault> {
        let own = Arc::clone(self);
        let kept = spawn_blocking(move || {
            own.change(|kept| {
                change(kept);
                Some(())
            })
        });
        kept.await.map_err(|_| AuthFault::Ending)??;
        self.look();
        Ok(())
    }
}
