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
}

impl Found {
    /// The authorization server's name.
    pub fn issuer(&self) -> &str {
        self.server.issuer.as_str()
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
        let server = self.authorization_server(issuer, is_silent).await?;
        Ok(Found {
            server,
            challenged: challenge.and_then(|challenge| challenge.scope.clone()),
            resource,
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
                return Err(AuthFault::Status {
                    what: WHAT,
                    url: target.to_string(),
                    status: 404,
                });
            }
        }
        Ok((Resource::silent(&self.target), true))
    }

    async fn authorization_server(
        &self,
        issuer: &Issuer,
        is_origin: bool,
    ) -> Result<AuthorizationServer, AuthFault> {
        const WHAT: &str = "the authorization server's metadata";
        for target in server_documents(issuer) {
            if let Some(body) = self.away.document(WHAT, &target).await? {
                let ground = self.ground();
                return Ok(AuthorizationServer::read(ground, issuer, is_origin, &body)?);
            }
        }
        let silent = AuthorizationServer::silent(issuer).filter(|_| is_origin);
        silent.ok_or_else(|| AuthFault::NoMetadata {
            issuer: issuer.as_str().to_owned(),
        })
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
