//! Calls of modern clients that wait for an answer, in front of servers of the older era: what becomes of them when
//! the client does not come back as it should.

use std::{thread, time::Duration};

use durward_testkit::{refusal, text};
use serde_json::{Value, json};

use crate::{
    bridge::{Client, KINDS, Kind, Stage},
    eventually,
};

fn able() -> Value {
    json!({"elicitation": {}, "sampling": {}, "roots": {}})
}

fn form(message: &str) -> Value {
    json!({"method": "elicitation/create", "params": {"message": message, "requestedSchema": {"type": "object"}}})
}

fn answers() -> Value {
    json!({"result": {"content": [], "x-answers": "$answers"}})
}

fn asking(steps: Value) -> Value {
    json!({"answers": {"tools/call ask": steps, "tools/call other": steps}})
}

fn modern_clients() -> impl Iterator<Item = Kind> {
    KINDS.into_iter().filter(|kind| kind.is_modern)
}

fn legacy_servers() -> impl Iterator<Item = Kind> {
    KINDS.into_iter().filter(|kind| !kind.is_modern)
}

/// Each modern client in front of each legacy server.
fn each(stage: &Stage, mut each: impl FnMut(&mut Client<'_>, Kind)) {
    for kind in modern_clients() {
        let mut client = stage.client(kind, "", able());
        for server in legacy_servers() {
            each(&mut client, server);
        }
    }
}

/// One request and its answer, whatever it is.
fn once(client: &mut Client<'_>, params: &Value) -> Value {
    let mut unasked = |question: &Value| panic!("not expected: {question}");
    client.exchange("tools/call", params, &mut unasked).answer
}

fn call(server: Kind) -> Value {
    json!({"name": format!("{}__ask", server.name()), "arguments": {"a": 1}})
}

/// Makes a call that asks; gives the params of the retry that answers all with `accept`, and the questions' keys.
fn parked(client: &mut Client<'_>, server: Kind) -> (Value, Vec<String>) {
    let mut params = call(server);
    let asked = once(client, &params);
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let questions = asked["result"]["inputRequests"]
        .as_object()
        .expect("questions");
    let keys: Vec<_> = questions.keys().cloned().collect();
    params["requestState"] = asked["result"]["requestState"].clone();
    for key in &keys {
        params["inputResponses"][key] = json!({"action": "accept"});
    }
    (params, keys)
}

fn detail(answer: &Value) -> (i64, &str) {
    let error = &answer["error"];
    let detail = error["data"]["detail"].as_str().unwrap_or_default();
    (error["code"].as_i64().unwrap_or_default(), detail)
}

/// How the server's call ended for it.
fn is_cancelled(stage: &Stage, server: Kind) -> bool {
    !stage.got(server, "notifications/cancelled").is_empty()
}

#[test]
fn who_does_not_come_back_is_waited_for_so_long_and_no_longer() {
    let roots = json!({"method": "roots/list", "params": {}});
    let sample =
        json!({"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 1}});
    let all = json!({"ask": {"a": form("?"), "b": sample, "c": roots}});
    let rules = "limits: { exchange: { ttl: 400ms } }\ninspect: { sampling: { allow: true } }\n";
    let stage = Stage::playing(asking(json!([all, {"sleep": 20_000}, answers()])), rules);
    each(&stage, |client, server| {
        let before = stage.record(server).len();
        let (retry, _) = parked(client, server);
        let of = |wanted: fn(&Value) -> bool| {
            let record = stage.record(server);
            record[before..]
                .iter()
                .filter(|line| wanted(&line["message"]))
                .count()
        };
        eventually("each question is answered as by nobody", || {
            of(|message| message["result"]["action"] == "cancel") == 1
                && of(|message| message["error"]["code"] == -1) == 1
                && of(|message| message["error"]["code"] == -32603) == 1
        });
        eventually("the call is cancelled", || {
            of(|message| message["method"] == "notifications/cancelled") == 1
        });
        let said_twice = of(|message| message["error"]["code"] == -32603);
        assert_eq!(said_twice, 1, "each question has one answer");
        let late = once(client, &retry);
        assert_eq!(detail(&late).0, -32602, "{late}");
    });
    let query = [
        "audit", "query", "--json", "--last", "1h", "--status", "timeout",
    ];
    let mut ends = Vec::new();
    eventually("each end is recorded", || {
        ends = stage.house.run(&query).ok().lines();
        ends.len() == 4
    });
    assert!(
        ends.iter().all(|end| end["detail"] == "unanswered"),
        "{ends:?}"
    );
}

#[test]
fn of_two_retries_one_is_taken() {
    let stage = Stage::playing(
        asking(json!([{"ask": {"q": form("?")}}, {"sleep": 300}, answers()])),
        "",
    );
    for server in legacy_servers() {
        let http = Kind {
            is_modern: true,
            is_pipe: false,
        };
        let mut clients = [(); 3].map(|()| stage.client(http, "", able()));
        let (retry, _) = parked(&mut clients[0], server);
        let [first, second, third] = &mut clients;
        let mut got = thread::scope(|scope| {
            let first = scope.spawn(|| once(first, &retry));
            let second = scope.spawn(|| once(second, &retry));
            [first.join().unwrap(), second.join().unwrap()]
        });
        got.sort_by_key(|answer| answer["error"].is_object());
        assert!(got[0]["result"]["x-answers"].is_object(), "{got:?}");
        assert_eq!(detail(&got[1]), (-32602, "already_answered"), "{got:?}");
        let late = once(third, &retry);
        assert_eq!(detail(&late), (-32602, "already_answered"), "{late}");
        assert_eq!(stage.got(server, "tools/call").len(), 1, "it ran once");
    }
}

#[test]
fn a_retry_whose_client_leaves_ends_the_call() {
    let stage = Stage::playing(
        asking(json!([{"ask": {"q": form("?")}}, {"sleep": 20_000}, answers()])),
        "",
    );
    for server in legacy_servers() {
        let mut client = stage.client(KINDS[3], "", able());
        let (retry, _) = parked(&mut client, server);
        let begun = client.begin("retry", "tools/call", retry.clone());
        let is_heard = |line: &Value| line["message"]["result"]["action"] == "accept";
        eventually("the answer is there", || {
            stage.record(server).iter().any(is_heard)
        });
        drop(begun);
        eventually("the call is cancelled", || is_cancelled(&stage, server));
        let late = once(&mut client, &retry);
        assert_eq!(detail(&late), (-32602, "exchange_ended"), "{late}");
    }
}

#[test]
fn a_state_is_for_its_caller_and_its_call_alone() {
    let stage = Stage::playing(asking(json!([{"ask": {"q": form("?")}}, answers()])), "");
    for server in KINDS {
        let mut client = stage.client(KINDS[3], "", able());
        let mut stranger = stage.client(KINDS[3], "", able());
        stranger.key = Some(stage.other_key.clone());
        let (mut retry, _) = parked(&mut client, server);
        if server.is_modern {
            // It gave no state, so none is bound.
            assert_eq!(retry["requestState"], Value::Null);
            continue;
        }
        let with = |key: &str, value: Value| {
            let mut changed = retry.clone();
            changed[key] = value;
            changed
        };
        let mut forged = retry["requestState"].as_str().expect("a state").to_owned();
        let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
        forged.push(last);
        let other_tool = with("name", json!(format!("{}__other", server.name())));
        let sentences: Vec<_> = [
            once(&mut stranger, &retry),
            once(&mut client, &other_tool),
            once(&mut client, &with("arguments", json!({"a": 2}))),
            once(&mut client, &with("requestState", json!(forged))),
            once(&mut client, &with("requestState", json!("dw1."))),
            once(
                &mut client,
                &with("requestState", json!("x".repeat(100_000))),
            ),
        ]
        .iter()
        .map(|answer| {
            assert_eq!(detail(answer), (-32602, "request_state"), "{answer}");
            answer["error"]["message"].clone()
        })
        .collect();
        assert!(
            sentences.iter().all(|sentence| *sentence == sentences[0]),
            "{sentences:?}"
        );
        // The same params in another spelling are the same call, and it is still there.
        retry["x"] = Value::Null;
        retry.as_object_mut().unwrap().remove("x");
        let good = once(&mut client, &retry);
        assert_eq!(
            good["result"]["x-answers"]["q"]["action"], "accept",
            "{good}"
        );
    }
    let query = [
        "audit",
        "query",
        "--json",
        "--last",
        "1h",
        "--text",
        "requestState",
    ];
    let denied = stage.house.run(&query).ok().lines();
    assert_eq!(denied.len(), 12, "{denied:?}");
}

#[test]
fn a_modern_server_s_state_is_sealed_to_its_caller() {
    let steps = json!([{"state": "theirs"}, {"ask": {"q": form("?")}},
        {"result": {"content": [], "x-answers": "$answers", "x-params": "$params"}}]);
    let stage = Stage::playing(asking(steps), "");
    for server in modern_clients() {
        let mut client = stage.client(KINDS[3], "", able());
        let (retry, keys) = parked(&mut client, server);
        assert_eq!(keys, ["q"], "its own key");
        assert_ne!(retry["requestState"], "theirs");
        let mut stranger = stage.client(KINDS[3], "", able());
        stranger.key = Some(stage.other_key.clone());
        assert_eq!(
            detail(&once(&mut stranger, &retry)),
            (-32602, "request_state")
        );
        let mut bare = retry.clone();
        bare["requestState"] = json!("theirs");
        assert_eq!(detail(&once(&mut client, &bare)), (-32602, "request_state"));
        let good = once(&mut client, &retry);
        let got = &good["result"]["x-params"];
        assert_eq!(got["requestState"], "theirs", "{good}");
        assert_eq!(got["inputResponses"], retry["inputResponses"], "{good}");
    }
}

#[test]
fn a_server_that_dies_meanwhile_is_unavailable_and_the_call_is_not_made_again() {
    let dies = json!([{"ask_only": form("?")}, {"sleep": 400}, {"exit": 3}]);
    let stage = Stage::playing(
        json!({"answers": {
            "tools/call ask": dies,
            "prompts/list": [{"result": {"prompts": [{"name": "ask"}]}}],
            "prompts/get ask": dies,
        }}),
        "",
    );
    let server = KINDS[0];
    for kind in modern_clients() {
        let mut client = stage.client(kind, "", able());
        let before = stage.got(server, "tools/call").len();
        let (retry, _) = parked(&mut client, server);
        thread::sleep(Duration::from_secs(1));
        let late = once(&mut client, &retry);
        assert_eq!(refusal(&late), "unavailable", "{late}");
        assert!(text(&late).contains("may have been carried out"), "{late}");
        assert_eq!(
            stage.got(server, "tools/call").len(),
            before + 1,
            "it ran once"
        );

        let mut prompt = json!({"name": "lp__ask"});
        let mut unasked = |question: &Value| panic!("not expected: {question}");
        let asked = client.exchange("prompts/get", &prompt, &mut unasked).answer;
        prompt["requestState"] = asked["result"]["requestState"].clone();
        thread::sleep(Duration::from_secs(1));
        let late = client.exchange("prompts/get", &prompt, &mut unasked).answer;
        assert_eq!(
            late["error"]["data"]["code"], "unavailable",
            "{asked} {late}"
        );
    }
}

#[test]
fn what_is_missing_is_asked_again_and_what_is_malformed_leaves_the_call_as_it_is() {
    let both = json!({"ask": {"a": form("one"), "b": form("two")}});
    let stage = Stage::playing(asking(json!([both, answers()])), "");
    each(&stage, |client, server| {
        let (retry, keys) = parked(client, server);
        assert_eq!(keys.len(), 2);
        let mut malformed = retry.clone();
        malformed["inputResponses"][&keys[0]] = json!({"roots": []});
        let refused = once(client, &malformed);
        assert_eq!(detail(&refused), (-32602, "input_responses"), "{refused}");
        let mut half = retry.clone();
        half["inputResponses"]
            .as_object_mut()
            .unwrap()
            .remove(&keys[1]);
        half["inputResponses"]["unknown"] = json!({"action": "accept"});
        let again = once(client, &half);
        let wanted = again["result"]["inputRequests"]
            .as_object()
            .expect("a question");
        assert_eq!(wanted.keys().collect::<Vec<_>>(), [&keys[1]], "{again}");
        let mut rest = retry.clone();
        rest["requestState"] = again["result"]["requestState"].clone();
        rest["inputResponses"] = json!({&keys[1]: {"action": "decline"}});
        let done = once(client, &rest);
        let given = done["result"]["x-answers"].as_object().expect("answers");
        let actions: Vec<_> = given
            .values()
            .map(|answer| answer["action"].clone())
            .collect();
        assert!(
            actions.contains(&json!("accept")) && actions.contains(&json!("decline")),
            "{done}"
        );
        // A state of a round that is over is good for nothing.
        assert_eq!(detail(&once(client, &half)), (-32602, "already_answered"));
    });
}

#[test]
fn a_further_question_is_a_further_round_under_another_key() {
    let steps = json!([{"ask": {"a": form("one")}}, {"ask": {"b": form("two")}}, answers()]);
    let rules = "limits: { exchange: { rounds: 1 } }\n";
    for (more, is_let) in [("", true), (rules, false)] {
        let stage = Stage::playing(asking(steps.clone()), more);
        each(&stage, |client, server| {
            let (retry, keys) = parked(client, server);
            let again = once(client, &retry);
            if !is_let {
                assert_eq!(refusal(&again), "rate_limited", "{again}");
                return;
            }
            let wanted = again["result"]["inputRequests"]
                .as_object()
                .expect("a question");
            assert!(!wanted.contains_key(&keys[0]), "{again}");
            let key = wanted.keys().next().expect("a key");
            assert_eq!(
                wanted[key]["params"]["message"],
                format!("[{}] two", server.name())
            );
            let mut last = retry.clone();
            last["requestState"] = again["result"]["requestState"].clone();
            last["inputResponses"] = json!({key: {"action": "accept"}});
            let done = once(client, &last);
            assert_eq!(
                done["result"]["x-answers"]["b"]["action"], "accept",
                "{done}"
            );
        });
    }
}

#[test]
fn a_server_that_takes_its_question_back_or_is_done_first_is_heard_at_the_retry() {
    let done = json!({"result": {"content": [{"type": "text", "text": "done"}]}});
    let stage = Stage::playing(
        json!({"answers": {
            "tools/call ask": [{"ask_only": form("?")}, {"sleep": 200}, "withdraw", {"sleep": 200}, done],
        }}),
        "",
    );
    each(&stage, |client, server| {
        let (mut retry, _) = parked(client, server);
        thread::sleep(Duration::from_millis(700));
        retry.as_object_mut().unwrap().remove("inputResponses");
        let got = once(client, &retry);
        assert_eq!(text(&got), "done", "{got}");
    });
}

#[test]
fn what_a_client_no_longer_declares_counts_as_never_declared() {
    let stage = Stage::playing(asking(json!([{"ask": {"q": form("?")}}, answers()])), "");
    each(&stage, |client, server| {
        let (retry, _) = parked(client, server);
        client.capabilities = json!({});
        let got = once(client, &retry);
        client.capabilities = able();
        assert_eq!(got["result"]["x-answers"]["q"]["code"], -32601, "{got}");
    });
}

#[test]
fn so_many_calls_of_a_caller_wait_and_no_more() {
    let rules = "limits: { exchange: { each_caller: 2 } }\n";
    let stage = Stage::playing(
        asking(json!([{"ask": {"q": form("?")}}, {"sleep": 300}, answers()])),
        rules,
    );
    each(&stage, |client, server| {
        let waiting: Vec<_> = (0..2).map(|_| parked(client, server).0).collect();
        let before = stage.got(server, "notifications/cancelled").len();
        let refused = once(client, &call(server));
        assert_eq!(refusal(&refused), "rate_limited", "{refused}");
        eventually("its server is told", || {
            stage.got(server, "notifications/cancelled").len() > before
        });
        for retry in waiting {
            assert!(once(client, &retry)["result"]["x-answers"].is_object());
        }
    });
}

#[test]
fn what_is_told_between_rounds_is_there_at_the_next() {
    let told =
        json!({"tell": ["notifications/progress", {"progressToken": "$token", "progress": 7}]});
    let log = json!({"tell": ["notifications/message", {"level": "error", "data": "between"}]});
    let steps = json!([{"ask_only": form("?")}, {"sleep": 100}, told, log, {"sleep": 2000},
        {"result": {"content": []}}]);
    let stage = Stage::playing(asking(steps), "");
    each(&stage, |client, server| {
        let meta = json!({"progressToken": "first", "io.modelcontextprotocol/logLevel": "debug"});
        let mut params = call(server);
        params["_meta"] = meta;
        let asked = once(client, &params);
        thread::sleep(Duration::from_secs(1));
        params["requestState"] = asked["result"]["requestState"].clone();
        params["_meta"]["progressToken"] = json!(2);
        let mut unasked = |question: &Value| panic!("not expected: {question}");
        let got = client.exchange("tools/call", &params, &mut unasked);
        let progress = got.told("notifications/progress");
        assert_eq!(progress.len(), 1, "{got:?}");
        assert_eq!(
            (&progress[0]["progressToken"], &progress[0]["progress"]),
            (&json!(2), &json!(7))
        );
        assert_eq!(
            got.told("notifications/message")[0]["data"],
            "between",
            "{got:?}"
        );
    });
}
