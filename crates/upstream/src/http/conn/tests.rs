//! Answers that come in pieces.

use bytes::BytesMut;
use durward_wire::http1::AnswerFraming;
use proptest::prelude::*;
use tokio::io::{AsyncWriteExt, duplex};

use super::*;

/// What a connection brings that is written in these pieces: status and body of each answer.
fn read(pieces: Vec<Vec<u8>>, answers: usize) -> Vec<Result<(u16, Vec<u8>), String>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async move {
        // Each piece is read before the next is written.
        let (ours, mut theirs) = duplex(1 << 16);
        let mut conn = Conn::new(Box::new(ours), 0, 0);
        let writer = tokio::spawn(async move {
            for piece in pieces {
                theirs.write_all(&piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut found = Vec::new();
        for _ in 0..answers {
            let answer = async {
                let head = conn.head().await?;
                let body = conn.whole(head.framing, 1000).await?;
                Ok::<_, Broken>((head.status, body.to_vec()))
            };
            match answer.await {
                Ok(answer) => found.push(Ok(answer)),
                Err(broken) => {
                    found.push(Err(format!("{broken:?}")));
                    break;
                }
            }
        }
        writer.await.unwrap();
        found
    })
}

fn cut(bytes: &[u8], mut cuts: Vec<usize>) -> Vec<Vec<u8>> {
    cuts.iter_mut().for_each(|cut| *cut %= bytes.len() + 1);
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for cut in cuts {
        pieces.push(bytes[from..cut].to_vec());
        from = cut;
    }
    pieces.push(bytes[from..].to_vec());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

const ANSWERS: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello\
    HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n06\r\n world\r\n0\r\nt: u\r\n\r\n\
    HTTP/1.1 204 No\r\n\r\nHTTP/1.1 500 X\r\n\r\nto the end";

#[test]
fn answers_follow_each_other() {
    let found = read(vec![ANSWERS.to_vec()], 5);
    let expected: [(u16, &str); 4] = [
        (200, "hello"),
        (200, "hello world"),
        (204, ""),
        (500, "to the end"),
    ];
    let expected = expected.map(|(status, body)| Ok((status, body.as_bytes().to_vec())));
    assert_eq!(found[..4], expected);
    assert_eq!(found[4], Err("Silent".to_owned()));
}

#[test]
fn a_body_is_no_longer_than_the_limit() {
    for head in ["content-length: 1001", "transfer-encoding: chunked", "x: y"] {
        let text = format!(
            "HTTP/1.1 200 OK\r\n{head}\r\n\r\n3e9\r\n{}",
            "x".repeat(2000)
        );
        let found = read(vec![text.into_bytes()], 1);
        assert_eq!(found, [Err("TooLong".to_owned())], "{head}");
    }
}

#[test]
fn interim_answers_are_counted() {
    let text = "HTTP/1.1 103 Early\r\n\r\n".repeat(9);
    let found = read(vec![text.into_bytes()], 1);
    assert!(
        found[0].as_ref().unwrap_err().starts_with("Head"),
        "{found:?}"
    );
}

#[test]
fn large_bodies_leave_no_large_buffer_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (ours, mut theirs) = duplex(1 << 20);
        let mut conn = Conn::new(Box::new(ours), 0, 0);
        theirs.write_all(&vec![b'x'; 500_000]).await.unwrap();
        conn.whole(AnswerFraming::Length(500_000), 1 << 20)
            .await
            .unwrap();
        assert!(conn.input.capacity() < KEEP);
    });
}

#[test]
fn what_waits_is_judged() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let judged = |said: &'static [u8], closed: bool, ending: bool| async move {
            let (ours, mut theirs) = duplex(1 << 16);
            let mut conn = Conn::new(Box::new(ours), 0, 7);
            conn.good_until = Instant::now() + Duration::from_secs(1);
            if ending {
                let mut decoder = ChunkedDecoder::new();
                conn.input.extend_from_slice(b"1\r\nx\r\n");
                conn.decode(&mut decoder, &mut BytesMut::new(), 10).unwrap();
                conn.set_ending(decoder);
            }
            theirs.write_all(said).await.unwrap();
            let theirs = Some(theirs).filter(|_| !closed);
            let judged = conn.judge(7, Instant::now());
            drop(theirs);
            judged
        };
        assert_eq!(judged(b"", false, false).await, Judged::Good);
        assert_eq!(judged(b"", true, false).await, Judged::Bad);
        assert_eq!(
            judged(b"HTTP/1.1 408 X\r\n\r\n", false, false).await,
            Judged::Bad
        );
        assert_eq!(judged(b"", false, true).await, Judged::Ending);
        assert_eq!(judged(b"0\r\n", false, true).await, Judged::Ending);
        assert_eq!(judged(b"0\r\n\r\n", false, true).await, Judged::Good);
        assert_eq!(judged(b"1\r\ny\r\n", false, true).await, Judged::Bad);
        assert_eq!(judged(b"0\r\n\r\nmore", false, true).await, Judged::Bad);
        let (ours, _theirs) = duplex(10);
        let mut conn = Conn::new(Box::new(ours), 0, 7);
        assert_eq!(conn.judge(7, Instant::now()), Judged::Bad, "too old");
        conn.good_until = Instant::now() + Duration::from_secs(1);
        assert_eq!(conn.judge(8, Instant::now()), Judged::Bad, "other settings");
    });
}

proptest! {
    #[test]
    fn every_split_gives_the_same_answers(cuts in proptest::collection::vec(0..1000_usize, 0..12)) {
        prop_assert_eq!(read(cut(ANSWERS, cuts), 5), read(vec![ANSWERS.to_vec()], 5));
    }
}
