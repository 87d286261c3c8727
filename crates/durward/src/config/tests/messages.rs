//! What people are told.

use super::*;

/// What people read.
fn told(text: &str) -> String {
    match load_text(text, |_| {}) {
        Ok(_) => "nothing is wrong\n".to_owned(),
        Err(error) => error
            .to_string()
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect(),
    }
}

#[test]
fn messages() {
    let cases = [
        "version: 1\nroles:\n  bob:\n    denied_tool: [x]\n",
        "version: 1\nlisten:\n  pot: 80\n",
        "version: 1\nlisten:\n  http: 127.0.0.1:99999\n",
        "version: 1\nlisten:\n  stateless: 3\n  depth: 1\n",
        "version: 1\nlisten: { limits: { depth: deep } }\n",
        "version: 1\nlisten: { limits: { depth: 0 } }\n",
        "version: 1\nlisten: { paths: /mcp }\n",
        "version: 1\nlisten: here\n",
        "version: 1\nlimits:\n  calls: 600/fortnight\n  result: 16MEG\n",
        "version: 1\nlimits:\n  timeout: 30 seconds\n",
        "version: 1\nlimits: { tools: { web: { rate: 1/s } } }\n",
        "version: 1\nfiles:\n  root: ${NOPE}/x\n",
        "version: 1\nfiles:\n  root: ${HOEM}\n",
        "version: 1\nfiles:\n  root: a ${HOME\n",
        "version: 1\nops:\n  services: { web: { pidfile: a } }\n",
        "version: 1\nlimits: { breaker: { faults: 0 } }\n",
        "version: 1\nlimits: { breaker: { window: 0s } }\n",
        "version: 1\nlimits: { breaker: { faults: 1001 } }\n",
        "version: 1\nlimits: { exchange: { round: 8 } }\n",
        "version: 1\nfiles:\n  write: [\"a[\"]\n",
        "version: 1\nsecrets: { db: { age: x } }\n",
        "version: 1\nsecrets: { db: { command: pass } }\n",
        "version: 1\nsecrets: { db: { command: [] } }\n",
        "version: 1\nsecrets: { seal: { command: [no-such-program] } }\ncluster: { sealing_key: \"${secret:seal}\" }\n",
        "version: 1\nlimits:\nfiles:\n  root: .\n",
        "version: 1\nlimits:\n  calls: 1/s\n  calls: 2/s\n",
        "listen: {}\n",
        "version: 2\n",
        "version: one\n",
        "",
        "# nothing\n",
        "- a\n",
        "just words\n",
        "version: 1\nlisten:\n\thttp: off\n",
        "version: 1\nlisten: [\n",
        "version: 1\n---\nversion: 1\n",
        "version: 1\nfiles: { root: !path x }\n",
        "version: 1\nfiles: { root: *other }\n",
        "version: 1\nfiles: { root: true }\n",
        "version: 1\nidentity: { os_user: { roles: { self: [develper] } } }\n",
        "version: 1\nroles:\n  a: { inherit: [b] }\n",
        "version: 1\nroles:\n  a: { allow: [\"fs_*\"] }\n",
        "version: 1\nlisten: { http: \"0.0.0.0:80\" }\n",
        "version: 1\nfiles: { root: a, roots: { b: { path: c } } }\n",
        "version: 1\ntelemetry: { log: loud }\n",
        "version: 1\naudit: { on_failure: degrad }\n",
        "version: 1\nidentity: { require: {} }\n",
        "version: 1\ncluster: { sealing_key: hunter2hunter2 }\n",
        "version: 1\ncluster: { sealing_key: \"${secret:seal}\" }\n",
        "version: 1\nsecrets: { seal: { env: SEAL } }\ncluster: { sealing_key: \"${secret:seal}\" }\n",
        "version: 1\nfiles: { root: \"${secret:seal}\" }\n",
        "version: 1\nsecrets: { seal: { env: A, file: b } }\n",
        "version: 1\nlisten: { wrong: 1 }\nfiles: { alsowrong: 2 }\nlimts: { calls: 1/s }\n",
        "version: 1\nidentity: { keys: { accept: [{ role: reader }] } }\n",
        "version: 1\nstate: \"\"\n",
        "version: 1\nidentity: { keys: { accept: [{ key: hunter2, role: reader, rolle: x }] } }\n",
        "version: 1\naudit: { signing_key: [hunter2], jurnal: x }\n",
    ];
    let shown: String = cases
        .map(|text| format!("=====\n{text}-----\n{}", told(text)))
        .concat();
    snapshot("messages", &shown);
}

#[test]
fn messages_about_overrides() {
    let cases = [
        &["listen.http=nowhere"][..],
        &["listen.http"],
        &["listen.pot=80"],
        &["listen.http.x=1"],
        &["limits.burst=many"],
        &["=1"],
        &["servers.a.url=x"],
        &["cluster.sealing_key=[hunter2]"],
    ];
    let mut shown = String::new();
    for case in cases {
        shown.push_str(&format!(
            "=====\n{}\n-----\n{}\n",
            case.join(" "),
            set(case).unwrap_err()
        ));
    }
    let wrong = env(&[
        ("DURWARD_LISTEN__STATELESS", "maybe"),
        ("DURWARD_LISTN__HTTP", "off"),
    ]);
    shown.push_str(&format!(
        "=====\nenvironment\n-----\n{}\n",
        load(&wrong).unwrap_err()
    ));
    snapshot("messages_about_overrides", &shown);
}

#[test]
fn a_warning_has_its_line() {
    let loaded = load_text("version: 1\nfiles:\n  builtin_deny: false\n", |_| {}).unwrap();
    assert_eq!(
        loaded
            .warnings
            .iter()
            .map(|warning| (warning.severity, warning.line()))
            .collect::<Vec<_>>(),
        [(Severity::Warning, Some(3))]
    );
}
