//! What holds when several say something.

use super::*;

#[test]
fn nothing_said_means_the_defaults() {
    let loaded = load(&machine()).unwrap();
    let config = &loaded.config;
    assert_eq!(
        config.state,
        std::path::Path::new("/home/ann/.local/state/durward")
    );
    assert_eq!(config.audit.journal, config.state.join("audit"));
    assert_eq!(config.listen.socket, config.state.join("durward.sock"));
    assert_eq!(config.listen.http.to_string(), "127.0.0.1:8787");
    assert_eq!(config.limits.calls.to_string(), "600/min");
    assert!(
        config
            .roles
            .keys()
            .map(|name| name.as_str())
            .eq(["admin", "developer", "reader"])
    );
    assert_eq!(loaded.path, None);
    snapshot("show", &show(&loaded, false));
}

#[test]
fn the_socket_is_in_the_runtime_folder_where_there_is_one() {
    let sources = Sources {
        xdg_runtime_dir: Some("/run/user/7".into()),
        ..machine()
    };
    assert_eq!(
        load(&sources).unwrap().config.listen.socket,
        std::path::Path::new("/run/user/7/durward/durward.sock")
    );
}

#[test]
fn set_wins_over_environment_over_file_over_default() {
    let text = "version: 1\nlisten: { http: \"127.0.0.1:1\", paths: [/a, /b] }\n";
    let http = |loaded: &Loaded| loaded.config.listen.http.to_string();
    let loaded = load_text(text, |_| {}).unwrap();
    assert_eq!(http(&loaded), "127.0.0.1:1");
    assert!(matches!(
        loaded.origins.of_key("listen.http"),
        Origin::File { line: 2, .. }
    ));
    let variable = ("DURWARD_LISTEN__HTTP".to_owned(), "[::1]:2".to_owned());
    let loaded = load_text(text, |given| given.env.push(variable.clone())).unwrap();
    assert_eq!(http(&loaded), "[::1]:2");
    assert_eq!(
        *loaded.origins.of_key("listen.http"),
        Origin::Env {
            name: variable.0.clone()
        }
    );
    let loaded = load_text(text, |given| {
        given.env.push(variable);
        given.set = vec![
            "listen.http=localhost:3344".to_owned(),
            "listen.paths=[/c]".to_owned(),
        ];
    })
    .unwrap();
    assert_eq!(http(&loaded), "localhost:3344");
    assert_eq!(*loaded.origins.of_key("listen.http"), Origin::Set);
    // A list replaces the list below it.
    assert!(
        loaded
            .config
            .listen
            .paths
            .iter()
            .map(MountPath::as_str)
            .eq(["/c"])
    );
    assert_eq!(*loaded.origins.of_key("limits.calls"), Origin::Default);
}

#[test]
fn values_from_outside_have_the_type_of_their_key() {
    for word in ["1", "true", "YES", "on"] {
        assert!(
            load(&env(&[("DURWARD_LISTEN__STATELESS", word)]))
                .unwrap()
                .config
                .listen
                .stateless,
            "{word}"
        );
    }
    for word in ["0", "false", "No", "off"] {
        assert!(
            !load(&env(&[("DURWARD_PACKS__FS__ENABLED", word)]))
                .unwrap()
                .config
                .packs
                .fs
                .enabled,
            "{word}"
        );
    }
    let loaded = set(&[
        "limits.concurrency=7",
        "limits.result=1024",
        "files.root=123",
        "limits.burst=~",
    ])
    .unwrap();
    assert_eq!(loaded.config.limits.concurrency.get(), 7);
    assert_eq!(loaded.config.limits.result.bytes(), 1024);
    assert_eq!(loaded.config.files.root, std::path::Path::new("123"));
    let loaded = set(&[
        "limits.tools.\"a.b\".calls=5/s",
        "limits.tools.c=1/h",
        "state=~/elsewhere",
    ])
    .unwrap();
    assert_eq!(loaded.config.limits.tools.len(), 2);
    assert_eq!(
        loaded.config.state,
        std::path::Path::new("/home/ann/elsewhere")
    );
}

#[test]
fn variables_that_only_look_like_ours_are_left_alone() {
    let sources = env(&[
        ("DURWARD_KEY", "x"),
        ("DURWARD_SERVICE_HOST", "10.0.0.1"),
        ("DURWARD_PORT", "tcp://10.0.0.1:1"),
    ]);
    assert!(load(&sources).is_ok());
    assert_eq!(
        load(&env(&[("DURWARD_STATE", "/s")])).unwrap().config.state,
        std::path::Path::new("/s")
    );
}

#[test]
fn a_role_of_the_file_is_what_the_file_says() {
    let text = "version: 1\nroles: { developer: { deny: [\"tool:x\"] }, bob: { inherit: [reader] } }\n\
                identity: { os_user: { roles: { bob: [bob] } } }\n";
    let config = load_text(text, |_| {}).unwrap().config;
    let developer = &config.roles[&durward_core::RoleName::new("developer")];
    assert!(developer.allow.is_empty() && developer.deny.len() == 1);
    assert_eq!(config.roles.len(), 4);
    // Whoever runs durward is a developer only as long as the file does not say who is what.
    assert_eq!(config.identity.os_user.roles.len(), 1);
}

#[test]
fn a_variable_stays_a_text() {
    let evil = (
        "EVIL".to_owned(),
        "x\n  policy: {}\n${secret:s} ${HOME}".to_owned(),
    );
    let text =
        "version: 1 # ${UNSET} in a comment\nfiles:\n  root: ${EVIL}\n  deny: [\"a$${EVIL}\"]\n";
    let config = load_text(text, |given| given.env.push(evil.clone()))
        .unwrap()
        .config;
    assert_eq!(config.files.root, std::path::Path::new(&evil.1));
    assert_eq!(config.files.deny[0].as_str(), "a${EVIL}");
}

#[test]
fn homes_and_references_are_expanded() {
    let text = "version: 1\nstate: ${HOME}/s\nfiles: { root: ~/projects/a }\naudit: { journal: \"${files.root}/j\" }\n";
    let config = load_text(text, |_| {}).unwrap().config;
    assert_eq!(
        config.files.root,
        std::path::Path::new("/home/ann/projects/a")
    );
    assert_eq!(
        config.audit.journal,
        std::path::Path::new("/home/ann/projects/a/j")
    );
    assert_eq!(
        config.identity.keys.file,
        std::path::Path::new("/home/ann/s/keys.json")
    );
}

#[test]
fn an_alias_is_what_it_names() {
    let text = "version: 1\nlimits: { calls: &rate 7/s, total: *rate }\n";
    assert_eq!(
        load_text(text, |_| {})
            .unwrap()
            .config
            .limits
            .total
            .unwrap()
            .to_string(),
        "7/s"
    );
}

#[test]
fn a_working_folders_file_is_used_only_once_it_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("durward.yaml");
    let text = "version: 1\nlimits: { calls: 1/s }\n";
    std::fs::write(&local, text).unwrap();
    let state = folder.path().join("state");
    let sources = Sources {
        cwd: folder.path().into(),
        state: Some(state.clone()),
        ..machine()
    };
    let loaded = load(&sources).unwrap();
    assert_eq!(
        (loaded.path, loaded.untrusted.as_ref()),
        (None, Some(&local))
    );
    assert_eq!(loaded.config.limits.calls.to_string(), "600/min");
    Trust::open(&state)
        .unwrap()
        .pin(&local.canonicalize().unwrap(), text.as_bytes())
        .unwrap();
    let loaded = load(&sources).unwrap();
    assert_eq!(
        (loaded.path.as_ref(), loaded.untrusted),
        (Some(&local), None)
    );
    assert_eq!(loaded.config.limits.calls.to_string(), "1/s");
    std::fs::write(&local, "version: 1\nlimits: { calls: 9/s }\n").unwrap();
    let loaded = load(&sources).unwrap();
    assert_eq!((loaded.path, loaded.untrusted), (None, Some(local)));
}

#[cfg(unix)]
#[test]
fn a_file_that_everyone_may_change_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("durward.yaml");
    std::fs::write(&file, "version: 1\n").unwrap();
    let warnings = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        load(&Sources {
            file: Some(file.clone()),
            ..machine()
        })
        .unwrap()
        .warnings
        .len()
    };
    assert_eq!((warnings(0o644), warnings(0o666)), (0, 1));
}

#[test]
fn every_spelling_of_a_line_break_and_a_byte_order_mark_are_read() {
    for text in [
        "\u{feff}version: 1\nlimits:\n  calls: 7/s\n",
        "version: 1\r\nlimits:\r\n  calls: 7/s\r\n",
    ] {
        assert_eq!(
            load_text(text, |_| {})
                .unwrap()
                .config
                .limits
                .calls
                .to_string(),
            "7/s",
            "{text:?}"
        );
    }
}

#[test]
fn every_key_can_be_said() {
    let config = load_text(EVERYTHING, |given| {
        given.env.push(("OLD".into(), "k".into()))
    })
    .unwrap()
    .config;
    // A key that was read and dropped would show its default.
    let (said, default) = (flat(&config), flat(&Config::default()));
    let unsaid: Vec<_> = default.iter().filter(|line| said.contains(line)).collect();
    assert_eq!(unsaid, ["version: 1", "files.roots: {}"]);
}

fn flat(config: &Config) -> Vec<String> {
    fn walk(value: &serde_json::Value, path: &str, lines: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) if !map.is_empty() => {
                map.iter()
                    .for_each(|(key, value)| walk(value, &format!("{path}.{key}"), lines));
            }
            leaf => lines.push(format!("{path}: {leaf}").trim_start_matches('.').to_owned()),
        }
    }
    let mut lines = Vec::new();
    walk(&serde_json::to_value(config).unwrap(), "", &mut lines);
    lines
}

const EVERYTHING: &str = r#"
version: 1
listen:
  http: off
  paths: [/mcp, /]
  stateless: true
  socket: /run/durward.sock
  public_url: https://mcp.example.com
  allowed_hosts: [mcp.internal]
  allowed_origins: ["https://app.example.com"]
  limits: { body: 1MiB, line: 2MiB, depth: 64, connections: 10, header_timeout: 1s, idle_timeout: 1m, drain: 0s }
identity:
  os_user: { roles: { self: [admin], ann: [reader], "*": [reader] } }
  keys: { file: k.json, accept: [{ key: "${secret:old}", role: developer }] }
  require: all
policy: { combine: intersect }
roles:
  reader: { inherit: [operator], allow: ["tool:fs_*"], deny: ["server:x"], confirm: ["*"] }
  developer: { limits: { calls: 1/s, burst: 2, concurrency: 3 } }
  operator: {}
  admin: { allow: [], confirm: [] }
limits:
  calls: 1/s
  total: 2/s
  session: 3/min
  burst: 4
  concurrency: 5
  tools: { web: 20/min, shell: { calls: 10/min, burst: 1, concurrency: 4 } }
  timeout: 1s
  result: 1KiB
  exchange: { ttl: 1m, rounds: 2, each_caller: 3, all: 4 }
  breaker: { faults: 6, window: 2m, cool_down: 1s }
inspect: { sampling: { allow: true, max_tokens: 512, calls: 2/hour } }
files:
  root: /srv/${OLD}
  allow_dangerous_root: true
  read: ["src/**"]
  deny: ["notes/**"]
  builtin_deny: false
  max_read: 2MiB
  write: ["out/**"]
  max_write: 3MiB
  quota: 3GiB
egress:
  hosts: [api.github.com]
  networks: [10.0.0.0/8]
  block_ports: [25]
  dns: { enabled: false, allow: ["*.example.com"] }
  proxy: http://proxy.example.com:3128
  credentials: { api.github.com: { header: authorization, value: "Bearer ${secret:old}" } }
secrets: { old: { env: OLD }, db: { file: /run/db } }
sandbox:
  mode: best_effort
  read: [/opt]
  write: [/srv]
  network: egress
  limits: { memory: 1GiB, cpu: 1s, processes: 2, files: 3, output: 1KiB }
  env: [TZ]
plugins: { dir: /srv/plugins, grants: { hash: host }, env: { hash: { LEVEL: "3" } } }
packs:
  fs: { enabled: false }
  http: { enabled: true, max_body: 2MiB, redirects: 0, markdown: false }
  shell: { enabled: true, allow: [cat, sh], allow_interpreters: [sh], sandbox: home }
commands: { up: uptime }
servers: { crm: { url: "https://crm.example.com/mcp" } }
audit:
  journal: j
  fsync: { read: before, operate: before, danger: 1s }
  signing_key: "${secret:old}"
  index: i.db
  content: { arguments: none, results: redacted }
  redact_names: [pin]
  export: { file: out.jsonl }
  retention: { days: 30, size: 1GiB }
  on_failure: degrade
cluster: { sealing_key: "${secret:old}" }
telemetry: { log: debug, format: json, file: log }
state: /var/lib/durward
"#;

#[test]
fn the_users_own_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("durward/durward.yaml");
    std::fs::create_dir(own.parent().unwrap()).unwrap();
    std::fs::write(&own, "version: 1\nlimits: { calls: 2/s }\n").unwrap();
    let sources = Sources {
        xdg_config_home: Some(folder.path().into()),
        ..machine()
    };
    let loaded = load(&sources).unwrap();
    assert_eq!(
        (
            loaded.path.as_ref(),
            loaded.config.limits.calls.to_string().as_str()
        ),
        (Some(&own), "2/s")
    );
    let missing = Sources {
        file: Some("no.yaml".into()),
        ..machine()
    };
    assert!(
        load(&missing)
            .unwrap_err()
            .to_string()
            .contains("/nowhere/no.yaml can't be read")
    );
}
