//! Sites that mean harm: bombs, stalls, floods. None takes more than it was given.

use std::{
    io::Write,
    net::{Shutdown, TcpStream},
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use durward_testkit::{Site, modern, refusal, say};
use serde_json::{Value, json};

use crate::{
    eventually,
    web::{body, fetch, reaching, word},
};

/// A gzip of `bytes` times the same letter: one literal, then copies of the 258 letters before (RFC 1951,
/// fixed codes). What a good client reads of a large one does not reach its end; a small one ends well.
fn bomb(bytes: usize, letter: u8) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let (mut bits, mut count) = (0u64, 0);
    let mut put = |code: u32, length: u32, is_code: bool| {
        // Codes go highest bit first, other numbers lowest bit first.
        let code = if is_code {
            code.reverse_bits() >> (32 - length)
        } else {
            code
        };
        bits |= u64::from(code) << count;
        count += length;
        while count >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    put(1, 1, false);
    put(1, 2, false);
    match letter {
        0..144 => put(0x30 + u32::from(letter), 8, true),
        144.. => put(0x190 + u32::from(letter) - 144, 9, true),
    }
    for _ in 0..bytes / 258 {
        put(0b1100_0101, 8, true);
        put(0, 5, true);
    }
    put(0, 7, true);
    put(0, 7, false);
    let length = bytes / 258 * 258 + 1;
    let sum = if length < 1 << 20 {
        crc32(letter, length)
    } else {
        0
    };
    out.extend(sum.to_le_bytes());
    out.extend((length as u32).to_le_bytes());
    out
}

/// The checksum of so many times the same letter (RFC 1952, section 8).
fn crc32(letter: u8, length: usize) -> u32 {
    let step = |sum: u32, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1));
    !(0..length).fold(!0, |sum, _| (0..8).fold(sum ^ u32::from(letter), step))
}

fn structure(answer: &Value) -> &Value {
    &answer["result"]["structuredContent"]
}

/// Writes until the other side has had enough, or so many bytes are written.
fn flood(stream: &mut TcpStream, head: &str, piece: &[u8], most: usize) {
    let mut written = head.len();
    let mut more = stream.write_all(head.as_bytes()).is_ok();
    while more && written < most {
        more = stream.write_all(piece).is_ok();
        written += piece.len();
    }
    let _ = stream.shutdown(Shutdown::Both);
}

#[test]
fn h24_a_large_body_is_cut_at_the_limit_and_says_so() {
    let site = Site::serving(|asked, stream| {
        let head = match asked.target.as_str() {
            "/known" => "HTTP/1.1 200 OK\r\nContent-Length: 27262976\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\n\r\n",
        };
        flood(stream, head, &[b'x'; 64 * 1024], 26 << 20);
    });
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    for path in ["/known", "/unknown"] {
        let answer = fetch(&mut pipe, &site.url(path));
        assert_eq!(body(&answer).len(), 1 << 20, "{path}");
        assert_eq!(structure(&answer)["truncated"], true);
    }
}

/// Whatever becomes of it, a bomb costs at most twice what may be kept of it.
#[test]
fn h24_a_bomb_costs_no_more_memory_than_twice_the_limit() {
    const MOST: usize = 1 << 20;
    let bombs = [b'A', b'\xe9'].map(|letter| [512 << 20, 100 << 10].map(|it| bomb(it, letter)));
    let site = Site::serving(move |asked, stream| {
        let (path, kind) = asked.target.rsplit_once('/').expect("a path and a kind");
        let kind = kind.replace('.', "/").replace('+', "; charset=");
        let [large, small] = &bombs[usize::from(path.starts_with("/latin"))];
        let body = if path.ends_with("/small") {
            small
        } else {
            large
        };
        let headers = [("Content-Encoding", "gzip"), ("Content-Type", &kind[..])];
        say(stream, "200 OK", &headers, body);
    });
    let house = reaching(&[&site], "");
    let key = house.key("reader");
    let costs = [
        ("/ascii", "text.plain", "text"),
        ("/ascii", "text.html", "auto"),
        ("/ascii", "text.html", "base64"),
        ("/latin", "text.plain+latin1", "text"),
        ("/latin", "text.plain", "text"),
    ]
    .map(|(path, kind, format)| {
        let daemon = house.serve(&[]).with_key(key.clone());
        let call = |size: &str| {
            let url = site.url(&format!("{path}{size}/{kind}"));
            let arguments = json!({"url": url, "format": format, "timeout_ms": 30000});
            daemon.call("http_fetch", arguments)
        };
        // What is used for the first time costs memory too, on each thread, however little comes.
        for _ in 0..16 {
            assert_eq!(structure(&call("/small"))["truncated"], false);
        }
        let before = daemon.memory_kib("VmRSS");
        let answer = call("");
        let grown = daemon.memory_kib("VmHWM") - before;
        assert_eq!(
            structure(&answer)["truncated"],
            true,
            "{path} {kind} {format}"
        );
        assert!(body(&answer).len() >= MOST - 16, "{path} {kind} {format}");
        eprintln!("{grown} KiB for {path} {kind} {format}");
        grown
    });
    assert!(
        costs.iter().all(|grown| grown * 1024 <= 2 * MOST as u64),
        "{costs:?} KiB"
    );
}

#[test]
fn h25_a_stall_anywhere_ends_in_time() {
    let site = Site::serving(|asked, stream| {
        let part = match asked.target.as_str() {
            "/nothing" => "",
            "/head" => "HTTP/1.1 200 OK\r\nContent-Le",
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        };
        let _ = stream.write_all(part.as_bytes());
        thread::sleep(Duration::from_secs(30));
    });
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    for path in ["/nothing", "/head", "/body"] {
        let arguments = json!({"url": site.url(path), "timeout_ms": 300});
        // A pipe waits ten seconds for an answer, and the site thirty.
        let refused = pipe.call("http_fetch", arguments);
        assert_eq!(refusal(&refused), "timeout", "{path}: {refused}");
    }
}

#[test]
fn answers_that_are_none_are_said_so() {
    let site = Site::serving(|asked, stream| {
        let said: &[u8] = match asked.target.as_str() {
            "/empty" => b"",
            "/garbage" => b"\x16\x03\x01 not http at all\r\n\r\n",
            "/short" => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            "/two-lengths" => {
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
            }
            "/chunk" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "/gzip" => {
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"
            }
            "/twice" => {
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 1\r\n\r\nx"
            }
            _ => b"HTTP/1.1 200 OK\r\nContent-Encoding: lzma\r\nContent-Length: 1\r\n\r\nx",
        };
        let _ = stream.write_all(said);
        let _ = stream.shutdown(Shutdown::Both);
    });
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    for (path, decided) in [
        ("/empty", "bad_response"),
        ("/garbage", "bad_response"),
        ("/short", "bad_response"),
        ("/two-lengths", "bad_response"),
        ("/chunk", "bad_response"),
        ("/gzip", "bad_encoding"),
        ("/twice", "nested_encoding"),
        ("/lzma", "unknown_encoding"),
    ] {
        let refused = fetch(&mut pipe, &site.url(path));
        assert_eq!(word(&refused), decided, "{path}: {refused}");
    }
}

#[test]
fn floods_of_headers_and_interim_answers_end() {
    let site = Site::serving(|asked, stream| match asked.target.as_str() {
        "/headers" => flood(
            stream,
            "HTTP/1.1 200 OK\r\n",
            b"X-A: bbbbbbbb\r\n",
            64 << 20,
        ),
        "/one-header" => flood(stream, "HTTP/1.1 200 OK\r\nX-A: ", &[b'b'; 1024], 64 << 20),
        _ => flood(stream, "", b"HTTP/1.1 103 Early Hints\r\n\r\n", 64 << 20),
    });
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    for path in ["/headers", "/one-header", "/interim"] {
        let refused = fetch(&mut pipe, &site.url(path));
        let words = [
            "response_head_too_large",
            "too_many_interim",
            "bad_response",
        ];
        assert!(words.contains(&word(&refused)), "{path}: {refused}");
    }
}

#[test]
fn h27_many_fetches_share_few_connections() {
    let site = Site::saying("hello");
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    for _ in 0..30 {
        assert_eq!(body(&fetch(&mut pipe, &site.url("/"))), "hello");
    }
    assert!(site.connections() <= 2, "{} in turn", site.connections());
    for id in 1000..1030 {
        let params = json!({"name": "http_fetch", "arguments": {"url": site.url("/")}});
        pipe.send(&modern(id, "tools/call", params));
    }
    for _ in 0..30 {
        assert_eq!(body(&pipe.message()), "hello");
    }
    assert!(site.connections() <= 32, "{} at once", site.connections());
}

#[test]
fn a_cancelled_fetch_lets_its_connection_go() {
    let gone = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&gone);
    let site = Site::serving(move |_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        // The peer says nothing more, so this ends when it goes.
        let _ = std::io::copy(stream, &mut std::io::sink());
        seen.store(true, Ordering::SeqCst);
    });
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    let params =
        json!({"name": "http_fetch", "arguments": {"url": site.url("/"), "timeout_ms": 30000}});
    pipe.send(&durward_testkit::legacy("f", "tools/call", params));
    eventually("it was asked", || site.asked().len() == 1);
    let cancelled = json!({"requestId": "f"});
    pipe.send(&durward_testkit::notification(
        "notifications/cancelled",
        cancelled,
    ));
    eventually("the connection is gone", || gone.load(Ordering::SeqCst));
}

#[test]
fn hostile_html_is_read_without_a_stack() {
    let site = Site::serving(|asked, stream| {
        let piece = match asked.target.as_str() {
            "/div" => "<div>",
            "/quote" => "<blockquote>a",
            "/list" => "<ul><li>a",
            "/table" => "<table><tr><td>a",
            _ => "<b><i><a href=x>",
        };
        let page = piece.repeat((1 << 20) / piece.len());
        say(stream, "200 OK", &[("Content-Type", "text/html")], page);
    });
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    for path in ["/div", "/quote", "/list", "/table", "/marks"] {
        let answer = fetch(&mut pipe, &site.url(path));
        assert_eq!(refusal(&answer), "", "{path}");
    }
}
