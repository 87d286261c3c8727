//! What a server says, taken apart.

use bytes::Bytes;
use durward_core::{ProtocolError, RawJson};
use durward_wire::{
    Malformed, Message, Notification, Request, RequestId, ResponseOutcome, ScanLimits, members,
    scan,
};
use serde::Deserialize;

use crate::exchange::Outcome;

/// One message.
#[derive(Debug)]
pub(crate) enum Said {
    /// Answers a request.
    Answer(RequestId, Outcome),
    /// Asks us.
    Question(Request),
    /// Tells us.
    Told(Notification),
}

/// Takes a message apart, or each message of a batch: 2025-03-26 has them.
pub(crate) fn hear(bytes: &Bytes, mut each: impl FnMut(Result<Said, Malformed>)) {
    match scan(bytes, ScanLimits::default()) {
        Ok(Message::Batch(members)) => {
            for member in &members {
                match scan(member, ScanLimits::default()) {
                    Ok(Message::Batch(_)) => {}
                    Ok(message) => each(one(message)),
                    Err(bad) => each(Err(bad)),
                }
            }
        }
        Ok(message) => each(one(message)),
        Err(bad) => each(Err(bad)),
    }
}

fn one(message: Message) -> Result<Said, Malformed> {
    Ok(match message {
        Message::Request(request) => Said::Question(request),
        Message::Notification(notification) => Said::Told(notification),
        Message::Response(response) => {
            let outcome = match response.outcome {
                ResponseOutcome::Result(result) => Outcome::Result(result),
                ResponseOutcome::Error(error) => match protocol_error(&error) {
                    Some(error) => Outcome::Error(error),
                    None => {
                        return Err(Malformed {
                            kind: durward_wire::MalformedKind::Invalid,
                            id: Some(response.id),
                            reason: "`error` has no integer `code`".into(),
                        });
                    }
                },
            };
            Said::Answer(response.id, outcome)
        }
        Message::Batch(_) => {
            return Err(Malformed {
                kind: durward_wire::MalformedKind::Invalid,
                id: None,
                reason: "a batch within a batch".into(),
            });
        }
    })
}

/// Reads an `error`; `None` if its code is no integer. `data` stays as it was spelled.
pub(crate) fn protocol_error(error: &RawJson) -> Option<ProtocolError> {
    #[derive(Deserialize)]
    struct Error {
        code: i64,
        #[serde(default)]
        message: Option<String>,
    }
    let parsed = error.parse::<Error>().ok()?;
    let data = members(error)
        .into_iter()
        .find(|(key, _)| key == "data")
        .map(|(_, data)| data);
    Some(ProtocolError {
        code: parsed.code,
        message: parsed.message.unwrap_or_default(),
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &'static str) -> Vec<Result<Said, Malformed>> {
        let mut all = Vec::new();
        hear(&Bytes::from_static(text.as_bytes()), |said| all.push(said));
        all
    }

    #[test]
    fn an_error_keeps_its_data_as_spelled() {
        let all = heard(
            r#"{"jsonrpc":"2.0","id":"7","error":{"code":-32000,"message":"no","data":{ "a":1.0 }}}"#,
        );
        let [Ok(Said::Answer(id, Outcome::Error(error)))] = all.as_slice() else {
            panic!("{all:?}");
        };
        assert_eq!(id.as_u64(), Some(7));
        assert_eq!(error.code, -32000);
        assert_eq!(error.data.as_ref().unwrap().as_str(), r#"{ "a":1.0 }"#);
    }

    #[test]
    fn a_batch_is_each_of_its_messages() {
        let all =
            heard(r#"[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":1,"result":1},7,[]]"#);
        assert!(
            matches!(
                all.as_slice(),
                [Ok(Said::Told(_)), Ok(Said::Answer(..)), Err(_), Err(_)]
            ),
            "{all:?}"
        );
    }

    #[test]
    fn an_error_without_a_code_is_none() {
        let all = heard(r#"{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}"#);
        let [Err(bad)] = all.as_slice() else {
            panic!("{all:?}")
        };
        assert_eq!(bad.id.as_ref().and_then(RequestId::as_u64), Some(1));
    }
}
