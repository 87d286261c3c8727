//! Any bytes at all.

use proptest::prelude::*;
use tokio::io::duplex;

use super::*;

/// What a proxy that may reach nothing says to this.
fn said(bytes: &[u8]) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let connector = Connector::new(EgressSettings::default()).unwrap();
        let (mut client, server) = duplex(64 << 10);
        let told = Arc::default();
        let proxy = proxy(connector, &told);
        let mut answer = Vec::new();
        let talk = async {
            let _ = client.write_all(bytes).await;
            let _ = client.shutdown().await;
            let _ = client.read_to_end(&mut answer).await;
        };
        tokio::join!(proxy.serve(server), talk);
        assert_eq!(told.lock().unwrap().len(), 1);
        answer
    })
}

/// It is silence, a refusal in SOCKS, or one in HTTP.
fn is_no(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let http = text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.1 5");
    let socks = match answer {
        [5, 0xff] | [5, 0] => true,
        [5, 0, 5, code, ..] => *code != 0 && answer.len() == 12,
        _ => false,
    };
    answer.is_empty() || http || socks
}

proptest! {
    #[test]
    fn any_bytes_are_answered_with_no(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let answer = said(&bytes);
        prop_assert!(is_no(&answer), "{answer:?}");
    }

    #[test]
    fn anything_like_a_question_is_answered_with_no(
        method in prop::sample::select(vec!["CONNECT", "GET", "POST", "HEAD", "connect", "TRACE", ""]),
        target in "(http://|https://|//|)[a-z0-9.:@\\[\\]%\\\\/?#_-]{0,30}",
        version in prop::sample::select(vec![" HTTP/1.1", " HTTP/1.0", " HTTP/2", "", "  HTTP/1.1"]),
        lines in prop::collection::vec("[A-Za-z-]{1,12}: ?[ -~\t]{0,20}\r?\n?", 0..4),
    ) {
        let asked = format!("{method} {target}{version}\r\n{}\r\n", lines.concat());
        let answer = said(asked.as_bytes());
        prop_assert!(is_no(&answer), "{asked:?}: {}", String::from_utf8_lossy(&answer));
    }

    #[test]
    fn anything_like_a_socks_question_is_answered_with_no(
        methods in prop::collection::vec(any::<u8>(), 0..4),
        command in 0_u8..5,
        kind in prop::sample::select(vec![1_u8, 3, 4, 9]),
        rest in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut asked = vec![5, u8::try_from(methods.len() + 1).unwrap()];
        asked.extend(methods);
        asked.extend([0, 5, command, 0, kind]);
        asked.extend(rest);
        let answer = said(&asked);
        prop_assert!(is_no(&answer), "{asked:?}: {answer:?}");
    }
}
