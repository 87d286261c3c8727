//! Servers that hang when they are started, and what one client can't do to another.

use std::thread;

use durward_testkit::{legacy, refusal, text};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    bridge::{KINDS, Kind, SOON, Stage},
    eventually, house,
    processes::{descriptors, marked, zombies_below},
    servers::raw_upstream,
    servers_faults::{ROOM, mark, serving, status},
    times,
};

#[test]
fn a_server_that_hangs_at_its_start_costs_each_call_its_own_time_and_leaves_nothing() {
    let raw = raw_upstream();
    let house = house();
    let mark = mark(&house);
    let rounds = times("DURWARD_FAULTS", 5);
    let configure = |options: &str| {
        house.configure(&format!(
            "servers:\n  raw: {{ command: [{raw:?}, --mark, {mark:?}{options}], sandbox: host, timeout: 300ms }}\n  \
             other: {{ command: [{raw:?}], sandbox: host }}\n{}",
            ROOM.replace("limits: {", &format!("limits: {{ breaker: {{ faults: {rounds}, window: 1h, cool_down: 1h }},"))
        ));
    };
    configure("");
    let mut daemon = serving(&house);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
    assert_eq!(text(&daemon.call("other__fail", json!({}))), "failed");
    let before = descriptors(daemon.pid());
    // Each is another server to durward, which ends the one before.
    for round in 0..rounds {
        configure(&format!(", --hang, --mark, \"{round}\""));
        eventually("it is another", || {
            daemon.log().matches("was reloaded").count() > round
        });
        let late = daemon.call("raw__fail", json!({"round": round}));
        assert_eq!(refusal(&late), "timeout", "{late}");
        assert_eq!(text(&daemon.call("other__fail", json!({}))), "failed");
    }
    let open = daemon.call("raw__fail", json!({}));
    let detail = &open["result"]["_meta"]["dev.durward/refusal"]["detail"];
    assert_eq!(detail, "breaker_open", "{open}");
    assert_eq!(status(&house, "raw")["state"], "starting");
    eventually("one process is left", || marked(&mark).len() == 1);
    eventually("no zombie is", || zombies_below(daemon.pid()).is_empty());
    eventually("no descriptor is", || {
        descriptors(daemon.pid()) <= before + 2
    });
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(SOON), Some(0), "{}", daemon.log());
    eventually("nothing is left", || marked(&mark).is_empty());
}

/// Each session's own server hangs at its start: all of them end with the calls that wanted them.
#[test]
fn thousands_of_starts_that_hang_leave_no_process_and_no_descriptor() {
    const AT_ONCE: usize = 20;
    let raw = raw_upstream();
    let house = house();
    let mark = mark(&house);
    let rounds = times("DURWARD_HANGS", 40);
    let room = ROOM.replace(
        "limits: {",
        "limits: { breaker: { faults: 1000, window: 1s },",
    );
    let configure = |hang: &str| {
        house.configure(&format!(
            "servers:\n  raw: {{ command: [{raw:?}, --mark, {mark:?}{hang}], sandbox: host, timeout: 200ms, \
             instances: per_session, era: legacy }}\n  other: {{ command: [{raw:?}], sandbox: host }}\n{room}"
        ));
    };
    configure("");
    let mut daemon = serving(&house);
    // What it offers is known from now on.
    let opened = daemon.session("2025-11-25");
    assert_eq!(text(&opened.call("raw__fail", json!({}))), "failed");
    daemon.ask(&opened.bodiless("DELETE"));
    configure(", --hang");
    eventually("it is another", || daemon.log().contains("was reloaded"));
    let cycle = || {
        let session = daemon.session("2025-11-25");
        let late = session.call("raw__fail", json!({}));
        assert_eq!(refusal(&late), "timeout", "{late}");
        daemon.ask(&session.bodiless("DELETE"));
    };
    let all_at_once = |each: usize| {
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| (0..each).for_each(|_| cycle()));
            }
        });
        // The one that is asked for the lists may still be waited for.
        eventually("no process is left", || marked(&mark).len() <= 1);
        eventually("no zombie is", || zombies_below(daemon.pid()).is_empty());
    };
    all_at_once(1);
    let before = descriptors(daemon.pid());
    all_at_once(rounds.div_ceil(AT_ONCE));
    eventually("no descriptor is", || {
        descriptors(daemon.pid()) <= before + 2
    });
    assert_eq!(text(&daemon.call("other__fail", json!({}))), "failed");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(SOON), Some(0), "{}", daemon.log());
}

/// A legacy client over HTTP, whose call asks it something.
const LEGACY: Kind = Kind {
    is_modern: false,
    is_pipe: false,
};

fn asking() -> Stage {
    let form = json!({"method": "elicitation/create", "params": {"message": "?", "requestedSchema": {"type": "object"}}});
    let steps = json!([{"ask": {"q": form}}, {"result": {"content": [], "x-answers": "$answers"}}]);
    Stage::playing(json!({"answers": {"tools/call ask": steps}}), "")
}

#[test]
fn nobody_answers_another_s_question_or_hears_another_s_stream() {
    let stage = asking();
    let able = || json!({"elicitation": {}});
    for server in KINDS {
        let mut asked = stage.client(LEGACY, "2025-11-25", able());
        let mut other = stage.client(LEGACY, "2025-11-25", able());
        let params = json!({"name": format!("{}__ask", server.name()), "arguments": {}});
        let mut call = asked.begin("mine", "tools/call", params);
        let stream = call.as_mut().expect("a stream");
        assert_eq!(stream.opening().expect("an answer").status, 200);
        let (question, place) = loop {
            let event = stream.event(SOON).expect("the question");
            let message: Value = serde_json::from_str(&event.data).unwrap_or_default();
            if message["method"] == "elicitation/create" {
                break (message, event.id.expect("a place"));
            }
        };
        // The same id, in a session of the same caller's: it is no question there.
        other.reply(
            &question["id"],
            &json!({"action": "accept", "content": {"by": "other"}}),
        );
        assert_eq!(other.resume(&place).0, 404, "as if unknown");
        asked.reply(&question["id"], &json!({"action": "decline"}));
        let answer = loop {
            let event = stream.event(SOON).expect("the answer");
            let message: Value = serde_json::from_str(&event.data).unwrap_or_default();
            if message["id"] == "mine" {
                break message;
            }
        };
        assert_eq!(
            answer["result"]["x-answers"]["q"],
            json!({"action": "decline"}),
            "{server:?}"
        );
    }
}

#[test]
fn another_caller_s_session_is_unknown_also_after_a_reload() {
    let stage = asking();
    let daemon = stage.daemon();
    let session = daemon.session("2025-11-25");
    let message = legacy(1, "tools/list", json!({})).to_string();
    let by = |key: &str| {
        let post = session.post(message.clone());
        daemon
            .ask(&post.with("Authorization", &format!("Bearer {key}")))
            .status
    };
    let mut client = stage.client(KINDS[3], "", json!({"elicitation": {}}));
    let mut stranger = stage.client(KINDS[3], "", json!({"elicitation": {}}));
    stranger.key = Some(stage.other_key.clone());
    let mut retry = json!({"name": "lp__ask", "arguments": {}});
    let mut unasked = |question: &Value| panic!("not expected: {question}");
    let asked = client.exchange("tools/call", &retry, &mut unasked).answer;
    let questions = asked["result"]["inputRequests"]
        .as_object()
        .expect("a question");
    let key = questions.keys().next().expect("a key").clone();
    retry["requestState"] = asked["result"]["requestState"].clone();
    retry["inputResponses"] = json!({key: {"action": "accept"}});
    for is_reloaded in [false, true] {
        if is_reloaded {
            let config = std::fs::read_to_string(stage.house.config()).unwrap();
            stage
                .house
                .configure_exactly(&format!("{config}telemetry: {{ log: info }}\n"));
            eventually("it is reloaded", || daemon.log().contains("was reloaded"));
        }
        assert_eq!(by(&stage.other_key), 404);
        assert_eq!(by(&daemon.key), 200);
        let refused = stranger.exchange("tools/call", &retry, &mut unasked).answer;
        assert_eq!(
            refused["error"]["data"]["detail"], "request_state",
            "{refused}"
        );
    }
    let good = client.exchange("tools/call", &retry, &mut unasked).answer;
    assert_eq!(
        good["result"]["x-answers"]["q"]["action"], "accept",
        "{good}"
    );
}
