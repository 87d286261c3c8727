//! Logins at servers behind the gate: OAuth 2.1 as a client.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    process::{Child, Stdio},
    thread,
};

use durward_testkit::{Daemon, Guarded, House, Ran, browse, modern, text};
use serde_json::{Value, json};

use crate::{eventually, house};

/// A house whose one server, `crm`, wants a login, with these members of `oauth`.
pub(crate) fn guarded(oauth: &str) -> (House, Guarded) {
    let (house, guarded) = (house(), Guarded::start());
    house.configure(&guarded.section(oauth));
    (house, guarded)
}

/// `durward auth login crm`, up to the address that the browser is to open.
pub(crate) struct Login {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
    said: String,
    pub(crate) url: Option<String>,
}

impl Login {
    pub(crate) fn begin(house: &House, options: &[&str]) -> Self {
        let mut all = vec!["auth", "login", "crm", "--no-browser"];
        all.extend(options);
        let mut command = house.command(&all);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let (mut said, mut url) = (String::new(), None);
        while url.is_none() {
            let mut line = String::new();
            if errors.read_line(&mut line).unwrap() == 0 {
                break;
            }
            url = line
                .strip_prefix("  http")
                .map(|rest| format!("http{}", rest.trim()));
            said.push_str(&line);
        }
        Self {
            child,
            errors,
            said,
            url,
        }
    }

    /// The person agrees in the browser.
    pub(crate) fn agree(self) -> Ran {
        let page = browse(
            self.url
                .as_deref()
                .unwrap_or_else(|| panic!("{}", self.said)),
        );
        let mut ran = self.end();
        ran.stderr.push_str(&page);
        ran
    }

    /// The person pastes this.
    fn paste(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{text}").unwrap();
    }

    pub(crate) fn end(mut self) -> Ran {
        std::io::Read::read_to_string(&mut self.errors, &mut self.said).unwrap();
        let output = self.child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: self.said,
        }
    }
}

pub(crate) fn log_in(house: &House) -> Ran {
    Login::begin(house, &[]).agree()
}

/// What `crm__who` says, once the server's tools are known.
pub(crate) fn call(daemon: &Daemon) -> Value {
    let call = modern(
        1,
        "tools/call",
        json!({"name": "crm__who", "arguments": {}}),
    );
    daemon.ask(&daemon.modern_post(&call)).json()
}

pub(crate) fn serve(house: &House) -> Daemon {
    house.serve(&[]).with_key(house.key("developer"))
}

/// Waits until the server's one tool is there.
pub(crate) fn has_tool(daemon: &Daemon) -> bool {
    let list = modern(1, "tools/list", json!({}));
    let list = daemon.ask(&daemon.modern_post(&list)).json();
    list.to_string().contains("crm__who")
}

#[test]
fn a_person_logs_in_and_the_running_daemon_has_the_token_at_once() {
    let (house, guarded) = guarded("");
    let daemon = serve(&house);
    assert!(!has_tool(&daemon));
    let ran = log_in(&house).ok();
    assert!(
        ran.stdout
            .starts_with("crm: logged in at http://127.0.0.1:"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("You can close this page"), "{ran:?}");
    eventually("the tool is there", || has_tool(&daemon));
    let answer = call(&daemon);
    assert!(text(&answer).ends_with(" for read"), "{answer}");
    // Nothing of the client's own goes there, and nothing of durward's lies open.
    for asked in guarded.server.asked() {
        let sent = asked.header("authorization").unwrap_or_default();
        assert!(!sent.contains(&daemon.key), "{asked:?}");
    }
    let file = house.state().join("oauth/crm.sealed");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let token = guarded
        .server
        .asked()
        .iter()
        .find_map(|asked| asked.header("authorization").map(|it| it[7..].to_owned()))
        .unwrap();
    let state = house.bytes_below(&house.state());
    assert!(!String::from_utf8_lossy(&state).contains(&token));
    assert!(!daemon.log().contains(&token));
}

#[test]
fn what_was_asked_binds_code_token_and_resource_together() {
    let (house, guarded) = guarded("");
    log_in(&house).ok();
    let resource = guarded.server.url("/mcp");
    let asked = guarded.issuer.asked();
    let authorize = asked
        .iter()
        .find(|asked| asked.target.starts_with("/authorize"))
        .unwrap();
    let encoded: String = url_encoded(&resource);
    assert!(
        authorize.target.contains(&format!("resource={encoded}")),
        "{authorize:?}"
    );
    let form = &guarded.forms()[0];
    assert_eq!(form["resource"], resource);
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code_verifier"].len(), 43);
    let register = asked
        .iter()
        .find(|asked| asked.target == "/register")
        .unwrap();
    let register: Value = serde_json::from_slice(&register.body).unwrap();
    assert_eq!(register["application_type"], "native");
    assert_eq!(register["token_endpoint_auth_method"], "none");
    assert!(
        register["redirect_uris"][0]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
}

fn url_encoded(text: &str) -> String {
    text.replace(':', "%3A").replace('/', "%2F")
}

#[test]
fn over_ssh_the_address_of_the_last_page_is_pasted() {
    let (house, _guarded) = guarded("");
    let mut login = Login::begin(&house, &[]);
    // The browser is elsewhere: it is sent to its own loopback, where nobody listens.
    let url = login.url.clone().unwrap();
    let last = last_page(&url);
    login.paste("what?");
    login.paste("no address");
    login.paste(&format!("  {last}  "));
    let ran = login.end().ok();
    assert!(ran.stdout.contains("logged in"), "{ran:?}");
    assert!(ran.stderr.contains("That is no address"), "{ran:?}");
}

/// Where the authorization server sends the browser.
fn last_page(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, target) = rest.split_at(rest.find('/').unwrap());
    let get = durward_testkit::Post::new("GET", target).header("Host", address);
    let answer = durward_testkit::Http::connect(address.parse().unwrap()).ask(&get);
    answer.header("location").unwrap().to_owned()
}

#[test]
fn who_closes_the_browser_has_changed_nothing() {
    let (house, guarded) = guarded("");
    let login = Login::begin(&house, &["--timeout", "1s"]);
    assert!(login.url.is_some());
    let ran = login.end();
    assert_eq!(ran.code, 1);
    let last = ran.stderr.lines().last().unwrap();
    assert_eq!(
        last,
        "error: nobody logged in within 1 s, and nothing was changed; run `durward auth login crm` to try again"
    );
    assert!(!house.state().join("oauth/crm.sealed").exists());
    assert_eq!(guarded.forms().len(), 0);
}

#[test]
fn a_refusal_is_said_and_changes_nothing() {
    let (house, guarded) = guarded("");
    guarded.script().answer =
        json!({"code": null, "error": "access_denied", "error_description": "not \u{1b}[31mtoday"});
    let ran = log_in(&house);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("access_denied: not \u{fffd}[31mtoday"),
        "{ran:?}"
    );
    assert!(!house.state().join("oauth/crm.sealed").exists());
}

#[test]
fn status_and_logout_say_how_it_stands() {
    let (house, guarded) = guarded("");
    let status = || house.run(&["auth", "status", "--json"]).ok().json();
    assert_eq!(status()["state"], "logged_out");
    log_in(&house).ok();
    let stands = status();
    assert_eq!(stands["state"], "logged_in");
    assert_eq!(stands["scopes"], json!(["read"]));
    assert_eq!(stands["renews"], true);
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    assert!(text(&call(&daemon)).ends_with(" for read"));
    let out = house.run(&["auth", "logout", "crm"]).ok();
    assert_eq!(out.stdout, "crm: logged out, and the tokens are revoked\n");
    assert_eq!(guarded.revoked(), 2);
    assert_eq!(status()["state"], "logged_out");
    // The daemon has no token any more, and says to whoever calls what is to be done.
    eventually("a call is refused", || {
        let answer = call(&daemon);
        let said = text(&answer);
        assert!(
            said.contains("durward auth login crm") || said.ends_with(" for read"),
            "{answer}"
        );
        said.contains("durward auth login crm")
    });
    let again = house.run(&["auth", "logout", "crm"]).ok();
    assert_eq!(again.stdout, "crm: there was no login\n");
}

#[test]
fn a_server_that_is_not_logged_in_at_is_named() {
    let (house, _guarded) = guarded("");
    for (server, sentence) in [
        ("mail", "there is no server `mail`"),
        ("", "there is no server ``"),
    ] {
        let ran = house.run(&["auth", "login", server]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(sentence), "{ran:?}");
    }
    house.configure("servers:\n  files:\n    command: [x]\n    sandbox: host\n");
    let ran = house.run(&["auth", "login", "files"]);
    assert!(ran.stderr.contains("is not logged in at"), "{ran:?}");
}

#[test]
fn a_client_of_the_file_goes_to_one_authorization_server() {
    let (house, guarded) = guarded("client_id: own, client_secret: '${secret:own}'");
    let section = guarded.section("client_id: own, client_secret: '${secret:own}'");
    let secret = house.path("own.secret");
    fs::write(&secret, "s3cret").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    house.configure(&format!(
        "{section}secrets:\n  own: {{ file: {} }}\n",
        secret.display()
    ));
    guarded.know_client("own", Some("s3cret"));
    log_in(&house).ok();
    assert_eq!(guarded.asked("/register"), 0);
    // Another one is named now: it would be sent the password.
    let other = Guarded::start();
    let names = json!([other.issuer.url("")]);
    guarded.script().resource = json!({"authorization_servers": names});
    let ran = log_in_fails(&house);
    assert!(ran.stderr.contains("durward auth logout crm"), "{ran:?}");
    assert_eq!(other.forms().len(), 0);
    house.run(&["auth", "logout", "crm"]).ok();
    other.know_client("own", Some("s3cret"));
    log_in(&house).ok();
    assert_eq!(other.forms().len(), 1);
}

pub(crate) fn log_in_fails(house: &House) -> Ran {
    let login = Login::begin(house, &[]);
    assert_eq!(login.url, None, "{}", login.said);
    let ran = login.end();
    assert_eq!(ran.code, 1, "{ran:?}");
    ran
}

#[test]
fn another_authorization_server_is_registered_with_anew() {
    let (house, guarded) = guarded("");
    log_in(&house).ok();
    let first = guarded.forms()[0]["client_id"].clone();
    let other = Guarded::start();
    guarded.script().resource = json!({"authorization_servers": [other.issuer.url("")]});
    // A token of there is none for here: only what is asked for counts.
    log_in(&house).ok();
    assert_eq!(other.asked("/register"), 1);
    assert_ne!(other.forms()[0]["client_id"], first);
    // Back again it is known there.
    guarded.script().resource = json!({});
    log_in(&house).ok();
    assert_eq!(guarded.asked("/register"), 1);
}

#[test]
fn a_metadata_url_is_used_where_it_is_taken_and_else_durward_registers() {
    let (house, guarded) = guarded("client_id: https://client.example/durward.json");
    guarded.script().server = json!({"client_id_metadata_document_supported": true});
    log_in(&house).ok();
    assert_eq!(guarded.asked("/register"), 0);
    assert_eq!(
        guarded.forms()[0]["client_id"],
        "https://client.example/durward.json"
    );
    guarded.script().server = json!({});
    log_in(&house).ok();
    assert_eq!(guarded.asked("/register"), 1);
}

#[test]
fn who_registers_nobody_is_asked_by_a_client_of_the_file() {
    let (house, guarded) = guarded("");
    guarded.script().server = json!({"registration_endpoint": null});
    let ran = log_in_fails(&house);
    assert!(
        ran.stderr
            .contains("write its `client_id` under `auth.oauth`"),
        "{ran:?}"
    );
}

#[test]
fn each_way_to_prove_who_one_is_is_used_where_it_is_wanted() {
    for method in ["none", "client_secret_basic", "client_secret_post"] {
        let (house, guarded) = guarded("");
        guarded.script().server = json!({"token_endpoint_auth_methods_supported": [method]});
        if method != "none" {
            // What a header and a form would mistake for their own.
            guarded.script().registration = json!({"client_secret": "a b:c&d=e+f%"});
        }
        log_in(&house).ok();
        let asked = guarded.issuer.asked();
        let token = asked.iter().find(|asked| asked.target == "/token").unwrap();
        let basic = token.header("authorization").is_some();
        assert_eq!(basic, method == "client_secret_basic");
        let form = &guarded.forms()[0];
        assert_eq!(
            form.contains_key("client_secret"),
            method == "client_secret_post"
        );
        assert_eq!(
            form.contains_key("client_id"),
            method != "client_secret_basic"
        );
    }
}

#[test]
fn a_server_of_2025_03_26_is_its_own_authorization_server() {
    let (house, guarded) = guarded("");
    guarded.script().has_metadata = false;
    // Its metadata is at its own origin, and its places are the usual ones: here it has neither.
    let ran = log_in_fails(&house);
    assert!(ran.stderr.contains("404"), "{ran:?}");
    let asked = guarded.server.asked();
    let paths: Vec<_> = asked
        .iter()
        .filter(|asked| asked.method == "GET" || asked.target == "/register")
        .map(|asked| asked.target.as_str())
        .filter(|path| *path != "/mcp")
        .collect();
    assert_eq!(
        paths,
        [
            "/.well-known/oauth-protected-resource/mcp",
            "/.well-known/oauth-protected-resource",
            "/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration",
            "/register",
        ]
    );
    assert_eq!(guarded.issuer.connections(), 0);
}

#[test]
fn the_configuration_says_what_can_only_fail() {
    let house = house();
    for (server, sentence) in [
        (
            "url: http://crm.example.com/mcp\n    auth: { oauth: {} }",
            "OAuth is for https alone",
        ),
        (
            "url: https://crm.example.com/mcp\n    auth: { oauth: { grant: client_credentials } }",
            "can't log in by itself",
        ),
        (
            "url: https://crm.example.com/mcp\n    auth: { oauth: { client_secret: '${secret:a}' } }",
            "belongs to a `client_id`",
        ),
        (
            "url: https://crm.example.com/mcp\n    auth: { oauth: { scopes: ['a b'] } }",
            "a scope",
        ),
    ] {
        let env = "secrets: { a: { command: [echo, x] } }";
        house.configure(&format!("servers:\n  crm:\n    {server}\n{env}\n"));
        let ran = house.run(&["check"]);
        assert_eq!(ran.code, 3, "{server}: {ran:?}");
        assert!(ran.stderr.contains(sentence), "{server}: {ran:?}");
    }
}

#[test]
fn a_server_that_takes_a_login_and_has_none_in_the_file_is_named() {
    let (house, guarded) = (house(), Guarded::start());
    let url = guarded.server.url("/mcp");
    house.configure(&format!("servers:\n  crm:\n    url: {url}\n"));
    let _daemon = house.serve(&[]);
    eventually("its status says so", || {
        let report = house.run(&["status"]).ok().stdout;
        report.contains("write `auth: { oauth: {} }`, then run `durward auth login`")
    });
}

#[test]
fn two_logins_at_a_time_are_two() {
    let (house, guarded) = guarded("");
    let (one, two) = (Login::begin(&house, &[]), Login::begin(&house, &[]));
    // The answer to one is none to the other.
    let (first, second) = (one.url.clone().unwrap(), two.url.clone().unwrap());
    assert_ne!(first, second);
    let ended = thread::spawn(move || two.agree().ok());
    one.agree().ok();
    ended.join().unwrap();
    assert_eq!(guarded.forms().len(), 2);
}
