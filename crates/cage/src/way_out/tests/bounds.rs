//! Bounds: of time, of size, of number.

use std::time::Duration;

use tokio::{net::TcpListener, time::timeout};

use super::*;

/// What must happen, happens long before this.
const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn who_wants_to_authenticate_or_says_nothing_is_let_go() {
    let limits = WayOutLimits {
        greeting: Duration::from_millis(50),
        ..WayOutLimits::default()
    };
    let front = Front::start(reaching(&[]), limits).await;
    let mut stream = front.connect().await;
    stream.write_all(&[5, 1, 2]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [5, 0xff]);
    for begun in [
        "",
        "CONNECT a.example:443 HTTP/1.1\r\n",
        "GET http://a.example/ HTTP/1.1\r\nX: ",
        "\u{5}",
        "\u{5}\u{1}",
    ] {
        assert_eq!(front.say(begun).await, "", "{begun:?}");
    }
    assert_eq!(front.told(6).await, ["unheard"; 6]);
}

#[tokio::test]
async fn a_head_without_an_end_is_cut() {
    let front = Front::to(&[]).await;
    for begun in [
        format!(
            "CONNECT a.example:443 HTTP/1.1\r\nA: {}",
            "a".repeat(40_000)
        ),
        format!(
            "GET http://a.example/ HTTP/1.1\r\n{}",
            "A: b\r\n".repeat(8_000)
        ),
        format!("GET http://a.example/{}", "a".repeat(40_000)),
    ] {
        let said = front.say(&begun).await;
        assert!(
            said.starts_with("HTTP/1.1 431 ") || said.starts_with("HTTP/1.1 414 "),
            "{said}"
        );
    }
    let many = format!(
        "GET http://a.example/ HTTP/1.1\r\n{}\r\n",
        "A: b\r\n".repeat(101)
    );
    let said = front.say(&many).await;
    assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
}

#[tokio::test]
async fn tunnels_are_counted_and_end_when_silent() {
    let server = Server::start(|_| ok("a")).await;
    let limits = WayOutLimits {
        connections: 2,
        idle: Duration::from_millis(300),
        ..WayOutLimits::default()
    };
    let front = Front::start(reaching(&["127.0.0.1"]), limits).await;
    let port = server.address.port();
    let (first, mut held) = front.socks(1, 1, &[127, 0, 0, 1], port).await;
    let (second, _other) = front.socks(1, 1, &[127, 0, 0, 1], port).await;
    assert_eq!((first, second), (Some(0), Some(0)));
    assert_eq!(
        front.say("CONNECT a.example:443 HTTP/1.1\r\n\r\n").await,
        ""
    );
    assert!(front.told(3).await.contains(&"crowded".to_owned()));
    let mut rest = Vec::new();
    timeout(DEADLINE, held.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    front.told(5).await;
    let (again, _) = front.socks(1, 1, &[127, 0, 0, 1], port).await;
    assert_eq!(again, Some(0));
}

/// Each side may be done before the other.
#[tokio::test]
async fn half_a_connection_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let front = Front::to(&["127.0.0.1"]).await;
    let (code, mut client) = front.socks(1, 1, &[127, 0, 0, 1], port).await;
    assert_eq!(code, Some(0));
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut heard = String::new();
    server.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "question");
    server.write_all(b"answer").await.unwrap();
    drop(server);
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "answer");
    let told = front.told(2).await;
    assert_eq!(told[1], format!("socks closed 127.0.0.1:{port} 8 6"));
}

#[tokio::test]
async fn a_thousand_connections_leave_nothing() {
    let server = Server::start(|_| [ok("hello"), vec![Step::Close]].concat()).await;
    let at = server.address;
    let limits = WayOutLimits {
        connections: 100,
        ..WayOutLimits::default()
    };
    let front = Arc::new(Front::start(reaching(&["127.0.0.1"]), limits).await);
    for round in 0..10 {
        let ask = |number: usize| {
            let front = Arc::clone(&front);
            tokio::spawn(async move {
                if number.is_multiple_of(2) {
                    let ask = format!("CONNECT {at} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
                    front.say(ask).await
                } else {
                    front
                        .say(format!("GET http://{at}/ HTTP/1.1\r\n\r\n"))
                        .await
                }
            })
        };
        let all: Vec<_> = (0..100).map(ask).collect();
        for one in all {
            let said = timeout(DEADLINE, one).await.unwrap().unwrap();
            assert!(said.ends_with("hello"), "{said}");
        }
        // Its place is free again once its end was told.
        timeout(DEADLINE, front.told((round + 1) * 200))
            .await
            .unwrap();
    }
    assert_eq!(server.connections(), 1000);
    let told = front.told(2000).await;
    let closed = told.iter().filter(|line| line.contains(" closed ")).count();
    assert_eq!(closed, 1000);
}

/// What may not be reached any more is not reached by a connection that was made before.
#[tokio::test]
async fn rules_that_change_end_what_they_no_longer_permit() {
    let server = Server::start(|_| ok("a")).await;
    let connector = reaching(&["127.0.0.1"]);
    let front = Front::start(connector.clone(), WayOutLimits::default()).await;
    let port = server.address.port();
    let (code, mut held) = front.socks(1, 1, &[127, 0, 0, 1], port).await;
    assert_eq!(code, Some(0));
    connector.reload(EgressSettings::default()).unwrap();
    let mut rest = Vec::new();
    let ended = timeout(DEADLINE, held.read_to_end(&mut rest)).await;
    assert!(ended.is_ok());
}

/// A client that breaks off in the middle of its body, or sends what is none, does not keep the server waiting.
#[tokio::test]
async fn half_a_body_ends_its_request() {
    for rest in [
        "Content-Length: 9\r\n\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\nnone\r\n",
    ] {
        let server = Server::start(|_| vec![Step::Wait(DEADLINE)]).await;
        let front = Front::to(&["127.0.0.1"]).await;
        let mut client = front.connect().await;
        let asked = format!("POST http://{}/ HTTP/1.1\r\n{rest}", server.address);
        client.write_all(asked.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        timeout(DEADLINE / 2, client.read_to_string(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(answer, "", "{rest}");
    }
}

/// Nothing outlives the door.
#[tokio::test]
async fn connections_end_with_their_proxy() {
    let server = Server::start(|_| ok("a")).await;
    let front = Front::to(&["127.0.0.1"]).await;
    let (code, mut held) = front
        .socks(1, 1, &[127, 0, 0, 1], server.address.port())
        .await;
    assert_eq!(code, Some(0));
    drop(front);
    let mut rest = Vec::new();
    let ended = timeout(DEADLINE, held.read_to_end(&mut rest)).await;
    assert!(ended.is_ok());
}
