//! What the connector is told by the operator.

use durward_core::Secret;
use durward_guard::egress::{EgressRules, Target};

/// What the operator says about the way out.
#[derive(Debug, Clone, Default)]
pub struct EgressSettings {
    /// What may be reached.
    pub rules: EgressRules,
    /// The proxy that all goes through: an `http://` URL, of which only host and port count.
    pub proxy: Option<Target>,
    /// What is added to requests to certain origins.
    pub credentials: Vec<Credential>,
    /// Certificate authorities beside the system's, as DER.
    pub extra_roots: Vec<Vec<u8>>,
}

/// A secret header for one origin. It goes nowhere else, not even along with a redirect.
#[derive(Debug, Clone)]
pub struct Credential {
    /// A URL of the origin that it goes to; its path does not count.
    pub origin: Target,
    /// The header's name.
    pub header: String,
    /// Its whole value, such as `Bearer …`.
    pub value: Secret,
}
