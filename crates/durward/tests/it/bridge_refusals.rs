//! The bridge, row by row: clients that refuse what servers ask, say nothing, cancel, or lose their streams.

use std::{thread, time::Duration};

use durward_testkit::{refusal, text};
use serde_json::{Value, json};

use crate::{
    bridge::{KINDS, Kind, Stage},
    bridge_questions::{SAMPLING, able, answers, asked, form, roots, sample, script},
    eventually,
};

#[test]
fn a_person_who_refuses_is_heard_in_the_server_s_own_way() {
    let tools = json!({
        "tools/call form": [{"ask": {"q": form("sure?")}}, answers()],
        "tools/call model": [{"ask": {"q": sample(100)}}, answers()],
        "prompts/list": [{"result": {"prompts": [{"name": "p"}]}}],
        "prompts/get p": [{"ask": {"q": roots()}}, {"result": {"messages": [], "x-answers": "$answers"}}],
    });
    let stage = Stage::playing(script(tools), SAMPLING);
    let error = json!({"error": {"code": -1, "message": "the user said no", "data": {"x": 1}}});
    stage.each_as("2025-11-25", &able(), |client, server| {
        if client.kind.is_modern {
            return;
        }
        let params =
            |tool: &str| json!({"name": format!("{}__{tool}", server.name()), "arguments": {}});
        let form = client
            .converse("tools/call", params("form"), |_| error.clone())
            .answer;
        let model = client
            .converse("tools/call", params("model"), |_| error.clone())
            .answer;
        let prompt = client
            .converse("prompts/get", params("p"), |_| error.clone())
            .answer;
        if server.is_modern {
            assert_eq!(
                form["result"]["x-answers"]["q"],
                json!({"action": "cancel"}),
                "{form}"
            );
            assert_eq!(model["result"]["isError"], true, "{model}");
            assert!(text(&model).contains("the user said no"), "{model}");
            assert!(prompt["error"]["code"].is_i64(), "{prompt}");
        } else {
            for got in [form, model, prompt] {
                assert_eq!(got["result"]["x-answers"]["q"]["code"], -1, "{got}");
                assert_eq!(got["result"]["x-answers"]["q"]["data"]["x"], 1, "{got}");
            }
        }
    });
    let events = asked(&stage);
    assert_eq!(
        events
            .iter()
            .filter(|it| it.ends_with("createMessage -1"))
            .count(),
        8,
        "{events:?}"
    );
}

#[test]
fn a_client_that_says_nothing_counts_as_one_that_cancels() {
    let tools = json!({
        "tools/call form": [{"ask": {"q": form("sure?")}}, answers()],
        "tools/call model": [{"ask": {"q": sample(100)}}, answers()],
    });
    let short = format!("limits: {{ exchange: {{ ttl: 300ms }} }}\n{SAMPLING}");
    let stage = Stage::playing(script(tools), &short);
    stage.each_as("2025-11-25", &able(), |client, server| {
        if client.kind.is_modern {
            return;
        }
        let params =
            |tool: &str| json!({"name": format!("{}__{tool}", server.name()), "arguments": {}});
        let form = client
            .converse("tools/call", params("form"), |_| Value::Null)
            .answer;
        assert_eq!(
            form["result"]["x-answers"]["q"],
            json!({"action": "cancel"}),
            "{form}"
        );
        let model = client
            .converse("tools/call", params("model"), |_| Value::Null)
            .answer;
        match server.is_modern {
            true => assert_eq!(refusal(&model), "denied", "{model}"),
            false => assert_eq!(model["result"]["x-answers"]["q"]["code"], -1, "{model}"),
        }
    });
    let events = asked(&stage);
    assert_eq!(
        events
            .iter()
            .filter(|it| it.ends_with("unanswered"))
            .count(),
        16,
        "{events:?}"
    );
}

#[test]
fn a_client_that_cancels_takes_its_questions_along() {
    let tools =
        json!({"tools/call form": [{"ask": {"q": form("sure?")}}, {"sleep": 5000}, answers()]});
    let stage = Stage::playing(script(tools), "");
    for server in KINDS {
        let legacy = Kind {
            is_modern: false,
            is_pipe: true,
        };
        let mut client = stage.client(legacy, "2025-11-25", able());
        let name = format!("{}__form", server.name());
        client.begin("mine", "tools/call", json!({"name": name, "arguments": {}}));
        let pipe = client.pipe();
        let question = std::iter::repeat_with(|| pipe.message())
            .find(|message| message["method"] == "elicitation/create")
            .expect("a question");
        client.cancel("mine", None);
        let told = client.hear(&mut None, "notifications/cancelled");
        assert_eq!(told["requestId"], question["id"], "{told}");
        // The server of the pipe's own process hears of it in its way.
        let is_told = |line: &Value| {
            let message = &line["message"];
            message["method"] == "notifications/cancelled" || message["error"]["code"] == -32603
        };
        if !server.is_modern {
            eventually("the server is told", || {
                stage.record(server).iter().any(is_told)
            });
        }
    }
}

#[test]
fn a_client_that_lost_its_stream_can_still_be_asked() {
    let tools =
        json!({"tools/call form": [{"sleep": 700}, {"ask": {"q": form("sure?")}}, answers()]});
    let stage = Stage::playing(script(tools), "");
    for server in KINDS {
        let legacy = Kind {
            is_modern: false,
            is_pipe: false,
        };
        let mut client = stage.client(legacy, "2025-11-25", able());
        let name = format!("{}__form", server.name());
        let mut begun = client.begin("mine", "tools/call", json!({"name": name, "arguments": {}}));
        let opening = begun.as_mut().and_then(|http| http.opening());
        let first = begun
            .as_mut()
            .and_then(|http| http.event(Duration::from_secs(5)));
        let place = first
            .and_then(|event| event.id)
            .unwrap_or_else(|| panic!("no id: {opening:?}"));
        drop(begun);
        thread::sleep(Duration::from_secs(1));
        let (status, mut resumed) = client.resume(&place);
        assert_eq!(status, 200);
        let mut answer = Value::Null;
        while let Some(event) = resumed.event(Duration::from_secs(10)) {
            let message: Value = serde_json::from_str(&event.data).unwrap_or_default();
            if message["method"] == "elicitation/create" {
                client.reply(&message["id"], &json!({"action": "decline"}));
            }
            if message["id"] == "mine" {
                answer = message;
                break;
            }
        }
        assert_eq!(
            answer["result"]["x-answers"]["q"]["action"], "decline",
            "{server:?}: {answer}"
        );
    }
}
