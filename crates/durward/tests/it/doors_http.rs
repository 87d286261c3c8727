//! Who may knock at the HTTP door, and how: Host, Origin, credentials, routes, methods, types.

use durward_testkit::{Daemon, Post, modern};
use serde_json::json;

use crate::house;

const ROUTES: [&str; 4] = [
    "/mcp",
    "/.well-known/oauth-protected-resource/mcp",
    "/metrics",
    "/nowhere",
];
const METHODS: [&str; 5] = ["GET", "POST", "DELETE", "OPTIONS", "PUT"];

fn good(daemon: &Daemon) -> Post {
    daemon.modern_post(&modern(1, "tools/list", json!({})))
}

fn foreign_hosts(daemon: &Daemon) -> Vec<String> {
    let port = daemon.address.port();
    [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.:{port}"),
        format!("localhost.:{port}"),
        format!("localhost.evil:{port}"),
        format!("evil.localhost.example:{port}"),
        format!("0.0.0.0:{port}"),
        format!("127.0.0.1.nip.io:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("2130706433:{port}"),
    ]
    .into()
}

#[test]
fn a_foreign_host_is_refused_on_every_route_with_every_method() {
    let house = house();
    let daemon = house.serve(&[]);
    for host in foreign_hosts(&daemon) {
        for route in ROUTES {
            for method in METHODS {
                let request = good(&daemon)
                    .with("Host", &host)
                    .target(route)
                    .method(method);
                let status = daemon.ask(&request).status;
                assert_eq!(status, 403, "{method} {route} with Host {host}");
            }
        }
    }
}

#[test]
fn none_or_two_hosts_are_refused() {
    let house = house();
    let daemon = house.serve(&[]);
    let host = daemon.address.to_string();
    let none = daemon.ask(&good(&daemon).without("Host"));
    assert!([400, 403].contains(&none.status), "{none:?}");
    let two = daemon.ask(&good(&daemon).header("Host", &host));
    assert!([400, 403].contains(&two.status), "{two:?}");
    let empty = daemon.ask(&good(&daemon).with("Host", ""));
    assert!([400, 403].contains(&empty.status), "{empty:?}");
}

#[test]
fn an_absolute_target_that_names_another_host_is_refused() {
    let house = house();
    let daemon = house.serve(&[]);
    let foreign = good(&daemon).target("http://evil.example/mcp");
    assert!([400, 403].contains(&daemon.ask(&foreign).status));
    let own = good(&daemon).target(&format!("http://{}/mcp", daemon.address));
    assert_eq!(daemon.ask(&own).status, 200);
}

#[test]
fn loopback_is_welcome_by_each_of_its_names() {
    let house = house();
    let daemon = house.serve(&[]);
    let port = daemon.address.port();
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"] {
        let answer = daemon.ask(&good(&daemon).with("Host", &format!("{host}:{port}")));
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[test]
fn a_host_that_the_configuration_names_is_welcome_and_no_other() {
    let house = house();
    house.configure("listen: { allowed_hosts: [mcp.example.com] }\n");
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    assert_eq!(
        daemon
            .ask(&good(&daemon).with("Host", "mcp.example.com"))
            .status,
        200
    );
    assert_eq!(
        daemon
            .ask(&good(&daemon).with("Host", "a.mcp.example.com"))
            .status,
        403
    );
}

#[test]
fn a_foreign_or_null_origin_is_refused_before_the_caller_is_asked() {
    let house = house();
    let daemon = house.serve(&[]);
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil",
        "http://127.0.0.1.evil:1",
    ] {
        let with_key = good(&daemon).header("Origin", origin);
        assert_eq!(daemon.ask(&with_key).status, 403, "{origin}");
        assert_eq!(
            daemon.ask(&with_key.without("Authorization")).status,
            403,
            "{origin}"
        );
        let malformed = daemon.post("{").header("Origin", origin);
        assert_eq!(
            daemon.ask(&malformed).status,
            403,
            "{origin}: the body is not looked at"
        );
    }
}

#[test]
fn its_own_origin_and_none_are_welcome() {
    let house = house();
    let daemon = house.serve(&[]);
    let port = daemon.address.port();
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let request = good(&daemon).header("Origin", &format!("http://{host}:{port}"));
        assert_eq!(daemon.ask(&request).status, 200, "{host}");
    }
    assert_eq!(daemon.ask(&good(&daemon)).status, 200);
}

#[test]
fn a_preflight_is_answered_for_an_allowed_origin_alone() {
    let house = house();
    house.configure("listen: { allowed_origins: [\"https://app.example\"] }\n");
    let daemon = house.serve(&[]);
    let preflight = |origin: &str| {
        let request = daemon.plain("OPTIONS", "/mcp").header("Origin", origin);
        daemon.ask(&request.header("Access-Control-Request-Method", "POST"))
    };
    let allowed = preflight("https://app.example");
    assert!((200..300).contains(&allowed.status), "{allowed:?}");
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    let foreign = preflight("https://evil.example");
    assert_eq!(foreign.status, 403);
    assert_eq!(foreign.header("access-control-allow-origin"), None);
}

#[test]
fn no_key_a_wrong_one_and_another_scheme_are_refused_with_a_challenge() {
    let house = house();
    let daemon = house.serve(&[]);
    let long = format!("Bearer {}", "x".repeat(5000));
    let wrong = format!("{}x", daemon.key);
    for value in [
        "Bearer wrong",
        "Bearer",
        "Bearer ",
        "Basic dTpw",
        &long,
        &format!("Bearer {wrong}"),
    ] {
        let answer = daemon.ask(&good(&daemon).with("Authorization", value));
        assert_eq!(answer.status, 401, "{value:.40}");
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer"), "{challenge:?}");
        assert!(answer.json()["error"].is_object(), "a JSON error");
    }
    assert_eq!(
        daemon.ask(&good(&daemon).without("Authorization")).status,
        401
    );
    let twice = good(&daemon).header("Authorization", "Bearer other");
    assert!([400, 401].contains(&daemon.ask(&twice).status));
}

#[test]
fn the_scheme_is_taken_whatever_its_case() {
    let house = house();
    let daemon = house.serve(&[]);
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let value = format!("{scheme} {}", daemon.key);
        assert_eq!(
            daemon
                .ask(&good(&daemon).with("Authorization", &value))
                .status,
            200,
            "{scheme}"
        );
    }
}

#[test]
fn other_methods_are_told_which_there_are() {
    let house = house();
    let daemon = house.serve(&[]);
    for method in ["PUT", "PATCH", "HEAD"] {
        let answer = daemon.ask(&good(&daemon).method(method).body(""));
        assert_eq!(answer.status, 405, "{method}");
        assert!(
            answer.header("allow").unwrap_or_default().contains("POST"),
            "{answer:?}"
        );
    }
    for method in ["GET", "DELETE"] {
        let stateless = daemon
            .plain(method, "/mcp")
            .header("Accept", "text/event-stream");
        let stateless = stateless.header("Authorization", &format!("Bearer {}", daemon.key));
        let answer = daemon.ask(&stateless);
        assert_eq!(answer.status, 405, "{method} without a session");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
}

#[test]
fn a_body_that_is_not_declared_json_is_refused() {
    let house = house();
    let daemon = house.serve(&[]);
    let kinds = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ];
    for kind in kinds {
        assert_eq!(
            daemon.ask(&good(&daemon).with("Content-Type", kind)).status,
            415,
            "{kind}"
        );
    }
    assert_eq!(
        daemon.ask(&good(&daemon).without("Content-Type")).status,
        415
    );
    let charset = good(&daemon).with("Content-Type", "Application/JSON; charset=utf-8");
    assert_eq!(daemon.ask(&charset).status, 200);
}

#[test]
fn a_client_must_take_both_json_and_event_streams() {
    let house = house();
    let daemon = house.serve(&[]);
    for accept in [
        "application/json",
        "text/event-stream",
        "text/html",
        "application/json;q=0, */*",
    ] {
        assert_eq!(
            daemon.ask(&good(&daemon).with("Accept", accept)).status,
            406,
            "{accept}"
        );
    }
    assert_eq!(daemon.ask(&good(&daemon).without("Accept")).status, 406);
    for accept in [
        "*/*",
        "application/*, text/*",
        "text/event-stream;q=0.5,application/json",
    ] {
        assert_eq!(
            daemon.ask(&good(&daemon).with("Accept", accept)).status,
            200,
            "{accept}"
        );
    }
}

#[test]
fn health_needs_no_key_and_any_host_and_says_status_and_version_alone() {
    let house = house();
    let daemon = house.serve(&[]);
    for route in ["/healthz", "/health", "/readyz"] {
        let answer = daemon.ask(&daemon.plain("GET", route).with("Host", "10.0.0.1"));
        assert_eq!(answer.status, 200, "{route}");
        assert_eq!(
            answer.json()["version"],
            env!("CARGO_PKG_VERSION"),
            "{route}"
        );
        let facts = answer.json();
        assert_eq!(
            facts.as_object().map(|facts| facts.len()),
            Some(2),
            "{facts}"
        );
    }
}

#[test]
fn an_unknown_route_is_not_found_and_other_paths_only_where_configured() {
    let house = house();
    house.configure("listen: { paths: [/mcp, /] }\n");
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    assert_eq!(daemon.ask(&good(&daemon).target("/")).status, 200);
    assert_eq!(daemon.ask(&good(&daemon).target("/mcp")).status, 200);
    for target in [
        "/mcpx",
        "/mcp/nobody",
        "/MCP",
        "/mcp/../mcp",
        "/%6dcp",
        "//mcp",
    ] {
        assert_eq!(
            daemon.ask(&good(&daemon).target(target)).status,
            404,
            "{target}"
        );
    }
}

#[test]
fn headers_of_a_proxy_make_nobody_somebody() {
    let house = house();
    let daemon = house.serve(&[]);
    for name in [
        "X-Forwarded-User",
        "X-Forwarded-For",
        "X-Real-IP",
        "Cf-Access-Jwt-Assertion",
        "X-User",
    ] {
        let request = good(&daemon).without("Authorization").header(name, "admin");
        assert_eq!(daemon.ask(&request).status, 401, "{name}");
    }
    let rebound = good(&daemon)
        .with("Host", "evil.example")
        .header("X-Forwarded-Host", "localhost");
    assert_eq!(daemon.ask(&rebound).status, 403);
}
