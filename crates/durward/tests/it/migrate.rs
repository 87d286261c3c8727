//! `durward migrate`: what people had goes on working, and nothing of it is shown that must not be.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use durward_testkit::{House, Ran};
use serde_json::json;

use crate::house;

/// The predecessors, and files of each as they come.
const FIXTURES: [(&str, &[&str]); 15] = [
    ("pagurus", &["pagurus.env"]),
    ("pagurus", &["pagurus.env", "compose.yml"]),
    ("pagurus", &["claude_desktop_config.json", "pagurus.env"]),
    ("secure-exec", &["compose.yaml"]),
    ("secure-exec", &["run.sh"]),
    ("secure-exec", &["cursor.json"]),
    ("secure-exec", &["mcp-secure-exec.service"]),
    ("secure-server", &["policy.yaml"]),
    ("secure-server", &["client.json"]),
    ("mcp-guard", &["mcp-guard.yaml"]),
    ("mcp-guard", &["team.yaml"]),
    ("mcp-guard", &["client.json"]),
    ("pocket", &["http.env"]),
    ("pocket", &["stdio.env"]),
    ("pocket", &["client.json"]),
];

/// What no output may have.
const SECRETS: [&str; 9] = [
    "pag_live_",
    "a-token-of-the-fixture",
    "a token in a unit",
    "a-literal-token",
    "guard-key-of",
    "figd_",
    "a-tunnel-token",
    "from-the-environment",
    "a-bearer-of-the-fixture",
];

/// A house with a predecessor's files in its root, which is the folder that they name.
fn moved_in(predecessor: &str) -> House {
    let house = house();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/migrate");
    for entry in fs::read_dir(from.join(predecessor)).expect("the fixtures") {
        let path = entry.expect("a fixture").path();
        let text = fs::read_to_string(&path).expect("its text");
        let text = text.replace("/srv/workspace", &house.root().display().to_string());
        let name = path.file_name().expect("a name").to_string_lossy();
        house.file(&name, text);
    }
    let bearer = house.file("secrets/mcp-bearer.cred", "a-bearer-of-the-fixture");
    fs::set_permissions(bearer, fs::Permissions::from_mode(0o600)).expect("its mode");
    house
}

fn run(house: &House, arguments: &[&str]) -> Ran {
    let output = house
        .bare_command(arguments)
        .env("GITHUB_TOKEN", "from-the-environment")
        .output()
        .expect("the program runs");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Migrates and writes; the path of the new file.
fn written(house: &House, predecessor: &str, files: &[&str]) -> String {
    let target = house.path("config/new.yaml").display().to_string();
    let arguments: Vec<&str> = ["migrate", predecessor, "--write", &target]
        .iter()
        .chain(files)
        .copied()
        .collect();
    let ran = run(house, &arguments).ok();
    shows_no_secret(&ran);
    target
}

fn shows_no_secret(ran: &Ran) {
    for secret in SECRETS {
        let shown = ran.stdout.contains(secret) || ran.stderr.contains(secret);
        assert!(!shown, "{secret} is shown: {ran:#?}");
    }
}

#[test]
fn what_is_written_passes_the_check() {
    for (predecessor, files) in FIXTURES {
        let house = moved_in(predecessor);
        let target = written(&house, predecessor, files);
        let state = house.state().display().to_string();
        let ran = run(&house, &["check", "--config", &target, "--state", &state]);
        assert_eq!(ran.code, 0, "{predecessor} {files:?}: {ran:#?}");
        shows_no_secret(&ran);
        let text = fs::read_to_string(&target).expect("the file");
        for secret in SECRETS {
            assert!(!text.contains(secret), "{predecessor} {files:?}: {secret}");
        }
    }
}

#[test]
fn keys_are_kept_in_private_files_and_go_on_working() {
    let house = moved_in("pagurus");
    let text = fs::read_to_string(house.root().join("pagurus.env")).expect("the fixture");
    // A daemon that says its public address does not say on which port it is.
    house.file(
        "pagurus.env",
        text.replace("PAGURUS_EXTERNAL_URL", "UNUSED"),
    );
    let target = written(&house, "pagurus", &["pagurus.env"]);
    let vault = house.path("config/new-secrets");
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&vault), 0o700);
    assert_eq!(mode(&vault.join("pagurus")), 0o600);
    house.configure_exactly(&fs::read_to_string(target).expect("the file"));
    house.file("hello.txt", "good day");
    let daemon = house
        .serve(&[])
        .with_key("pag_live_second-key-of-the-fixture".to_owned());
    // Their names of tools work as well, though they are not listed.
    let read = daemon.call("fs.read", json!({"path": "hello.txt"}));
    assert!(read.to_string().contains("good day"), "{read}");
    let wrote = daemon.call("fs.write", json!({"path": "new.txt", "content": "x"}));
    assert!(house.root().join("new.txt").exists(), "{wrote}");
    let made = daemon.call("fs_mkdir", json!({"path": "folder"}));
    assert!(
        !house.root().join("folder").exists(),
        "a tool that Pagurus has not: {made}"
    );
}

#[test]
fn without_write_the_file_goes_to_stdout_and_nothing_else_does() {
    let house = moved_in("pagurus");
    let ran = run(&house, &["migrate", "pagurus", "pagurus.env"]).ok();
    assert!(
        ran.stdout.starts_with('#') && ran.stdout.contains("\nversion: 1\n"),
        "{ran:#?}"
    );
    assert!(ran.stderr.contains("taken over") && ran.stderr.contains("nothing was written"));
    assert!(!house.path("config/durward").exists());
    shows_no_secret(&ran);
}

#[test]
fn the_account_is_json_where_that_is_wanted() {
    let house = moved_in("secure-exec");
    let ran = run(
        &house,
        &[
            "migrate",
            "secure-exec",
            "--json",
            "run.sh",
            "--",
            "--bind",
            "[::1]:4000",
        ],
    )
    .ok();
    let report = ran.json();
    assert_eq!(report["from"], "secure-exec");
    let plan = report["plan"].as_array().expect("a plan");
    let bind = |entry: &&serde_json::Value| entry["said"] == "--bind";
    let fates: Vec<_> = plan
        .iter()
        .filter(bind)
        .map(|it| (&it["at"], &it["fate"]))
        .collect();
    assert_eq!(
        fates,
        [
            (&json!("run.sh:6"), &json!("done_otherwise")),
            (&json!("command line"), &json!("taken_over"))
        ]
    );
    let config = report["config"].as_str().expect("a text");
    assert!(config.contains("http: \"[::1]:4000\""), "{config}");
}

#[test]
fn the_present_environment_is_read_where_that_is_wanted() {
    let house = house();
    let root = house.root().display().to_string();
    let environment = |arguments: &[&str]| {
        let mut command = house.bare_command(arguments);
        command
            .env("PAGURUS_FS_ROOT", &root)
            .env("PAGURUS_API_KEYS", "pag_live_x")
            .env("OTHER", "y");
        let output = command.output().expect("the program runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (code, text) = environment(&["migrate", "pagurus", "--env"]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains(&format!("root: {root}")) && !text.contains("pag_live_"),
        "{text}"
    );
    let (code, _) = environment(&["migrate", "pagurus"]);
    assert_eq!(code, Some(2), "it was not said what to read");
}

#[test]
fn a_file_that_is_there_is_replaced_only_where_that_is_said() {
    let house = moved_in("pocket");
    let target = house.path("config/new.yaml");
    fs::write(&target, "version: 1\n").expect("a file");
    let name = target.display().to_string();
    let again = |extra: &[&str]| {
        let arguments = ["migrate", "pocket", "stdio.env", "--write", &name];
        run(&house, &[arguments.as_slice(), extra].concat())
    };
    let ran = again(&[]);
    assert!(ran.code == 2 && ran.stderr.contains("--force"), "{ran:#?}");
    assert_eq!(
        fs::read_to_string(&target).expect("the file"),
        "version: 1\n"
    );
    again(&["--force"]).ok();
    assert!(
        fs::read_to_string(&target)
            .expect("the file")
            .contains("durward migrate pocket")
    );
}

#[test]
fn what_can_t_be_read_is_named_with_its_line() {
    let house = house();
    house.file("broken.yaml", "servers:\n  a: [\n");
    house.file("empty.env", "# nothing\n");
    house.file(
        "other.yaml",
        "services: { web: { image: nginx }, db: { image: postgres } }\n",
    );
    for (file, code, word) in [
        ("broken.yaml", 1, "broken.yaml: line"),
        ("none.yaml", 1, "none.yaml"),
        ("other.yaml", 1, "no service"),
        ("empty.env", 2, "nothing of mcp-guard"),
    ] {
        let ran = run(&house, &["migrate", "mcp-guard", file]);
        assert!(
            ran.code == code && ran.stderr.contains(word),
            "{file}: {ran:#?}"
        );
    }
}

#[test]
fn what_mcp_guard_denied_stays_denied() {
    let house = house();
    let raw = crate::servers::raw_upstream().display().to_string();
    house.file(
        "mcp-guard.yaml",
        format!(
            "servers:\n  raw:\n    transport: stdio\n    command: {raw}\n    args: [\"--era\", \"legacy\"]\n    policy:\n      \
             permissions:\n        denied_tools: [\"^ech\"]\nauth:\n  mode: api_key\n  api_keys:\n    guard-key-of-this-test: \
             {{ roles: [caller] }}\n  roles:\n    caller:\n      permissions:\n        denied_tools: [\"sle*\"]\n"
        ),
    );
    let target = written(&house, "mcp-guard", &["mcp-guard.yaml"]);
    house.configure_exactly(&fs::read_to_string(target).expect("the file"));
    let daemon = house
        .serve(&[])
        .with_key("guard-key-of-this-test".to_owned());
    let listed = daemon.modern("tools/list", json!({})).json();
    let tools = listed["result"]["tools"].as_array().expect("tools");
    let has = |name: &str| tools.iter().any(|tool| tool["name"] == name);
    assert!(
        !has("raw__echo") && !has("raw__sleep") && tools.len() > 1,
        "{listed}"
    );
    // The operating system's user alone was no proof there, and is none here.
    let ran = house.run(&["tools", "list"]);
    assert_ne!(ran.code, 0, "{ran:#?}");
}
