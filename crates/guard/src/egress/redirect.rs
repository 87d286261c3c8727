//! Where a redirect leads, and what goes along (RFC 9110 section 15.4).

use super::{EgressFault, Method, RequestHeaders, Scheme, Target};

/// One request of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The method.
    pub method: Method,
    /// Where to.
    pub target: Target,
    /// With what.
    pub headers: RequestHeaders,
    /// Does the body go along?
    pub has_body: bool,
}

/// Is it a redirect that has somewhere to go?
pub fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The request that a redirect asks for. It is not judged yet: it begins anew, as any other.
///
/// # Errors
/// `invalid_redirect`, `unsupported_protocol` or `redirect_downgrade`.
pub fn follow(from: Hop, status: u16, location: &str) -> Result<Hop, EgressFault> {
    let target = from
        .target
        .join(location)
        .map_err(EgressFault::of_redirect)?;
    if from.target.scheme() == Scheme::Https && target.scheme() == Scheme::Http {
        return Err(EgressFault::RedirectDowngrade);
    }
    let mut next = Hop { target, ..from };
    if !matches!(status, 307 | 308) && next.method != Method::Head {
        next.method = Method::Get;
        next.has_body = false;
        next.headers.drop_those_of_body();
    }
    if next.target.origin() != from.target.origin() {
        next.headers.keep_portable();
    }
    Ok(next)
}
