//! May you? The view of the caller's roles decides: what is listed is exactly what can be called.

use durward_core::Target;
use durward_guard::policy::Decision;

use crate::walk::{Subject, Verdict, Walk, unknown};

/// Refuses what the caller may not see as if it were not there.
pub(crate) fn judge(walk: &mut Walk<'_>) -> Verdict {
    let view = walk.standing.view();
    let decision = match (&walk.subject, &walk.call.target) {
        (Subject::Tool(place), _) => Some(view.tool(*place)),
        (Subject::Listed(_), Target::Resource(uri)) => view.resource(uri),
        (Subject::Listed(_), Target::Prompt(name)) => view.prompt(name),
        (Subject::Listed(_), Target::Tool(_)) | (Subject::Unknown, _) => None,
    };
    match decision {
        Some(Decision::Allow { rule }) => {
            walk.rule = Some(rule.clone());
            Verdict::Pass
        }
        Some(Decision::Confirm { rule }) => Verdict::Ask { rule: rule.clone() },
        Some(Decision::Deny { rule }) => {
            Verdict::Refuse(unknown(&walk.call.target, walk.called.as_deref()).rule(rule.clone()))
        }
        None => Verdict::Refuse(unknown(&walk.call.target, walk.called.as_deref())),
    }
}
