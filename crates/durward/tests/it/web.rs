//! `http_fetch`, through the door: what may be reached, what goes out, and what comes back.

use std::{path::Path, time::Duration};

use durward_testkit::{House, Pipe, Site, refusal, say, text};
use serde_json::{Value, json};

use crate::{eventually, house};

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
fn h01_nothing_may_be_reached_until_it_is_named() {
    let site = Site::saying("hello");
    let house = configured("");
    let mut pipe = house.stdio(&[]);
    for url in [site.url("/"), "https://example.com/".to_owned()] {
        let refused = fetch(&mut pipe, &url);
        assert_eq!(
            (refusal(&refused), word(&refused)),
            ("host_not_allowed", "host_not_allowed")
        );
    }
    assert_eq!(site.connections(), 0);
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
fn h02_h03_h13_hosts_are_matched_whole_and_without_case() {
    // No name is looked up: one that may be reached gets as far as that.
    let house = configured(
        "hosts: [api.example.com, \"*.example.org\", \"b.example.net:8443\"], dns: { enabled: false }",
    );
    let mut pipe = house.stdio(&[]);
    for (url, decided) in [
        ("https://api.example.com/x", "dns_disabled"),
        ("https://API.Example.COM/x", "dns_disabled"),
        ("https://api.example.com./", "dns_disabled"),
        ("http://api.example.com/", "dns_disabled"),
        ("https://notapi.example.com/", "host_not_allowed"),
        ("https://api.example.com.evil.test/", "host_not_allowed"),
        ("https://example.com/", "host_not_allowed"),
        ("https://a.example.org/", "dns_disabled"),
        ("https://a.b.example.org/", "dns_disabled"),
        ("https://example.org/", "host_not_allowed"),
        ("https://aexample.org/", "host_not_allowed"),
        ("https://api.example.com:8443/", "port_not_allowed"),
        ("https://b.example.net:8443/", "dns_disabled"),
        ("https://b.example.net/", "port_not_allowed"),
    ] {
        assert_eq!(word(&fetch(&mut pipe, url)), decided, "{url}");
    }
}

#[test]
fn h04_the_host_that_is_judged_is_the_one_that_would_be_reached() {
    let canary = Site::saying("canary");
    let house = configured("hosts: [api.example.com]");
    let mut pipe = house.stdio(&[]);
    let port = canary.port();
    for (url, decided) in [
        (
            format!("http://api.example.com@127.0.0.1:{port}/"),
            "userinfo_in_url",
        ),
        (
            format!("http://127.0.0.1:{port}\\@api.example.com/"),
            "private_ip_blocked",
        ),
        (
            format!("http://127.0.0.1:{port}#@api.example.com/"),
            "private_ip_blocked",
        ),
        (
            format!("http://127.0.0.1:{port}/?@api.example.com/"),
            "private_ip_blocked",
        ),
    ] {
        assert_eq!(word(&fetch(&mut pipe, &url)), decided, "{url}");
    }
    assert_eq!(canary.connections(), 0);
}

#[test]
fn h05_h06_h07_no_address_that_is_not_public_is_reached() {
    let canary = Site::saying("canary");
    let port = canary.port();
    let house = configured(&format!("hosts: [\"*\", \"*:{port}\"]"));
    let mut pipe = house.stdio(&[]);
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::7f00:1]",
        "0.0.0.0",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.0",
        "100.127.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[fc00::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[100::1]",
        "[::]",
        "168.63.129.16",
        "100.100.100.200",
    ];
    for host in hosts {
        for port in [80, port] {
            let refused = fetch(&mut pipe, &format!("http://{host}:{port}/"));
            assert_eq!(refusal(&refused), "private_ip_blocked", "{host}: {refused}");
            assert!(!text(&refused).contains(host), "{refused}");
        }
    }
    // The edges outside are public: judged by their port, and nothing is sent.
    for host in [
        "172.15.255.255",
        "172.32.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "11.0.0.0",
    ] {
        let refused = fetch(&mut pipe, &format!("http://{host}:9/"));
        assert_eq!(word(&refused), "port_not_allowed", "{host}: {refused}");
    }
    for name in [
        "localhost",
        "a.localhost",
        "metadata",
        "x.internal",
        "printer.local",
    ] {
        let refused = fetch(&mut pipe, &format!("http://{name}:{port}/"));
        assert_eq!(word(&refused), "name_blocked", "{name}: {refused}");
    }
    assert_eq!(canary.connections(), 0);
}

#[test]
fn h12_a_network_is_open_as_far_as_it_is_named() {
    let (open, shut) = (Site::saying("open"), Site::saying("shut"));
    let house = configured(&format!(
        "networks: [127.0.0.1], block_ports: [22, 25, {}]",
        shut.port()
    ));
    let mut pipe = house.stdio(&[]);
    assert_eq!(body(&fetch(&mut pipe, &open.url("/"))), "open");
    assert_eq!(word(&fetch(&mut pipe, &shut.url("/"))), "port_not_allowed");
    let beside = format!("http://127.0.0.2:{}/", open.port());
    assert_eq!(word(&fetch(&mut pipe, &beside)), "private_ip_blocked");
    assert_eq!(
        word(&fetch(&mut pipe, "http://127.0.0.1:22/")),
        "port_not_allowed"
    );
    assert_eq!((open.connections(), shut.connections()), (1, 0));
}

#[test]
fn h14_h29_b47_only_web_addresses_are_fetched() {
    let site = Site::saying("hello");
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    for url in [
        "ftp://example.com/",
        "ftp://127.0.0.1:80/",
        "file:///etc/ssl/private/key",
        "FILE:///etc/passwd",
        "file://localhost/etc/passwd",
        "file:/etc/../etc/passwd",
        "gopher://127.0.0.1:80/",
        "data:text/plain,x",
        "javascript:1",
        "ws://127.0.0.1/",
    ] {
        assert_eq!(
            word(&fetch(&mut pipe, url)),
            "unsupported_protocol",
            "{url}"
        );
    }
    for url in [
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:abc/",
        "http://127.0.0.1:0/",
        "http://",
        "//x",
        "/etc/passwd",
        "http://a b/",
        "http://[::1/",
        "x",
        "http://%00/",
        "..\\x",
    ] {
        assert_eq!(word(&fetch(&mut pipe, url)), "invalid_url", "{url}");
    }
    for url in [
        "http://127.0.0.1/\r\nX: y",
        "http://127.0.0.1/\0",
        "\nhttp://127.0.0.1/",
    ] {
        assert_eq!(word(&fetch(&mut pipe, url)), "crlf_in_url", "{url:?}");
    }
    assert_eq!(site.connections(), 0);
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
fn h30_names_that_may_not_be_looked_up_have_words_of_their_own() {
    let house = configured("hosts: [\"*\"], dns: { allow: [\"*.example.com\"] }");
    let mut pipe = house.stdio(&[]);
    let refused = fetch(&mut pipe, "https://example.org/");
    assert_eq!(
        (refusal(&refused), word(&refused)),
        ("host_not_allowed", "name_not_allowed")
    );
    let house = configured("hosts: [\"*\"], dns: { enabled: false }");
    let mut pipe = house.stdio(&[]);
    let refused = fetch(&mut pipe, "https://example.org/");
    assert_eq!(
        (refusal(&refused), word(&refused)),
        ("host_not_allowed", "dns_disabled")
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

#[test]
fn the_way_out_follows_the_configuration_while_it_runs() {
    let site = Site::saying("hello");
    let house = configured("");
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    let arguments = json!({"url": site.url("/")});
    assert_eq!(
        refusal(&daemon.call("http_fetch", arguments.clone())),
        "host_not_allowed"
    );
    let open = format!(
        "packs: {{ http: {{ enabled: true }} }}\negress: {{ networks: [\"127.0.0.1/32:{}\"] }}\n",
        site.port()
    );
    house.configure(&open);
    eventually("the site may be reached", || {
        refusal(&daemon.call("http_fetch", arguments.clone())).is_empty()
    });
    house.configure("packs: { http: { enabled: true } }\n");
    eventually("it may not any more", || {
        refusal(&daemon.call("http_fetch", arguments.clone())) == "host_not_allowed"
    });
}

#[test]
fn the_example_fetches_from_its_hosts_alone() {
    let house = house();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/fetch.yaml");
    let (file, state) = (
        file.display().to_string(),
        house.state().display().to_string(),
    );
    let nameless = "egress.dns.enabled=false";
    let fixed = [
        "stdio", "--config", &file, "--state", &state, "--set", nameless,
    ];
    let mut pipe = Pipe::of(house.bare_command(&fixed));
    for (url, decided) in [
        ("https://docs.rs/tokio", "dns_disabled"),
        ("https://en.wikipedia.org/wiki/Door", "dns_disabled"),
        ("https://example.com/", "host_not_allowed"),
        ("http://169.254.169.254/", "private_ip_blocked"),
    ] {
        assert_eq!(word(&fetch(&mut pipe, url)), decided, "{url}");
    }
}

#[test]
fn durward_never_reaches_itself() {
    let house = configured("networks: [\"127.0.0.0/8\"]");
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    let url = format!("http://{}/healthz", daemon.address);
    let refused = daemon.call("http_fetch", json!({"url": url}));
    assert_eq!(refusal(&refused), "private_ip_blocked", "{refused}");
}
