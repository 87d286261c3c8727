//! `durward check` finds what breaks in practice, and says what mends it.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt};

use serde_json::json;

use crate::{
    house,
    init_desk::{Desk, write},
    servers::{guarding, raw_upstream},
};

#[test]
fn a_port_that_is_taken_is_told() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address");
    let house = house();
    house.configure(&format!("listen: {{ http: \"{address}\" }}\n"));
    let ran = house.run(&["check", "--json"]).ok();
    let told = format!("{address} is taken");
    assert!(
        ran.stderr.contains(&told) && ran.stderr.contains("ss -ltnp"),
        "{ran:#?}"
    );
    let warned = |row: &serde_json::Value| {
        let what = row["warning"]["what"].as_str();
        what.is_some_and(|what| what.contains(&told)) && row["warning"]["mend"].is_string()
    };
    assert!(ran.lines().iter().any(warned), "{ran:#?}");
    drop(other);
    let ran = house.run(&["check"]).ok();
    assert!(!ran.stderr.contains("is taken"), "{ran:#?}");
}

#[test]
fn a_shim_of_a_version_manager_is_told() {
    let house = house();
    let shims = house.path("home/.volta/bin");
    fs::create_dir_all(&shims).expect("a folder");
    let npx = shims.join("own-npx");
    fs::write(&npx, "#!/bin/sh\n").expect("a program");
    fs::set_permissions(&npx, fs::Permissions::from_mode(0o755)).expect("its mode");
    house.configure("servers: { hub: { command: [own-npx, -y, some-server], sandbox: host } }\n");
    let mut command = house.command(&["check"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", shims.display()));
    let output = command.output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && told.contains("volta which own-npx"),
        "{told}"
    );
}

#[test]
fn a_secret_that_is_not_there_is_told_with_what_makes_it() {
    let house = house();
    for (source, mend) in [
        (
            "{ env: NO_SUCH_VARIABLE_HERE }",
            "export NO_SUCH_VARIABLE_HERE",
        ),
        (
            "{ file: /nowhere/token }",
            "install -D -m 600 /dev/stdin /nowhere/token",
        ),
    ] {
        house.configure(&format!(
            "secrets: {{ hub: {source} }}\nservers: {{ hub: {{ url: \"https://x.example.com/mcp\", \
             auth: {{ bearer: \"${{secret:hub}}\" }} }} }}\n"
        ));
        let ran = house.run(&["check"]);
        assert!(ran.code == 3 && ran.stderr.contains(mend), "{ran:#?}");
    }
}

#[test]
fn with_connect_the_tools_of_servers_are_listed() {
    let house = guarding(&["--era", "modern"], "");
    let ran = house.run(&["check", "--json"]).ok();
    let listed =
        |ran: &durward_testkit::Ran| ran.lines().iter().any(|row| row["tool"] == "raw__echo");
    assert!(!listed(&ran), "nothing was to be started: {ran:#?}");
    let ran = house.run(&["check", "--connect", "--json"]).ok();
    assert!(listed(&ran), "{ran:#?}");
}

#[test]
fn a_server_that_writes_logs_to_stdout_is_told() {
    let house = house();
    let raw = raw_upstream().display().to_string();
    let line = format!("echo 'INFO starting up'; exec {raw} --era legacy");
    let command = json!(["sh", "-c", line]);
    house.configure(&format!(
        "servers:\n  noisy:\n    command: {command}\n    sandbox: host\n"
    ));
    let ran = house.run(&["check", "--connect"]).ok();
    assert!(ran.stdout.contains("noisy__echo"), "{ran:#?}");
    assert!(
        ran.stderr.contains("`noisy`") && ran.stderr.contains("standard output were no message"),
        "{ran:#?}"
    );
}

#[test]
fn a_server_that_does_not_serve_fails_the_check() {
    let house = house();
    house.configure(
        "servers:\n  broken:\n    command: [sh, -c, \"echo no such module >&2; exit 3\"]\n    sandbox: host\n",
    );
    house.run(&["check"]).ok();
    let ran = house.run(&["check", "--connect"]);
    assert_eq!(ran.code, 3, "{ran:#?}");
    assert!(
        ran.stderr.contains("`broken` does not serve") && ran.stderr.contains("no such module"),
        "{ran:#?}"
    );
}

#[test]
fn a_client_that_asks_past_durward_is_named_until_it_asks_durward() {
    let desk = Desk::new();
    let text =
        r#"{"mcpServers": {"a": {"command": "cat"}, "b": {"url": "https://b.example.com/mcp"}}}"#;
    write(&desk.home(".cursor/mcp.json"), text, 0o644);
    let past = "Cursor asks past durward for a, b: ~/.cursor/mcp.json";
    let before = desk.run(&["check"]).ok();
    assert!(
        before.stderr.contains(past) && before.stderr.contains("durward init"),
        "{before:?}"
    );
    desk.run(&["init", "--yes"]).ok();
    let after = desk.run(&["check"]).ok();
    assert!(!after.stderr.contains("past durward"), "{after:?}");
}

#[test]
fn commands_that_are_missing_or_dangerous_are_told() {
    let house = house();
    house.configure(
        "sandbox: { mode: best_effort }\ncommands:\n  gone: { run: no-such-program, missing: warn }\n  \
         free: { run: 'rm {x}', dangerous: true }\n  tame: { run: uptime, dangerous: true }\n  well: uptime\n",
    );
    let ran = house.run(&["check"]).ok();
    for said in [
        "`commands.gone`: there is no program `no-such-program`",
        "`commands.free` runs `rm`, which is a program that deletes",
        "`commands.tame` says `dangerous: true`, and `uptime` needs none",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {ran:#?}");
    }
    assert!(!ran.stderr.contains("commands.well"), "{ran:#?}");
    house.configure("sandbox: { mode: best_effort }\n");
    let mut command = house.command(&["check"]);
    command.envs([
        (
            "MCP_EXEC_COMMANDS",
            "gone|no-such-program;free|\"rm {x}\";well|uptime",
        ),
        ("MCP_EXEC_ALLOW_DANGEROUS", "1"),
        ("MCP_EXEC_ALLOW_MISSING_BINARIES", "1"),
    ]);
    let output = command.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    for said in [
        "out of `MCP_EXEC_COMMANDS`",
        "take out `MCP_EXEC_ALLOW_DANGEROUS`",
    ] {
        assert_eq!(told.matches(said).count(), 1, "{said}: {told}");
    }
    assert!(!told.contains("commands.well"), "{told}");
}
