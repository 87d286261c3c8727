//! Files as resources: read, completed and watched, in both eras, on a pipe and over HTTP.

use std::{fs, os::unix::fs::symlink, time::Duration};

use durward_testkit::{Http, Pipe, legacy, modern};
use serde_json::{Value, json};

use crate::{
    corpora::{corpus, files},
    house,
};

/// How long a change may take to be told on a busy machine.
const SOON: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_millis(400);

fn read(pipe: &mut Pipe, uri: &str) -> Value {
    pipe.modern("resources/read", json!({"uri": uri}))
}

fn code(answer: &Value) -> &str {
    answer["error"]["data"]["code"].as_str().unwrap_or_default()
}

#[test]
fn a_template_leads_to_every_file_in_both_eras_and_by_both_doors() {
    let house = house();
    house.file("src/a b.rs", "fn main() {}");
    house.file("logo.png", b"\x89PNG\0");
    let daemon = house.serve(&[]);
    let session = daemon.session("2025-11-25");
    let mut old = house.stdio(&[]);
    old.initialize("2025-06-18");
    let mut new = house.stdio(&[]);
    let mut ask = |method: &str, params: Value| {
        [
            daemon.modern(method, params.clone()).json(),
            session.ask(method, params.clone()),
            old.ask(method, params.clone()),
            new.modern(method, params),
        ]
    };
    for answer in ask("resources/templates/list", json!({})) {
        let template = &answer["result"]["resourceTemplates"][0];
        assert_eq!(template["uriTemplate"], "file:///{+path}", "{answer}");
    }
    for answer in ask("resources/list", json!({})) {
        let all = answer["result"]["resources"].as_array().unwrap().iter();
        let uris = all.map(|it| it["uri"].as_str().unwrap());
        // Which only a daemon has.
        let uris: Vec<_> = uris.filter(|uri| *uri != "durward://status").collect();
        assert_eq!(
            uris,
            ["durward://guide", "file:///"],
            "short, however large the root"
        );
    }
    for answer in ask("resources/read", json!({"uri": "file:///src/a%20b.rs"})) {
        let content = &answer["result"]["contents"][0];
        assert_eq!(content["text"], "fn main() {}", "{answer}");
        assert_eq!(content["uri"], "file:///src/a%20b.rs");
    }
    for answer in ask("resources/read", json!({"uri": "file:///logo.png"})) {
        assert_eq!(
            answer["result"]["contents"][0]["blob"], "iVBORwA=",
            "{answer}"
        );
    }
    for answer in ask("resources/read", json!({"uri": "file:///"})) {
        let text = &answer["result"]["contents"][0]["text"];
        assert_eq!(text, "file:///logo.png\r\nfile:///src/\r\n", "{answer}");
    }
    let reference = json!({"type": "ref/resource", "uri": "file:///{+path}"});
    let argument = json!({"name": "path", "value": "src/a"});
    for answer in ask(
        "completion/complete",
        json!({"ref": reference, "argument": argument}),
    ) {
        let completion = &answer["result"]["completion"];
        assert_eq!(completion["values"], json!(["src/a b.rs"]), "{answer}");
    }
    let missing = ask("resources/read", json!({"uri": "file:///none"}));
    let codes = missing.each_ref().map(|it| it["error"]["code"].clone());
    assert_eq!(codes, [-32602, -32002, -32002, -32602].map(Value::from));
}

#[test]
fn what_may_not_be_read_may_not_be_read_by_uri() {
    let house = house();
    house.file("a.txt", "a");
    house.file(".env", "SECRET=1");
    house.file("keys/id.pem", "SECRET=1");
    house.file("large", vec![b'x'; 2048]);
    fs::write(house.path("canary"), "OUTSIDE-CANARY").unwrap();
    symlink(house.path("canary"), house.root().join("out")).unwrap();
    symlink(".env", house.root().join("innocent")).unwrap();
    let root = house.root().canonicalize().unwrap();
    let mut pipe = house.stdio(&["--set", "files.max_read=1KiB"]);
    for (uri, expected) in [
        ("file:///.env", "denylist_hit"),
        ("file:///.ENV", "denylist_hit"),
        ("FILE:///%2eenv", "denylist_hit"),
        ("file:///innocent", "denylist_hit"),
        ("file:///keys/id.pem", "denylist_hit"),
        ("file:///out", "path_outside_root"),
        ("file:///../canary", "path_outside_root"),
        ("file:///%2e%2E/canary", "path_outside_root"),
        ("file:///a/..%2f..%2fcanary", "invalid_arguments"),
        ("file:///..%5ccanary", ""),
        ("file:///..\\canary", "invalid_arguments"),
        ("file:///a.txt%00", "invalid_arguments"),
        ("file:///%252e%252e/canary", ""),
        ("file://elsewhere/a.txt", "invalid_arguments"),
        ("file:/a.txt", "invalid_arguments"),
        ("file:///large", "too_large"),
        ("file:///etc/passwd", ""),
    ] {
        let answer = read(&mut pipe, uri);
        assert!(answer["error"].is_object(), "{uri}: {answer}");
        assert_eq!(code(&answer), expected, "{uri}: {answer}");
        let text = answer.to_string();
        assert!(
            !text.contains(root.to_str().unwrap()) && !text.contains("SECRET"),
            "{text}"
        );
    }
    let absolute = format!("file://{}/a.txt", root.display());
    assert_eq!(
        read(&mut pipe, &absolute)["result"]["contents"][0]["uri"],
        "file:///a.txt"
    );
    let ledger = house.run(&["audit", "query", "--json"]).ok().stdout;
    assert!(
        ledger.contains("file:///a.txt") && ledger.contains("denylist_hit"),
        "{ledger}"
    );
    assert!(
        !ledger.contains(&absolute),
        "the record has durward's name for it"
    );
}

/// Percent-encodes as a client does that trusts its own library, and as one that does not.
fn spellings(path: &str) -> [String; 4] {
    let all: String = path.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let some = path.replace('.', "%2e").replace('/', "%2f");
    let path = path.trim_start_matches('/');
    [
        format!("file:///{path}"),
        format!("file:///{some}"),
        format!("file:///{all}"),
        format!("file://localhost/{path}"),
    ]
}

#[test]
fn no_traversal_in_a_uri_leads_outside() {
    let mut paths = Vec::new();
    for depth in 1..10 {
        for step in [
            "../",
            "..\\",
            "..%2f",
            "%2e%2e/",
            "..%5c",
            "....//",
            "..;/",
            "%c0%ae%c0%ae/",
            ".%00./",
            "..%252f",
        ] {
            paths
                .extend(["canary", "etc/passwd"].map(|end| format!("{}{end}", step.repeat(depth))));
        }
    }
    if let Some(folder) = corpus("paths") {
        for (_, lines) in files(&folder) {
            paths.extend(String::from_utf8_lossy(&lines).lines().map(str::to_owned));
        }
    }
    let house = house();
    house.file("a.txt", "a");
    fs::write(house.path("canary"), "OUTSIDE-CANARY").unwrap();
    let mut pipe = house.stdio(&["--set", "limits.calls=1000000/s"]);
    for path in paths {
        for uri in spellings(&path) {
            let answer = read(&mut pipe, &uri);
            let text = answer.to_string();
            let harmless = !text.contains("root:x:") && !text.contains("OUTSIDE-CANARY");
            let is_root = answer["result"]["contents"][0]["uri"] == "file:///";
            assert!(
                harmless && (answer["error"].is_object() || is_root),
                "{uri}: {answer}"
            );
        }
    }
}

#[test]
fn a_role_s_selectors_hold_for_file_uris() {
    let house = house();
    house.file("docs/a.md", "a");
    house.file("docs/private/b.md", "b");
    house.file("src/c.rs", "c");
    let root = house.root().canonicalize().unwrap();
    house.configure(&format!(
        "roles: {{ docs: {{ allow: [\"resource:file:///docs/**\"], \
         deny: [\"resource:file://{}/docs/private/**\"] }} }}\n\
         identity: {{ os_user: {{ roles: {{ self: [docs] }} }} }}\n",
        root.display()
    ));
    let mut pipe = house.stdio(&[]);
    assert!(read(&mut pipe, "file:///docs/a.md")["result"].is_object());
    assert!(read(&mut pipe, &format!("file://{}/docs/a.md", root.display()))["result"].is_object());
    for path in ["src/c.rs", "docs/private/b.md"] {
        for uri in [
            format!("file:///{path}"),
            format!("file://{}/{path}", root.display()),
        ] {
            let answer = read(&mut pipe, &uri);
            assert_eq!(answer["error"]["code"], -32602, "{answer}");
        }
    }
}

fn updated(message: &Value) -> Option<&str> {
    (message["method"] == "notifications/resources/updated")
        .then(|| message["params"]["uri"].as_str().unwrap())
}

/// What a pipe hears until it is quiet.
fn heard(pipe: &mut Pipe) -> Vec<String> {
    let mut all = Vec::new();
    let mut wait = SOON;
    while let Some(line) = pipe.line(wait) {
        let message: Value = serde_json::from_str(&line).unwrap();
        all.push(
            updated(&message)
                .unwrap_or_else(|| panic!("{line}"))
                .to_owned(),
        );
        wait = QUIET;
    }
    all
}

#[test]
fn on_a_pipe_a_session_hears_of_every_kind_of_change() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    let uri = "file:///d/a.txt";
    assert_eq!(
        pipe.ask("resources/subscribe", json!({"uri": uri}))["result"],
        json!({})
    );
    house.file("d/a.txt", "created later");
    assert!(heard(&mut pipe).iter().all(|it| it == uri));
    house.file("d/new", "replaced");
    fs::rename(house.root().join("d/new"), house.root().join("d/a.txt")).unwrap();
    assert!(!heard(&mut pipe).is_empty());
    fs::remove_file(house.root().join("d/a.txt")).unwrap();
    assert!(!heard(&mut pipe).is_empty());
    house.file("d/other.txt", "not that one");
    assert!(pipe.line(QUIET).is_none());
    let mut file = fs::File::create(house.root().join("d/a.txt")).unwrap();
    for _ in 0..10_000 {
        std::io::Write::write_all(&mut file, b"x").unwrap();
    }
    let burst = heard(&mut pipe);
    assert!(!burst.is_empty() && burst.len() < 1000, "{}", burst.len());
    assert_eq!(
        pipe.ask("resources/unsubscribe", json!({"uri": uri}))["result"],
        json!({})
    );
    house.file("d/a.txt", "nobody hears it");
    assert!(pipe.line(QUIET).is_none());
    for uri in ["file:///.env", "file:///../x", "file:///none/../.."] {
        assert!(pipe.ask("resources/subscribe", json!({"uri": uri}))["error"].is_object());
    }
}

fn event(http: &mut Http) -> Option<Value> {
    loop {
        let event = http.event(SOON)?;
        if !event.data.is_empty() {
            return Some(serde_json::from_str(&event.data).unwrap());
        }
    }
}

#[test]
fn over_http_both_eras_hear_of_changes() {
    let house = house();
    house.file("a.txt", "1");
    house.file("b.txt", "1");
    let daemon = house.serve(&[]);
    let session = daemon.session("2025-11-25");
    for uri in ["file:///a.txt", "file:///b.txt"] {
        assert_eq!(
            session.ask("resources/subscribe", json!({"uri": uri}))["result"],
            json!({})
        );
    }
    house.file("a.txt", "2");
    house.file("b.txt", "2");
    let mut stream = daemon.connect();
    stream.send(&session.bodiless("GET").bytes());
    assert_eq!(stream.opening().unwrap().status, 200);
    let mut told = Vec::new();
    while told.len() < 2 {
        let message = event(&mut stream).expect("both");
        let uri = updated(&message).unwrap().to_owned();
        if !told.contains(&uri) {
            told.push(uri);
        }
    }
    let mut listen = daemon.connect();
    let wanted =
        json!({"notifications": {"resourceSubscriptions": ["file:///a.txt", "file:///.env"]}});
    let request = daemon.modern_post(&modern("l", "subscriptions/listen", wanted));
    listen.send(&request.bytes());
    assert_eq!(listen.opening().unwrap().status, 200);
    let acknowledged = event(&mut listen).unwrap();
    assert_eq!(
        acknowledged["params"]["notifications"],
        json!({"resourceSubscriptions": ["file:///a.txt"]})
    );
    house.file("a.txt", "3");
    let told = event(&mut listen).unwrap();
    assert_eq!(updated(&told), Some("file:///a.txt"));
    assert_eq!(
        told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        "l"
    );
}

#[test]
fn a_reload_that_closes_a_file_ends_its_subscription() {
    let house = house();
    house.file("a.txt", "1");
    house.file("b.txt", "1");
    house.configure("limits: { calls: 1000/s }\n");
    let daemon = house.serve(&[]);
    let session = daemon.session("2025-11-25");
    for uri in ["file:///a.txt", "file:///b.txt"] {
        assert_eq!(
            session.ask("resources/subscribe", json!({"uri": uri}))["result"],
            json!({})
        );
    }
    house.configure("limits: { calls: 1000/s }\nfiles: { deny: [\"a.txt\"] }\n");
    crate::eventually("the reload", || {
        let answer = session.send(&legacy(
            9,
            "resources/read",
            json!({"uri": "file:///a.txt"}),
        ));
        answer.json()["error"].is_object()
    });
    let mut stream = daemon.connect();
    stream.send(&session.bodiless("GET").bytes());
    assert_eq!(stream.opening().unwrap().status, 200);
    house.file("a.txt", "2");
    house.file("b.txt", "2");
    let told = event(&mut stream).expect("the other one");
    assert_eq!(updated(&told), Some("file:///b.txt"));
}
