//! The request target (RFC 9112, section 3.2): origin-form, or absolute-form for the same host.

use super::{HostHeader, error::HeadError};

/// A target's path and query, undecoded.
pub(super) struct Target {
    pub(super) path: String,
    pub(super) query: Option<String>,
}

/// Reads a target; asterisk-form and authority-form are refused.
pub(super) fn read(target: &str, host: &HostHeader) -> Result<Target, HeadError> {
    if !target
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    {
        return Err(HeadError::Target);
    }
    let local = if target.starts_with('/') {
        target
    } else {
        behind_authority(target, host)?
    };
    let (path, query) = match local.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (local, None),
    };
    let path = if path.is_empty() { "/" } else { path };
    Ok(Target {
        path: path.to_owned(),
        query,
    })
}

/// What follows the authority of an absolute-form target, which must be the Host header's.
fn behind_authority<'a>(target: &'a str, host: &HostHeader) -> Result<&'a str, HeadError> {
    let (scheme, rest) = target.split_once("://").ok_or(HeadError::Target)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(HeadError::Target);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let named: HostHeader = rest[..end].parse().map_err(|_| HeadError::Target)?;
    if named == *host {
        Ok(&rest[end..])
    } else {
        Err(HeadError::HostMismatch)
    }
}
