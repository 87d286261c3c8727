//! The bridge, row by row: what is told on the way and out of turn, between clients and servers of both eras by
//! both transports.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    bridge::{Client, KINDS, Kind, SUBSCRIPTION, Stage, spelled},
    eventually,
};

const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const CHANGED: &str = "notifications/tools/list_changed";
const UPDATED: &str = "notifications/resources/updated";
/// How long nothing is waited for.
const SILENCE: Duration = Duration::from_millis(300);

fn done() -> Value {
    json!({"result": {"content": [{"type": "text", "text": "done"}]}})
}

#[test]
fn progress_bears_the_client_s_own_token() {
    let told = json!({"progressToken": "$token", "progress": spelled("1.50"), "total": 3, "message": "on the way", "x": 1});
    let stage = Stage::answering(json!({
        "tools/call work": [{"tell": ["notifications/progress", told]}, done()]
    }));
    stage.each(|client, server| {
        for token in [json!("mine"), json!(7)] {
            let params = json!({"name": format!("{}__work", server.name()), "_meta": {"progressToken": token}});
            let got = client.ask("tools/call", params);
            let told = got.told("notifications/progress");
            assert_eq!(told.len(), 1, "{:?} at {server:?}: {got:?}", client.kind);
            let mut wanted = told[0].clone();
            assert_eq!(wanted["progressToken"].take(), token);
            let spelled = wanted["progress"].to_string();
            assert_eq!((spelled.as_str(), &wanted["x"]), ("1.50", &json!(1)), "{wanted}");
        }
        let none = client.call(server, "work", json!({}));
        assert!(none.told("notifications/progress").is_empty(), "{none:?}");
    });
}

#[test]
fn logs_are_those_that_the_client_asked_for() {
    let log = |level: &str| json!({"tell": ["notifications/message", {"level": level, "logger": "x", "data": spelled(r#"{"n":1.50}"#)}]});
    let stage = Stage::answering(json!({
        "tools/call work": [log("debug"), log("warning"), log("error"), {"sleep": 100}, done()]
    }));
    stage.each(|client, server| {
        let mut params = json!({"name": format!("{}__work", server.name()), "arguments": {}});
        if client.kind.is_modern {
            let silent = client.ask("tools/call", params.clone());
            assert!(
                silent.told("notifications/message").is_empty(),
                "{silent:?}"
            );
            params["_meta"][LOG_LEVEL] = json!("warning");
        } else {
            client.ask("logging/setLevel", json!({"level": "warning"}));
        }
        let got = client.ask("tools/call", params);
        let told = got.told("notifications/message");
        let levels: Vec<_> = told.iter().map(|told| told["level"].clone()).collect();
        assert_eq!(
            levels,
            ["warning", "error"],
            "{:?} at {server:?}: {got:?}",
            client.kind
        );
        assert_eq!(told[0]["logger"], format!("{}/x", server.name()));
        assert_eq!(told[0]["data"].to_string(), r#"{"n":1.50}"#);
    });
    for server in KINDS {
        let calls = stage.got(server, "tools/call");
        let levels = calls
            .iter()
            .filter(|call| call["params"]["_meta"][LOG_LEVEL] == "warning");
        assert_eq!(
            levels.count(),
            if server.is_modern { 4 } else { 0 },
            "{calls:?}"
        );
        let set = !stage.got(server, "logging/setLevel").is_empty();
        assert_eq!(set, !server.is_modern, "{server:?}");
    }
}

#[test]
fn a_legacy_client_that_set_no_level_hears_no_logs() {
    let told = json!({"tell": ["notifications/message", {"level": "emergency", "data": "x"}]});
    let stage = Stage::answering(json!({"tools/call work": [told, {"sleep": 100}, done()]}));
    for is_pipe in [true, false] {
        let mut client = stage.client(
            Kind {
                is_modern: false,
                is_pipe,
            },
            "2025-11-25",
            json!({}),
        );
        for server in KINDS {
            let got = client.call(server, "work", json!({}));
            assert!(got.told("notifications/message").is_empty(), "{got:?}");
        }
    }
}

#[test]
fn a_cancelled_call_is_cancelled_in_the_server_s_own_way() {
    let stage = Stage::answering(json!({
        "tools/call slow": [{"sleep": 30_000}, done()], "tools/call quick": [done()]
    }));
    stage.each(|client, server| {
        let begun_before = stage.got(server, "tools/call").len();
        let params = json!({"name": format!("{}__slow", server.name()), "arguments": {}});
        let begun = client.begin("same", "tools/call", params);
        eventually("the call is there", || {
            stage.got(server, "tools/call").len() > begun_before
        });
        let own = stage.got(server, "tools/call").last().expect("the call")["id"].clone();
        client.cancel("same", begun);
        let is_told = |line: &Value| {
            let message = &line["message"];
            let is_cancelled = message["method"] == "notifications/cancelled";
            line["gone"] == own || is_cancelled && message["params"]["requestId"] == own
        };
        eventually("the server is told", || {
            stage.record(server).iter().any(is_told)
        });
        client.call(server, "quick", json!({}));
    });
    let modern_http = Kind {
        is_modern: true,
        is_pipe: false,
    };
    assert!(stage.got(modern_http, "notifications/cancelled").is_empty());
}

#[test]
fn a_ping_is_answered_where_it_arrives() {
    let ping = json!({"ask_only": {"method": "ping", "params": {}}});
    let stage = Stage::answering(json!({"tools/call ping": [ping, {"sleep": 100}, done()]}));
    stage.each(|client, server| {
        let pong = client.ask("ping", json!({})).answer;
        match client.kind.is_modern {
            true => assert_eq!(pong["error"]["code"], -32601, "{pong}"),
            false => assert_eq!(pong["result"], json!({}), "{pong}"),
        }
        if !server.is_modern {
            client.call(server, "ping", json!({}));
        }
    });
    for server in KINDS {
        assert!(stage.got(server, "ping").is_empty(), "{server:?}");
        let answers = stage.record(server).into_iter();
        let pongs = answers.filter(|line| line["message"]["result"] == json!({}));
        assert_eq!(
            pongs.count(),
            if server.is_modern { 0 } else { 4 },
            "{server:?}"
        );
    }
}

#[test]
fn a_changed_list_is_told_to_whoever_listens() {
    let changed = json!({"tell_all": ["notifications/tools/list_changed", {}]});
    let page = |is_more: bool| {
        let tool = |name| json!({"name": name, "inputSchema": {"type": "object"}});
        let mut tools = vec![tool("change"), tool("quick")];
        tools.extend(is_more.then(|| tool("more")));
        json!({"result": {"tools": tools}})
    };
    let script = json!({"answers": {
        "tools/list": [{"before": [page(false)]}, page(true)],
        "tools/call change": ["change", changed, done()],
        "tools/call quick": [done()],
    }});
    for kind in KINDS {
        let stage = Stage::playing(script.clone(), "");
        let mut client = stage.client(kind, "2025-11-25", json!({}));
        for server in KINDS {
            // It may be known from before, and not connected to yet.
            client.call(server, "quick", json!({}));
            let mut ear = client.listen(json!({"toolsListChanged": true}));
            let name = format!("{}__change", server.name());
            eventually("the server is listened to", || {
                is_listened_to(&stage, server, kind)
            });
            let _begun = client.begin(
                "change",
                "tools/call",
                json!({"name": name, "arguments": {}}),
            );
            // Others may have changed before: it is told at least once for this one.
            let told = client.hear(&mut ear, CHANGED);
            assert_eq!(
                told["_meta"][SUBSCRIPTION] == "listen",
                kind.is_modern,
                "{told}"
            );
            let more = format!("{}__more", server.name());
            loop {
                let got = client.ask("tools/list", json!({}));
                if got.answer.to_string().contains(&more) {
                    break;
                }
                if got.told(CHANGED).is_empty() {
                    client.hear(&mut ear, CHANGED);
                }
            }
            if kind.is_modern {
                client.cancel("listen", ear);
            }
        }
    }
}

/// Would each durward hear of a change there by now? A pipe's is another one than that which serves HTTP.
fn is_listened_to(stage: &Stage, server: Kind, kind: Kind) -> bool {
    let lines = stage.record(server).into_iter();
    lines.filter(|line| line["listened"] == true).count() > usize::from(kind.is_pipe)
}

/// Begins to watch a resource; gives where it will be told.
fn watch(client: &mut Client<'_>, uri: &str) -> Option<durward_testkit::Http> {
    if client.kind.is_modern {
        return client.listen(json!({"resourceSubscriptions": [uri]}));
    }
    let ear = client.listen(json!({}));
    client.ask("resources/subscribe", json!({"uri": uri}));
    ear
}

#[test]
fn a_resource_is_subscribed_to_once_for_all_and_let_go_with_the_last() {
    let update = json!({"tell_all": ["notifications/resources/updated", {"uri": "a:b"}]});
    let stage = Stage::answering(json!({
        "resources/list": [{"result": {"resources": [{"uri": "a:b", "name": "b"}]}}],
        "tools/call update": [update, done()],
    }));
    let mut other = stage.client(KINDS[3], "", json!({}));
    // One pipe's process has servers of its own, so these are of the daemon.
    let kinds = [false, true].map(|is_modern| Kind {
        is_modern,
        is_pipe: false,
    });
    for server in KINDS {
        let uri = format!("{}+a:b", server.name());
        other.call(server, "update", json!({}));
        let mut clients: Vec<_> = [kinds[0], kinds[1], kinds[0]]
            .map(|kind| stage.client(kind, "2025-11-25", json!({})))
            .into();
        let mut ears: Vec<_> = clients
            .iter_mut()
            .map(|client| watch(client, &uri))
            .collect();
        let watched = |method| match server.is_modern {
            false => stage.got(server, method).len(),
            true => {
                let listens = stage.got(server, "subscriptions/listen");
                let last = listens
                    .last()
                    .map(|it| it["params"]["notifications"]["resourceSubscriptions"].clone());
                usize::from((last == Some(json!(["a:b"]))) == (method == "resources/subscribe"))
            }
        };
        eventually("it is subscribed to", || {
            watched("resources/subscribe") == 1
        });
        thread::sleep(SILENCE);
        other.call(server, "update", json!({}));
        for (client, ear) in clients.iter_mut().zip(&mut ears) {
            let told = client.hear(ear, UPDATED);
            assert_eq!(told["uri"], uri, "{told}");
        }
        for (at, (mut client, mut ear)) in clients.into_iter().zip(ears).enumerate() {
            if !server.is_modern {
                assert_eq!(stage.got(server, "resources/unsubscribe").len(), 0, "{at}");
            }
            if !client.kind.is_modern {
                // What was told meanwhile for those who left before.
                while client.heard(&mut ear, UPDATED, SILENCE).is_some() {}
                client.ask("resources/unsubscribe", json!({"uri": uri}));
                other.call(server, "update", json!({}));
                let told = client.heard(&mut ear, UPDATED, SILENCE);
                assert_eq!(told, None);
            }
            drop(ear);
            thread::sleep(SILENCE);
        }
        eventually("it is let go", || watched("resources/unsubscribe") == 1);
        assert_eq!(
            watched("resources/subscribe"),
            usize::from(!server.is_modern)
        );
    }
}
