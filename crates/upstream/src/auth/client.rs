//! Who durward is to an authorization server: given by the file, described by a URL of the file, or
//! registered (`basic/authorization/client-registration`).

use durward_core::Secret;
use durward_guard::oauth::{
    AuthorizationServer, ClientAuth, Document, OAuthFault, is_metadata_url, registered, token_fault,
};
use serde_json::json;

use super::{
    AuthFault, OAuth,
    kept::{Kept, Login, Registration},
};

/// Durward's name there, and how it proves it.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: Option<Secret>,
    pub(super) auth: ClientAuth,
}

impl Client {
    fn new(id: String, secret: Option<Secret>, server: &AuthorizationServer) -> Self {
        let auth = ClientAuth::choose(secret.is_some(), server.auth_methods.as_deref());
        Self { id, secret, auth }
    }
}

/// A client, and what is to be kept of how it came to be.
pub(super) struct Enrolled {
    pub(super) client: Client,
    pub(super) registration: Option<Registration>,
    /// Is it the file's own, so that it belongs to one authorization server?
    pub(super) is_given: bool,
}

impl OAuth {
    /// Who durward is at this server, for answers that go to `redirect`.
    pub(super) async fn enrol(
        &self,
        server: &AuthorizationServer,
        kept: &Kept,
        redirect: &str,
    ) -> Result<Enrolled, AuthFault> {
        if let Some(client) = self.given(server, kept)? {
            return Ok(Enrolled {
                client,
                registration: None,
                is_given: true,
            });
        }
        let described = self.settings.client_id.as_ref();
        if let Some(url) = described.filter(|_| server.takes_metadata_urls) {
            return Ok(Enrolled {
                client: Client::new(url.clone(), None, server),
                registration: None,
                is_given: false,
            });
        }
        let before = kept.registration(server.issuer.as_str());
        let registration = match before.filter(|before| before.redirect == redirect) {
            Some(before) => before.clone(),
            None => self.register(server, redirect).await?,
        };
        Ok(Enrolled {
            client: Client {
                id: registration.client_id.clone(),
                secret: registration.client_secret.clone(),
                auth: registration.client_auth,
            },
            registration: Some(registration),
            is_given: false,
        })
    }

    /// The client that the file names, if it names one: it goes to no other authorization server than it
    /// first went to.
    pub(super) fn given(
        &self,
        server: &AuthorizationServer,
        kept: &Kept,
    ) -> Result<Option<Client>, AuthFault> {
        let Some(id) = self.settings.client_id.as_ref() else {
            return Ok(None);
        };
        if is_metadata_url(id) {
            return Ok(None);
        }
        match kept.bound(id) {
            Some(bound) if bound != server.issuer.as_str() => Err(AuthFault::OtherIssuer {
                now: server.issuer.as_str().to_owned(),
                bound: bound.to_owned(),
                server: self.server.to_string(),
            }),
            _ => {
                let secret = self.settings.client_secret.clone();
                Ok(Some(Client::new(id.clone(), secret, server)))
            }
        }
    }

    async fn register(
        &self,
        server: &AuthorizationServer,
        redirect: &str,
    ) -> Result<Registration, AuthFault> {
        let endpoint = server.register.as_ref().ok_or(OAuthFault::NoRegistration)?;
        let auth = ClientAuth::to_register(server.auth_methods.as_deref());
        let body = json!({
            "client_name": "durward",
            "application_type": "native",
            "redirect_uris": [redirect],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": auth.as_str(),
        });
        let answer = self.away.register(endpoint, body.to_string()).await?;
        match answer.status {
            200 | 201 => {}
            status @ 400..=499 => return Err(token_fault(status, &answer.body).into()),
            status => {
                return Err(AuthFault::Status {
                    what: "the registration of clients",
                    url: endpoint.to_string(),
                    status,
                });
            }
        }
        let registered = registered(&answer.body)?;
        let given = registered.auth.unwrap_or(match registered.secret {
            Some(_) => ClientAuth::choose(true, server.auth_methods.as_deref()),
            None => ClientAuth::None,
        });
        if given != ClientAuth::None && registered.secret.is_none() {
            let why = "it wants a `client_secret` and gives none".to_owned();
            return Err(OAuthFault::Malformed(Document::Registration, why).into());
        }
        Ok(Registration {
            issuer: server.issuer.as_str().to_owned(),
            client_id: registered.id,
            client_secret: registered.secret,
            client_auth: given,
            redirect: redirect.to_owned(),
        })
    }

    /// The client of a login: its password is the file's, where its name is.
    pub(super) fn client_of(&self, login: &Login) -> Client {
        let is_given = self.settings.client_id.as_ref() == Some(&login.client_id);
        let given = self.settings.client_secret.clone().filter(|_| is_given);
        Client {
            id: login.client_id.clone(),
            secret: given.or_else(|| login.client_secret.clone()),
            auth: login.client_auth,
        }
    }
}
