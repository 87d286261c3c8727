//! Compressed bodies, over the wire.

use super::{
    coded::{brotli, deflate, gzip, zlib, zstd},
    *,
};

fn answer(encoding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

#[tokio::test]
async fn each_coding_is_undone() {
    let text = "what is said, said again, and said again ".repeat(2000);
    let text = text.as_bytes();
    for (encoding, body) in [
        ("gzip", gzip(text)),
        ("x-gzip", gzip(text)),
        ("GZIP", gzip(text)),
        ("deflate", zlib(text)),
        ("deflate", deflate(text)),
        ("br", brotli(text)),
        ("zstd", zstd(text)),
        ("identity", text.to_vec()),
        ("", text.to_vec()),
    ] {
        let answer = get(answer(encoding, &body), &Budget::default())
            .await
            .unwrap();
        assert!(&answer.body[..] == text && !answer.truncated, "{encoding}");
    }
}

#[tokio::test]
async fn one_layer_is_undone_and_no_more() {
    let twice = gzip(&gzip(b"a"));
    for (encoding, fault) in [
        ("gzip, gzip", EgressFault::NestedEncoding),
        ("br,gzip", EgressFault::NestedEncoding),
        ("compress", EgressFault::UnknownEncoding),
        ("gzip, aes128gcm", EgressFault::UnknownEncoding),
    ] {
        let seen = get(answer(encoding, &twice), &Budget::default())
            .await
            .unwrap_err();
        assert_eq!(seen, fault, "{encoding}");
    }
    let lines = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Encoding: br\r\n\
                 Content-Length: 1\r\n\r\na";
    let fault = get(lines, &Budget::default()).await.unwrap_err();
    assert_eq!(fault, EgressFault::NestedEncoding);
}

#[tokio::test]
async fn a_broken_body_is_said() {
    let text = vec![b'a'; 50_000];
    for (encoding, body) in [
        ("gzip", gzip(&text)),
        ("br", brotli(&text)),
        ("zstd", zstd(&text)),
    ] {
        for body in [&body[..body.len() - 3], b"not at all", &[0xff; 300]] {
            let fault = get(answer(encoding, body), &Budget::default())
                .await
                .unwrap_err();
            assert_eq!(fault, EgressFault::BadEncoding, "{encoding}");
        }
    }
}

#[tokio::test]
async fn a_bomb_is_cut_at_the_bound() {
    let bomb = vec![b'A'; 20 << 20];
    for (encoding, body) in [
        ("gzip", gzip(&bomb)),
        ("deflate", zlib(&bomb)),
        ("deflate", deflate(&bomb)),
        ("br", brotli(&bomb)),
        ("zstd", zstd(&bomb)),
    ] {
        let answer = get(answer(encoding, &body), &Budget::default())
            .await
            .unwrap();
        assert!(answer.truncated, "{encoding}");
        assert!(answer.body.len() <= 1 << 20, "{encoding}");
        assert!(answer.body.iter().all(|b| *b == b'A'), "{encoding}");
    }
}

/// What this process has had in memory at most, since it was asked to forget.
fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<usize>().unwrap() << 10
}

#[test]
fn half_a_gibibyte_of_nothing_costs_no_more_than_twice_the_bound() {
    const MOST: usize = 16 << 20;
    let test =
        "egress::tests::bodies::half_a_gibibyte_of_nothing_costs_no_more_than_twice_the_bound";
    if !is_alone(test, |_| {}) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        for encoding in ["gzip", "br", "zstd"] {
            let bomb = coded::bomb(encoding);
            let server =
                Server::start(move |_| vec![server::Step::Send(answer(encoding, &bomb))]).await;
            let connector = reaching(&[&server.url("/")]);
            let budget = Budget {
                body: MOST,
                ..Budget::default()
            };
            // proc(5): 5 forgets what was most.
            std::fs::write("/proc/self/clear_refs", "5").unwrap();
            let before = most_memory();
            let asked = request(Method::Get, &server.url("/"));
            let answer = connector
                .fetch(asked, &budget, &Cancel::new())
                .await
                .unwrap();
            let grown = most_memory().saturating_sub(before);
            assert!(
                answer.truncated && answer.body.len() >= 1 << 20,
                "{encoding}"
            );
            assert!(grown <= 2 * MOST, "{encoding}: {grown}");
        }
    });
}
