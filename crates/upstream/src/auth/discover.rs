//! Finding out who may issue a token for a server: its own metadata, then that of the authorization server
//! that it names.

use durward_guard::oauth::{
    AuthorizationServer, Challenge, Issuer, Resource, Scopes, resource_documents, server_documents,
};

use super::{AuthFault, OAuth, kept::Kept};

/// Who may issue a token, and for what.
#[derive(Debug)]
pub struct Found {
    pub(super) resource: Resource,
    pub(super) server: AuthorizationServer,
    /// What the server wants now, beyond what its metadata says.
    pub(super) challenged: Option<Scopes>,
    /// Has the authorization server no metadata, so that its places are those of revision 2025-03-26?
    pub(super) is_guessed: bool,
}

impl Found {
    /// The authorization server's name.
    pub fn issuer(&self) -> &str {
        self.server.issuer.as_str()
    }
}

pub(super) fn no_metadata(issuer: &str) -> AuthFault {
    AuthFault::NoMetadata {
        issuer: issuer.to_owned(),
    }
}

impl OAuth {
    /// Finds out who may issue a token, from what the server said when it wanted one.
    ///
    /// # Errors
    /// [`AuthFault`].
    pub async fn discover(&self, challenge: Option<&Challenge>) -> Result<Found, AuthFault> {
        let (resource, is_silent) = self.resource(challenge).await?;
        // Each of them is as good as the first, says the server.
        let issuer = resource.issuers.first();
        let issuer = issuer.ok_or(durward_guard::oauth::OAuthFault::NoAuthorizationServer)?;
        let (server, is_guessed) = self.authorization_server(issuer, is_silent).await?;
        Ok(Found {
            server,
            challenged: challenge.and_then(|challenge| challenge.scope.clone()),
            resource,
            is_guessed,
        })
    }

    /// What the server says of itself, or that it says nothing.
    async fn resource(&self, challenge: Option<&Challenge>) -> Result<(Resource, bool), AuthFault> {
        const WHAT: &str = "the server's OAuth metadata";
        let is_named = challenge.is_some_and(|challenge| challenge.resource_metadata.is_some());
        for target in resource_documents(&self.target, challenge)? {
            if let Some(body) = self.away.document(WHAT, &target).await? {
                return Ok((Resource::read(&self.target, &body)?, false));
            }
            if is_named {
                return Err(AuthFault::NoDocument {
                    what: WHAT,
                    url: target.to_string(),
                });
            }
        }
        Ok((Resource::silent(&self.target), true))
    }

    async fn authorization_server(
        &self,
        issuer: &Issuer,
        is_origin: bool,
    ) -> Result<(AuthorizationServer, bool), AuthFault> {
        const WHAT: &str = "the authorization server's metadata";
        for target in server_documents(issuer) {
            if let Some(body) = self.away.document(WHAT, &target).await? {
                let ground = self.ground();
                let server = AuthorizationServer::read(ground, issuer, is_origin, &body)?;
                return Ok((server, false));
            }
        }
        let silent = AuthorizationServer::silent(issuer).filter(|_| is_origin);
        let silent = silent.map(|server| (server, true));
        silent.ok_or_else(|| no_metadata(issuer.as_str()))
    }

    /// What is asked for: what the file says, or what the server wants and was given before.
    pub(super) fn scopes(&self, found: &Found, kept: &Kept) -> Scopes {
        if let Some(scopes) = &self.settings.scopes {
            return scopes.clone();
        }
        let first = found.challenged.as_ref().or(found.resource.scopes.as_ref());
        let first = first.cloned().unwrap_or_default();
        let before = kept
            .login(&self.target)
            .filter(|login| login.issuer == found.issuer() && login.resource == found.resource.id)
            .map(|login| {
                Scopes::of(
                    login
                        .asked
                        .iter()
                        .filter(|s| *s != durward_guard::oauth::OFFLINE),
                )
            });
        let wanted = kept.wanted.clone().unwrap_or_default();
        before.unwrap_or_default().and(&first).and(&wanted)
    }
}
