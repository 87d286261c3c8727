//! Tokens that end while they are used, and rights that do not do.

use std::{fs, os::unix::fs::PermissionsExt, thread, time::Duration};

use durward_testkit::{House, text};
use serde_json::json;

use crate::{
    eventually, house,
    oauth::{Login, call, guarded, has_tool, log_in, serve},
};

/// As `auth status` has it.
fn state(house: &House) -> String {
    let status = house.run(&["auth", "status", "crm", "--json"]).ok().json();
    status["state"].as_str().unwrap().to_owned()
}

#[test]
fn calls_at_a_time_whose_token_has_ended_are_all_answered_by_one_renewal() {
    let (house, guarded) = guarded("");
    log_in(&house).ok();
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    for round in 1..=3 {
        guarded.forget_access();
        thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let answer = call(&daemon);
                    assert!(text(&answer).ends_with(" for read"), "{answer}");
                });
            }
        });
        let forms = guarded.forms();
        assert_eq!(forms.len(), 1 + round, "{forms:?}");
        assert_eq!(forms[round]["grant_type"], "refresh_token");
        assert_eq!(forms[round]["resource"], guarded.server.url("/mcp"));
    }
    assert_eq!(state(&house), "logged_in");
}

#[test]
fn processes_that_share_a_state_folder_share_a_renewal() {
    let (house, guarded) = guarded("");
    log_in(&house).ok();
    let mut pipes: Vec<_> = (0..4).map(|_| house.stdio(&[])).collect();
    for pipe in &mut pipes {
        pipe.initialize("2025-11-25");
        let listed = pipe.ask("tools/list", json!({}));
        assert!(listed.to_string().contains("crm__who"), "{listed}");
    }
    for _ in 0..3 {
        guarded.forget_access();
        let before = guarded.forms().len();
        thread::scope(|scope| {
            for pipe in &mut pipes {
                scope.spawn(|| {
                    let answer =
                        pipe.ask("tools/call", json!({"name": "crm__who", "arguments": {}}));
                    assert!(text(&answer).ends_with(" for read"), "{answer}");
                });
            }
        });
        // A refresh token is good for once there: had two used it, one would be logged out.
        assert_eq!(guarded.forms().len(), before + 1);
    }
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let (house, guarded) = guarded("");
    guarded.script().lifetime = Some(2);
    log_in(&house).ok();
    guarded.script().lifetime = Some(3600);
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    thread::sleep(Duration::from_secs(2));
    let refused = |guarded: &durward_testkit::Guarded| {
        let all = guarded.server.asked();
        all.iter()
            .filter(|asked| asked.header("authorization").is_none())
            .count()
    };
    let before = refused(&guarded);
    let answer = call(&daemon);
    assert!(text(&answer).ends_with(" for read"), "{answer}");
    assert_eq!(guarded.forms().len(), 2);
    assert_eq!(refused(&guarded), before);
}

#[test]
fn what_is_renewed_no_more_wants_a_person_and_nobody_is_asked_again() {
    let (house, guarded) = guarded("");
    log_in(&house).ok();
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    guarded.forget_access();
    guarded.script().refreshes = false;
    for _ in 0..5 {
        let answer = call(&daemon);
        let refusal = &answer["result"]["_meta"]["dev.durward/refusal"];
        assert_eq!(refusal["code"], "unavailable", "{answer}");
        assert_eq!(refusal["detail"], "login_needed", "{answer}");
        assert!(
            text(&answer).contains("`durward auth login crm`"),
            "{answer}"
        );
        assert!(text(&answer).contains("was not carried out"), "{answer}");
    }
    assert_eq!(guarded.forms().len(), 2);
    guarded.script().refreshes = true;
    log_in(&house).ok();
    eventually("it serves again", || {
        text(&call(&daemon)).ends_with(" for read")
    });
}

#[test]
fn an_authorization_server_that_is_down_is_not_asked_by_every_call() {
    let (house, guarded) = guarded("");
    log_in(&house).ok();
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    guarded.forget_access();
    guarded.script().token = json!({"token_type": null});
    for _ in 0..5 {
        let answer = call(&daemon);
        assert!(text(&answer).contains("no_token"), "{answer}");
    }
    assert_eq!(guarded.forms().len(), 2);
}

#[test]
fn a_call_that_needs_more_says_so_and_the_next_login_asks_for_all_of_it() {
    let (house, guarded) = guarded("");
    log_in(&house).ok();
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    guarded.script().call_scope = Some("write".to_owned());
    let answer = call(&daemon);
    assert!(
        text(&answer).contains("`durward auth login crm`"),
        "{answer}"
    );
    assert_eq!(state(&house), "wants_more");
    let login = Login::begin(&house, &[]);
    assert!(
        login.url.as_ref().unwrap().contains("scope=read+write"),
        "{:?}",
        login.url
    );
    login.agree().ok();
    eventually("it has what it needs", || {
        text(&call(&daemon)).ends_with(" for read write")
    });
    assert_eq!(state(&house), "logged_in");
}

#[test]
fn what_was_given_and_does_not_do_is_not_asked_for_again() {
    let (house, guarded) = guarded("");
    guarded.script().call_scope = Some("read".to_owned());
    guarded.script().never_enough = true;
    log_in(&house).ok();
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    for _ in 0..3 {
        let answer = call(&daemon);
        assert!(text(&answer).contains("no_token"), "{answer}");
    }
    assert_eq!(state(&house), "logged_in");
    let report = house.run(&["status"]).ok().stdout;
    assert!(
        report.contains("it wants `read`, which it was given already"),
        "{report}"
    );
}

#[test]
fn the_file_s_scopes_are_all_that_is_asked_for() {
    let (house, guarded) = guarded("scopes: [mine]");
    let login = Login::begin(&house, &[]);
    assert!(
        login.url.as_ref().unwrap().contains("scope=mine"),
        "{:?}",
        login.url
    );
    login.agree().ok();
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    guarded.script().call_scope = Some("everything".to_owned());
    assert!(text(&call(&daemon)).contains("no_token"));
    let again = Login::begin(&house, &[]);
    assert!(
        !again.url.as_ref().unwrap().contains("everything"),
        "{:?}",
        again.url
    );
}

/// A house whose durward logs in by itself.
fn by_itself() -> (House, durward_testkit::Guarded) {
    let (house, guarded) = (house(), durward_testkit::Guarded::start());
    let secret = house.path("own.secret");
    fs::write(&secret, "s3cret").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    house.configure(&format!(
        "{}secrets:\n  own: {{ file: {} }}\n",
        guarded
            .section("client_id: own, client_secret: '${secret:own}', grant: client_credentials"),
        secret.display()
    ));
    guarded.know_client("own", Some("s3cret"));
    (house, guarded)
}

#[test]
fn durward_logs_in_by_itself_and_asks_for_more_by_itself() {
    let (house, guarded) = by_itself();
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    assert_eq!(text(&call(&daemon)), "own for read");
    guarded.forget_access();
    assert_eq!(text(&call(&daemon)), "own for read");
    guarded.script().call_scope = Some("write".to_owned());
    assert_eq!(text(&call(&daemon)), "own for read write");
    assert_eq!(guarded.forms().len(), 3);
    let ran = house.run(&["auth", "login", "crm"]);
    assert!(ran.stderr.contains("by itself"), "{ran:?}");
    // A login outlives the process, and is used before another is made.
    drop(daemon);
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    assert_eq!(text(&call(&daemon)), "own for read write");
    assert_eq!(guarded.forms().len(), 3);
}

#[test]
fn the_password_goes_to_no_other_authorization_server_than_before() {
    let (house, guarded) = by_itself();
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    assert_eq!(text(&call(&daemon)), "own for read");
    let other = durward_testkit::Guarded::start();
    guarded.script().resource = json!({"authorization_servers": [other.issuer.url("")]});
    guarded.forget_access();
    let answer = call(&daemon);
    assert!(text(&answer).contains("no_token"), "{answer}");
    assert_eq!(other.forms().len(), 0);
    for asked in other.issuer.asked() {
        assert_eq!(asked.header("authorization"), None, "{asked:?}");
    }
}

#[test]
fn a_server_leads_durward_to_no_door_of_its_own() {
    let (house, guarded) = by_itself();
    // The server must know the door before it is there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let door = free.local_addr().unwrap().to_string();
    drop(free);
    guarded.script().challenge = Some(format!(
        r#"Bearer resource_metadata="http://{door}/.well-known/oauth-protected-resource""#
    ));
    let command = house.command(&["serve", "--json", "--listen", &door]);
    let _daemon = durward_testkit::Daemon::from_command(command).unwrap();
    let report = || house.run(&["status"]).ok().stdout;
    eventually("it is refused", || report().contains("there is no token"));
    let report = report();
    assert!(report.contains("private or reserved"), "{report}");
}

#[test]
fn no_password_goes_to_a_place_that_was_guessed() {
    let (house, guarded) = by_itself();
    guarded.script().has_metadata = false;
    let _daemon = serve(&house);
    let report = || house.run(&["status"]).ok().stdout;
    eventually("it is refused", || report().contains("no metadata"));
    let asked = guarded.server.asked();
    assert!(
        asked.iter().all(|asked| asked.target != "/token"),
        "{asked:?}"
    );
}

#[test]
fn no_token_follows_a_redirect() {
    let (house, guarded) = guarded("");
    log_in(&house).ok();
    let daemon = serve(&house);
    eventually("the tool is there", || has_tool(&daemon));
    let canary = durward_testkit::Site::saying("{}");
    let redirects = [("/mcp".to_owned(), canary.url("/mcp"))];
    guarded.script().redirects = redirects.into();
    let answer = call(&daemon);
    assert!(text(&answer).contains("can't answer"), "{answer}");
    assert_eq!(canary.connections(), 0);
}
