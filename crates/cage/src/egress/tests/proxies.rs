//! The operator's proxy.

use super::{
    server::{Step, ok},
    *,
};

fn through(proxy: &Server, hosts: &[&str]) -> Connector {
    let mut settings = EgressSettings::default();
    settings.rules.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    settings.proxy = Some(Target::parse(&proxy.url("/")).unwrap());
    Connector::new(settings).unwrap()
}

/// A proxy that answers for whoever is behind it.
async fn proxy() -> Server {
    Server::start(|seen| match seen.line().starts_with("CONNECT ") {
        true => vec![Step::Send(
            b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n".into(),
        )],
        false => ok("behind"),
    })
    .await
}

#[tokio::test]
async fn everything_goes_through_a_tunnel_to_a_name_that_is_allowed() {
    let proxy = proxy().await;
    let connector = through(&proxy, &["api.x.example"]);
    let answer = fetch(&connector, request(Method::Get, "http://api.x.example/a"))
        .await
        .unwrap();
    assert_eq!(&answer.body[..], b"behind");
    let seen = proxy.seen();
    assert_eq!(seen[0].line(), "CONNECT api.x.example:80 HTTP/1.1");
    assert_eq!(seen[1].line(), "GET /a HTTP/1.1");
}

#[tokio::test]
async fn what_may_not_be_reached_is_not_asked_for() {
    let proxy = proxy().await;
    let connector = through(&proxy, &["*"]);
    for (url, fault) in [
        ("http://127.0.0.1/", EgressFault::PrivateIpBlocked),
        ("http://169.254.169.254/", EgressFault::PrivateIpBlocked),
        ("http://metadata.google.internal/", EgressFault::NameBlocked),
        ("http://a.example:8080/", EgressFault::PortNotAllowed),
    ] {
        let seen = fetch(&connector, request(Method::Get, url))
            .await
            .unwrap_err();
        assert_eq!(seen, fault, "{url}");
    }
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn the_proxy_itself_is_no_target() {
    let proxy = proxy().await;
    let connector = through(&proxy, &["*"]);
    let fault = fetch(&connector, request(Method::Get, &proxy.url("/")))
        .await
        .unwrap_err();
    assert_eq!(fault, EgressFault::PrivateIpBlocked);
}

#[tokio::test]
async fn a_proxy_that_refuses_or_talks_without_end_is_said() {
    for steps in [
        vec![Step::Send(b"HTTP/1.1 403 Forbidden\r\n\r\n".into())],
        vec![Step::Send(b"HTTP/1.1 2000 OK\r\n\r\n".into())],
        vec![Step::Send(b"hello".into()), Step::Close],
        vec![Step::Endless(vec![b'a'; 100])],
    ] {
        let proxy = Server::start(move |_| steps.clone()).await;
        let connector = through(&proxy, &["api.x.example"]);
        let fault = fetch(&connector, request(Method::Get, "http://api.x.example/")).await;
        assert_eq!(fault.unwrap_err(), EgressFault::ProxyFailed);
    }
}

#[test]
fn a_proxy_is_spoken_to_over_http() {
    let settings = EgressSettings {
        proxy: Some(Target::parse("https://proxy.example/").unwrap()),
        ..EgressSettings::default()
    };
    let error = Connector::new(settings).map(drop).unwrap_err().to_string();
    assert!(error.contains("`proxy`"), "{error}");
}
