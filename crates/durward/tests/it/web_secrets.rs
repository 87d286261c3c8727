//! Credentials: for one site, and in no answer, log or record.

use std::{path::Path, time::Duration};

use durward_testkit::{House, Pipe, Site, say};
use serde_json::json;

use crate::{
    house,
    web::{body, fetch},
};

const SECRET: &str = "s3cr3t-4f1c9a77e2";

/// A pipe of a durward that knows the secret and sends it to `site` alone.
fn knowing(house: &House, site: &Site, other: &Site) -> Pipe {
    house.configure(&format!(
        "secrets: {{ token: {{ env: SITE_TOKEN }} }}\n\
         packs: {{ http: {{ enabled: true }} }}\n\
         audit: {{ content: {{ results: redacted }} }}\n\
         telemetry: {{ log: debug }}\n\
         egress:\n  \
           networks: [\"127.0.0.1/32:{}\", \"127.0.0.1/32:{}\"]\n  \
           credentials:\n    \
             \"http://127.0.0.1:{}\": {{ header: x-api-key, value: \"Key ${{secret:token}}\" }}\n",
        site.port(),
        other.port(),
        site.port(),
    ));
    let mut command = house.command(&["stdio"]);
    command.env("SITE_TOKEN", SECRET);
    Pipe::of(command)
}

#[test]
fn h17_a_credential_goes_to_its_site_and_nowhere_else() {
    let other = Site::saying("other");
    let to = other.url("/");
    let site = Site::serving(move |asked, stream| match asked.target.as_str() {
        "/away" => say(stream, "307 Away", &[("Location", &to)], ""),
        "/on" => say(stream, "302 On", &[("Location", "/end")], ""),
        _ => say(stream, "200 OK", &[], "here"),
    });
    let house = house();
    let mut pipe = knowing(&house, &site, &other);
    let expected = format!("Key {SECRET}");
    let mut answers = String::new();
    for (url, said) in [
        (site.url("/"), "here"),
        (site.url("/on"), "here"),
        (site.url("/away"), "other"),
        (other.url("/"), "other"),
    ] {
        let answer = fetch(&mut pipe, &url);
        assert_eq!(body(&answer), said, "{url}");
        answers.push_str(&answer.to_string());
    }
    // What a caller sets does not take its place, and a refusal does not tell it.
    for headers in [json!({"X-Api-Key": "mine"}), json!({"Authorization": "x"})] {
        let arguments = json!({"url": site.url("/"), "headers": headers});
        answers.push_str(&pipe.call("http_fetch", arguments).to_string());
    }
    for asked in site.asked() {
        let keys: Vec<_> = asked
            .headers
            .iter()
            .filter(|(name, _)| name == "x-api-key")
            .collect();
        assert_eq!(
            keys,
            [&("x-api-key".to_owned(), expected.clone())],
            "{asked:?}"
        );
    }
    assert!(
        other
            .asked()
            .iter()
            .all(|asked| asked.header("x-api-key").is_none())
    );
    assert_eq!(other.asked().len(), 2);
    let guide = pipe.modern("resources/read", json!({"uri": "durward://guide"}));
    answers.push_str(&guide.to_string());
    assert_eq!(pipe.end(Duration::from_secs(5)), Some(0));
    let log = pipe.log();
    let kept = house.bytes_below(&house.state());
    let shown = house
        .command(&["config", "show"])
        .env("SITE_TOKEN", SECRET)
        .output()
        .unwrap();
    let queried = house
        .command(&["audit", "query", "--json"])
        .env("SITE_TOKEN", SECRET)
        .output()
        .unwrap();
    let told = [shown.stdout, shown.stderr, queried.stdout, queried.stderr].concat();
    for (what, bytes) in [
        ("an answer", answers.as_bytes()),
        ("the log", log.as_bytes()),
        ("the state folder", &kept),
        ("a command's output", &told),
    ] {
        let found = bytes
            .windows(SECRET.len())
            .any(|window| window == SECRET.as_bytes());
        assert!(!found, "the secret is in {what}");
    }
    assert!(!kept.is_empty() && !told.is_empty());
}

#[test]
fn proxies_and_credentials_of_the_environment_mean_nothing() {
    let (site, proxy) = (Site::saying("hello"), Site::saying("proxy"));
    let house = crate::web::reaching(&[&site], "");
    std::fs::write(
        Path::new(&house.path("home")).join(".netrc"),
        format!("machine 127.0.0.1 login a password {SECRET}\n"),
    )
    .unwrap();
    let mut command = house.command(&["stdio"]);
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "HTTPS_PROXY",
    ] {
        command.env(name, proxy.url("/"));
    }
    let mut pipe = Pipe::of(command);
    assert_eq!(body(&fetch(&mut pipe, &site.url("/"))), "hello");
    assert_eq!(proxy.connections(), 0);
    let sent = format!("{:?}", site.asked());
    assert!(
        !sent.contains(SECRET) && !sent.contains("authorization"),
        "{sent}"
    );
}
