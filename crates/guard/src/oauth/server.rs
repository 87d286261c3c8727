//! What an authorization server says of itself (RFC 8414, OpenID Connect Discovery 1.0), and where.

use serde::Deserialize;

use super::{
    Document, Ground, Issuer, OAuthFault, Scopes,
    fault::{line_of, plain},
    pkce,
};
use crate::egress::Target;

/// Where an authorization server's metadata may be, in the order in which it is asked for
/// (`basic/authorization/authorization-server-discovery`).
pub fn server_documents(issuer: &Issuer) -> Vec<Target> {
    let target = issuer.target();
    let path = target.path_and_query().trim_end_matches('/');
    let mut paths = vec![
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        paths.push(format!("{path}/.well-known/openid-configuration"));
    }
    let all = paths.iter().map(|path| target.join(path));
    all.filter_map(Result::ok).collect()
}

/// An authorization server, as far as a client needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for itself")]
pub struct AuthorizationServer {
    /// Its name.
    pub issuer: Issuer,
    /// Where a person agrees.
    pub authorize: Option<Target>,
    /// Where a code becomes a token.
    pub token: Target,
    /// Where clients register themselves.
    pub register: Option<Target>,
    /// Where tokens are given back.
    pub revoke: Option<Target>,
    /// Does it say that it takes PKCE with S256?
    pub takes_pkce: bool,
    /// Does it name itself in its answers (RFC 9207)?
    pub names_itself: bool,
    /// Does it take a URL for a client's name (Client ID Metadata Documents)?
    pub takes_metadata_urls: bool,
    /// Does it know `offline_access`?
    pub knows_offline: bool,
    /// How clients prove who they are, if it says so.
    pub auth_methods: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Written {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    registration_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    scopes_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
    client_id_metadata_document_supported: Option<bool>,
}

impl AuthorizationServer {
    /// Reads the metadata of the server of this name. Where the name was made from an origin, a slash at its
    /// end does not count.
    ///
    /// # Errors
    /// It is none, it is of another server, or names what may not be asked.
    pub fn read(
        ground: Ground,
        issuer: &Issuer,
        is_origin: bool,
        body: &[u8],
    ) -> Result<Self, OAuthFault> {
        let written: Written = serde_json::from_slice(body)
            .map_err(|error| OAuthFault::Malformed(Document::Server, line_of(&error)))?;
        let own = issuer.as_str();
        let is_its =
            written.issuer == own || is_origin && written.issuer.strip_suffix('/') == Some(own);
        if !is_its {
            return Err(OAuthFault::OtherIssuer {
                said: plain(&written.issuer),
                asked: own.to_owned(),
            });
        }
        let read = |field, text: Option<String>| {
            let text = text.as_deref();
            text.map(|text| ground.read(Document::Server, field, text))
                .transpose()
        };
        let names = |list: &Option<Vec<String>>, name: &str| {
            list.iter().flatten().any(|listed| listed == name)
        };
        Ok(Self {
            issuer: Issuer::parse(ground, &written.issuer)?,
            authorize: read("authorization_endpoint", written.authorization_endpoint)?,
            token: read("token_endpoint", written.token_endpoint)?
                .ok_or(OAuthFault::NoEndpoint("token_endpoint"))?,
            register: read("registration_endpoint", written.registration_endpoint)?,
            revoke: read("revocation_endpoint", written.revocation_endpoint)?,
            takes_pkce: names(&written.code_challenge_methods_supported, pkce::METHOD),
            names_itself: written.authorization_response_iss_parameter_supported == Some(true),
            takes_metadata_urls: written.client_id_metadata_document_supported == Some(true),
            knows_offline: names(&written.scopes_supported, super::OFFLINE),
            auth_methods: written.token_endpoint_auth_methods_supported,
        })
    }

    /// One of revision 2025-03-26 that has no metadata (`03/basic/authorization`, section 2.3.3): its places
    /// are given, and PKCE is a duty of all.
    pub fn silent(issuer: &Issuer) -> Option<Self> {
        let at = |path| issuer.target().join(path).ok();
        Some(Self {
            issuer: issuer.clone(),
            authorize: at("/authorize"),
            token: at("/token")?,
            register: at("/register"),
            revoke: None,
            takes_pkce: true,
            names_itself: false,
            takes_metadata_urls: false,
            knows_offline: false,
            auth_methods: None,
        })
    }

    /// What is asked for: what is wanted, and to stay logged in where that has a name. Where nothing is wanted
    /// by name, the server decides.
    pub fn scopes(&self, wanted: &Scopes) -> Scopes {
        let mut scopes = wanted.clone();
        if self.knows_offline && !wanted.is_empty() {
            scopes.add(super::OFFLINE);
        }
        scopes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn issuer(text: &str) -> Issuer {
        Issuer::parse(Ground::Elsewhere, text).unwrap()
    }

    fn good() -> Value {
        json!({
            "issuer": "https://as.example/t",
            "authorization_endpoint": "https://as.example/authorize",
            "token_endpoint": "https://as.example/token",
            "registration_endpoint": "https://as.example/register",
            "revocation_endpoint": "https://as.example/revoke",
            "code_challenge_methods_supported": ["plain", "S256"],
            "scopes_supported": ["a", "offline_access"],
        })
    }

    fn read(document: &Value) -> Result<AuthorizationServer, OAuthFault> {
        let issuer = issuer("https://as.example/t");
        let body = document.to_string();
        AuthorizationServer::read(Ground::Elsewhere, &issuer, false, body.as_bytes())
    }

    #[test]
    fn metadata_is_looked_for_in_the_order_of_the_specification() {
        let asked = |text: &str| -> Vec<_> {
            let all = server_documents(&issuer(text));
            all.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            asked("https://as.example/t1"),
            [
                "https://as.example/.well-known/oauth-authorization-server/t1",
                "https://as.example/.well-known/openid-configuration/t1",
                "https://as.example/t1/.well-known/openid-configuration"
            ]
        );
        for root in ["https://as.example", "https://as.example/"] {
            assert_eq!(
                asked(root),
                [
                    "https://as.example/.well-known/oauth-authorization-server",
                    "https://as.example/.well-known/openid-configuration"
                ]
            );
        }
    }

    #[test]
    fn what_it_says_is_known() {
        let server = read(&good()).unwrap();
        assert!(server.takes_pkce && !server.names_itself && server.knows_offline);
        let scopes = server.scopes(&Scopes::parse("b"));
        assert_eq!(scopes.to_string(), "b offline_access");
    }

    #[test]
    fn another_issuer_is_another_issuer_by_a_byte() {
        for other in [
            "https://as.example/t/",
            "https://AS.example/t",
            "https://as.example:443/t",
            "https://as.example/%74",
            "https://evil.example/t",
            "",
        ] {
            let mut document = good();
            document["issuer"] = json!(other);
            let fault = read(&document).unwrap_err();
            assert!(
                matches!(fault, OAuthFault::OtherIssuer { .. }),
                "{other}: {fault}"
            );
        }
    }

    #[test]
    fn no_field_leads_to_what_may_not_be_asked() {
        for field in [
            "authorization_endpoint",
            "token_endpoint",
            "registration_endpoint",
            "revocation_endpoint",
        ] {
            for bad in [
                json!("http://as.example/x"),
                json!("http://127.0.0.1/x"),
                json!("file:///etc/passwd"),
                json!("javascript:alert(1)"),
                json!("https://u:p@as.example/"),
                json!("https://as.example/\r\nHost: x"),
                json!("/relative"),
                json!(""),
                json!(7),
                json!(["https://as.example"]),
            ] {
                let mut document = good();
                document[field] = bad.clone();
                assert!(read(&document).is_err(), "{field} {bad}");
            }
        }
        let mut without = good();
        without["token_endpoint"] = Value::Null;
        assert_eq!(
            read(&without),
            Err(OAuthFault::NoEndpoint("token_endpoint"))
        );
    }

    #[test]
    fn pkce_must_be_said_and_by_its_name() {
        for methods in [json!(null), json!([]), json!(["plain"]), json!(["s256"])] {
            let mut document = good();
            document["code_challenge_methods_supported"] = methods;
            assert!(!read(&document).unwrap().takes_pkce);
        }
    }

    #[test]
    fn of_an_origin_a_slash_does_not_count() {
        let server = Target::parse("https://x.example/mcp").unwrap();
        let issuer = Issuer::of_origin(&server);
        let document =
            json!({"issuer": "https://x.example/", "token_endpoint": "https://x.example/t"});
        let body = document.to_string();
        let read = |is_origin| {
            AuthorizationServer::read(Ground::Elsewhere, &issuer, is_origin, body.as_bytes())
        };
        assert!(read(true).is_ok() && read(false).is_err());
        let silent = AuthorizationServer::silent(&issuer).unwrap();
        assert_eq!(silent.token.as_str(), "https://x.example/token");
    }

    proptest! {
        #[test]
        fn any_body_is_judged(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let issuer = issuer("https://as.example");
            let _ = AuthorizationServer::read(Ground::Elsewhere, &issuer, true, &body);
        }
    }
}
