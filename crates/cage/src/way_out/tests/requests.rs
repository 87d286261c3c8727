//! Requests for `http://` URLs.

use durward_core::Secret;
use durward_guard::egress::Target;

use super::*;
use crate::egress::Credential;

#[tokio::test]
async fn a_request_goes_on_in_a_form_of_our_own() {
    let server = Server::start(|_| {
        vec![Step::Send(
            b"HTTP/1.1 200 Fine\r\nX-Kept: yes\r\nConnection: keep-alive, X-Dropped\r\nX-Dropped: no\r\n\
              Keep-Alive: timeout=9\r\nContent-Length: 5\r\n\r\nhelloAND MORE"
                .to_vec(),
        )]
    })
    .await;
    let front = Front::to(&["127.0.0.1"]).await;
    let at = server.address;
    let said = front
        .say(format!(
            "POST http://{at}/a/../b?c=d HTTP/1.1\r\nHost: other.example\r\nProxy-Connection: keep-alive\r\n\
             Proxy-Authorization: Basic c2VjcmV0\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\
             Content-Length: 4\r\n\r\nbodyGET http://{at}/smuggled HTTP/1.1\r\n\r\n"
        ))
        .await;
    let seen = server.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(
        seen[0].head,
        format!(
            "POST /b?c=d HTTP/1.1\r\nhost: {at}\r\nx-end: 2\r\nconnection: close\r\ncontent-length: 4\r\n\r\n"
        )
    );
    assert_eq!(seen[0].body, b"body");
    assert_eq!(
        said,
        "HTTP/1.1 200 OK\r\nx-kept: yes\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"
    );
}

#[tokio::test]
async fn chunks_go_on_as_chunks_and_end_where_they_end() {
    let server = Server::start(|_| {
        vec![Step::Send(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
              3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nTrailer: x\r\n\r\nAND MORE"
                .to_vec(),
        )]
    })
    .await;
    let front = Front::to(&["127.0.0.1"]).await;
    let at = server.address;
    let said = front
        .say(format!("GET http://{at}/ HTTP/1.1\r\n\r\n"))
        .await;
    assert_eq!(
        said,
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\
         connection: close\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
    );
    // Who does not know chunks is given none.
    let said = front
        .say(format!("GET http://{at}/ HTTP/1.0\r\n\r\n"))
        .await;
    assert_eq!(said, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcde");
}

#[tokio::test]
async fn a_body_without_an_end_ends_with_its_connection() {
    let server = Server::start(|_| {
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\n\r\nuntil".to_vec()),
            Step::Close,
        ]
    })
    .await;
    let front = Front::to(&["127.0.0.1"]).await;
    let said = front
        .say(format!("GET http://{}/ HTTP/1.1\r\n\r\n", server.address))
        .await;
    assert!(said.ends_with("\r\n\r\nuntil"), "{said}");
}

#[tokio::test]
async fn an_answer_to_head_has_no_body_whatever_it_says() {
    let server = Server::start(|_| {
        vec![Step::Send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec(),
        )]
    })
    .await;
    let front = Front::to(&["127.0.0.1"]).await;
    let said = front
        .say(format!("HEAD http://{}/ HTTP/1.1\r\n\r\n", server.address))
        .await;
    assert_eq!(
        said,
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n"
    );
}

#[tokio::test]
async fn what_is_no_request_to_a_proxy_is_told_so() {
    let canary = Server::start(|_| ok("secret")).await;
    let at = canary.address;
    let front = Front::to(&["10.0.0.0/8"]).await;
    for (asked, status) in [
        (
            format!("GET http://{at}/ HTTP/1.1\r\n\r\n"),
            "403 Forbidden: private_ip_blocked",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".to_owned(),
            "400 ",
        ),
        (
            "GET https://a.example/ HTTP/1.1\r\n\r\n".to_owned(),
            "400 Bad Request: unsupported_protocol",
        ),
        (
            "GET ftp://a.example/ HTTP/1.1\r\n\r\n".to_owned(),
            "400 Bad Request: unsupported_protocol",
        ),
        (
            "TRACE http://a.example/ HTTP/1.1\r\n\r\n".to_owned(),
            "400 ",
        ),
        (
            format!("GET http://a.example@{at}/ HTTP/1.1\r\n\r\n"),
            "400 Bad Request: userinfo_in_url",
        ),
        (
            format!("GET http://{at}/ HTTP/1.1\nHost: a\r\n\r\n"),
            "400 Bad Request: malformed_request",
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "505 "),
        ("\u{16}\u{3}\u{1}\r\n\r\n".to_owned(), "400 "),
        (
            "CONNECT a.example:443 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
            "400 ",
        ),
    ] {
        let said = front.say(&asked).await;
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status}")),
            "{asked}: {said}"
        );
    }
    let told = front.told(10).await;
    assert_eq!(told[0], format!("request refused {at}: private_ip_blocked"));
    assert_eq!(told[2], "request refused: unsupported_protocol");
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_speak_http_is_said() {
    for steps in [
        vec![Step::Send(b"hello\r\n\r\n".to_vec())],
        vec![Step::Close],
        vec![Step::Send(b"HTTP/1.1 101 Switching\r\n\r\n".to_vec())],
        vec![Step::Endless(b"HTTP/1.1 102 Wait\r\n\r\n".to_vec())],
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
            Step::Endless(b"X: y\r\n".to_vec()),
        ],
    ] {
        let server = Server::start(move |_| steps.clone()).await;
        let front = Front::to(&["127.0.0.1"]).await;
        let said = front
            .say(format!("GET http://{}/ HTTP/1.1\r\n\r\n", server.address))
            .await;
        assert!(
            said.starts_with("HTTP/1.1 502 Bad Gateway: bad_response\r\n"),
            "{said}"
        );
    }
}

/// What the operator wants a host to see is for durward's own requests: a program in a box could read it
/// back from an answer.
#[tokio::test]
async fn no_credential_of_the_operator_is_added() {
    let server = Server::start(|_| [ok("hello"), vec![Step::Close]].concat()).await;
    let mut settings = EgressSettings::default();
    settings.rules.networks.push("127.0.0.1".to_owned());
    settings.credentials.push(Credential {
        origin: Target::parse(&server.url("/")).unwrap(),
        header: "authorization".to_owned(),
        value: Secret::from("Bearer hunter2"),
    });
    let connector = Connector::new(settings).unwrap();
    let front = Front::start(connector, WayOutLimits::default()).await;
    front
        .say(format!("GET {} HTTP/1.1\r\n\r\n", server.url("/")))
        .await;
    let seen = server.seen();
    assert_eq!(seen[0].header("authorization"), None);
}

#[tokio::test]
async fn a_redirect_is_the_clients_to_follow_and_is_judged_anew() {
    let canary = Server::start(|_| ok("secret")).await;
    let inside = format!("http://127.0.0.1:{}/", canary.address.port());
    let there = inside.clone();
    let server = Server::start(move |_| server::redirect(302, &there)).await;
    let front = Front::to(&[&format!("127.0.0.1:{}", server.address.port())]).await;
    let said = front
        .say(format!("GET {} HTTP/1.1\r\n\r\n", server.url("/")))
        .await;
    assert!(said.contains(&format!("location: {inside}\r\n")), "{said}");
    let said = front.say(format!("GET {inside} HTTP/1.1\r\n\r\n")).await;
    assert!(said.starts_with("HTTP/1.1 403 "), "{said}");
    assert_eq!(canary.connections(), 0);
}
