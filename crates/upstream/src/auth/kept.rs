//! What is kept of a login: sealed, by server, and inside by issuer and resource.

use durward_core::{Secret, Wall};
use durward_guard::{
    egress::Target,
    oauth::{ClientAuth, Scopes},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{AuthFault, OAuth};

/// The one form that there is so far.
const VERSION: u32 = 1;
/// Registrations that are remembered.
const MOST: usize = 8;

/// All that is kept for one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    version: u32,
    login: Option<Login>,
    /// Where durward registered itself, the latest last.
    registrations: Vec<Registration>,
    /// Whose the client of the configuration is.
    bound: Option<Bound>,
    /// What the server wanted beyond what it was given.
    pub(super) wanted: Option<Scopes>,
}

/// A login: at whose, for what, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// The server's URL in the configuration: the token goes there and nowhere else.
    pub(super) server: String,
    pub(super) issuer: String,
    pub(super) resource: String,
    pub(super) client_id: String,
    #[serde(with = "hidden_if_any")]
    pub(super) client_secret: Option<Secret>,
    pub(super) client_auth: ClientAuth,
    pub(super) token_endpoint: String,
    pub(super) revocation_endpoint: Option<String>,
    #[serde(with = "hidden")]
    pub(super) access: Secret,
    #[serde(with = "hidden_if_any")]
    pub(super) refresh: Option<Secret>,
    pub(super) expires: Option<Wall>,
    /// When another one is got, so that none ends on its way.
    pub(super) renew: Option<Wall>,
    /// What was asked for, and what was given as far as that was said.
    pub(super) asked: Scopes,
    pub(super) granted: Option<Scopes>,
}

/// A client that an authorization server made for durward.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    pub(super) issuer: String,
    pub(super) client_id: String,
    #[serde(with = "hidden_if_any")]
    pub(super) client_secret: Option<Secret>,
    pub(super) client_auth: ClientAuth,
    /// Where its answers go.
    pub(super) redirect: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound {
    client_id: String,
    issuer: String,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            version: VERSION,
            login: None,
            registrations: Vec::new(),
            bound: None,
            wanted: None,
        }
    }
}

impl Kept {
    /// The login at this server, if it is for this very URL.
    pub(super) fn login(&self, target: &Target) -> Option<&Login> {
        let login = self.login.as_ref()?;
        (login.server == target.as_str()).then_some(login)
    }

    pub(super) fn login_mut(&mut self) -> Option<&mut Login> {
        self.login.as_mut()
    }

    /// Takes a login, and forgets what was wanted for it.
    pub(super) fn log_in(&mut self, login: Login) {
        self.login = Some(login);
        self.wanted = None;
    }

    /// The client that was made there, if any.
    pub(super) fn registration(&self, issuer: &str) -> Option<&Registration> {
        self.registrations.iter().find(|it| it.issuer == issuer)
    }

    pub(super) fn register(&mut self, registration: Registration) {
        let issuer = &registration.issuer;
        self.registrations.retain(|it| it.issuer != *issuer);
        if self.registrations.len() >= MOST {
            self.registrations.remove(0);
        }
        self.registrations.push(registration);
    }

    /// Whose this client of the configuration is, if that is known.
    pub(super) fn bound(&self, client_id: &str) -> Option<&str> {
        let bound = self.bound.as_ref()?;
        (bound.client_id == client_id).then_some(&bound.issuer)
    }

    pub(super) fn bind(&mut self, client_id: &str, issuer: &str) {
        self.bound = Some(Bound {
            client_id: client_id.to_owned(),
            issuer: issuer.to_owned(),
        });
    }

    /// As bytes, for sealing.
    pub(super) fn write(&self) -> Zeroizing<Vec<u8>> {
        // All of it is text and numbers, which JSON has.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }
}

impl OAuth {
    /// What is kept now; nothing is a [`Kept`] too.
    pub(super) fn load(&self) -> Result<Kept, AuthFault> {
        self.read(self.files.load(&self.server)?.as_deref())
    }

    /// Changes what is kept, while nobody else does.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Kept) -> Option<T>,
    ) -> Result<Option<T>, AuthFault> {
        let lock = self.files.lock(&self.server)?;
        let mut kept = self.read(lock.load()?.as_deref())?;
        let changed = change(&mut kept);
        if changed.is_some() {
            lock.keep(&kept.write())?;
        }
        Ok(changed)
    }

    pub(super) fn read(&self, bytes: Option<&Vec<u8>>) -> Result<Kept, AuthFault> {
        let Some(bytes) = bytes else {
            return Ok(Kept::default());
        };
        let kept = serde_json::from_slice(bytes);
        kept.ok()
            .filter(|kept: &Kept| kept.version == VERSION)
            .ok_or_else(|| AuthFault::Kept(self.server.to_string()))
    }
}

/// A secret on its way into the seal, and out of it.
mod hidden {
    use durward_core::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

/// The same, of one that need not be there.
mod hidden_if_any {
    use durward_core::Secret;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "that is how serde calls it")]
    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Secret>, D::Error> {
        Option::<String>::deserialize(from).map(|text| text.map(Secret::new))
    }
}
