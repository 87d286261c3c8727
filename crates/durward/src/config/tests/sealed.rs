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

#[test]
fn a_command_is_run_once_and_only_for_those_who_need_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let text = format!(
        "version: 1\nsecrets:\n  seal: {{ command: [sh, -c, \"echo x >> {path}/runs; echo hunter2\"] }}\n  \
         other: {{ command: [sh, -c, \"echo x >> {path}/others\"] }}\n\
         cluster: {{ sealing_key: \"${{secret:seal}}\" }}\n\
         identity: {{ keys: {{ accept: [{{ key: \"${{secret:seal}}\", role: developer }}] }} }}\n"
    );
    let loaded = load_text(&text, |given| given.cwd = folder.path().into()).unwrap();
    let key = loaded.config.cluster.sealing_key.as_ref().unwrap();
    assert!(key.secret().is(b"hunter2"));
    assert!(
        loaded.config.identity.keys.accept[0]
            .key
            .secret()
            .is(b"hunter2")
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join("runs")).unwrap(),
        "x\n"
    );
    assert!(!folder.path().join("others").exists());
    let seen = format!("{loaded:?}{}{}", show(&loaded, false), show(&loaded, true));
    assert!(!seen.contains("(\"hunter2\")") && seen.contains("(secret)"));
}

#[test]
fn a_command_that_fails_is_told_by_its_key_and_line() {
    let text = "version: 1\nsecrets:\n  seal:\n    command: [sh, -c, \"echo hun''ter2; exit 7\"]\n\
                cluster: { sealing_key: \"${secret:seal}\" }\n";
    let error = load_text(text, |given| given.cwd = "/".into())
        .unwrap_err()
        .to_string();
    for part in [
        "the secret `seal` could not be had",
        "exit code 7",
        "durward.yaml:4:",
        "run it yourself",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!error.contains("hunter2"), "{error}");
}
