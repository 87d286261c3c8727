//! Each predecessor's files as they come, and what becomes of them.

use std::path::{Path, PathBuf};

use super::{Inputs, Migration, Predecessor, migrate};

fn fixtures(predecessor: Predecessor) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/migrate");
    fixtures.join(predecessor.to_string())
}

fn migrated(predecessor: Predecessor, files: &[&str], command: &[&str]) -> Migration {
    let environment = [
        ("HOME", "/home/ann"),
        ("GITHUB_TOKEN", "from-the-environment"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut inputs = Inputs::new(predecessor, &environment, &fixtures(predecessor));
    for file in files {
        inputs
            .file(Path::new(file))
            .expect("a file that is understood");
    }
    if !command.is_empty() {
        let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        inputs.command_line(&words);
    }
    migrate(
        predecessor,
        &inputs.given(),
        Path::new("/etc/durward/durward-secrets"),
    )
}

/// The account and the file, with the checkout's own path taken out.
fn shown(predecessor: Predecessor, files: &[&str]) -> String {
    let made = migrated(predecessor, files, &[]);
    let mut text = String::new();
    for entry in &made.plan {
        let key = entry.key.as_deref().unwrap_or("-");
        let why = entry.why.as_deref().unwrap_or("");
        let line = format!(
            "{} | {} | {} | {key} | {why}",
            entry.at,
            entry.said,
            entry.fate.word()
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&format!("\n{}", made.config));
    let here = fixtures(predecessor).display().to_string();
    text.replace(&here, "<here>")
}

macro_rules! snapshots {
    ($($name:ident: $predecessor:ident $files:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(shown(Predecessor::$predecessor, &$files));
        }
    )*};
}

snapshots! {
    pagurus_env: Pagurus ["pagurus.env"];
    pagurus_compose: Pagurus ["compose.yml"];
    pagurus_client: Pagurus ["claude_desktop_config.json"];
    secure_exec_compose: SecureExec ["compose.yaml"];
    secure_exec_script: SecureExec ["run.sh"];
    secure_exec_client: SecureExec ["cursor.json"];
    secure_exec_unit: SecureExec ["mcp-secure-exec.service"];
    secure_server_policy: SecureServer ["policy.yaml"];
    secure_server_client: SecureServer ["client.json"];
    mcp_guard_own: McpGuard ["mcp-guard.yaml"];
    mcp_guard_team: McpGuard ["team.yaml"];
    mcp_guard_client: McpGuard ["client.json"];
    pocket_http: Pocket ["http.env"];
    pocket_stdio: Pocket ["stdio.env"];
    pocket_client: Pocket ["client.json"];
}

#[test]
fn no_value_of_theirs_is_in_the_account() {
    for (predecessor, files) in [
        (
            Predecessor::Pagurus,
            ["pagurus.env", "compose.yml"].as_slice(),
        ),
        (
            Predecessor::SecureExec,
            &["compose.yaml", "mcp-secure-exec.service"],
        ),
        (Predecessor::SecureServer, &["client.json"]),
        (Predecessor::McpGuard, &["team.yaml", "mcp-guard.yaml"]),
        (Predecessor::Pocket, &["http.env"]),
    ] {
        let text = shown(predecessor, files);
        for secret in [
            "pag_live_",
            "token-of-the-fixture",
            "token in a unit",
            "figd_",
            "guard-key-of",
            "tunnel-token",
        ] {
            assert!(!text.contains(secret), "{predecessor}: {secret} in {text}");
        }
    }
}

#[test]
fn what_is_said_last_holds_and_the_command_line_beats_the_file() {
    let command = [
        "mcp-secure-exec",
        "--bind",
        "127.0.0.1:4000",
        "--cmd",
        "a|a",
    ];
    let made = migrated(Predecessor::SecureExec, &["compose.yaml"], &command);
    assert!(
        made.config.contains("http: 127.0.0.1:4000"),
        "{}",
        made.config
    );
    assert!(!made.config.contains("echo"), "{}", made.config);
}

/// What comes of these variables.
fn of_variables(predecessor: Predecessor, variables: &[(&str, &str)]) -> Migration {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment: Vec<_> = variables.iter().map(own).collect();
    let mut inputs = Inputs::new(predecessor, &environment, Path::new("/srv"));
    inputs.environment();
    migrate(predecessor, &inputs.given(), Path::new("/vault"))
}

#[test]
fn beyond_loopback_is_listened_on_only_under_a_name() {
    let http = |variables: &[(&str, &str)]| {
        let config = of_variables(Predecessor::Pagurus, variables).config;
        let line = config
            .lines()
            .find_map(|line| line.trim().strip_prefix("http: "));
        line.unwrap_or_default().to_owned()
    };
    let host = ("PAGURUS_BIND_HOST", "0.0.0.0");
    let url = |url| ("PAGURUS_EXTERNAL_URL", url);
    assert_eq!(http(&[host]), "127.0.0.1:8080");
    assert_eq!(http(&[host, url("https://a.example.com")]), "0.0.0.0:8080");
    assert_eq!(
        http(&[host, url("https://a.example.com/mcp")]),
        "0.0.0.0:8080"
    );
    assert_eq!(http(&[host, url("a.example.com")]), "127.0.0.1:8080");
    let port = ("PAGURUS_BIND_PORT", "3000");
    assert_eq!(
        http(&[("PAGURUS_BIND_HOST", "::1"), port]),
        "\"[::1]:3000\""
    );
    assert_eq!(
        http(&[("PAGURUS_BIND_HOST", "box.lan"), port]),
        "127.0.0.1:3000"
    );
}

#[test]
fn nothing_that_is_kept_is_wider_than_it_was() {
    let private = of_variables(
        Predecessor::Pagurus,
        &[
            ("PAGURUS_HTTP_ALLOWLIST", "10.0.0.1,*"),
            ("PAGURUS_HTTP_ALLOW_PRIVATE", "false"),
        ],
    );
    assert!(!private.config.contains("10.0.0.1"), "{}", private.config);
    let read_only = of_variables(Predecessor::Pagurus, &[("PAGURUS_FS_WRITE", "false")]);
    assert!(
        read_only.config.contains("write: []"),
        "{}",
        read_only.config
    );
    let tiers = of_variables(Predecessor::Pocket, &[("MCP_ALLOW_DANGER", "yes")]);
    assert!(tiers.config.contains("danger: false"), "{}", tiers.config);
}

#[test]
fn a_file_that_is_not_theirs_is_named() {
    let nothing = [];
    let read = |file: &str, predecessor: Predecessor| {
        Inputs::new(predecessor, &nothing, &fixtures(Predecessor::Pagurus)).file(Path::new(file))
    };
    let why = read("no-such-file", Predecessor::Pagurus).unwrap_err();
    assert!(why.contains("no-such-file"), "{why}");
    let why = read("../secure-server/policy.yaml", Predecessor::Pagurus).unwrap_err();
    assert!(
        why.contains("neither a compose file nor a client's"),
        "{why}"
    );
    let why = read("../secure-exec/compose.yaml", Predecessor::Pocket).map(|()| "read");
    assert_eq!(
        why,
        Ok("read"),
        "the only service of a compose file is the one that is meant"
    );
}
