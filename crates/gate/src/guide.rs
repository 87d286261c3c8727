//! `durward://guide`: tells a caller in plain words what it may do here, and within which limits.

use std::{
    fmt::Write,
    sync::{Arc, OnceLock, Weak},
};

use durward_core::{
    Answer, BoxFuture, Call, Offer, Operation, PackName, Provider, RawJson, Refusal, RefusalCode,
    Resource, ResourceText, Shown, Tier,
};
use durward_guard::policy::Decision;
use serde::Serialize;

use crate::{gate::Gate, standing::Standing};

/// The guide's URI.
pub(crate) const URI: &str = "durward://guide";
const MIME: &str = "text/markdown";

/// Offers the guide. It stands behind the same walk as every other resource.
pub(crate) struct Guide {
    name: PackName,
    gate: OnceLock<Weak<Gate>>,
}

impl Guide {
    pub(crate) fn new() -> Self {
        // A literal that fits: `[a-z][a-z0-9-]{0,30}`.
        let name = PackName::new("durward").expect("`durward` is a name");
        Self {
            name,
            gate: OnceLock::new(),
        }
    }

    /// Tells the guide which gate it speaks of; the gate holds the guide, not the other way round.
    pub(crate) fn stand_at(&self, gate: Weak<Gate>) {
        let _ = self.gate.set(gate);
    }

    fn answer(&self, call: &Call) -> Result<Answer, Refusal> {
        let body = match call.operation {
            Operation::ReadResource => {
                let gone = || Refusal::new(RefusalCode::Unavailable, "durward is stopping.");
                let gate = self.gate.get().and_then(Weak::upgrade).ok_or_else(gone)?;
                let standing = gate.standing_of(&call.caller.id).ok_or_else(gone)?;
                let text = write(&standing);
                RawJson::of(&Read {
                    contents: [Text {
                        uri: URI,
                        mime_type: MIME,
                        text,
                    }],
                })
            }
            Operation::Complete => Ok(RawJson::from_static(
                r#"{"completion":{"values":[],"total":0,"hasMore":false}}"#,
            )),
            Operation::Subscribe => Ok(RawJson::empty_object()),
            Operation::CallTool
            | Operation::GetPrompt
            | Operation::GetTask
            | Operation::UpdateTask
            | Operation::CancelTask
            | Operation::AwaitTask => {
                return Err(Refusal::new(
                    RefusalCode::NotFound,
                    "There is no such thing here.",
                ));
            }
        };
        body.map(|body| Answer::Own(body.into()))
            .map_err(|_| Refusal::new(RefusalCode::Internal, "The guide can't be written."))
    }
}

impl Provider for Guide {
    fn name(&self) -> &PackName {
        &self.name
    }

    fn offer(&self) -> Offer {
        let guide = Resource {
            uri: URI.to_owned(),
            shown: Shown::Own(ResourceText {
                name: "guide".to_owned(),
                title: "What you may do here".to_owned(),
                description: "Your tools, your limits, and what a refusal means.".to_owned(),
                mime_type: MIME.to_owned(),
            }),
        };
        Offer {
            resources: vec![guide],
            ..Offer::default()
        }
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        Box::pin(std::future::ready(self.answer(call)))
    }
}

#[derive(Serialize)]
struct Read {
    contents: [Text; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    uri: &'static str,
    mime_type: &'static str,
    text: String,
}

/// Writes the guide for one caller.
pub(crate) fn write(standing: &Standing) -> String {
    let mut text = String::from("# What you may do here\n\n");
    text.push_str(
        "You talk to durward, which stands between you and everything here that you can touch. \
         Each call is checked against what follows, and recorded.\n\n",
    );
    let caller = standing.caller();
    let roles: Vec<_> = caller
        .roles
        .iter()
        .map(|role| format!("`{role}`"))
        .collect();
    // Writing to a `String` can't fail.
    let _ = writeln!(
        text,
        "You are **{}**, with the roles {}.\n",
        caller.name,
        roles.join(", ")
    );
    tools(&mut text, standing);
    limits(&mut text, standing);
    text.push_str(
        "## When a call is refused\n\n\
         The answer says why in one sentence and has a code in `_meta[\"dev.durward/refusal\"]`. \
         `rate_limited` says when to try again; `invalid_arguments` names the argument; \
         `denylist_hit` and `path_outside_root` will not change by trying another spelling.\n",
    );
    text
}

fn tools(text: &mut String, standing: &Standing) {
    text.push_str("## Tools\n\n");
    let mut any = false;
    for (place, entry) in standing.house().catalogue.tools().iter().enumerate() {
        let asks = match standing.view().tool(place) {
            Decision::Deny { .. } => continue,
            Decision::Confirm { .. } => "; a person must approve each call",
            Decision::Allow { .. } => "",
        };
        any = true;
        let does = does(entry.tool.tier);
        let raised =
            entry
                .tool
                .raises
                .iter()
                .map(|raise| match standing.view().raised(place, raise.to) {
                    None | Some(Decision::Deny { .. }) => format!("; not for you: {raise}"),
                    Some(Decision::Confirm { .. }) => {
                        format!(
                            "; {raise}: {}, and a person must approve it",
                            self::does(raise.to)
                        )
                    }
                    Some(Decision::Allow { .. }) => format!("; {raise}: {}", self::does(raise.to)),
                });
        let raised: String = raised.collect();
        let description = entry.tool.description();
        let first = description.split(". ").next().unwrap_or_default();
        let _ = writeln!(
            text,
            "- `{}` ({does}{asks}{raised}): {}.",
            entry.tool.name,
            first.trim_end_matches('.')
        );
    }
    if !any {
        text.push_str("None: your roles allow no tool that is offered here.\n");
    }
    text.push('\n');
    notes(text, standing);
}

/// What providers say of themselves, where the caller sees one of their tools.
fn notes(text: &mut String, standing: &Standing) {
    let catalogue = &standing.house().catalogue;
    let is_seen = |provider: &Arc<dyn Provider>| {
        let tools = catalogue.tools().iter().enumerate();
        tools
            .filter(|(_, entry)| Arc::ptr_eq(&entry.provider, provider))
            .any(|(place, _)| !matches!(standing.view().tool(place), Decision::Deny { .. }))
    };
    let notes = catalogue.notes().iter();
    for note in notes.filter(|note| is_seen(&note.provider)) {
        let _ = writeln!(text, "{}\n", note.item);
    }
}

fn does(tier: Tier) -> &'static str {
    match tier {
        Tier::Read => "changes nothing",
        Tier::Operate => "changes things",
        Tier::Danger => "can destroy",
    }
}

fn limits(text: &mut String, standing: &Standing) {
    let limits = &standing.house().settings.limits;
    text.push_str("## Limits\n\n");
    if let Some(bucket) = &standing.calls {
        let (burst, each) = (bucket.quota.burst(), bucket.quota.period() as f64 / 1e9);
        let _ = writeln!(text, "- Calls: {burst} at once, then one each {each:.3} s.");
    }
    if let Some(most) = standing.concurrency {
        let _ = writeln!(text, "- At once: {most}.");
    }
    let _ = writeln!(
        text,
        "- Time a call may take: {} s.",
        standing.timeout.as_secs_f32()
    );
    let _ = writeln!(text, "- Largest answer: {} bytes.\n", limits.result_bytes);
}
