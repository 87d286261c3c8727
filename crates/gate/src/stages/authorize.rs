//! May you? The view of the caller's roles decides: what is listed is exactly what can be called.

use durward_core::{Refusal, RefusalCode, Target};
use durward_guard::policy::Decision;

use crate::walk::{Subject, Verdict, Walk, unknown};

/// Refuses what the caller may not see as if it were not there, and arguments that make more of a
/// tool than the caller may do.
pub(crate) fn judge(walk: &mut Walk<'_>) -> Verdict {
    let view = walk.standing.view();
    let decision = match (&walk.subject, &walk.call.target) {
        (Subject::Tool(place), _) => Some(view.tool(*place)),
        (Subject::Listed(_), Target::Resource(uri)) => view.resource(uri),
        (Subject::Listed(_), Target::Prompt(name)) => view.prompt(name),
        (Subject::Listed(_), Target::Tool(_)) | (Subject::Unknown, _) => None,
    };
    let asks = match decision {
        Some(Decision::Allow { rule }) => {
            walk.rule = Some(rule.clone());
            None
        }
        Some(Decision::Confirm { rule }) => Some(rule.clone()),
        Some(Decision::Deny { rule }) => {
            let refusal = unknown(&walk.call.target, walk.called.as_deref());
            return Verdict::Refuse(refusal.rule(rule.clone()));
        }
        None => return Verdict::Refuse(unknown(&walk.call.target, walk.called.as_deref())),
    };
    match (raised(walk), asks) {
        (Verdict::Pass, Some(rule)) => Verdict::Ask { rule },
        (verdict, _) => verdict,
    }
}

/// What the policy says of the tier that the arguments make.
fn raised(walk: &mut Walk<'_>) -> Verdict {
    let Subject::Tool(place) = walk.subject else {
        return Verdict::Pass;
    };
    match walk.standing.view().raised(place, walk.tier()) {
        None => Verdict::Pass,
        Some(Decision::Allow { rule }) => {
            walk.rule = Some(rule.clone());
            Verdict::Pass
        }
        Some(Decision::Confirm { rule }) => Verdict::Ask { rule: rule.clone() },
        Some(Decision::Deny { rule }) => Verdict::Refuse(too_much(walk).rule(rule.clone())),
    }
}

/// Tells the caller which arguments are open to it.
fn too_much(walk: &Walk<'_>) -> Refusal {
    let raises = walk.tool().map_or(&[][..], |entry| entry.tool.raises);
    let within: Vec<_> = raises
        .iter()
        .filter(|raise| raise.to == walk.tier())
        .map(|raise| format!("`{}` is {}", raise.argument, raise.unless.join(" or ")))
        .collect();
    let sentence = format!(
        "Your roles allow this tool only where {}.",
        within.join(" and ")
    );
    Refusal::new(RefusalCode::Denied, sentence).detail("tier")
}
