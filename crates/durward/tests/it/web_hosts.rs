//! Which hosts `http_fetch` reaches, through the door.

use std::path::Path;

use durward_testkit::{Pipe, Site, refusal, text};
use serde_json::json;

use crate::{
    eventually, house,
    web::{body, configured, fetch, reaching, word},
};

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
