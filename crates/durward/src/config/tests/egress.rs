//! What may be reached.

use super::*;

#[test]
fn what_is_written_is_what_the_connector_is_told() {
    let text = "version: 1\n\
        secrets: { github: { env: TOKEN } }\n\
        egress:\n  \
          hosts: [api.github.com, \"*.example.com\"]\n  \
          networks: [192.168.5.0/24]\n  \
          block_ports: [22]\n  \
          dns: { enabled: true, allow: [\"*.example.com\"] }\n  \
          proxy: http://proxy.example.com:3128\n  \
          credentials:\n    \
            api.github.com: { header: authorization, value: \"Bearer ${secret:github}\" }\n    \
            \"http://10.0.0.7:8080\": { header: x-key, value: \"${secret:github}\" }\n";
    let loaded = load_text(text, |given| {
        given.env.push(("TOKEN".to_owned(), "hunter2".to_owned()))
    })
    .unwrap();
    let settings = crate::egress::settings(&loaded.config);
    assert_eq!(settings.rules.hosts, ["api.github.com", "*.example.com"]);
    assert_eq!(settings.rules.networks, ["192.168.5.0/24"]);
    assert_eq!(settings.rules.block_ports, [22]);
    assert_eq!(settings.rules.dns_allow, ["*.example.com"]);
    let proxy = settings.proxy.unwrap().origin().to_string();
    assert_eq!(proxy, "http://proxy.example.com:3128");
    let credentials: Vec<_> = settings.credentials.iter().collect();
    assert_eq!(credentials.len(), 2);
    assert!(credentials.iter().any(|credential| {
        credential.origin.origin().to_string() == "https://api.github.com"
            && credential.value.is(b"Bearer hunter2")
    }));
    let seen = format!("{loaded:?}{}{}", show(&loaded, false), show(&loaded, true));
    assert!(!seen.contains("hunter2"));
}

#[test]
fn what_can_not_hold_is_said_with_its_line() {
    for (key, what) in [
        (
            "hosts: [ok.example, \"https://a.example\"]",
            "`https://a.example` is not a host",
        ),
        ("hosts: [10.0.0.1]", "`10.0.0.1` is not a host"),
        (
            "hosts: [\"a.example:22\"]",
            "`a.example:22` in `egress.hosts` can't be used",
        ),
        ("networks: [10.0.0.1/8]", "`10.0.0.1/8` is not a network"),
        (
            "networks: [\"10.0.0.0/8:25\"]",
            "`10.0.0.0/8:25` in `egress.networks` can't be used",
        ),
        (
            "dns: { allow: [\"a.example:53\"] }",
            "`a.example:53` in `egress.dns.allow` can't be used",
        ),
        (
            "proxy: \"https://proxy.example\"",
            "`https://proxy.example` is not a proxy's address",
        ),
        (
            "credentials: { a.example: { header: Host, value: '${secret:s}' } }",
            "`Host` in `egress.credentials`",
        ),
        ("block_ports: [0]", "0"),
        ("host: [a.example]", "hosts"),
    ] {
        let text = format!("version: 1\negress:\n  {key}\nsecrets: {{ s: {{ env: TOKEN }} }}\n");
        let error = load_text(&text, |given| {
            given.env.push(("TOKEN".to_owned(), "hunter2".to_owned()));
        })
        .unwrap_err();
        let error = error.to_string();
        assert!(error.contains(what), "{key}: {error}");
        assert!(error.contains(":3:"), "{key}: {error}");
    }
}
