//! What a server says of itself (RFC 9728), and where it says it.

use serde::Deserialize;

use super::{
    Challenge, Document, Ground, Issuer, OAuthFault, Scopes,
    fault::{line_of, plain},
};
use crate::egress::Target;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
/// More than any server has.
const MOST_SERVERS: usize = 16;

/// Where a server's metadata may be, in the order in which it is asked for: where its challenge says, or
/// else with its path inserted and then at the root (`basic/authorization/authorization-server-discovery`).
///
/// # Errors
/// The challenge's own URL can't be asked.
pub fn resource_documents(
    server: &Target,
    challenge: Option<&Challenge>,
) -> Result<Vec<Target>, OAuthFault> {
    let ground = Ground::of(server);
    if let Some(url) = challenge.and_then(|challenge| challenge.resource_metadata.as_deref()) {
        return Ok(vec![ground.read(
            Document::Resource,
            "resource_metadata",
            url,
        )?]);
    }
    let own = server.path_and_query();
    let mut paths = vec![format!("{WELL_KNOWN}{own}"), WELL_KNOWN.to_owned()];
    if own == "/" {
        paths.remove(0);
    }
    let all = paths.iter().map(|path| server.join(path));
    Ok(all.filter_map(Result::ok).collect())
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What a token is asked for, as the server spells it (RFC 8707).
    pub id: String,
    /// Who may issue one, the first of them first.
    pub issuers: Vec<Issuer>,
    /// What it can be good for, if it says so.
    pub scopes: Option<Scopes>,
}

#[derive(Deserialize)]
struct Written {
    resource: String,
    #[serde(default)]
    authorization_servers: Option<Vec<String>>,
    #[serde(default)]
    scopes_supported: Option<Vec<String>>,
}

impl Resource {
    /// Reads the metadata of this server.
    ///
    /// # Errors
    /// It is none, it is of another server, or it names no authorization server that may be asked.
    pub fn read(server: &Target, body: &[u8]) -> Result<Self, OAuthFault> {
        let written: Written = serde_json::from_slice(body)
            .map_err(|error| OAuthFault::Malformed(Document::Resource, line_of(&error)))?;
        if !is_of(server, &written.resource) {
            return Err(OAuthFault::OtherResource {
                said: plain(&written.resource),
                asked: server.to_string(),
            });
        }
        let ground = Ground::of(server);
        let named = written.authorization_servers.unwrap_or_default();
        let issuers = named.iter().take(MOST_SERVERS);
        let issuers: Vec<_> = issuers
            .map(|text| Issuer::parse(ground, text))
            .collect::<Result<_, _>>()?;
        if issuers.is_empty() {
            return Err(OAuthFault::NoAuthorizationServer);
        }
        Ok(Self {
            id: written.resource,
            issuers,
            scopes: written.scopes_supported.map(Scopes::of),
        })
    }

    /// Of a server of revision 2025-03-26, which says nothing of itself and is its own authorization server.
    pub fn silent(server: &Target) -> Self {
        Self {
            id: id_of(server),
            issuers: vec![Issuer::of_origin(server)],
            scopes: None,
        }
    }
}

/// A server's canonical URI: without the slash that only stands for the root.
fn id_of(server: &Target) -> String {
    let text = server.as_str();
    match server.path_and_query() {
        "/" => text.strip_suffix('/').unwrap_or(text).to_owned(),
        _ => text.to_owned(),
    }
}

/// Is this a name of the server: its URL, or that of what it is a part of, at the same origin?
fn is_of(server: &Target, said: &str) -> bool {
    let Ok(target) = Target::parse(said) else {
        return false;
    };
    // A fragment is no part of a target, and no resource has one (RFC 8707 section 2).
    if said.contains('#') || target.origin() != server.origin() {
        return false;
    }
    let (own, said) = (server.path_and_query(), target.path_and_query());
    let folder = said.trim_end_matches('/');
    own == said
        || own == folder
        || own
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server(text: &str) -> Target {
        Target::parse(text).unwrap()
    }

    fn asked(url: &str, challenge: Option<&str>) -> Vec<String> {
        let challenge = challenge.and_then(Challenge::parse);
        let all = resource_documents(&server(url), challenge.as_ref()).unwrap();
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn metadata_is_looked_for_in_the_order_of_the_specification() {
        assert_eq!(
            asked("https://x.example/a/mcp", None),
            [
                "https://x.example/.well-known/oauth-protected-resource/a/mcp",
                "https://x.example/.well-known/oauth-protected-resource"
            ]
        );
        assert_eq!(
            asked("https://x.example/", None),
            ["https://x.example/.well-known/oauth-protected-resource"]
        );
        let challenge = r#"Bearer resource_metadata="https://y.example/m""#;
        assert_eq!(
            asked("https://x.example/mcp", Some(challenge)),
            ["https://y.example/m"]
        );
    }

    #[test]
    fn a_challenge_leads_nowhere_but_by_https() {
        for (own, url, may) in [
            ("https://x.example/", "http://x.example/m", false),
            ("https://x.example/", "http://127.0.0.1/m", false),
            ("https://x.example/", "file:///etc/passwd", false),
            ("https://x.example/", "https://u:p@x.example/", false),
            ("http://127.0.0.1:1/mcp", "http://localhost:2/m", true),
            ("http://127.0.0.1:1/mcp", "http://x.example/m", false),
            ("http://127.0.0.1:1/mcp", "https://x.example/m", true),
        ] {
            let challenge = Challenge {
                resource_metadata: Some(url.to_owned()),
                ..Challenge::default()
            };
            let found = resource_documents(&server(own), Some(&challenge));
            assert_eq!(found.is_ok(), may, "{own} {url}: {found:?}");
        }
    }

    #[test]
    fn metadata_of_another_server_is_refused() {
        let server = server("https://x.example/team/mcp");
        let read = |resource: &str| {
            let text = serde_json::json!({
                "resource": resource, "authorization_servers": ["https://as.example"]});
            Resource::read(&server, text.to_string().as_bytes())
        };
        for fine in [
            "https://x.example/team/mcp",
            "https://x.example/team/mcp/",
            "https://x.example/team",
            "https://x.example/team/",
            "https://x.example",
            "https://X.example/",
        ] {
            assert_eq!(read(fine).unwrap().id, fine);
        }
        for other in [
            "https://y.example/team/mcp",
            "http://x.example/team/mcp",
            "https://x.example:8443/team/mcp",
            "https://x.example/tea",
            "https://x.example/team/mcp/more",
            "https://x.example/team/mcp#a",
            "https://x.example/team/mcp?a=b",
            "https://x.example@y.example/team/mcp",
            "x.example",
            "",
        ] {
            let fault = read(other).unwrap_err();
            assert!(
                matches!(fault, OAuthFault::OtherResource { .. }),
                "{other}: {fault}"
            );
        }
    }

    #[test]
    fn an_authorization_server_is_named_by_a_url_that_may_be_asked() {
        let server = server("https://x.example/mcp");
        for bad in [
            r#"["http://as.example"]"#,
            r#"["https://as.example?a"]"#,
            r#"["https://as.example#a"]"#,
            r#"["ftp://as.example"]"#,
            r#"["https://u@as.example"]"#,
            r#"["https://as.example/\r\n"]"#,
            r#"[1]"#,
            r#"{}"#,
            r#"[]"#,
            "null",
        ] {
            let text =
                format!(r#"{{"resource":"https://x.example/mcp","authorization_servers":{bad}}}"#);
            assert!(Resource::read(&server, text.as_bytes()).is_err(), "{bad}");
        }
        let twice = r#"{"resource":"https://x.example/mcp","resource":"https://x.example/mcp","authorization_servers":["https://as.example"]}"#;
        assert!(Resource::read(&server, twice.as_bytes()).is_err());
    }

    #[test]
    fn a_silent_server_is_its_own_authorization_server() {
        let silent = Resource::silent(&server("https://x.example:8443/mcp"));
        assert_eq!(silent.id, "https://x.example:8443/mcp");
        assert_eq!(silent.issuers[0].as_str(), "https://x.example:8443");
        let root = Resource::silent(&server("https://x.example"));
        assert_eq!(root.id, "https://x.example");
    }

    proptest! {
        #[test]
        fn any_body_is_judged(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Resource::read(&server("https://x.example/mcp"), &body);
        }

        /// Whatever it is called, what is accepted as a name of the server is at its origin.
        #[test]
        fn a_name_is_of_the_same_origin(said in "https://[a-z@:./#?\\\\-]{0,40}") {
            let server = server("https://x.example/a/b");
            if is_of(&server, &said) {
                let said = Target::parse(&said).unwrap();
                prop_assert_eq!(said.origin(), server.origin());
            }
        }
    }
}
