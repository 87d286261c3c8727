//! Many clients on one server, all with the same ids: what is one's own reaches nobody else.

use std::{thread, time::Duration};

use durward_testkit::{Daemon, House, Post, initialize, legacy, modern, notification};
use serde_json::{Value, json};

use crate::{
    house,
    processes::HttpUpstream,
    servers::guarding,
    servers_faults::{ROOM, serving},
    times,
};

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

/// A client with a key of its own, for sessions of one caller are not kept apart.
struct Client<'a> {
    daemon: &'a Daemon,
    number: usize,
    key: String,
}

impl Client<'_> {
    fn own(&self, post: Post) -> Post {
        post.with("Authorization", &format!("Bearer {}", self.key))
    }

    /// Calls; says how many canaries it met, all its own.
    fn calls(&self, calls: usize, post: impl Fn(usize) -> Post) -> usize {
        let mut connection = self.daemon.connect();
        let one = |number| {
            let answer = connection.ask(&self.own(post(number)));
            assert_eq!(answer.json()["id"], number);
            own_canaries(self.number, &answer.body)
        };
        (0..calls).map(one).sum()
    }

    /// In a session, which also listens to what belongs to no call.
    fn legacy(&self, calls: usize) -> usize {
        let opening = self.own(self.daemon.post(initialize("2025-11-25").to_string()));
        let opened = self.daemon.ask(&opening);
        let session = opened.header("mcp-session-id").expect("a session");
        let post = |message: Value| {
            let post = self.own(self.daemon.post(message.to_string()));
            post.header("Mcp-Session-Id", session)
                .header("MCP-Protocol-Version", "2025-11-25")
        };
        for message in [
            notification("notifications/initialized", json!({})),
            legacy("l", "logging/setLevel", json!({"level": "debug"})),
        ] {
            self.daemon.ask(&post(message));
        }
        let mut stream = self.daemon.connect();
        let get = post(json!({})).method("GET").body("");
        let get = get.without("Content-Type").without("Content-Length");
        stream.send(&get.with("Accept", "text/event-stream").bytes());
        assert_eq!(stream.opening().expect("a stream").status, 200);
        let own = self.calls(calls, |number| {
            post(legacy(number, "tools/call", call(self.number, number)))
        });
        while let Some(event) = stream.event(SILENCE) {
            own_canaries(self.number, event.data.as_bytes());
        }
        own
    }

    fn modern(&self, calls: usize) -> usize {
        self.calls(calls, |number| {
            let message = modern(number, "tools/call", call(self.number, number));
            self.daemon.modern_post(&message)
        })
    }
}

fn nobody_meets_another(house: &House) {
    let clients = times("DURWARD_CLIENTS", 20);
    let keys: Vec<_> = (0..clients).map(|_| house.key("developer")).collect();
    let daemon = serving(house);
    let calls = times("DURWARD_CALLS", 2_000) / clients;
    thread::scope(|scope| {
        let clients: Vec<_> = keys
            .into_iter()
            .enumerate()
            .map(|(number, key)| {
                let client = Client {
                    daemon: &daemon,
                    number,
                    key,
                };
                scope.spawn(move || match number % 2 {
                    0 => client.legacy(calls),
                    _ => client.modern(calls),
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

#[test]
fn what_a_call_says_after_its_client_left_reaches_nobody_else() {
    let house = guarding(&["--era", "legacy"], ROOM);
    let [leaves, stays] = [(); 2].map(|()| house.key("developer"));
    let daemon = serving(&house);
    let client = |number, key: &String| Client {
        daemon: &daemon,
        number,
        key: key.clone(),
    };
    let (leaves, stays) = (client(1, &leaves), client(2, &stays));
    let meta = json!({"io.modelcontextprotocol/logLevel": "debug"});
    let post = |client: &Client<'_>, tool: &str, arguments: Value| {
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        client.own(daemon.modern_post(&modern(1, "tools/call", params)))
    };
    assert_eq!(
        daemon.call("raw__fail", json!({}))["result"]["isError"],
        true
    );
    let mut leaving = daemon.connect();
    let late = json!({"ms": 1500, "level": "error", "data": "canary-1-late"});
    leaving.send(&post(&leaves, "raw__log", late).bytes());
    thread::sleep(Duration::from_millis(500));
    drop(leaving);
    let answer = daemon.ask(&post(&stays, "raw__sleep", json!({"ms": 2500})));
    assert_eq!(own_canaries(2, &answer.body), 0);
}
