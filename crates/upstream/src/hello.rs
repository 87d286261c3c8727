//! What a server says of itself, and which era it is found to speak (protocol, section 5).

use durward_core::{Era, ProtocolError, RawJson, Revision};
use durward_wire::{bridge::tasks, code, encode, members, meta};
use serde::{Deserialize, Serialize};

use crate::{
    exchange::Outcome,
    fault::{FaultKind, LinkFault, protocol},
    target::Transport,
};

/// What a server said of itself when the link was opened.
#[derive(Debug, Clone)]
pub struct Hello {
    /// What is spoken.
    pub revision: Revision,
    /// By which way.
    pub transport: Transport,
    /// What it can do: an object.
    pub capabilities: RawJson,
    /// Do calls of its tools become tasks, in the way of its era?
    pub has_tasks: bool,
    /// Who it says it is.
    pub server_info: Option<RawJson>,
    /// What it wants models to know.
    pub instructions: Option<String>,
    /// The whole result of `initialize` or `server/discover`.
    pub result: RawJson,
}

/// What is worth remembering, so that it need not be found out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraFound {
    /// True of 2026-07-28.
    pub modern: bool,
    /// By which way.
    pub transport: Transport,
}

impl Hello {
    /// Which way of speaking it is.
    pub fn era(&self) -> Era {
        self.revision.era()
    }

    /// What is worth remembering.
    pub fn found(&self) -> EraFound {
        EraFound {
            modern: self.era() == Era::Modern,
            transport: self.transport,
        }
    }

    /// What is taken for granted before it has said anything.
    pub(crate) fn unknown(revision: Revision, transport: Transport) -> Self {
        Self::of(RawJson::empty_object(), revision, transport)
    }

    fn of(result: RawJson, revision: Revision, transport: Transport) -> Self {
        let all = members(&result);
        let get = |name: &str| {
            all.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        let is_object = |value: &&RawJson| value.bytes().first() == Some(&b'{');
        let capabilities = get("capabilities").filter(is_object).cloned();
        let capabilities = capabilities.unwrap_or_else(RawJson::empty_object);
        // Modern servers say who they are in `_meta`.
        let in_meta = get("_meta").and_then(|meta| {
            let found = members(meta)
                .into_iter()
                .find(|(key, _)| key == meta::SERVER_INFO);
            found.map(|(_, info)| info)
        });
        let server_info = get("serverInfo").cloned().or(in_meta);
        Self {
            revision,
            transport,
            has_tasks: match revision.era() {
                Era::Modern => tasks::has_extension(&capabilities),
                Era::Legacy => tasks::has_legacy(&capabilities),
            },
            capabilities,
            server_info: server_info.filter(|info| is_object(&info)),
            instructions: get("instructions").and_then(|text| text.parse().ok()),
            result,
        }
    }
}

/// What an answer to `server/discover` says of the era.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is modern, and this is what it says.
    Modern(Hello),
    /// It is modern, and wants to be asked again.
    Again,
    /// It is asked to `initialize`.
    Legacy,
    /// It can't be spoken with.
    Fault(LinkFault),
}

/// Judges an answer to `server/discover`. `again` says whether it was asked before.
pub(crate) fn judge_discover(answer: &Outcome, transport: Transport, again: bool) -> Verdict {
    match answer {
        Outcome::Result(result) => match supported(result, "supportedVersions") {
            // Whatever this is, it knows nothing of `server/discover`.
            None => Verdict::Legacy,
            Some(revisions) => match common(&revisions) {
                Common::Modern => {
                    Verdict::Modern(Hello::of(result.clone(), Revision::V2026_07_28, transport))
                }
                Common::Legacy => Verdict::Legacy,
                Common::None => Verdict::Fault(foreign(&revisions)),
            },
        },
        Outcome::Error(error) => match error.code {
            code::UNSUPPORTED_PROTOCOL_VERSION => {
                let data = error.data.as_ref();
                let revisions = data.and_then(|data| supported(data, "supported"));
                match revisions.as_deref().map(common) {
                    Some(Common::Modern) if !again => Verdict::Again,
                    Some(Common::Modern) => Verdict::Fault(refused(error)),
                    Some(Common::None) => Verdict::Fault(foreign(&revisions.unwrap_or_default())),
                    Some(Common::Legacy) | None => Verdict::Legacy,
                }
            }
            code::HEADER_MISMATCH | code::MISSING_REQUIRED_CLIENT_CAPABILITY => {
                Verdict::Fault(refused(error))
            }
            _ => Verdict::Legacy,
        },
    }
}

/// Is it an error that only a modern server sends?
pub(crate) fn is_modern_error(error: &ProtocolError) -> bool {
    matches!(
        error.code,
        code::HEADER_MISMATCH
            | code::MISSING_REQUIRED_CLIENT_CAPABILITY
            | code::UNSUPPORTED_PROTOCOL_VERSION
    )
}

/// Judges an answer to `initialize`.
///
/// # Errors
/// It is refused, or the revision is none of the four.
pub(crate) fn judge_initialize(answer: Outcome, transport: Transport) -> Result<Hello, LinkFault> {
    let result = match answer {
        Outcome::Result(result) => result,
        Outcome::Error(error) => return Err(refused(&error)),
    };
    let version = members(&result)
        .into_iter()
        .find(|(key, _)| key == "protocolVersion")
        .and_then(|(_, version)| version.parse::<String>().ok())
        .ok_or_else(|| {
            protocol("`initialize` was answered without a `protocolVersion`").before()
        })?;
    let revision = Revision::parse(&version).filter(|revision| revision.era() == Era::Legacy);
    match revision {
        Some(revision) => Ok(Hello::of(result, revision, transport)),
        None => Err(foreign(&[version])),
    }
}

/// The params of `initialize`.
pub(crate) fn initialize_params(capabilities: &RawJson) -> RawJson {
    encode::object(&[
        (
            "protocolVersion",
            &encode::string(Revision::NEWEST_LEGACY.as_str()),
        ),
        ("capabilities", capabilities),
        ("clientInfo", &client_info()),
    ])
}

/// Who we say we are.
pub(crate) fn client_info() -> RawJson {
    RawJson::from_static(concat!(
        r#"{"name":"durward","version":""#,
        env!("CARGO_PKG_VERSION"),
        r#""}"#
    ))
}

enum Common {
    Modern,
    Legacy,
    None,
}

fn common(revisions: &[String]) -> Common {
    let mut known = revisions.iter().filter_map(|date| Revision::parse(date));
    match known.by_ref().max() {
        Some(revision) if revision.era() == Era::Modern => Common::Modern,
        Some(_) => Common::Legacy,
        None => Common::None,
    }
}

fn supported(object: &RawJson, member: &str) -> Option<Vec<String>> {
    let found = members(object).into_iter().find(|(key, _)| key == member)?;
    found.1.parse().ok()
}

fn foreign(revisions: &[String]) -> LinkFault {
    let named = revisions.iter().take(8).map(|date| {
        let date: String = date.chars().filter(|c| !c.is_control()).take(32).collect();
        format!("`{date}`")
    });
    let named: Vec<_> = named.collect();
    let named = if named.is_empty() {
        "none".to_owned()
    } else {
        named.join(", ")
    };
    FaultKind::Revision(named).before()
}

fn refused(error: &ProtocolError) -> LinkFault {
    let message: String = error
        .message
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    protocol(format!(
        "it refused to be opened with error {}: {message}",
        error.code
    ))
    .before()
}

#[cfg(test)]
mod tests {

    use super::*;

    fn raw(text: &str) -> RawJson {
        RawJson::from_scanned(text.into())
    }

    fn error(code: i64, data: &str) -> Outcome {
        Outcome::Error(code::error_with_data(code, "no", raw(data)))
    }

    fn word(answer: &Outcome, again: bool) -> &'static str {
        match judge_discover(answer, Transport::Stdio, again) {
            Verdict::Modern(_) => "modern",
            Verdict::Again => "again",
            Verdict::Legacy => "legacy",
            Verdict::Fault(fault) => fault.kind.word(),
        }
    }

    #[test]
    fn the_era_is_judged_by_the_answer() {
        let result = |text| Outcome::Result(raw(text));
        for (answer, verdict) in [
            (
                result(r#"{"supportedVersions":["2025-06-18","2026-07-28"]}"#),
                "modern",
            ),
            (result(r#"{"supportedVersions":["2025-06-18"]}"#), "legacy"),
            (
                result(r#"{"supportedVersions":["2031-01-01"]}"#),
                "revision",
            ),
            (result(r#"{"supportedVersions":[]}"#), "revision"),
            (result(r#"{"protocolVersion":"2025-06-18"}"#), "legacy"),
            (result("[]"), "legacy"),
            (error(-32022, r#"{"supported":["2026-07-28"]}"#), "again"),
            (error(-32022, r#"{"supported":["2025-11-25"]}"#), "legacy"),
            (error(-32022, r#"{"supported":["2031-01-01"]}"#), "revision"),
            (error(-32022, "{}"), "legacy"),
            (error(-32020, "{}"), "protocol"),
            (error(-32021, "{}"), "protocol"),
            (error(-32601, "{}"), "legacy"),
            (error(-32602, "{}"), "legacy"),
            (error(-32000, "{}"), "legacy"),
        ] {
            assert_eq!(word(&answer, false), verdict, "{answer:?}");
        }
        assert_eq!(
            word(&error(-32022, r#"{"supported":["2026-07-28"]}"#), true),
            "protocol"
        );
    }

    #[test]
    fn an_initialize_answer_is_one_of_four() {
        let judged = |text: &str| judge_initialize(Outcome::Result(raw(text)), Transport::Stdio);
        let hello = judged(
            r#"{"protocolVersion":"2025-03-26","capabilities":{"tools":{}},"serverInfo":{"name":"x"},
            "instructions":"do"}"#,
        );
        let hello = hello.unwrap();
        assert_eq!(hello.revision, Revision::V2025_03_26);
        assert_eq!(hello.capabilities.as_str(), r#"{"tools":{}}"#);
        assert_eq!(hello.instructions.as_deref(), Some("do"));
        for bad in [
            r#"{"protocolVersion":"2026-07-28"}"#,
            r#"{"protocolVersion":"1"}"#,
        ] {
            assert_eq!(judged(bad).unwrap_err().kind.word(), "revision");
        }
        assert_eq!(judged("{}").unwrap_err().kind.word(), "protocol");
    }
}
