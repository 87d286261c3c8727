use base64::{Engine, engine::general_purpose::STANDARD};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

#[tokio::test]
async fn f02_f03_text_as_text_and_as_base64() {
    let place = Place::with(&[("a.txt", "grüß dich\n")]);
    let read = place
        .ask("fs_read", json!({"path": "a.txt", "encoding": "utf8"}))
        .await
        .unwrap();
    assert_eq!(read["content"], "grüß dich\n");
    assert_eq!(
        (&read["encoding"], &read["mime"]),
        (&json!("utf8"), &json!("text/plain"))
    );
    let stat = place
        .ask("fs_stat", json!({"path": "a.txt"}))
        .await
        .unwrap();
    assert_eq!(read["sha256"], stat["sha256"]);
    let read = place
        .ask("fs_read", json!({"path": "a.txt", "encoding": "base64"}))
        .await
        .unwrap();
    assert_eq!(read["content"], STANDARD.encode("grüß dich\n"));
    assert_eq!(read["encoding"], "base64");
}

#[tokio::test]
async fn f04_f06_what_is_not_text_comes_as_base64() {
    let place = Place::new();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    place.write("p.png", png);
    place.write("latin1.txt", b"caf\xe9");
    let read = place
        .ask("fs_read", json!({"path": "p.png", "encoding": "utf8"}))
        .await
        .unwrap();
    assert_eq!(read["content"], STANDARD.encode(png));
    assert_eq!(
        (&read["encoding"], &read["mime"]),
        (&json!("base64"), &json!("image/png"))
    );
    let read = place
        .ask("fs_read", json!({"path": "latin1.txt"}))
        .await
        .unwrap();
    assert_eq!(read["content"], STANDARD.encode(b"caf\xe9"));
    assert_eq!(read["encoding"], "base64");
}

#[tokio::test]
async fn f05_source_is_text() {
    let place = Place::new();
    for name in [
        "src/config.ts",
        "a.py",
        "m.rs",
        "t.toml",
        "s.sh",
        "Makefile",
        "i.svg",
    ] {
        place.write(name, "plain");
        let read = place.ask("fs_read", json!({"path": name})).await.unwrap();
        assert_eq!(
            (&read["encoding"], &read["content"]),
            (&json!("utf8"), &json!("plain")),
            "{name}"
        );
    }
}

#[tokio::test]
async fn f18_odd_names_are_names() {
    let place = Place::with(&[("..foo", "x"), ("a b", "x"), ("%2e%2e", "x"), ("ü", "x")]);
    for name in ["..foo", "a b", "%2e%2e", "ü", "./a b", "d/../ü"] {
        assert!(
            place.ask("fs_read", json!({"path": name})).await.is_ok(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn f26_a_file_over_the_limit_is_refused_with_a_way_on() {
    let mut place = Place::new();
    place.settings.max_read = 100;
    place.write("just", "x".repeat(100));
    place.write("over", "x".repeat(101));
    assert!(place.ask("fs_read", json!({"path": "just"})).await.is_ok());
    let refusal = place.refusal("fs_read", json!({"path": "over"})).await;
    assert_eq!(refusal.code, RefusalCode::TooLarge);
    for word in ["101", "100", "byte_limit"] {
        assert!(refusal.reason.contains(word), "{}", refusal.reason);
    }
    let stat = place.ask("fs_stat", json!({"path": "over"})).await.unwrap();
    assert_eq!(
        (&stat["size"], &stat["sha256"]),
        (&json!(101), &Value::Null)
    );
}

#[tokio::test]
async fn f28_irregular_files_are_refused_at_once_and_others_still_served() {
    let place = Place::with(&[("a", "x")]);
    mknodat(CWD, place.path("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    let pack = place.pack();
    for _ in 0..8 {
        for name in ["fifo", "socket", "."] {
            let refused = ask(&pack, "fs_read", json!({"path": name}))
                .await
                .unwrap_err();
            assert_eq!(refused.code, RefusalCode::NotARegularFile, "{name}");
        }
    }
    assert!(ask(&pack, "fs_read", json!({"path": "a"})).await.is_ok());
    for name in ["fifo", "socket"] {
        let stat = ask(&pack, "fs_stat", json!({"path": name})).await.unwrap();
        assert_eq!(stat["type"], "other");
    }
}

#[tokio::test]
async fn f35_no_refusal_names_a_path_of_the_host() {
    let place = Place::with(&[("a", "x")]);
    place.link("out", "/etc");
    let host = place.dir.path().to_str().unwrap().to_owned();
    for path in [
        "missing",
        "missing/deep",
        "a/b",
        "out/passwd",
        "../x",
        "/etc/passwd",
        ".env",
    ] {
        for tool in ["fs_read", "fs_stat", "fs_list", "fs_tree"] {
            let refusal = place.refusal(tool, json!({ "path": path })).await;
            assert!(
                !refusal.reason.contains(&host),
                "{tool} {path}: {}",
                refusal.reason
            );
            assert!(
                !refusal.reason.contains("/etc"),
                "{tool} {path}: {}",
                refusal.reason
            );
        }
    }
    assert_eq!(
        place.code("fs_read", "missing").await,
        RefusalCode::NotFound
    );
}

#[tokio::test]
async fn stat_tells_what_it_knows() {
    let place = Place::with(&[("d/a.json", "{}")]);
    let stat = place
        .ask("fs_stat", json!({"path": "d/a.json"}))
        .await
        .unwrap();
    assert_eq!((&stat["type"], &stat["size"]), (&json!("file"), &json!(2)));
    assert_eq!(stat["mime"], "application/json");
    assert_eq!(
        stat["sha256"],
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
    let stat = place.ask("fs_stat", json!({"path": "d"})).await.unwrap();
    assert_eq!(
        (&stat["type"], &stat["sha256"]),
        (&json!("directory"), &Value::Null)
    );
}

#[tokio::test]
async fn a_large_file_is_read_and_hashed_off_the_thread() {
    let mut place = Place::new();
    place.settings.max_read = 4 << 20;
    place.write("large", "0123456789abcde\n".repeat(200_000));
    let read = place
        .ask("fs_read", json!({"path": "large"}))
        .await
        .unwrap();
    assert_eq!(read["content"].as_str().unwrap().len(), 3_200_000);
    let stat = place
        .ask("fs_stat", json!({"path": "large"}))
        .await
        .unwrap();
    assert_eq!(stat["sha256"], read["sha256"]);
}

#[tokio::test]
async fn a_cancelled_call_stops() {
    let place = Place::new();
    place.write("large", "x".repeat(900_000));
    let pack = place.pack();
    for (tool, arguments) in [
        ("fs_stat", r#"{"path":"large"}"#),
        ("fs_list", r#"{}"#),
        ("fs_tree", r#"{}"#),
        ("fs_search", r#"{"pattern":"y"}"#),
    ] {
        let call = call(tool, arguments);
        call.cancel.cancel();
        let refusal = answer(&pack, &call).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::Cancelled, "{tool}");
    }
}
