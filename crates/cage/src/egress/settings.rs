//! What the connector is told by the operator.

use durward_core::Secret;
use durward_guard::egress::{EgressRules, HostName, Target};

/// What the operator says about the way out.
#[derive(Debug, Clone, Default)]
pub struct EgressSettings {
    /// What may be reached.
    pub rules: EgressRules,
    /// The proxy that all goes through: an `http://` URL without a path.
    pub proxy: Option<Target>,
    /// What is added to requests for certain hosts.
    pub credentials: Vec<Credential>,
    /// Certificate authorities beside the system's, as DER.
    pub extra_roots: Vec<Vec<u8>>,
}

/// A secret header for one host. It goes nowhere else, not even along with a redirect.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Where it goes.
    pub place: CredentialPlace,
    /// The header's name.
    pub header: String,
    /// Its whole value, such as `Bearer …`.
    pub value: Secret,
}

/// Where a credential goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialPlace {
    /// To this name, over https at port 443.
    Host(HostName),
    /// To exactly the origin of this URL, which may be http.
    Origin(Target),
}
