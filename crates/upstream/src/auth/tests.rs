//! The flow against sites of a test that lie.

use std::sync::Arc;

use durward_cage::egress::EgressSettings;
use durward_core::{ManualClock, SystemClock};
use durward_guard::{egress::EgressRules, oauth::Challenge};
use durward_store::tokens::SealingKey;
use durward_testkit::{Guarded, Http, Post, Site};
use serde_json::{Value, json};

use super::*;
use crate::FaultKind;

const REDIRECT: &str = "http://127.0.0.1:7/callback";

/// A login at these sites; nothing but the two may be reached.
struct World {
    guarded: Guarded,
    oauth: Arc<OAuth>,
    _state: tempfile::TempDir,
}

fn world(grant: Grant) -> World {
    let guarded = Guarded::start();
    let state = tempfile::tempdir().unwrap();
    let url = guarded.server.url("/mcp");
    let settings = EgressSettings {
        rules: EgressRules {
            written_urls: vec![url.clone(), guarded.issuer.url("/")],
            ..EgressRules::default()
        },
        ..EgressSettings::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let key = SealingKey::File(state.path().join("sealing.key"));
    let files = TokenFiles::new(state.path().join("oauth"), key, Arc::clone(&clock));
    let (id, secret) = match grant {
        Grant::AuthorizationCode => (None, None),
        Grant::ClientCredentials => (Some("own".to_owned()), Some("s3cret".into())),
    };
    guarded.know_client("own", Some("s3cret"));
    let oauth = OAuth::new(
        ServerName::new("crm").unwrap(),
        Target::parse(&url).unwrap(),
        OAuthSettings {
            client_id: id,
            client_secret: secret,
            scopes: None,
            grant,
        },
        Connector::new(settings).unwrap(),
        Arc::new(files),
        clock,
    );
    World {
        guarded,
        oauth,
        _state: state,
    }
}

impl World {
    /// What the server says to whoever has no token.
    fn challenge(&self) -> Challenge {
        let url = self
            .guarded
            .server
            .url("/.well-known/oauth-protected-resource/mcp");
        let usual = format!(r#"Bearer resource_metadata="{url}", scope="read""#);
        let said = self.guarded.script().challenge.clone();
        Challenge::parse(&said.unwrap_or(usual)).unwrap()
    }

    /// A login from the beginning to its end, and a logout.
    async fn whole(&self) -> Result<LoggedOut, AuthFault> {
        let found = self.oauth.discover(Some(&self.challenge())).await?;
        let attempt = self.oauth.attempt(found, REDIRECT).await?;
        let query = self.agree(attempt.url());
        let code = attempt.judge(&query)?;
        self.oauth.redeem(attempt, code).await?;
        self.oauth.log_out().await
    }

    /// What a browser ends on, wherever it was sent: the authorization server of the test is asked.
    fn agree(&self, url: &str) -> String {
        let (_, query) = url.split_once('?').unwrap();
        let get = Post::new("GET", &format!("/authorize?{query}")).header("Host", "x");
        let address = format!("127.0.0.1:{}", self.guarded.issuer.port());
        let answer = Http::connect(address.parse().unwrap()).ask(&get);
        let location = answer.header("location").unwrap_or_default();
        location.split_once('?').unwrap_or_default().1.to_owned()
    }
}

/// Ways to spell a place on this machine, or near it, that nobody permitted.
fn places(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "x.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "127.1",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "2130706433",
        "0x7f000001",
        "127。0。0。1",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ];
    let mut all: Vec<_> = hosts
        .iter()
        .flat_map(|host| ["http", "https"].map(|scheme| format!("{scheme}://{host}:{port}/x")))
        .collect();
    for odd in [
        "http://good.example@127.0.0.1:PORT/x",
        r"http://127.0.0.1:PORT\@good.example/x",
        r"http:\\127.0.0.1:PORT/x",
        "http:127.0.0.1:PORT/x",
        "//127.0.0.1:PORT/x",
        "http://127.0.0.1:PORT/x#good.example",
        "http://127.0.0.1:PORT\t/x",
        "http://127.0.0.1:PORT/x\r\nHost: good.example",
        "gopher://127.0.0.1:PORT/x",
        "ftp://127.0.0.1:PORT/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:application/json,{}",
        "",
    ] {
        all.push(odd.replace("PORT", &port.to_string()));
    }
    all
}

#[tokio::test]
async fn an_honest_login_goes_through() {
    let world = world(Grant::AuthorizationCode);
    let ended = world.whole().await.unwrap();
    assert!(matches!(ended, LoggedOut::Revoked), "{ended:?}");
}

/// What a document is made to say, given a place.
type Lie = fn(&Guarded, &str);

#[tokio::test]
async fn no_field_of_any_document_and_no_redirect_leads_where_nobody_permitted() {
    let canary = Site::saying("{}");
    let lies: &[(&str, Lie)] = &[
        ("resource_metadata", |guarded, place| {
            let quoted = place.replace('\\', r"\\");
            guarded.script().challenge = Some(format!(r#"Bearer resource_metadata="{quoted}""#));
        }),
        ("resource", |guarded, place| {
            guarded.script().resource = json!({"resource": place});
        }),
        ("authorization_servers", |guarded, place| {
            guarded.script().resource = json!({"authorization_servers": [place]});
        }),
        ("issuer", |guarded, place| {
            guarded.script().server = json!({"issuer": place});
        }),
        ("token_endpoint", |guarded, place| {
            guarded.script().server = json!({"token_endpoint": place});
        }),
        ("registration_endpoint", |guarded, place| {
            guarded.script().server = json!({"registration_endpoint": place});
        }),
        ("resource metadata, redirected", |guarded, place| {
            let path = "/.well-known/oauth-protected-resource/mcp";
            redirect(guarded, path, place);
        }),
        ("server metadata, redirected", |guarded, place| {
            redirect(guarded, "/.well-known/oauth-authorization-server", place);
        }),
        ("token endpoint, redirected", |guarded, place| {
            redirect(guarded, "/token", place);
        }),
        ("registration, redirected", |guarded, place| {
            redirect(guarded, "/register", place);
        }),
    ];
    for (name, lie) in lies {
        for place in places(canary.port()) {
            let world = world(Grant::AuthorizationCode);
            lie(&world.guarded, &place);
            let done = world.whole().await;
            assert!(done.is_err(), "{name} {place:?}: {done:?}");
            assert_eq!(canary.connections(), 0, "{name} {place:?}");
            assert!(world.oauth.status().unwrap().is_none(), "{name} {place:?}");
        }
    }
}

#[tokio::test]
async fn a_logout_leads_nowhere_else_either() {
    let canary = Site::saying("{}");
    for place in places(canary.port()) {
        let world = world(Grant::AuthorizationCode);
        world.guarded.script().server = json!({"revocation_endpoint": place});
        match world.whole().await {
            // What can't be asked at all is no metadata.
            Err(AuthFault::OAuth(_)) | Ok(LoggedOut::NotRevoked(_)) => {}
            other => panic!("{place:?}: {other:?}"),
        }
        assert_eq!(canary.connections(), 0, "{place:?}");
        assert!(world.oauth.status().unwrap().is_none());
    }
}

fn redirect(guarded: &Guarded, path: &str, place: &str) {
    // A header has one line.
    let place = place.replace(['\r', '\n'], "");
    let redirects = &mut guarded.script().redirects;
    redirects.insert(path.to_owned(), place);
}

#[tokio::test]
async fn documents_of_other_kinds_than_they_should_be_are_refused() {
    let kinds = || [json!(null), json!(7), json!([]), json!({}), json!("")];
    type Put = fn(&Guarded, Value);
    let puts: &[(&str, Put)] = &[
        ("resource", |guarded, value| {
            guarded.script().resource = json!({"resource": value});
        }),
        ("issuer", |guarded, value| {
            guarded.script().server = json!({"issuer": value});
        }),
        ("token_endpoint", |guarded, value| {
            guarded.script().server = json!({"token_endpoint": value});
        }),
        ("methods", |guarded, value| {
            guarded.script().server = json!({"code_challenge_methods_supported": value});
        }),
        ("client_id", |guarded, value| {
            guarded.script().registration = json!({"client_id": value});
        }),
        ("access_token", |guarded, value| {
            guarded.script().token = json!({"access_token": value});
        }),
        ("token_type", |guarded, value| {
            guarded.script().token = json!({"token_type": value});
        }),
    ];
    for (name, put) in puts {
        for kind in kinds() {
            let world = world(Grant::AuthorizationCode);
            put(&world.guarded, kind.clone());
            assert!(world.whole().await.is_err(), "{name} {kind}");
            assert!(world.oauth.status().unwrap().is_none(), "{name} {kind}");
        }
    }
}

#[tokio::test]
async fn a_document_without_an_end_is_not_read_to_it() {
    let world = world(Grant::AuthorizationCode);
    world.guarded.script().resource = json!({"x": "a".repeat(300 * 1024)});
    let fault = world.whole().await.unwrap_err();
    assert!(matches!(fault, AuthFault::TooLong { .. }), "{fault}");
}

#[tokio::test]
async fn who_can_t_prove_or_is_another_is_not_gone_on_with() {
    for (server, answer, sentence) in [
        (
            json!({"code_challenge_methods_supported": null}),
            json!({}),
            "PKCE",
        ),
        (
            json!({"issuer": "http://127.0.0.1:1"}),
            json!({}),
            "metadata is of",
        ),
        (json!({}), json!({"iss": "http://evil.example"}), "`iss`"),
        (json!({}), json!({"iss": null}), "`iss`"),
        (json!({}), json!({"state": "x"}), "`state`"),
        (
            json!({"authorization_endpoint": null}),
            json!({}),
            "authorization_endpoint",
        ),
    ] {
        let world = world(Grant::AuthorizationCode);
        world.guarded.script().server = server;
        world.guarded.script().answer = answer;
        let fault = world.whole().await.unwrap_err().to_string();
        assert!(fault.contains(sentence), "{fault}");
        assert_eq!(world.guarded.forms().len(), 0, "the code was used: {fault}");
    }
}

/// A proof as the server refuses it.
async fn refused(oauth: &Arc<OAuth>, used: Option<Arc<Proof>>, challenge: &str) -> Verdict {
    oauth.refused(used, 401, Some(challenge)).await
}

#[tokio::test]
async fn of_many_who_want_another_token_one_gets_it_for_all() {
    let world = world(Grant::ClientCredentials);
    let challenge = format!(
        r#"Bearer resource_metadata="{}""#,
        world
            .guarded
            .server
            .url("/.well-known/oauth-protected-resource/mcp")
    );
    for round in 1..=3 {
        let used = world.oauth.ready().unwrap();
        let many = (0..50).map(|_| {
            let (oauth, used) = (Arc::clone(&world.oauth), used.clone());
            let challenge = challenge.clone();
            tokio::spawn(async move {
                let verdict = refused(&oauth, used, &challenge).await;
                assert!(matches!(verdict, Verdict::Again));
                oauth.ready().unwrap().unwrap().line().to_vec()
            })
        });
        let mut lines: Vec<_> = futures_util::future::join_all(many)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        lines.dedup();
        assert_eq!(lines.len(), 1);
        assert_eq!(world.guarded.forms().len(), round);
    }
}

#[tokio::test]
async fn a_renewal_is_kept_though_who_wanted_it_is_gone() {
    let world = world(Grant::ClientCredentials);
    let challenge = format!(
        r#"Bearer resource_metadata="{}""#,
        world
            .guarded
            .server
            .url("/.well-known/oauth-protected-resource/mcp")
    );
    let mut wanting = Box::pin(refused(&world.oauth, None, &challenge));
    // It has begun, and is given up.
    let waker = futures_util::task::noop_waker();
    let mut context = std::task::Context::from_waker(&waker);
    assert!(wanting.as_mut().poll(&mut context).is_pending());
    drop(wanting);
    world.oauth.settle().await;
    assert!(world.oauth.status().unwrap().is_some());
    assert_eq!(world.guarded.forms().len(), 1);
}

#[tokio::test]
async fn after_a_failure_nobody_is_asked_for_a_while() {
    let world = world(Grant::ClientCredentials);
    world.guarded.know_client("own", Some("another"));
    let challenge = world.challenge();
    let challenge = format!(
        r#"Bearer resource_metadata="{}""#,
        challenge.resource_metadata.unwrap()
    );
    for _ in 0..20 {
        let verdict = refused(&world.oauth, None, &challenge).await;
        assert!(matches!(verdict, Verdict::Fault(FaultKind::NoToken(_))));
    }
    assert_eq!(world.guarded.forms().len(), 1);
}

#[test]
fn a_token_of_another_url_is_none_of_this_server() {
    let state = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    let key = SealingKey::File(state.path().join("sealing.key"));
    let files = TokenFiles::new(state.path().join("oauth"), key, Arc::clone(&clock));
    let files = Arc::new(files);
    let at = |url: &str| {
        OAuth::new(
            ServerName::new("crm").unwrap(),
            Target::parse(url).unwrap(),
            OAuthSettings {
                client_id: None,
                client_secret: None,
                scopes: None,
                grant: Grant::AuthorizationCode,
            },
            Connector::new(EgressSettings::default()).unwrap(),
            Arc::clone(&files),
            Arc::clone(&clock),
        )
    };
    let first = at("https://crm.example/mcp");
    let kept = json!({
        "version": 1, "registrations": [], "bound": null, "wanted": null,
        "login": {
            "server": "https://crm.example/mcp", "issuer": "https://as.example",
            "resource": "https://crm.example/mcp", "client_id": "a", "client_secret": null,
            "client_auth": "none", "token_endpoint": "https://as.example/token",
            "revocation_endpoint": null, "access": "t0ken", "refresh": null, "expires": null,
            "renew": null, "asked": [], "granted": null,
        },
    });
    let lock = files.lock(&ServerName::new("crm").unwrap()).unwrap();
    lock.keep(kept.to_string().as_bytes()).unwrap();
    drop(lock);
    first.look();
    let sent = first.ready().unwrap().unwrap();
    assert_eq!(sent.line(), b"Bearer t0ken");
    for other in [
        "https://crm.example/other",
        "https://crm.example:8443/mcp",
        "https://evil.example/mcp",
    ] {
        assert!(at(other).ready().unwrap().is_none(), "{other}");
    }
}
