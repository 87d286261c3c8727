//! What a client brings back: `inputResponses`, each the bare result of one question.

use durward_core::{AskFault, ProtocolError, Question, RawJson, Refusal};
use durward_wire::{code, scan};
use serde::{Deserialize, de::IgnoredAny};

use super::request_state::invalid;

/// Answers by the keys of their questions.
pub(crate) struct Answers(Vec<(String, RawJson)>);

impl Answers {
    pub(crate) fn of(responses: Option<&RawJson>) -> Self {
        let all = responses.map(scan::members).unwrap_or_default();
        Self(
            all.into_iter()
                .map(|(key, value)| (key.into_owned(), value))
                .collect(),
        )
    }

    /// The answer under this key.
    pub(crate) fn get(&self, key: &str) -> Option<&RawJson> {
        let (_, answer) = self.0.iter().find(|(held, _)| held == key)?;
        Some(answer)
    }
}

/// Is this an answer to such a question at all (`ElicitResult`, `CreateMessageResult`, `ListRootsResult`)?
pub(crate) fn fits(question: Question, answer: &RawJson) -> bool {
    #[derive(Deserialize)]
    struct Elicited {
        action: String,
    }
    #[derive(Deserialize)]
    struct Sampled {
        #[serde(rename = "role")]
        _role: String,
        #[serde(rename = "content")]
        _content: IgnoredAny,
    }
    #[derive(Deserialize)]
    struct Roots {
        #[serde(rename = "roots")]
        _roots: Vec<IgnoredAny>,
    }
    // What serde takes for a structure may be an array, too.
    answer.as_str().starts_with('{')
        && match question {
            Question::Elicit => answer.parse::<Elicited>().is_ok_and(|answer| {
                ["accept", "decline", "cancel"].contains(&answer.action.as_str())
            }),
            Question::Sample => answer.parse::<Sampled>().is_ok(),
            Question::Roots => answer.parse::<Roots>().is_ok(),
        }
}

/// An answer that is none to its question.
pub(crate) fn malformed() -> Refusal {
    invalid(
        "input_responses",
        "An answer in `inputResponses` is not one to its question. Send it again as the question wants it.",
    )
}

/// What a server hears where nobody came back.
pub(crate) fn nobody(question: Question) -> Result<RawJson, AskFault> {
    let refused = |code, message: &str| {
        Err(AskFault::Refused(ProtocolError {
            code,
            message: message.to_owned(),
            data: None,
        }))
    };
    match question {
        Question::Elicit => Ok(RawJson::from_static(r#"{"action":"cancel"}"#)),
        Question::Sample => refused(code::SAMPLING_REFUSED, "nobody answered"),
        Question::Roots => refused(code::INTERNAL_ERROR, "nobody answered"),
    }
}
