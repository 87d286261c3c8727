//! Tunnels, by CONNECT and by SOCKS.

use super::*;

#[tokio::test]
async fn a_tunnel_leads_to_what_may_be_reached() {
    let server = Server::start(|_| [ok("hello"), vec![Step::Close]].concat()).await;
    let front = Front::to(&["127.0.0.1"]).await;
    let at = server.address;
    // What follows the question belongs to the tunnel, wherever it was cut.
    let asked = format!("CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    let said = front.say(&asked).await;
    assert!(
        said.starts_with("HTTP/1.1 200 ") && said.ends_with("hello"),
        "{said}"
    );
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[255, 255, 127, 0, 0, 1]);
    for (kind, address) in [(1, &[127, 0, 0, 1][..]), (3, b"127.0.0.1"), (4, &mapped)] {
        let (code, mut stream) = front.socks(1, kind, address, at.port()).await;
        assert_eq!(code, Some(0), "{kind}");
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("hello"), "{answer}");
    }
    let told = front.told(8).await;
    assert_eq!(told[0], format!("connect opened {at}"));
    let closed = told.iter().filter(|line| line.contains(" closed ")).count();
    assert_eq!(closed, 4, "{told:?}");
    assert!(
        told[1].starts_with(&format!("connect closed {at} 18 ")),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_tunnel_leads_nowhere_else() {
    let canary = Server::start(|_| ok("secret")).await;
    let port = canary.address.port();
    let front = Front::to(&["10.0.0.0/8"]).await;
    for (place, status) in [
        (
            format!("127.0.0.1:{port}"),
            "403 Forbidden: private_ip_blocked",
        ),
        (format!("2130706433:{port}"), "403 "),
        (format!("[::ffff:127.0.0.1]:{port}"), "403 "),
        (format!("localhost:{port}"), "403 Forbidden: name_blocked"),
        ("169.254.169.254:80".to_owned(), "403 "),
        ("a.example:22".to_owned(), "403 Forbidden: port_not_allowed"),
        ("a_b.example:443".to_owned(), "400 "),
        (format!("u@127.0.0.1:{port}"), "400 "),
        ("a.example".to_owned(), "400 "),
        ("a.example:+443".to_owned(), "400 "),
        (format!("127.0.0.1:{port}/"), "400 "),
        ("a.example:65536".to_owned(), "400 "),
        (":443".to_owned(), "400 "),
    ] {
        let said = front.say(format!("CONNECT {place} HTTP/1.1\r\n\r\n")).await;
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status}")),
            "{place}: {said}"
        );
    }
    for (command, kind, address, code) in [
        (1, 1, &[127, 0, 0, 1][..], Some(2)),
        (1, 3, b"localhost", Some(2)),
        // A name that ends early to whoever counts by zeros.
        (1, 3, b"127.0.0.1\0.example.com", Some(2)),
        (1, 3, b"a.example.com\0", Some(2)),
        (1, 3, b"a.example.com\r\n", Some(2)),
        (1, 3, b"a_b.example.com", Some(2)),
        (1, 3, b"\xff\xfe.example.com", Some(2)),
        (1, 3, b"127.1/.example.com", Some(2)),
        (1, 3, b"a%00.example.com", Some(2)),
        (1, 3, b"", Some(2)),
        // BIND, UDP and what there is not.
        (2, 1, &[127, 0, 0, 1], Some(7)),
        (3, 1, &[127, 0, 0, 1], Some(7)),
        (1, 9, &[127, 0, 0, 1], None),
    ] {
        let (seen, _) = front.socks(command, kind, address, port).await;
        assert_eq!(seen, code, "{command} {kind} {address:?}");
    }
    assert_eq!(canary.connections(), 0);
}

/// The rules of one box may be narrower than those of another.
#[tokio::test]
async fn each_box_has_the_rules_of_its_own_connector() {
    let server = Server::start(|_| [ok("hello"), vec![Step::Close]].concat()).await;
    let at = server.address;
    let (wide, narrow) = (Front::to(&["127.0.0.1"]).await, Front::to(&[]).await);
    let ask = format!("CONNECT {at} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    assert!(wide.say(&ask).await.starts_with("HTTP/1.1 200 "));
    assert!(narrow.say(&ask).await.starts_with("HTTP/1.1 403 "));
    assert_eq!(server.connections(), 1);
    assert_eq!(
        narrow.told(1).await,
        [format!("connect refused {at}: private_ip_blocked")]
    );
}

/// durward's own listeners are out of reach whatever the rules say.
#[tokio::test]
async fn durwards_own_listeners_are_no_target() {
    let canary = Server::start(|_| ok("secret")).await;
    let connector = reaching(&["127.0.0.0/8"]);
    connector.set_listeners(vec![canary.address]);
    let front = Front::start(connector, WayOutLimits::default()).await;
    let said = front
        .say(format!("CONNECT {} HTTP/1.1\r\n\r\n", canary.address))
        .await;
    assert!(said.starts_with("HTTP/1.1 403 "), "{said}");
    assert_eq!(canary.connections(), 0);
}
