//! What goes out and what comes back.

use std::time::Duration;

use super::{
    super::Credential,
    server::{Step, ok},
    *,
};

#[tokio::test]
async fn what_is_asked_is_answered() {
    let server = Server::start(|_| {
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a=b\r\nETag: \"1\"\r\n\
                      Proxy-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n\r\n\
                      3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        vec![Step::Send(answer.into())]
    })
    .await;
    let connector = reaching(&[&server.url("/")]);
    let mut asked = request(Method::Get, &server.url("/a?b=c#d"));
    asked.headers.set("Accept", "text/plain").unwrap();
    let answer = fetch(&connector, asked).await.unwrap();
    assert_eq!(
        (answer.status, &answer.body[..], answer.truncated),
        (200, &b"abcde"[..], false)
    );
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.headers.len(), 2, "{:?}", answer.headers);
    let seen = &server.seen()[0];
    assert_eq!(seen.line(), "GET /a?b=c HTTP/1.1");
    assert_eq!(seen.header("host"), Some(&*server.address.to_string()));
    assert_eq!(seen.header("accept"), Some("text/plain"));
    assert!(seen.header("user-agent").unwrap().starts_with("durward/"));
}

#[tokio::test]
async fn bodies_go_out_whole_and_only_where_they_may() {
    let server = Server::start(|_| ok("done")).await;
    let connector = reaching(&[&server.url("/")]);
    for method in [Method::Post, Method::Put, Method::Patch, Method::Delete] {
        let mut asked = request(method, &server.url("/"));
        asked.body = "abc".into();
        fetch(&connector, asked).await.unwrap();
        let seen = server.seen().pop().unwrap();
        assert_eq!(
            (seen.line(), &seen.body[..]),
            (&*format!("{method} / HTTP/1.1"), &b"abc"[..])
        );
    }
    for method in [Method::Get, Method::Head] {
        let mut asked = request(method, &server.url("/"));
        asked.body = "abc".into();
        assert_eq!(
            fetch(&connector, asked).await.unwrap_err(),
            EgressFault::BodyNotAllowed
        );
    }
    assert_eq!(server.seen().len(), 4);
    fetch(&connector, request(Method::Post, &server.url("/")))
        .await
        .unwrap();
    assert_eq!(server.seen()[4].header("content-length"), Some("0"));
}

#[tokio::test]
async fn the_answer_to_head_has_no_body() {
    let server = Server::start(|_| {
        vec![Step::Send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nContent-Encoding: gzip\r\n\r\n".into(),
        )]
    })
    .await;
    let connector = reaching(&[&server.url("/")]);
    let answer = fetch(&connector, request(Method::Head, &server.url("/")))
        .await
        .unwrap();
    assert!(answer.body.is_empty() && !answer.truncated);
}

#[tokio::test]
async fn what_may_not_be_reached_sees_no_packet() {
    let server = Server::start(|_| ok("secret")).await;
    let port = server.address.port();
    let rules = |hosts: &[&str]| EgressSettings {
        rules: EgressRules {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            ..EgressRules::default()
        },
        ..EgressSettings::default()
    };
    for (hosts, url, fault) in [
        (&[][..], server.url("/"), EgressFault::HostNotAllowed),
        (&["*"], server.url("/"), EgressFault::PrivateIpBlocked),
        (
            &["*"],
            format!("http://127.1:{port}/"),
            EgressFault::PrivateIpBlocked,
        ),
        (
            &["*"],
            format!("http://[::ffff:7f00:1]:{port}/"),
            EgressFault::PrivateIpBlocked,
        ),
        (
            &["*"],
            format!("http://localhost:{port}/"),
            EgressFault::NameBlocked,
        ),
    ] {
        let connector = Connector::new(rules(hosts)).unwrap();
        let fault_seen = fetch(&connector, request(Method::Get, &url))
            .await
            .unwrap_err();
        assert_eq!(fault_seen, fault, "{url}");
    }
    // Its own listener is out of reach whatever is written.
    let connector = reaching(&[&server.url("/")]);
    connector.set_listeners(vec![server.address]);
    let fault = fetch(&connector, request(Method::Get, &server.url("/"))).await;
    assert_eq!(fault.unwrap_err(), EgressFault::PrivateIpBlocked);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn localhost_is_looked_up_where_it_is_written() {
    let server = Server::start(|_| ok("here")).await;
    let url = format!("http://localhost:{}/", server.address.port());
    let answer = fetch(&reaching(&[&url]), request(Method::Get, &url))
        .await
        .unwrap();
    assert_eq!(&answer.body[..], b"here");
    let mut off = settings(&[&url]);
    off.rules.dns_enabled = false;
    let off = Connector::new(off).unwrap();
    let fault = fetch(&off, request(Method::Get, &url)).await.unwrap_err();
    assert_eq!(fault, EgressFault::DnsDisabled);
}

#[tokio::test]
async fn a_reload_holds_from_the_next_request_on() {
    let server = Server::start(|_| ok("a")).await;
    let connector = reaching(&[&server.url("/")]);
    let clone = connector.clone();
    let asked = || request(Method::Get, &server.url("/"));
    fetch(&clone, asked()).await.unwrap();
    connector.reload(EgressSettings::default()).unwrap();
    assert_eq!(
        fetch(&clone, asked()).await.unwrap_err(),
        EgressFault::HostNotAllowed
    );
    let mut wrong = EgressSettings::default();
    wrong.rules.hosts.push("a b".into());
    assert!(connector.reload(wrong).is_err());
    connector.reload(settings(&[&server.url("/")])).unwrap();
    fetch(&clone, asked()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(|_| ok("a")).await;
    let connector = reaching(&[&server.url("/")]);
    for _ in 0..20 {
        fetch(&connector, request(Method::Get, &server.url("/")))
            .await
            .unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_does_not_wait_for_ever() {
    let server = Server::start(|_| ok("a")).await;
    let connector = reaching(&[&server.url("/")]);
    fetch(&connector, request(Method::Get, &server.url("/")))
        .await
        .unwrap();
    assert_eq!(server.open(), 1);
    tokio::time::pause();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::resume();
    while server.open() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn thirty_at_once_share_eight_connections() {
    let server =
        Server::start(|_| [vec![Step::Wait(Duration::from_millis(5))], ok("a")].concat()).await;
    let connector = reaching(&[&server.url("/")]);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (connector, asked) = (connector.clone(), request(Method::Get, &server.url("/")));
        tasks.spawn(async move { fetch(&connector, asked).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.len(), 30);
    assert!(server.connections() <= 8, "{}", server.connections());
}

#[tokio::test]
async fn a_connection_that_ended_while_it_waited_is_opened_again() {
    // Answers one request a connection, and drops the next without a word.
    let server = Server::start(|seen| match seen.path() {
        "/close" => [
            ok("a"),
            vec![Step::Wait(Duration::from_millis(50)), Step::Close],
        ]
        .concat(),
        _ => ok("a"),
    })
    .await;
    let connector = reaching(&[&server.url("/")]);
    fetch(&connector, request(Method::Get, &server.url("/close")))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    fetch(&connector, request(Method::Get, &server.url("/")))
        .await
        .unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_answers_nobody() {
    let unasked = ok("evil");
    let server = Server::start(move |seen| match seen.path() {
        "/at-once" => vec![Step::Send(both(&ok("a"), &unasked))],
        "/later" => {
            let wait = vec![Step::Wait(Duration::from_millis(20))];
            [ok("a"), wait, unasked.clone()].concat()
        }
        _ => ok("good"),
    })
    .await;
    let connector = reaching(&[&server.url("/")]);
    for path in ["/at-once", "/later"] {
        let first = fetch(&connector, request(Method::Get, &server.url(path))).await;
        assert_eq!(&first.unwrap().body[..], b"a");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let next = fetch(&connector, request(Method::Get, &server.url("/"))).await;
        assert_eq!(&next.unwrap().body[..], b"good", "{path}");
    }
}

fn both(one: &[Step], other: &[Step]) -> Vec<u8> {
    let bytes = |step: &Step| match step {
        Step::Send(bytes) => bytes.clone(),
        _ => Vec::new(),
    };
    one.iter().chain(other).flat_map(bytes).collect()
}

#[tokio::test]
async fn only_what_may_be_sent_twice_is() {
    // The second request of a connection is read and never answered.
    let server = Server::start(|seen| match seen.path() {
        "/drop" => vec![Step::Close],
        _ => ok("a"),
    })
    .await;
    let connector = reaching(&[&server.url("/")]);
    for (method, sent) in [(Method::Get, 2), (Method::Post, 1)] {
        fetch(&connector, request(Method::Get, &server.url("/")))
            .await
            .unwrap();
        let fault = fetch(&connector, request(method, &server.url("/drop")))
            .await
            .unwrap_err();
        assert_eq!(fault, EgressFault::BadResponse);
        let line = format!("{method} /drop HTTP/1.1");
        let times = server
            .seen()
            .iter()
            .filter(|seen| seen.line() == line)
            .count();
        assert_eq!(times, sent, "{method}");
    }
}

#[tokio::test]
async fn a_credential_goes_to_its_origin_alone() {
    let other = Server::start(|_| ok("other")).await;
    let location = other.url("/");
    let server = Server::start(move |seen| match seen.path() {
        "/away" => server::redirect(307, &location),
        _ => ok("a"),
    })
    .await;
    let mut settings = settings(&[&server.url("/"), &other.url("/")]);
    settings.credentials.push(Credential {
        origin: Target::parse(&server.url("/")).unwrap(),
        header: "Authorization".into(),
        value: durward_core::Secret::new("Bearer topsecret".into()),
    });
    assert!(!format!("{settings:?}").contains("topsecret"));
    let connector = Connector::new(settings.clone()).unwrap();
    fetch(&connector, request(Method::Get, &server.url("/away")))
        .await
        .unwrap();
    assert_eq!(
        server.seen()[0].header("authorization"),
        Some("Bearer topsecret")
    );
    assert!(!other.seen()[0].head.contains("topsecret"));

    for (header, value) in [("Host", "a"), ("a b", "a"), ("X", "a\r\nb")] {
        settings.credentials[0].header = header.into();
        settings.credentials[0].value = durward_core::Secret::new(value.into());
        let error = Connector::new(settings.clone())
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains("`credentials`"), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_without_an_address() {
    let server = Server::start(|_| ok("a")).await;
    let url = server.url("/");
    drop(server);
    tokio::task::yield_now().await;
    let fault = fetch(&reaching(&[&url]), request(Method::Get, &url))
        .await
        .unwrap_err();
    assert_eq!(fault, EgressFault::ConnectFailed);
    let refusal = fault.refusal();
    assert!(
        !refusal.reason.bytes().any(|b| b.is_ascii_digit()),
        "{refusal:?}"
    );
}

#[test]
fn the_environments_proxies_are_not_asked() {
    let test = "egress::tests::exchanges::the_environments_proxies_are_not_asked";
    let names = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    // Nobody listens there: whoever asks it fails.
    let nowhere = names.map(|name| (name, "http://127.0.0.1:9/"));
    if !is_alone(test, |command| {
        command.envs(nowhere);
    }) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let server = Server::start(|_| ok("direct")).await;
        let connector = reaching(&[&server.url("/")]);
        let answer = fetch(&connector, request(Method::Get, &server.url("/")))
            .await
            .unwrap();
        assert_eq!(&answer.body[..], b"direct");
    });
}
