//! Servers that stall, drip or never end. Each test would hang, or fill the memory, were it not for a
//! bound; none of them measures time.

use std::time::Duration;

use super::{server::Step, *};

fn quick() -> Budget {
    Budget {
        first_byte: Duration::from_millis(200),
        total: Duration::from_millis(600),
        ..Budget::default()
    }
}

async fn fault(steps: Vec<Step>, budget: &Budget) -> EgressFault {
    let server = Server::start(move |_| steps.clone()).await;
    let connector = reaching(&[&server.url("/")]);
    let asked = request(Method::Get, &server.url("/"));
    connector
        .fetch(asked, budget, &Cancel::new())
        .await
        .unwrap_err()
}

fn send(text: &str) -> Step {
    Step::Send(text.into())
}

#[tokio::test]
async fn nothing_comes() {
    let wait = vec![Step::Wait(Duration::from_secs(60))];
    assert_eq!(fault(wait, &quick()).await, EgressFault::FirstByteTimeout);
}

#[tokio::test]
async fn the_body_stalls() {
    let head = send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    let steps = vec![head, Step::Wait(Duration::from_secs(60))];
    assert_eq!(fault(steps, &quick()).await, EgressFault::Timeout);
}

#[tokio::test(start_paused = true)]
async fn the_body_drips() {
    let mut steps = vec![send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")];
    for _ in 0..60 {
        steps.extend([send("a"), Step::Wait(Duration::from_secs(1))]);
    }
    assert_eq!(fault(steps, &Budget::default()).await, EgressFault::TooSlow);
}

#[tokio::test]
async fn headers_without_end() {
    let steps = vec![
        send("HTTP/1.1 200 OK\r\n"),
        Step::Endless(b"A: bbbbbbbbbbbbbbbbbbbbbbb\r\n".into()),
    ];
    assert_eq!(
        fault(steps, &Budget::default()).await,
        EgressFault::HeadTooLarge
    );
    let steps = vec![
        send("HTTP/1.1 200 OK\r\nA: "),
        Step::Endless(vec![b'a'; 1000]),
    ];
    assert_eq!(
        fault(steps, &Budget::default()).await,
        EgressFault::HeadTooLarge
    );
}

#[tokio::test]
async fn interim_answers_without_end() {
    let interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".to_vec();
    let fault = fault(vec![Step::Endless(interim)], &Budget::default()).await;
    assert_eq!(fault, EgressFault::TooManyInterim);
}

#[tokio::test]
async fn a_few_interim_answers_are_passed_over() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(8);
    let answer = format!("{interim}HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
    assert_eq!(get(answer, &Budget::default()).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_body_without_end_is_cut() {
    for head in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    ] {
        let head = send(head);
        let server =
            Server::start(move |_| vec![head.clone(), Step::Endless(vec![b'a'; 5000])]).await;
        let connector = reaching(&[&server.url("/")]);
        let answer = fetch(&connector, request(Method::Get, &server.url("/")))
            .await
            .unwrap();
        assert!(answer.truncated);
        assert_eq!(answer.body.len(), 1 << 20);
    }
}

#[tokio::test]
async fn what_is_not_http_is_said() {
    for text in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 999999 No\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab",
    ] {
        let fault = fault(vec![send(text), Step::Close], &Budget::default()).await;
        assert_eq!(fault, EgressFault::BadResponse, "{text}");
    }
    let cut = vec![
        send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"),
        Step::Close,
    ];
    assert_eq!(
        fault(cut, &Budget::default()).await,
        EgressFault::BadResponse
    );
}

#[tokio::test]
async fn who_cancels_is_not_kept_waiting() {
    let server = Server::start(|_| vec![Step::Wait(Duration::from_secs(60))]).await;
    let connector = reaching(&[&server.url("/")]);
    let cancel = Cancel::new();
    let stop = cancel.child();
    let asked = request(Method::Get, &server.url("/"));
    let waiting = Budget::default();
    let (answer, ()) = tokio::join!(connector.fetch(asked, &waiting, &stop), async {
        while server.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert_eq!(answer.unwrap_err(), EgressFault::Cancelled);
}
