//! Redirects: each hop is judged as if the caller had asked for it.

use super::{
    server::{ok, redirect},
    *,
};

#[tokio::test]
async fn a_chain_ends_where_it_leads() {
    let server = Server::start(|seen| match seen.path() {
        "/a/hop" => redirect(302, "/b/hop2"),
        "/b/hop2" => redirect(301, "final"),
        _ => ok("done"),
    })
    .await;
    let connector = reaching(&[&server.url("/")]);
    let answer = fetch(&connector, request(Method::Get, &server.url("/a/hop")))
        .await
        .unwrap();
    assert_eq!(answer.target.as_str(), server.url("/b/final"));
    assert_eq!((answer.redirects, &answer.body[..]), (2, &b"done"[..]));
}

#[tokio::test]
async fn what_proves_who_asks_goes_where_it_was_sent_and_no_further() {
    let server = Server::start(|seen| match seen.path() {
        "/from" => redirect(302, "/to"),
        _ => ok("done"),
    })
    .await;
    let connector = reaching(&[&server.url("/")]);
    let mut asked = request(Method::Get, &server.url("/from"));
    asked.proof = Some("Basic abc".into());
    fetch(&connector, asked).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].header("authorization"), Some("Basic abc"));
    assert_eq!(seen[1].header("authorization"), None);
    let mut broken = request(Method::Get, &server.url("/to"));
    broken.proof = Some("Basic a\r\nX: y".into());
    let fault = fetch(&connector, broken).await.unwrap_err();
    assert_eq!(fault, EgressFault::CrlfInHeader);
}

#[tokio::test]
async fn method_and_body_follow_the_status() {
    for (status, line, body) in [
        (301, "GET /to HTTP/1.1", ""),
        (302, "GET /to HTTP/1.1", ""),
        (303, "GET /to HTTP/1.1", ""),
        (307, "POST /to HTTP/1.1", "abc"),
        (308, "POST /to HTTP/1.1", "abc"),
    ] {
        let server = Server::start(move |seen| match seen.path() {
            "/from" => redirect(status, "/to"),
            _ => ok("done"),
        })
        .await;
        let connector = reaching(&[&server.url("/")]);
        let mut asked = request(Method::Post, &server.url("/from"));
        asked.body = "abc".into();
        asked.headers.set("content-type", "text/plain").unwrap();
        fetch(&connector, asked).await.unwrap();
        let seen = &server.seen()[1];
        assert_eq!((seen.line(), &seen.body[..]), (line, body.as_bytes()));
        assert_eq!(seen.header("content-type").is_some(), !body.is_empty());
    }
}

#[tokio::test]
async fn a_redirect_gets_no_further_than_a_request() {
    let canary = Server::start(|_| ok("secret")).await;
    let port = canary.address.port();
    for (location, fault) in [
        (
            "http://other.example/".to_owned(),
            EgressFault::RedirectHostNotAllowed,
        ),
        (
            format!("http://127.0.0.1:{port}/"),
            EgressFault::PrivateIpBlocked,
        ),
        (
            format!("//127.0.0.1:{port}/"),
            EgressFault::PrivateIpBlocked,
        ),
        (
            format!(r"\\127.0.0.1:{port}/"),
            EgressFault::PrivateIpBlocked,
        ),
        (
            format!("http://2130706433:{port}/"),
            EgressFault::PrivateIpBlocked,
        ),
        (
            format!("http://localhost:{port}/"),
            EgressFault::RedirectHostNotAllowed,
        ),
        (
            "http://169.254.169.254/".to_owned(),
            EgressFault::PrivateIpBlocked,
        ),
        (
            "file:///etc/passwd".to_owned(),
            EgressFault::UnsupportedProtocol,
        ),
        (
            "gopher://127.0.0.1:25/".to_owned(),
            EgressFault::UnsupportedProtocol,
        ),
        (
            "http://u:p@a.example/".to_owned(),
            EgressFault::InvalidRedirect,
        ),
        ("http://[/".to_owned(), EgressFault::InvalidRedirect),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let to = location.clone();
            let server = Server::start(move |_| redirect(status, &to)).await;
            let connector = reaching(&[&server.url("/")]);
            let seen = fetch(&connector, request(Method::Get, &server.url("/"))).await;
            assert_eq!(seen.unwrap_err(), fault, "{location}");
        }
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn another_port_is_another_origin() {
    let other = Server::start(|_| ok("other")).await;
    let location = other.url("/");
    let server = Server::start(move |_| redirect(302, &location)).await;
    let connector = reaching(&[&server.url("/"), &other.url("/")]);
    let mut asked = request(Method::Get, &server.url("/"));
    asked.headers.set("X-Api-Key", "mine").unwrap();
    fetch(&connector, asked).await.unwrap();
    assert_eq!(server.seen()[0].header("x-api-key"), Some("mine"));
    assert_eq!(other.seen()[0].header("x-api-key"), None);
}

#[tokio::test]
async fn only_so_many_are_followed() {
    let server = Server::start(|seen| {
        let left: u32 = seen.path()[1..].parse().unwrap();
        if left == 0 {
            ok("done")
        } else {
            redirect(302, &format!("/{}", left - 1))
        }
    })
    .await;
    let connector = reaching(&[&server.url("/")]);
    for (asked, allowed, followed) in [(3, 3, true), (4, 3, false), (5, 200, true), (6, 200, false)]
    {
        let budget = Budget {
            redirects: allowed,
            ..Budget::default()
        };
        let request = request(Method::Get, &server.url(&format!("/{asked}")));
        let answer = connector.fetch(request, &budget, &Cancel::new()).await;
        match answer {
            Ok(answer) => assert!(followed && answer.redirects == asked, "{asked}"),
            Err(fault) => assert!(
                !followed && fault == EgressFault::TooManyRedirects,
                "{asked}"
            ),
        }
    }
    let budget = Budget::default();
    let asked = request(Method::Get, &server.url("/1"));
    let answer = connector
        .fetch(asked, &budget, &Cancel::new())
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some("/0"))
    );
}
