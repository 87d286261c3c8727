//! Secrets that change while durward runs: whoever holds one gets the new one, and durward stays.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use durward_testkit::{Daemon, Guarded, House, text};

use crate::{
    eventually, house,
    oauth::{call, has_tool, serve},
    processes::marked,
    servers::raw_upstream,
};

/// Writes a file of a secret by a rename, as those who keep them do.
fn keep(house: &House, name: &str, secret: &str) -> std::path::PathBuf {
    let (draft, path) = (house.path("draft"), house.path(name));
    fs::write(&draft, format!("{secret}\n")).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&draft, &path).unwrap();
    path
}

/// A site that takes a token of the file, and a durward that shows it one.
fn shown(secret: &str) -> (House, Guarded) {
    let (house, guarded) = (house(), Guarded::start());
    guarded.give("first-token");
    house.configure(&format!(
        "servers:\n  crm:\n    url: {}\n    auth: {{ bearer: '${{secret:crm}}' }}\nsecrets:\n  crm: {secret}\n",
        guarded.server.url("/mcp")
    ));
    (house, guarded)
}

/// The token becomes another at the site.
fn change(guarded: &Guarded) {
    guarded.forget_access();
    guarded.give("second-token");
}

fn opened(guarded: &Guarded) -> usize {
    let all = guarded.server.asked();
    let initialize = |asked: &&durward_testkit::Asked| {
        String::from_utf8_lossy(&asked.body).contains("\"initialize\"")
    };
    all.iter().filter(initialize).count()
}

/// How often all was read anew.
fn reloads(daemon: &Daemon) -> usize {
    daemon
        .log()
        .matches("the configuration was reloaded")
        .count()
}

fn says(daemon: &Daemon, token: &str) -> bool {
    text(&call(daemon)).starts_with(token)
}

#[test]
fn a_site_is_shown_the_new_one_with_the_next_request_on_the_session_that_it_has() {
    let (house, guarded) = shown("{ file: ../crm.secret }");
    keep(&house, "crm.secret", "first-token");
    let daemon = serve(&house);
    eventually("its key is known, and the tool is there", || {
        reloads(&daemon) > 0 && has_tool(&daemon)
    });
    assert!(says(&daemon, "first-token"));
    let before = (daemon.pid(), opened(&guarded));
    let read = reloads(&daemon);
    change(&guarded);
    keep(&house, "crm.secret", "second-token");
    eventually("it is read again", || reloads(&daemon) > read);
    assert!(says(&daemon, "second-token"), "{}", daemon.log());
    assert_eq!((daemon.pid(), opened(&guarded)), before);
    let log = daemon.log();
    assert!(!log.contains("first-token") && !log.contains("second-token"));
}

#[test]
fn what_a_program_prints_is_asked_for_again_when_a_site_refuses_it() {
    let script = "{ command: [cat, ../kept] }";
    let (house, guarded) = shown(script);
    keep(&house, "kept", "first-token");
    let daemon = serve(&house);
    eventually("its key is known, and the tool is there", || {
        reloads(&daemon) > 0 && has_tool(&daemon)
    });
    keep(&house, "kept", "second-token");
    // Nobody tells of it, and the old one still does.
    assert!(says(&daemon, "first-token"));
    let read = reloads(&daemon);
    change(&guarded);
    assert!(!says(&daemon, "first-token"));
    eventually("it was asked for again", || reloads(&daemon) > read);
    assert!(says(&daemon, "second-token"), "{}", daemon.log());
}

#[test]
fn a_secret_of_the_keyring_is_read_by_the_keyring_s_own_program() {
    let (house, _guarded) = shown("{ keyring: crm/main }");
    let bin = house.path("bin");
    fs::create_dir(&bin).unwrap();
    let tool = bin.join("secret-tool");
    fs::write(
        &tool,
        "#!/bin/sh\n[ \"$*\" = 'lookup service durward account crm/main' ] && echo first-token\n",
    )
    .unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let key = house_key(&house, &bin);
    let mut command = house.command(&["serve", "--json", "--listen", "127.0.0.1:0"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let daemon = Daemon::from_command(command).unwrap().with_key(key);
    eventually("the tool is there", || has_tool(&daemon));
    assert!(says(&daemon, "first-token"));
    // Where there is no such program, its name is said.
    fs::remove_file(&tool).unwrap();
    let mut command = house.command(&["check"]);
    command.env("PATH", &bin);
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(
        said.contains("the secret `crm` could not be had") && said.contains("secret-tool"),
        "{said}"
    );
}

fn house_key(house: &House, bin: &Path) -> String {
    let mut command = house.command(&["keys", "new", "--json", "--role", "developer"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let made = command.output().unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    made["key"].as_str().unwrap().to_owned()
}

/// The value of a variable of a process.
fn variable(pid: u32, name: &str) -> Option<String> {
    let all = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let all = String::from_utf8_lossy(&all).into_owned();
    let found = all
        .split('\0')
        .find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.map(ToOwned::to_owned)
}

#[test]
fn a_program_that_holds_one_is_started_again_and_no_other_is() {
    let house = house();
    keep(&house, "one.secret", "first");
    let program = serde_json::to_string(&[raw_upstream().display().to_string()]).unwrap();
    let server = |more: &str| {
        format!("    command: {program}\n    sandbox: host\n    connect: eager\n{more}")
    };
    house.configure(&format!(
        "servers:\n  one:\n{}  two:\n{}secrets:\n  one: {{ file: ../one.secret }}\n",
        server("    env: { TOKEN: '${secret:one}' }\n"),
        server("")
    ));
    let daemon = serve(&house);
    let holder = || {
        let all = marked("raw_upstream");
        all.into_iter()
            .find(|pid| variable(*pid, "TOKEN").is_some_and(|_| belongs(*pid, daemon.pid())))
    };
    eventually("it runs", || holder().is_some());
    let first = holder().unwrap();
    assert_eq!(variable(first, "TOKEN").as_deref(), Some("first"));
    let others = || -> Vec<u32> {
        let all = marked("raw_upstream").into_iter();
        all.filter(|pid| belongs(*pid, daemon.pid()) && variable(*pid, "TOKEN").is_none())
            .collect()
    };
    let before = others();
    keep(&house, "one.secret", "second");
    eventually("another one runs", || {
        holder()
            .is_some_and(|pid| pid != first && variable(pid, "TOKEN").as_deref() == Some("second"))
    });
    eventually("the old one is gone", || {
        !Path::new(&format!("/proc/{first}")).exists()
    });
    assert_eq!(others(), before);
}

/// Is it below this process?
fn belongs(pid: u32, root: u32) -> bool {
    let mut pid = pid;
    for _ in 0..10 {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            return false;
        };
        let rest = stat.rsplit(')').next().unwrap_or_default();
        let parent = rest
            .split_whitespace()
            .nth(1)
            .and_then(|it| it.parse().ok());
        match parent {
            Some(parent) if parent == root => return true,
            Some(parent) if parent > 1 => pid = parent,
            _ => return false,
        }
    }
    false
}
