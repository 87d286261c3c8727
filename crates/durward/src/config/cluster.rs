//! `cluster`: several durwards behind one address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secrets::SecretText;

/// What several durwards behind one address share.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// What seals session ids and cursors, as `${secret:…}`, the same for all; none: made and kept in the
    /// state folder.
    pub sealing_key: Option<SecretText>,
}
