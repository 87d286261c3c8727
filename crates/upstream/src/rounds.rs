//! A legacy client in front of a modern server that asks: its questions become requests to the client, and
//! the call is made again with the answers (protocol.md, section 6.3).

mod consent;

use std::time::Duration;

use durward_core::{ProtocolError, RawJson, Refusal, RefusalCode};
use durward_wire::{
    bridge::results::{self, Kind},
    code,
    edit::{self, Change},
    encode, members,
};

use crate::{Exchange, Link, LinkFault, Outcome, client_exchange::ClientExchange};
use consent::Consents;

/// Most rounds of questions in one call.
const MOST_ROUNDS: usize = 8;
/// Most questions of one round.
const MOST_QUESTIONS: usize = 16;
/// The first pause before the call is made again where nothing was asked, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why there is no answer.
pub(crate) enum Stopped {
    /// The server can't answer.
    Fault(LinkFault),
    /// Its question could not be answered.
    Refused(Refusal),
}

impl From<LinkFault> for Stopped {
    fn from(fault: LinkFault) -> Self {
        Self::Fault(fault)
    }
}

/// Makes the call, as often as the server asks, until it answers. How long that may take is the call's own
/// matter.
pub(crate) async fn to_the_end(
    link: &Link,
    method: &str,
    params: RawJson,
    exchange: &ClientExchange<'_>,
) -> Result<Outcome, Stopped> {
    let mut params = params;
    let mut pause = FIRST_PAUSE;
    let mut rounds = 0;
    let mut consents = Consents::new(exchange);
    loop {
        let exchange_of: &dyn Exchange = exchange;
        let result = match link.call(method, &params, exchange_of).await? {
            Outcome::Result(result) => result,
            error @ Outcome::Error(_) => return Ok(error),
        };
        if results::kind(&result) != Kind::InputRequired {
            consents.complete();
            return Ok(Outcome::Result(result));
        }
        let (mut questions, mut state) = (None, None);
        for (key, value) in members(&result) {
            match key.as_ref() {
                "inputRequests" => questions = Some(value),
                "requestState" => state = Some(value),
                _ => {}
            }
        }
        let questions = match questions.as_ref().map(asked) {
            None => Vec::new(),
            Some(Ok(questions)) => questions,
            Some(Err(error)) => return Ok(Outcome::Error(error)),
        };
        let answers = if questions.is_empty() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            None
        } else if let Some(given) = consents.given(&questions).await {
            Some(given)
        } else {
            rounds += 1;
            if rounds > MOST_ROUNDS {
                return Ok(Outcome::Error(code::error(
                    code::INTERNAL_ERROR,
                    format!("the server asked more than {MOST_ROUNDS} times"),
                )));
            }
            Some(answers(exchange, &mut consents, &questions).await?)
        };
        let set = |value: &'static str, given: &Option<RawJson>| (value, given.clone());
        let given = [set("inputResponses", &answers), set("requestState", &state)];
        let changes: Vec<_> = given
            .iter()
            .map(|(name, value)| (*name, value.as_ref().map_or(Change::Drop, Change::Set)))
            .collect();
        params = edit::changed(&params, &changes);
    }
}

/// One question.
pub(crate) struct Asked {
    pub(crate) key: String,
    method: String,
    pub(crate) params: RawJson,
}

pub(crate) fn asked(questions: &RawJson) -> Result<Vec<Asked>, ProtocolError> {
    let malformed = || code::error(code::INTERNAL_ERROR, "the server's questions can't be read");
    let all = members(questions);
    if all.len() > MOST_QUESTIONS {
        return Err(malformed());
    }
    let read = all.into_iter().map(|(key, question)| {
        let (mut method, mut params) = (None, RawJson::empty_object());
        for (name, value) in members(&question) {
            match name.as_ref() {
                "method" => method = value.parse::<String>().ok(),
                "params" => params = value.clone(),
                _ => {}
            }
        }
        Some(Asked {
            key: key.into_owned(),
            method: method?,
            params,
        })
    });
    read.collect::<Option<_>>().ok_or_else(malformed)
}

/// Puts all questions at once; the answers are in the order of the questions.
async fn answers(
    exchange: &ClientExchange<'_>,
    consents: &mut Consents<'_>,
    questions: &[Asked],
) -> Result<RawJson, Stopped> {
    let named = consents.named(questions);
    let answers = put(exchange, questions, &named).await?;
    consents.keep(questions, &answers);
    Ok(answers)
}

/// As [`answers`], in these words.
pub(crate) async fn put(
    exchange: &ClientExchange<'_>,
    questions: &[Asked],
    params: &[RawJson],
) -> Result<RawJson, Stopped> {
    let asking = questions
        .iter()
        .zip(params)
        .map(|(asked, params)| async move {
            let put = exchange
                .questions
                .put(exchange.call, &asked.method, params.clone());
            match put.await {
                // A question that a person won't answer does not end the call.
                Err(_) if asked.method == "elicitation/create" => {
                    Ok(RawJson::from_static(r#"{"action":"cancel"}"#))
                }
                Err(error) => Err(Stopped::Refused(refused(exchange, &asked.method, &error))),
                Ok(answer) => Ok(answer),
            }
        });
    let answers = futures_util::future::try_join_all(asking).await?;
    let named: Vec<_> = questions
        .iter()
        .zip(&answers)
        .map(|(asked, answer)| (asked.key.as_str(), answer))
        .collect();
    Ok(encode::object(&named))
}

/// No error can be answered: the call ends (MCP 2026-07-28, basic/patterns/mrtr).
fn refused(exchange: &ClientExchange<'_>, method: &str, error: &ProtocolError) -> Refusal {
    let sentence = format!(
        "Server `{}` needs an answer to `{method}` and gets none: {}. The call was not finished.",
        exchange.server, error.message
    );
    Refusal::new(RefusalCode::Denied, sentence).detail("question_refused")
}
