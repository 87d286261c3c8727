//! A legacy server that wants URLs opened before it does anything: -32042 of 2025-11-25 (client/elicitation,
//! "URL Elicitation Required Error"), for clients that have no such error (protocol.md, section 6.2).

use std::{sync::Arc, time::Duration};

use durward_core::{
    Answer, Call, Era, Operation, ProtocolError, RawJson, Refusal, RefusalCode, Revision,
};
use durward_wire::{
    code,
    edit::{self, Change},
    elements, encode, member,
};
use futures_util::future::join_all;
use tokio::{sync::Semaphore, time::timeout};

use crate::{Hello, client_exchange::ClientExchange, watched::Watched};

/// Most URLs of one error.
const MOST: usize = 16;
/// How often one call may want any.
pub(crate) const MOST_ROUNDS: usize = 8;
/// How long after a person's consent the server may take to say that all is done.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server wants opened.
struct Wanted {
    id: Option<String>,
    url: String,
    /// As a question of 2026-07-28.
    question: RawJson,
}

/// What a person made of it.
pub(crate) enum Consent {
    /// All was opened: the call may be made anew.
    Given,
    /// Not everything was opened.
    Declined,
    /// The client can't be asked: it is told so.
    Told(Answer),
    /// The error does not say what is wanted.
    Unsound(ProtocolError),
}

/// Does a legacy server want URLs opened by one who does not know its error, or may not be told so?
pub(crate) fn is_wanted(call: &Call, hello: &Hello, error: &ProtocolError) -> bool {
    // Questions belong to these alone (MCP 2026-07-28, basic/patterns/mrtr).
    let may_ask = matches!(
        call.operation,
        Operation::CallTool | Operation::ReadResource | Operation::GetPrompt
    );
    let client = call.client.revision;
    error.code == code::URL_ELICITATION_REQUIRED
        && hello.era() == Era::Legacy
        && (client < Revision::V2025_11_25 || client.era() == Era::Modern && may_ask)
}

/// Reads the error's `data`; `None` of what is not sound.
fn wanted(error: &ProtocolError) -> Option<Vec<Wanted>> {
    let all = elements(&member(error.data.as_ref()?, "elicitations")?);
    let read = |elicitation: &RawJson| {
        let mode = RawJson::from_static(r#""url""#);
        let changes = [
            ("elicitationId", Change::Drop),
            ("mode", Change::Set(&mode)),
        ];
        Some(Wanted {
            id: member(elicitation, "elicitationId").and_then(|id| id.parse().ok()),
            url: member(elicitation, "url")?.parse().ok()?,
            question: edit::changed(elicitation, &changes),
        })
    };
    let all: Vec<_> = all.iter().map(read).collect::<Option<_>>()?;
    (!all.is_empty() && all.len() <= MOST).then_some(all)
}

/// Asks a modern client to open what is wanted, and waits until the server says that it is done; tells an older
/// one what it is.
pub(crate) async fn asked(
    exchange: &ClientExchange<'_>,
    error: ProtocolError,
    done: &Arc<Watched>,
) -> Consent {
    if exchange.call.client.revision.era() == Era::Legacy {
        return Consent::Told(told(exchange.call, error));
    }
    let Some(wanted) = wanted(&error).filter(|_| exchange.may.elicitation) else {
        return Consent::Unsound(error);
    };
    // One for each that the server says is done. A word that comes early counts.
    let said = Arc::new(Semaphore::new(0));
    let ids: Vec<_> = wanted.iter().filter_map(|it| it.id.as_deref()).collect();
    let watches = ids.iter().map(|id| {
        let (said, once) = (Arc::clone(&said), std::sync::Once::new());
        let told = move || once.call_once(|| said.add_permits(1));
        done.watch(id, Arc::new(told))
    });
    let _watches: Vec<_> = watches.collect();
    let asking = wanted.iter().map(|it| {
        let question = it.question.clone();
        exchange
            .questions
            .put(exchange.call, "elicitation/create", question)
    });
    for answer in join_all(asking).await {
        let Ok(answer) = answer else {
            return Consent::Told(undeclared());
        };
        let action = member(&answer, "action");
        if action.is_none_or(|action| action.as_str() != r#""accept""#) {
            return Consent::Declined;
        }
    }
    let all = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    // The call's own time goes on, and there must be some left for it. A server that says nothing by then will
    // say by its next answer.
    let patience = PATIENCE.min(exchange.call.timeout / 2);
    let _ = timeout(patience, said.acquire_many(all)).await;
    Consent::Given
}

/// In words, for those who know neither the error nor the question.
fn told(call: &Call, error: ProtocolError) -> Answer {
    let urls = wanted(&error).unwrap_or_default();
    let urls: Vec<_> = urls.into_iter().map(|it| it.url).collect();
    let text = format!(
        "{} Open this first, then try again: {}",
        error.message.trim_end(),
        urls.join(" ")
    );
    if call.operation != Operation::CallTool || urls.is_empty() {
        return Answer::Error(ProtocolError {
            message: if urls.is_empty() { error.message } else { text },
            code: code::INTERNAL_ERROR,
            ..error
        });
    }
    let kind = RawJson::from_static(r#""text""#);
    let block = encode::object(&[("type", &kind), ("text", &encode::string(&text))]);
    let content = RawJson::from_scanned(format!("[{}]", block.as_str()).into());
    let yes = RawJson::from_static("true");
    Answer::Result(encode::object(&[("content", &content), ("isError", &yes)]))
}

/// -32021: it takes a client that can open URLs.
fn undeclared() -> Answer {
    Answer::Error(code::error_with_data(
        code::MISSING_REQUIRED_CLIENT_CAPABILITY,
        "the server wants a URL opened; declare `elicitation.url` in `_meta` of this request",
        RawJson::from_static(r#"{"requiredCapabilities":{"elicitation":{"url":{}}}}"#),
    ))
}

pub(crate) fn declined() -> Refusal {
    let sentence = "The server wanted a URL opened first, and that was declined.";
    Refusal::new(RefusalCode::Cancelled, sentence).detail("declined")
}

pub(crate) fn too_often() -> Refusal {
    let sentence = format!("The server wanted URLs opened more than {MOST_ROUNDS} times.");
    Refusal::new(RefusalCode::RateLimited, sentence).detail("too_many_rounds")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(data: &'static str) -> ProtocolError {
        code::error_with_data(-32042, "Not yet.", RawJson::from_static(data))
    }

    #[test]
    fn each_elicitation_is_a_question_of_2026_07_28() {
        let read = wanted(&error(
            r#"{"elicitations":[{"mode":"url","elicitationId":"e","url":"https://a.example/","message":"Open","x":1.0}]}"#,
        ));
        let read = read.unwrap();
        assert_eq!(read[0].id.as_deref(), Some("e"));
        assert_eq!(
            read[0].question.as_str(),
            r#"{"mode":"url","url":"https://a.example/","message":"Open","x":1.0}"#
        );
        for unsound in [
            "{}",
            r#"{"elicitations":[]}"#,
            r#"{"elicitations":[{}]}"#,
            r#"{"elicitations":[{"url":1}]}"#,
        ] {
            assert!(wanted(&error(unsound)).is_none(), "{unsound}");
        }
    }
}
