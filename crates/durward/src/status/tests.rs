use durward_core::{Caller, CallerId, Fingerprint, ManualClock};
use durward_testkit::call;

use super::*;

struct Crm;

impl Statuses for Crm {
    fn servers(&self) -> Vec<ServerStatus> {
        let mut stderr: Vec<_> = (0..150).map(|at| format!("line {at}")).collect();
        stderr.push("token ghp_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789".to_owned());
        vec![ServerStatus {
            name: "crm".to_owned(),
            transport: Some("stdio".to_owned()),
            era: Some("legacy".to_owned()),
            revision: Some("2025-11-25".to_owned()),
            room: Some("home".to_owned()),
            level: Some("full".to_owned()),
            state: ServerState::Waiting,
            restarts: 3,
            error: Some(
                "it died: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".to_owned(),
            ),
            stderr,
            notes: Vec::new(),
        }]
    }

    fn breakers(&self, now: Monotonic) -> Vec<BreakerStatus> {
        vec![BreakerStatus {
            tool: "crm__find".to_owned(),
            state: "open".to_owned(),
            retry_after_ms: now.0 / 1_000_000,
        }]
    }
}

fn status() -> Status {
    let clock = Arc::new(ManualClock::new());
    let status = Status::new(clock, Redactor::new(&["token".to_owned()]).unwrap());
    status.ask_of(Arc::new(Crm));
    status
}

/// A reading by whoever proves to be someone so.
fn read_by(status: &Status, proof: Proof) -> Report {
    let mut call = call("none", "{}");
    let id = match &proof {
        Proof::OsUser { uid } => CallerId::of_os_user(*uid),
        Proof::Key(fingerprint) => CallerId::of_key(fingerprint),
    };
    call.caller = Arc::new(Caller {
        id,
        proof,
        ..(*call.caller).clone()
    });
    call.operation = Operation::ReadResource;
    let Ok(Answer::Own(result)) = status.answer(&call) else {
        panic!("no answer")
    };
    let body: serde_json::Value = result.to_raw().parse().unwrap();
    assert_eq!(body["contents"][0]["uri"], URI);
    assert_eq!(body["contents"][0]["mimeType"], MIME);
    serde_json::from_str(body["contents"][0]["text"].as_str().unwrap()).unwrap()
}

#[test]
fn who_runs_durward_is_told_everything_but_secrets() {
    let owner = Proof::OsUser {
        uid: peer::current_uid(),
    };
    let report = read_by(&status(), owner);
    let inside = report.inside.unwrap();
    assert_eq!(inside.pid, std::process::id());
    assert_eq!((inside.sessions, inside.breakers.len()), (0, 1));
    let server = &inside.servers[0];
    assert_eq!((server.name.as_str(), server.restarts), ("crm", 3));
    assert_eq!(server.stderr.len(), MOST_LINES);
    assert_eq!(server.stderr[0], "line 51");
    let said = format!("{:?}{:?}", server.stderr, server.error);
    assert!(!said.contains("ghp_") && !said.contains("eyJ"), "{said}");
    assert!(said.contains("it died"), "{said}");
}

#[test]
fn others_are_told_the_version() {
    let fingerprint = Fingerprint::of_digest(&[7; 32]);
    for proof in [
        Proof::Key(fingerprint),
        Proof::OsUser {
            uid: peer::current_uid() + 1,
        },
    ] {
        let report = read_by(&status(), proof);
        assert_eq!(report.version, env!("CARGO_PKG_VERSION"));
        assert!(report.started.starts_with("2027-"), "{}", report.started);
        assert_eq!(report.inside, None);
    }
}

#[test]
fn it_is_read_and_nothing_else() {
    let status = status();
    let offer = status.offer();
    assert_eq!((offer.resources.len(), offer.tools.len()), (1, 0));
    assert_eq!(offer.resources[0].uri, URI);
    assert!(status.answer(&call("none", "{}")).is_err());
}

#[test]
fn a_line_that_was_cut_is_not_shown() {
    assert_eq!(whole_lines("a\nb\n"), ["a", "b"]);
    let cut = format!("{}\nwhole", "x".repeat(Tail::KEPT));
    assert_eq!(whole_lines(&cut), ["whole"]);
}
