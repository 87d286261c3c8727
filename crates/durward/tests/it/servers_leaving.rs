//! Clients that leave, or read slowly: what their calls hold is given back, and nobody else feels it.

use std::{thread, time::Duration};

use durward_testkit::{Daemon, legacy, modern, text};
use serde_json::{Value, json};

use crate::{
    bridge::{KINDS, Kind, SOON, Stage},
    eventually,
    processes::descriptors,
    servers::guarding,
    servers_faults::{ROOM, mark, serving},
    times,
};

/// So many moments of one call.
const PHASES: usize = 20;

fn progress(number: usize) -> Value {
    json!({"tell": ["notifications/progress", {"progressToken": "$token", "progress": number}]})
}

/// Leaves at this moment: while the request is being sent, or after so many messages have come.
fn leave(daemon: &Daemon, request: &[u8], phase: usize) {
    let mut http = daemon.connect();
    let half = PHASES / 2;
    if phase < half {
        http.send(&request[..request.len() * phase / half]);
        return;
    }
    http.send(request);
    if phase == half {
        return;
    }
    assert_eq!(http.opening().expect("an answer").status, 200);
    for _ in half + 1..phase {
        http.event(Duration::from_secs(10)).expect("progress");
    }
}

#[test]
fn a_client_that_leaves_at_any_moment_gives_back_what_its_call_held() {
    let mut steps: Vec<_> = (1..=PHASES).map(progress).collect();
    steps.push(json!({"sleep": 60_000}));
    steps.push(json!({"result": {"content": []}}));
    let quick = json!([{"result": {"content": [{"type": "text", "text": "x"}]}}]);
    let script = json!({"answers": {"tools/call slow": steps, "tools/call quick": quick}});
    // One call at a time: a slot that is not given back shows at once.
    let stage = Stage::playing(script, "limits: { calls: 1000000/s, concurrency: 1 }\n");
    let daemon = stage.daemon();
    let mut other = stage.client(KINDS[3], "", json!({}));
    for server in KINDS {
        assert_eq!(text(&other.call(server, "quick", json!({})).answer), "x");
        let before = descriptors(daemon.pid());
        for phase in 0..PHASES {
            let meta = json!({"progressToken": "t"});
            let params =
                json!({"name": format!("{}__slow", server.name()), "arguments": {}, "_meta": meta});
            let request = daemon.modern_post(&modern(1, "tools/call", params)).bytes();
            let (calls, ends) = (stage.got(server, "tools/call").len(), ended(&stage, server));
            leave(daemon, &request, phase);
            eventually("the slot is free", || {
                text(&other.call(server, "quick", json!({})).answer) == "x"
            });
            let is_told = || {
                let begun = stage
                    .got(server, "tools/call")
                    .iter()
                    .skip(calls)
                    .filter(|call| call["params"]["name"] == "slow")
                    .count();
                ended(&stage, server) - ends == begun
            };
            eventually("the server is told", is_told);
        }
        eventually("nothing is left open", || {
            descriptors(daemon.pid()) <= before + 2
        });
    }
}

/// How many calls the server heard the end of.
fn ended(stage: &Stage, server: Kind) -> usize {
    let by_http = server.is_modern && !server.is_pipe;
    match by_http {
        true => stage
            .record(server)
            .iter()
            .filter(|line| !line["gone"].is_null())
            .count(),
        false => stage.got(server, "notifications/cancelled").len(),
    }
}

#[test]
fn a_legacy_client_that_leaves_has_not_cancelled() {
    let script =
        json!({"answers": {"tools/call slow": [{"sleep": 700}, {"result": {"content": []}}]}});
    let stage = Stage::playing(script, "");
    for server in KINDS {
        let http = Kind {
            is_modern: false,
            is_pipe: false,
        };
        let mut client = stage.client(http, "2025-11-25", json!({}));
        let params = json!({"name": format!("{}__slow", server.name()), "arguments": {}});
        drop(client.begin("mine", "tools/call", params));
        thread::sleep(Duration::from_millis(1200));
        assert_eq!(ended(&stage, server), 0, "{server:?}");
        assert_eq!(stage.got(server, "tools/call").len(), 1);
    }
}

#[test]
fn a_pipe_that_ends_in_a_call_takes_its_servers_along() {
    for is_modern in [true, false] {
        let mut house = guarding(&[], ROOM);
        let mark = mark(&house);
        house = guarding(&["--mark", &mark], ROOM);
        let mut pipe = house.stdio(&[]);
        let params = json!({"name": "raw__sleep", "arguments": {"ms": 60_000}});
        if is_modern {
            assert_eq!(text(&pipe.call("raw__fail", json!({}))), "failed");
            pipe.send(&modern(9, "tools/call", params));
        } else {
            pipe.initialize("2025-11-25");
            pipe.ask("tools/list", json!({}));
            pipe.send(&legacy(9, "tools/call", params));
        }
        thread::sleep(Duration::from_millis(300));
        assert_eq!(pipe.end(Duration::from_secs(20)), Some(0), "{}", pipe.log());
        eventually("nothing is left", || {
            crate::processes::marked(&mark).is_empty()
        });
    }
}

#[test]
fn slow_readers_take_bounded_memory_and_nobody_s_time() {
    let count = times("DURWARD_SLOW_READERS", 20);
    let room = ROOM.replace("1024", "20000");
    let room = format!("{room}listen: {{ limits: {{ connections: 20000 }} }}\n");
    let house = guarding(&["--era", "legacy"], &room);
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
    let before = daemon.memory_kib("VmRSS");
    // More than ten megabytes each; of thousands more than one each, which is more than the system takes.
    let steps = (40_000_000 / count).clamp(4_000, 40_000);
    let readers: Vec<_> = (0..count)
        .map(|number| {
            let arguments = json!({"steps": steps, "message": "m".repeat(200)});
            let params = json!({"name": "raw__progress", "arguments": arguments, "_meta": {"progressToken": number}});
            let mut http = daemon.connect();
            http.send(&daemon.modern_post(&modern(1, "tools/call", params)).bytes());
            let opening = http.opening().expect("an answer");
            assert_eq!(opening.header("content-type"), Some("text/event-stream"));
            http
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(readers.len(), count);
    let grown = daemon.memory_kib("VmRSS").saturating_sub(before);
    let each = grown / readers.len() as u64;
    assert!(each < 2 * 1024, "{each} KiB for each of {}", readers.len());
    drop(readers);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
}

#[test]
fn a_slow_reader_s_stream_is_cut_and_can_be_taken_up_again() {
    let house = guarding(&["--era", "legacy"], ROOM);
    let daemon = serving(&house);
    let session = daemon.session("2025-11-25");
    // More than the system keeps between the two ends, and no faster than all of it can be sent.
    let message = "m".repeat(100_000);
    let arguments = json!({"steps": 300, "ms": 2, "message": message});
    let meta = json!({"progressToken": "t"});
    let params = json!({"name": "raw__progress", "arguments": arguments, "_meta": meta});
    let mut slow = daemon.connect();
    let call = legacy("slow", "tools/call", params).to_string();
    slow.send(&session.post(call).bytes());
    assert_eq!(slow.opening().expect("an answer").status, 200);
    // Nobody else waits for it to read, and it ends without it.
    let ended = || {
        assert_eq!(text(&session.call("raw__fail", json!({}))), "failed");
        let query = [
            "audit",
            "query",
            "--json",
            "--last",
            "1h",
            "--target",
            "raw__progress",
            "--status",
            "ok",
        ];
        !house.run(&query).ok().lines().is_empty()
    };
    let mut patience = 200;
    while !ended() {
        patience -= 1;
        assert!(patience > 0, "the call did not end");
        thread::sleep(Duration::from_millis(50));
    }
    let mut place = String::new();
    while let Some(event) = slow.event(SOON) {
        let message: Value = serde_json::from_str(&event.data).unwrap_or_default();
        assert_ne!(message["id"], "slow", "it was sent all of it");
        place = event.id.unwrap_or(place);
    }
    assert_eq!(slow.closed_within(SOON).map(|_| ()), Some(()));
    let mut again = daemon.connect();
    again.send(
        &session
            .bodiless("GET")
            .header("Last-Event-ID", &place)
            .bytes(),
    );
    assert_eq!(again.opening().expect("an answer").status, 200);
    let mut numbers = Vec::new();
    let answer = loop {
        let event = again.event(SOON).expect("what it had not read");
        let message: Value = serde_json::from_str(&event.data).unwrap_or_default();
        if message["id"] == "slow" {
            break message;
        }
        numbers.extend(message["params"]["progress"].as_u64());
    };
    assert_eq!(text(&answer), message);
    // Of the last mebibyte, in order.
    assert!(
        numbers.is_sorted() && (1..=11).contains(&numbers.len()),
        "{numbers:?}"
    );
    assert_eq!(numbers.last(), Some(&300));
}
