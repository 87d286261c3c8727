//! The URIs of other servers' resources, and back.

use durward_core::ServerName;

use super::{NameFault, judge};

/// The longest URI or template that a server may give a resource.
const LONGEST_URI: usize = 8 * 1024;

/// The URI, or the template, under which a server's resource is offered: `<server>+<uri>`. It is still a
/// URI (RFC 3986 section 3.1: a scheme may have a `+`), and [`own_uri`] leads back.
///
/// # Errors
/// [`NameFault`].
pub fn exposed_uri(server: &ServerName, uri: &str) -> Result<String, NameFault> {
    judge(uri, LONGEST_URI)?;
    Ok(format!("{server}+{uri}"))
}

/// The server that a URI names, and the URI there; `None` where it names none. A server of that name need
/// not be there: `git+ssh://host` is a URI of its own where none is called `git`.
pub fn own_uri(exposed: &str) -> Option<(ServerName, &str)> {
    let (server, uri) = exposed.split_once('+')?;
    let server = ServerName::new(server).ok()?;
    (!uri.is_empty()).then_some((server, uri))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server(name: &str) -> ServerName {
        ServerName::new(name).unwrap()
    }

    #[test]
    fn uris_lead_there_and_back() {
        for (own, exposed) in [
            ("file:///a/b c", "crm+file:///a/b c"),
            ("git+ssh://h/x", "crm+git+ssh://h/x"),
            ("test://template/{id}/data", "crm+test://template/{id}/data"),
            ("{+path}", "crm+{+path}"),
            ("note", "crm+note"),
        ] {
            assert_eq!(exposed_uri(&server("crm"), own).unwrap(), exposed);
            assert_eq!(own_uri(exposed), Some((server("crm"), own)));
        }
    }

    #[test]
    fn a_uri_of_its_own_is_no_server_s() {
        for uri in [
            "file:///a+b",
            "durward://guide",
            "",
            "+x",
            "crm+",
            "CRM+file:///a",
            "a_b+c:d",
        ] {
            assert_eq!(own_uri(uri), None, "{uri}");
        }
    }

    #[test]
    fn hostile_uris_are_refused() {
        let refused = |uri: &str| exposed_uri(&server("crm"), uri).unwrap_err();
        assert_eq!(refused(""), NameFault::Empty);
        assert_eq!(
            refused(&"x".repeat(8193)),
            NameFault::TooLong { most: 8192 }
        );
        for c in ['\0', '\n', '\u{202e}', '\u{200b}'] {
            assert_eq!(
                refused(&format!("a:{c}")),
                NameFault::Hidden { character: c }
            );
        }
    }

    proptest! {
        #[test]
        fn every_uri_comes_back(of in "[a-z][a-z0-9-]{0,30}", uri in "\\PC{1,60}") {
            if let Ok(exposed) = exposed_uri(&server(&of), &uri) {
                prop_assert_eq!(own_uri(&exposed), Some((server(&of), uri.as_str())));
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = (own_uri(&text), exposed_uri(&server("a"), &text));
        }
    }
}
