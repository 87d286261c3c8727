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

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        let mut headers = RequestHeaders::new();
        for (name, value) in [("accept", "a"), ("content-type", "b"), ("x-api-key", "c")] {
            headers.set(name, value).unwrap();
        }
        Hop {
            method,
            target: Target::parse(url).unwrap(),
            headers,
            has_body: true,
        }
    }

    fn names(hop: &Hop) -> Vec<&str> {
        hop.headers.iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn only_307_and_308_keep_method_and_body() {
        for status in [301, 302, 303] {
            let next = follow(hop(Method::Post, "https://a.com/x"), status, "/y").unwrap();
            assert_eq!((next.method, next.has_body), (Method::Get, false));
            assert_eq!(names(&next), ["accept", "x-api-key"]);
        }
        for status in [307, 308] {
            let next = follow(hop(Method::Put, "https://a.com/x"), status, "/y").unwrap();
            assert_eq!((next.method, next.has_body), (Method::Put, true));
            assert_eq!(names(&next), ["accept", "content-type", "x-api-key"]);
        }
        let next = follow(hop(Method::Head, "https://a.com/x"), 302, "/y").unwrap();
        assert_eq!(next.method, Method::Head);
        assert!(
            [200, 300, 304, 305, 306, 309]
                .iter()
                .all(|status| !is_redirect(*status))
        );
    }

    #[test]
    fn another_origin_learns_nothing_of_the_caller() {
        for (location, is_kept) in [
            ("https://a.com/z", true),
            ("https://a.com:443/z", true),
            ("https://a.com:444/z", false),
            ("//b.com/z", false),
            ("https://sub.a.com/", false),
        ] {
            let next = follow(hop(Method::Get, "https://a.com/x"), 307, location).unwrap();
            assert_eq!(names(&next).contains(&"x-api-key"), is_kept, "{location}");
        }
        let next = follow(hop(Method::Get, "http://a.com/x"), 307, "https://a.com/x").unwrap();
        assert!(!names(&next).contains(&"x-api-key"));
    }

    #[test]
    fn a_location_is_parsed_as_strictly_as_a_url() {
        for (location, fault) in [
            ("http://a.com/", EgressFault::RedirectDowngrade),
            ("file:///etc/passwd", EgressFault::UnsupportedProtocol),
            ("javascript:alert(1)", EgressFault::UnsupportedProtocol),
            ("https://u@b.com/", EgressFault::InvalidRedirect),
            ("https://b.com/\r\nX: y", EgressFault::InvalidRedirect),
            ("https://b.com:0/", EgressFault::InvalidRedirect),
            ("", EgressFault::InvalidRedirect),
        ] {
            let next = follow(hop(Method::Get, "https://a.com/x"), 302, location);
            assert_eq!(next, Err(fault), "{location:?}");
        }
    }

    #[test]
    fn a_relative_location_is_resolved_against_its_own_hop() {
        let mut next = hop(Method::Get, "https://a.com/a/hop");
        for location in ["/b/hop2", "final"] {
            next = follow(next, 302, location).unwrap();
        }
        assert_eq!(next.target.as_str(), "https://a.com/b/final");
    }
}
