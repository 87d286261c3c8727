//! `http_fetch`, through the door: who may, what goes out, and what comes back.

use std::time::Duration;

use durward_testkit::{House, Pipe, Site, refusal, say, text};
use serde_json::{Value, json};

use crate::house;

/// A house whose callers may reach these sites, with more lines for `egress`.
pub(crate) fn reaching(sites: &[&Site], egress: &str) -> House {
    let networks: Vec<_> = sites
        .iter()
        .map(|site| format!("\"127.0.0.1/32:{}\"", site.port()))
        .collect();
    configured(&format!("networks: [{}], {egress}", networks.join(", ")))
}

/// A house with this in `egress`.
pub(crate) fn configured(egress: &str) -> House {
    let house = house();
    house.configure(&format!(
        "packs: {{ http: {{ enabled: true }} }}\negress: {{ {egress} }}\n"
    ));
    house
}

pub(crate) fn fetch(pipe: &mut Pipe, url: &str) -> Value {
    pipe.call("http_fetch", json!({ "url": url }))
}

/// The finest word of a refusal: its detail, or else its code; empty where there is none.
pub(crate) fn word(answer: &Value) -> &str {
    let detail = &answer["result"]["_meta"]["dev.durward/refusal"]["detail"];
    detail.as_str().unwrap_or(refusal(answer))
}

pub(crate) fn body(answer: &Value) -> &str {
    let body = &answer["result"]["structuredContent"]["body"];
    body.as_str().unwrap_or_else(|| panic!("no body: {answer}"))
}

fn calls(house: &House) -> Vec<Value> {
    let mut entries = house.run(&["audit", "query", "--json"]).ok().lines();
    entries.retain(|entry| entry["kind"] == "call");
    entries
}

#[test]
fn the_tool_is_there_when_its_pack_is_on_and_the_guide_names_the_hosts() {
    let off = house();
    let mut pipe = off.stdio(&[]);
    let unknown = fetch(&mut pipe, "https://example.com/");
    assert_eq!(unknown["error"]["message"], "Unknown tool: http_fetch");

    let house = configured("hosts: [\"*.example.com\", api.example.org]");
    let mut pipe = house.stdio(&[]);
    let guide = pipe.modern("resources/read", json!({"uri": "durward://guide"}));
    let guide = guide["result"]["contents"][0]["text"].as_str().unwrap();
    for part in [
        "`http_fetch` (changes nothing; method other than GET or HEAD: changes things)",
        "`*.example.com`",
        "`api.example.org`",
    ] {
        assert!(guide.contains(part), "{part} is not in {guide}");
    }
    let dotted = pipe.call("http.fetch", json!({"url": "https://example.net/"}));
    assert_eq!(refusal(&dotted), "host_not_allowed");
}

#[test]
fn check_warns_where_nothing_may_be_reached() {
    let ran = configured("").run(&["check"]).ok();
    assert!(ran.stderr.contains("`packs.http`"), "{ran:?}");
    let ran = configured("hosts: [example.com]").run(&["check"]).ok();
    assert!(!ran.stderr.contains("`packs.http`"), "{ran:?}");
    assert!(
        ran.stdout.contains("method other than GET or HEAD"),
        "{ran:?}"
    );
}

#[test]
fn h15_h16_what_a_caller_may_not_say_is_never_said() {
    let site = Site::saying("hello");
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    for (name, value, decided) in [
        ("Accept", "a\r\nX: y", "crlf_in_header"),
        ("Accept", "a\0", "crlf_in_header"),
        ("a b", "c", "invalid_header_name"),
        ("a\r\nb", "c", "invalid_header_name"),
        ("", "c", "invalid_header_name"),
        ("Authorization", "Bearer x", "header_not_allowed"),
        ("cookie", "a=b", "header_not_allowed"),
        ("Host", "example.com", "header_not_allowed"),
        ("Proxy-Authorization", "x", "header_not_allowed"),
        ("Proxy-Connection", "x", "header_not_allowed"),
        ("Connection", "close", "header_not_allowed"),
        ("Transfer-Encoding", "chunked", "header_not_allowed"),
        ("Content-Length", "1", "header_not_allowed"),
        ("Metadata-Flavor", "Google", "header_not_allowed"),
        ("X-aws-ec2-metadata-token", "x", "header_not_allowed"),
        ("X-Forwarded-For", "x", "header_not_allowed"),
    ] {
        let arguments = json!({"url": site.url("/"), "headers": {name: value}});
        let refused = pipe.call("http_fetch", arguments);
        assert_eq!(word(&refused), decided, "{name}: {value:?}");
    }
    assert_eq!(site.connections(), 0);
    let arguments = json!({"url": site.url("/a?b=c#d"), "headers": {"Accept": "text/html"}});
    assert_eq!(body(&pipe.call("http_fetch", arguments)), "hello");
    let asked = &site.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str()),
        ("GET", "/a?b=c")
    );
    assert_eq!(asked.header("accept"), Some("text/html"));
    let known = [
        "host",
        "accept",
        "accept-encoding",
        "user-agent",
        "connection",
    ];
    for (name, _) in &asked.headers {
        assert!(known.contains(&name.as_str()), "{asked:?}");
    }
}

#[test]
fn h26_h31_what_does_not_fit_is_said_of_the_argument() {
    let site = Site::saying("hello");
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    let url = site.url("/");
    for (arguments, path) in [
        (json!({"url": url, "timeout_ms": 40000}), "/timeout_ms"),
        (json!({"url": url, "timeout_ms": 0}), "/timeout_ms"),
        (json!({"url": url, "body": "x"}), "/body"),
        (json!({"url": url, "method": "HEAD", "body": "x"}), "/body"),
        (json!({"url": url, "method": "CONNECT"}), "/method"),
        (json!({"url": url, "range": {"offset": 6}}), "/range/offset"),
    ] {
        let refused = pipe.call("http_fetch", arguments);
        assert_eq!(refusal(&refused), "invalid_arguments", "{refused}");
        let facts = &refused["result"]["_meta"]["dev.durward/refusal"];
        assert_eq!(facts["path"], path, "{refused}");
    }
}

#[test]
fn h18_h28_what_comes_back_is_said_as_what_it_is() {
    let site = Site::serving(|asked, stream| match asked.target.as_str() {
        "/png" => say(
            stream,
            "200 OK",
            &[("Content-Type", "image/png")],
            b"\x89PNG\0",
        ),
        "/latin" => {
            let kind = ("Content-Type", "text/plain; charset=iso-8859-1");
            say(stream, "200 OK", &[kind], b"caf\xe9");
        }
        "/none" => say(stream, "404 Not Found", &[], "nothing"),
        _ => {
            let headers = [
                ("Content-Type", "text/html; charset=utf-8"),
                ("Set-Cookie", "secret=1"),
                ("Proxy-Authenticate", "Basic"),
                ("ETag", "\"1\""),
                ("X-Internal", "10.0.0.7"),
            ];
            let page = "<title>T</title><p>See <a href=/x>this</a><script>evil()</script>";
            say(stream, "200 OK", &headers, page);
        }
    });
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    let page = fetch(&mut pipe, &site.url("/"));
    let found = &page["result"]["structuredContent"];
    assert_eq!(
        found["body"],
        format!("T\n\nSee [this]({})", site.url("/x"))
    );
    assert_eq!(found["encoding"], "utf8");
    assert_eq!(found["headers"]["etag"], "\"1\"");
    for hidden in ["set-cookie", "proxy-authenticate", "x-internal", "secret"] {
        assert!(!page.to_string().to_lowercase().contains(hidden), "{page}");
    }
    let arguments = json!({"url": site.url("/"), "format": "text"});
    assert!(body(&pipe.call("http_fetch", arguments)).contains("<script>"));
    let png = fetch(&mut pipe, &site.url("/png"))["result"]["structuredContent"].clone();
    assert_eq!(
        (&png["body"], &png["encoding"], &png["content_type"]),
        (&json!("iVBORwA="), &json!("base64"), &json!("image/png"))
    );
    assert_eq!(body(&fetch(&mut pipe, &site.url("/latin"))), "café");
    let none = fetch(&mut pipe, &site.url("/none"));
    assert_eq!(none["result"]["structuredContent"]["status"], 404);
    assert!(text(&none).starts_with("404") && text(&none).ends_with("nothing"));
    let arguments = json!({"url": site.url("/"), "method": "HEAD"});
    let head = pipe.call("http_fetch", arguments);
    assert_eq!(body(&head), "");
    assert_eq!(site.asked().last().unwrap().method, "HEAD");
}

#[test]
fn a_long_page_is_read_in_parts() {
    let site = Site::serving(|_, stream| say(stream, "200 OK", &[], "é漢🦀".repeat(1000)));
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    let (mut seen, mut range) = (String::new(), json!({"limit": 1024}));
    loop {
        let part = pipe.call("http_fetch", json!({"url": site.url("/"), "range": range}));
        seen.push_str(body(&part));
        match &part["result"]["structuredContent"]["next"] {
            Value::Null => break,
            next => range = next.clone(),
        }
    }
    assert_eq!(seen, "é漢🦀".repeat(1000));
}

#[test]
fn who_may_read_may_ask_and_not_change() {
    let site = Site::saying("done");
    let house = reaching(&[&site], "");
    let (reader, developer) = (house.key("reader"), house.key("developer"));
    let daemon = house.serve(&[]);
    let daemon = daemon.with_key(reader);
    let url = site.url("/");
    assert_eq!(
        body(&daemon.call("http_fetch", json!({"url": url}))),
        "done"
    );
    for arguments in [
        json!({"url": url, "method": "POST", "body": "x"}),
        json!({"url": url, "verb": "DELETE"}),
    ] {
        let refused = daemon.call("http_fetch", arguments);
        assert_eq!(
            (refusal(&refused), word(&refused)),
            ("denied", "tier"),
            "{refused}"
        );
    }
    assert_eq!(site.asked().len(), 1);
    let daemon = daemon.with_key(developer);
    let arguments = json!({"url": url, "method": "POST", "body": "AP8=", "body_encoding": "base64",
        "headers": {"Content-Type": "application/x-thing"}});
    assert_eq!(body(&daemon.call("http_fetch", arguments)), "done");
    let asked = site.asked();
    assert_eq!(
        (&asked[1].method[..], &asked[1].body[..]),
        ("POST", &b"\0\xff"[..])
    );
    assert_eq!(asked[1].header("content-type"), Some("application/x-thing"));
    drop(daemon);
    let tiers: Vec<_> = calls(&house)
        .iter()
        .map(|entry| entry["tier"].as_str().unwrap_or_default().to_owned())
        .collect();
    let mut sorted = tiers.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        ["operate", "operate", "operate", "read"],
        "{tiers:?}"
    );
}

#[test]
fn a_refusal_is_one_record() {
    let site = Site::saying("hello");
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    let refused = [
        "https://example.com/",
        "ftp://x/",
        "http://127.0.0.2/",
        "http://u@x/",
    ];
    for url in refused {
        fetch(&mut pipe, url);
    }
    fetch(&mut pipe, &site.url("/"));
    pipe.call("http_fetch", json!({"url": site.url("/"), "timeout_ms": 0}));
    pipe.end(Duration::from_secs(3));
    let entries = calls(&house);
    assert_eq!(entries.len(), refused.len() + 2, "{entries:#?}");
    for code in [
        "host_not_allowed",
        "invalid_arguments",
        "private_ip_blocked",
    ] {
        assert!(
            entries.iter().any(|entry| entry.to_string().contains(code)),
            "{code}"
        );
    }
}
