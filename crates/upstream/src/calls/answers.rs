//! What a server answered, in the client's words.

use durward_core::{
    Answer, Call, Era, Naming, Operation, ProtocolError, RawJson, Refusal, RefusalCode, Revision,
};
use durward_wire::{
    bridge::{
        results::{self, Kind},
        uris,
    },
    code,
    edit::{self, Change},
    encode, member, members,
};

use crate::{
    FaultKind, Link, LinkFault, Outcome,
    offered::{exposed, own_uri},
    server::Server,
    tasks,
};

impl Server {
    pub(super) fn answer(
        &self,
        call: &Call,
        link: &Link,
        outcome: Outcome,
    ) -> Result<Answer, Refusal> {
        let era = link.hello().era();
        let client = call.client.revision;
        match outcome {
            Outcome::Result(result) => {
                let kind = match era {
                    Era::Modern => results::kind(&result),
                    Era::Legacy => Kind::Complete,
                };
                match kind {
                    Kind::Complete => Ok(Answer::Result(self.result(call, era, &result))),
                    Kind::InputRequired => self
                        .questions()
                        .pass_on(call, &result)
                        .map(Answer::Asks)
                        .map_err(|error| self.asks_amiss(&error)),
                    // Some say of a task that it is one where they should say that the answer is complete.
                    Kind::Task if call.operation == Operation::GetTask => {
                        let result = edit::changed(&result, &[("resultType", Change::Drop)]);
                        Ok(Answer::Result(self.result(call, era, &result)))
                    }
                    Kind::Task
                        if call.operation == Operation::CallTool && tasks::is_declared(call) =>
                    {
                        Ok(Answer::Task(without_ours(result)))
                    }
                    Kind::Task => Err(self.unknown_type("task")),
                    Kind::Other(kind) => Err(self.unknown_type(&kind)),
                }
            }
            Outcome::Error(error) => Ok(Answer::Error(self.error(call, era, client, error))),
        }
    }

    /// It asks what it may not, in the modern way, where only its call can be ended.
    fn asks_amiss(&self, error: &ProtocolError) -> Refusal {
        tracing::warn!(server = %self.name(), error.message, "a question that it may not ask");
        Refusal::new(
            RefusalCode::Unavailable,
            format!(
                "Server `{}` asks what it may not: {}. The call was ended.",
                self.name(),
                error.message
            ),
        )
        .detail("question_refused")
    }

    fn unknown_type(&self, kind: &str) -> Refusal {
        tracing::warn!(server = %self.name(), kind, "an answer of an unknown type");
        self.refuse(&LinkFault {
            kind: FaultKind::Protocol("its answer is of an unknown type".into()),
            ran: true,
        })
    }

    fn result(&self, call: &Call, era: Era, result: &RawJson) -> RawJson {
        let client = call.client.revision;
        let is_bridged =
            client.era() == Era::Legacy && (era == Era::Modern || client < Revision::V2025_06_18);
        let result = match (era, client.era()) {
            (Era::Legacy, Era::Modern) => results::to_modern(result),
            _ => result.clone(),
        };
        let result = without_ours(result);
        let is_look = call.operation == Operation::GetTask;
        let end = is_look.then(|| member(&result, "result"));
        let result = match end.flatten().map(without_ours) {
            Some(end) => edit::changed(&result, &[("result", Change::Set(&end))]),
            None => result,
        };
        // First the names: a link that becomes text is to be one that its client can follow.
        let result = match call.naming {
            Naming::Merged => uris::in_result(call.operation, &result, |uri| {
                self.given().note(&call.caller.id, uri);
                exposed(self.name(), uri)
            }),
            Naming::Own => result,
        };
        match is_bridged {
            true => results::to_legacy(call.operation, client, &result),
            false => result,
        }
    }

    /// An error in the client's words (protocol.md, sections 2.7 and 6.4).
    pub(super) fn error(
        &self,
        call: &Call,
        era: Era,
        client: Revision,
        mut error: ProtocolError,
    ) -> ProtocolError {
        let reads = call.operation == Operation::ReadResource;
        let is_not_found = error.code == code::RESOURCE_NOT_FOUND;
        if is_not_found && client.era() == Era::Modern && !names_uri(&error) {
            name_uri(&mut error, own_uri(self.name(), call.target.name()));
        }
        error.code = match (error.code, era, client.era()) {
            (code::RESOURCE_NOT_FOUND, Era::Legacy, Era::Modern) => code::INVALID_PARAMS,
            (code::INVALID_PARAMS, Era::Modern, Era::Legacy) if reads && names_uri(&error) => {
                code::RESOURCE_NOT_FOUND
            }
            // What a call needs of its client, a modern server may say itself.
            (code::MISSING_REQUIRED_CLIENT_CAPABILITY, Era::Modern, Era::Modern) => {
                code::MISSING_REQUIRED_CLIENT_CAPABILITY
            }
            // Reserved for what the envelope decides, which is ours.
            (-32099..=-32020, _, Era::Modern) => code::INTERNAL_ERROR,
            (code, ..) => code,
        };
        if let (Naming::Merged, Some(data)) = (call.naming, &error.data) {
            let data = uris::in_error_data(data, |uri| exposed(self.name(), uri));
            error.data = Some(data);
        }
        error
    }
}

fn names_uri(error: &ProtocolError) -> bool {
    let data = error.data.as_ref().map(members).unwrap_or_default();
    data.iter().any(|(key, _)| key == "uri")
}

/// What is not there is named in the modern era (MCP 2026-07-28, server/resources).
fn name_uri(error: &mut ProtocolError, uri: Option<&str>) {
    let data = error.data.clone().unwrap_or_else(RawJson::empty_object);
    if let Some(uri) = uri.filter(|_| data.as_str().starts_with('{')) {
        let uri = encode::string(uri);
        error.data = Some(edit::changed(&data, &[("uri", Change::Set(&uri))]));
    }
}

/// Takes off what only durward says.
pub(super) fn without_ours(result: RawJson) -> RawJson {
    const OURS: &str = durward_wire::meta::OURS;
    if memchr::memmem::find(result.bytes(), OURS.as_bytes()).is_none() {
        return result;
    }
    let Some(meta) = member(&result, "_meta") else {
        return result;
    };
    let rest = durward_wire::without(&meta, |key| key.starts_with(OURS));
    let change = rest.as_ref().map_or(Change::Drop, Change::Set);
    edit::changed(&result, &[("_meta", change)])
}
