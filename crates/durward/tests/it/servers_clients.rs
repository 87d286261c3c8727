//! Many clients on one server, all with the same ids: what is one's own reaches nobody else.

use std::{thread, time::Duration};

use durward_testkit::{Daemon, House, legacy, modern};
use serde_json::{Value, json};

use crate::{
    house,
    processes::HttpUpstream,
    servers::guarding,
    servers_faults::{ROOM, serving},
    times,
};

const CLIENTS: usize = 20;
/// How long a stream is silent when nothing more comes.
const SILENCE: Duration = Duration::from_millis(300);

/// How many canaries of a client's own are in what it got. Those of others are the failure.
fn own_canaries(client: usize, got: &[u8]) -> usize {
    let got = String::from_utf8_lossy(got);
    let found = got.split("canary-").skip(1).map(|rest| {
        let digits = rest.split('-').next().unwrap_or_default();
        assert_eq!(digits, client.to_string(), "another's: {got}");
    });
    found.count()
}

/// The calls of a client: the `number`th of them, and the token of its progress, are spelled as everybody's.
fn call(client: usize, number: usize) -> Value {
    let canary = format!("canary-{client}-{number}");
    let (tool, arguments) = match number % 3 {
        0 => ("echo", json!({"x": canary})),
        1 => ("progress", json!({"steps": 2, "message": canary})),
        _ => ("log", json!({"level": "error", "data": canary})),
    };
    let meta = json!({"progressToken": number, "io.modelcontextprotocol/logLevel": "debug"});
    json!({"name": format!("raw__{tool}"), "arguments": arguments, "_meta": meta})
}

/// A client of a session, which also listens to what belongs to no call.
fn legacy_client(daemon: &Daemon, client: usize, calls: usize) -> usize {
    let session = daemon.session("2025-11-25");
    session.ask("logging/setLevel", json!({"level": "debug"}));
    let mut stream = daemon.connect();
    stream.send(&session.bodiless("GET").bytes());
    assert_eq!(stream.opening().expect("a stream").status, 200);
    let mut connection = daemon.connect();
    let mut own = 0;
    for number in 0..calls {
        let message = legacy(number, "tools/call", call(client, number));
        let answer = connection.ask(&session.post(message.to_string()));
        assert_eq!(answer.json()["id"], number);
        own += own_canaries(client, &answer.body);
    }
    while let Some(event) = stream.event(SILENCE) {
        own_canaries(client, event.data.as_bytes());
    }
    own
}

fn modern_client(daemon: &Daemon, client: usize, calls: usize) -> usize {
    let mut connection = daemon.connect();
    let mut own = 0;
    for number in 0..calls {
        let message = modern(number, "tools/call", call(client, number));
        let answer = connection.ask(&daemon.modern_post(&message));
        assert_eq!(answer.json()["id"], number);
        own += own_canaries(client, &answer.body);
    }
    own
}

fn nobody_meets_another(house: &House) {
    let daemon = serving(house);
    let calls = times("DURWARD_CALLS", 2_000) / CLIENTS;
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let daemon = &daemon;
                scope.spawn(move || match client % 2 {
                    0 => legacy_client(daemon, client, calls),
                    _ => modern_client(daemon, client, calls),
                })
            })
            .collect();
        for client in clients {
            // Each echo and each progress call brings at least its own back.
            let own = client.join().expect("no canary of another's");
            assert!(own >= calls * 2 / 3, "{own} of {calls}");
        }
    });
}

#[test]
fn nobody_meets_another_on_a_legacy_program() {
    nobody_meets_another(&guarding(&["--era", "legacy"], ROOM));
}

#[test]
fn nobody_meets_another_on_a_modern_program() {
    nobody_meets_another(&guarding(&["--era", "modern"], ROOM));
}

#[test]
fn nobody_meets_another_on_an_http_server() {
    let upstream = HttpUpstream::start(&[]);
    let house = house();
    house.configure(&format!(
        "servers:\n  raw: {{ url: \"{}\" }}\n{ROOM}",
        upstream.url
    ));
    nobody_meets_another(&house);
}
