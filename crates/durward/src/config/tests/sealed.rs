//! Secrets.

use super::*;

const SEALED: &str = "version: 1\nsecrets: { old: { env: OLD } }\ncluster: { sealing_key: \"x${secret:old}\" }\n\
                      identity: { keys: { accept: [{ key: \"${secret:old}\", role: developer }] } }\n";

#[test]
fn secrets_are_read_and_never_shown() {
    let loaded = load_text(SEALED, |given| {
        given.env.push(("OLD".to_owned(), "hunter2".to_owned()))
    })
    .unwrap();
    assert!(
        loaded
            .config
            .cluster
            .sealing_key
            .as_ref()
            .unwrap()
            .secret()
            .is(b"xhunter2")
    );
    assert!(
        loaded.config.identity.keys.accept[0]
            .key
            .secret()
            .is(b"hunter2")
    );
    let seen = format!("{loaded:?}{}{}", show(&loaded, false), show(&loaded, true));
    assert!(!seen.contains("hunter2") && seen.contains("(secret)"));
}

#[test]
fn a_secret_given_outside_the_file_is_never_shown_either() {
    let sources = env(&[("DURWARD_CLUSTER__SEALING_KEY", "hunter2")]);
    let loaded = load(&sources).unwrap();
    assert!(
        loaded
            .config
            .cluster
            .sealing_key
            .as_ref()
            .unwrap()
            .secret()
            .is(b"hunter2")
    );
    assert!(
        !format!("{loaded:?}{}{}", show(&loaded, false), show(&loaded, true)).contains("hunter2")
    );
    let mistyped = load(&env(&[("DURWARD_CLUSTER__SEALIN_KEY", "hunter2")])).unwrap_err();
    assert!(!mistyped.to_string().contains("hunter2"), "{mistyped}");
}

#[cfg(unix)]
#[test]
fn a_secret_file_is_closed_to_the_world() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "hunter2\n").unwrap();
    let text = format!(
        "version: 1\nsecrets: {{ seal: {{ file: {} }} }}\ncluster: {{ sealing_key: \"${{secret:seal}}\" }}\n",
        path.display()
    );
    let with_mode = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        load_text(&text, |_| {})
    };
    assert!(
        with_mode(0o600)
            .unwrap()
            .config
            .cluster
            .sealing_key
            .unwrap()
            .secret()
            .is(b"hunter2")
    );
    assert!(with_mode(0o640).is_ok());
    let error = with_mode(0o644).unwrap_err().to_string();
    assert!(
        error.contains("everyone on this machine may read it") && !error.contains("hunter2"),
        "{error}"
    );
    std::fs::remove_file(&path).unwrap();
    assert!(
        load_text(&text, |_| {})
            .unwrap_err()
            .to_string()
            .contains("can't be read")
    );
}
