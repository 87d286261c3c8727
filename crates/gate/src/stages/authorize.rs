//! May you? The view of the caller's roles decides: what is listed is exactly what can be called.

use std::borrow::Cow;

use durward_core::{Refusal, Target};
use durward_guard::policy::Decision;

use crate::{
    catalogue::Covered,
    view::judge_place,
    walk::{Subject, Verdict, Walk, unknown},
};

/// Refuses what the caller may not see as if it were not there.
pub(crate) fn judge(walk: &mut Walk<'_>) -> Verdict {
    let decision = match decide(walk) {
        Ok(decision) => decision,
        Err(refusal) => return Verdict::Refuse(refusal),
    };
    match decision.as_deref() {
        Some(Decision::Allow { rule }) => {
            let rule = rule.clone();
            walk.rule = Some(rule);
            Verdict::Pass
        }
        Some(Decision::Confirm { rule }) => Verdict::Ask { rule: rule.clone() },
        Some(Decision::Deny { rule }) => {
            Verdict::Refuse(unknown(&walk.call.target, walk.called.as_deref()).rule(rule.clone()))
        }
        None => Verdict::Refuse(unknown(&walk.call.target, walk.called.as_deref())),
    }
}

/// What the policy says; nothing where there is nothing of that name. A URI that is spelled in a way
/// that is not taken is refused with the reason, if the caller knows of the template at all.
fn decide<'a>(walk: &'a Walk<'_>) -> Result<Option<Cow<'a, Decision>>, Refusal> {
    let (standing, target) = (walk.standing, &walk.call.target);
    let view = standing.view();
    let house = standing.house();
    Ok(match (&walk.subject, target) {
        (Subject::Tool(place), _) => Some(Cow::Borrowed(view.tool(*place))),
        (Subject::Listed(_), Target::Resource(uri)) => view.resource(uri).map(Cow::Borrowed),
        (Subject::Listed(_), Target::Prompt(name)) => view.prompt(name).map(Cow::Borrowed),
        (Subject::Covered(Covered { provider, place }), target) => {
            let is_known =
                || view.shows_template_for(&house.catalogue, provider.as_ref(), target.name());
            match place {
                Ok(place) => {
                    let roles = &standing.caller().roles;
                    let decision = judge_place(&house.policy, roles, provider.as_ref(), place);
                    Some(Cow::Owned(decision))
                }
                Err(refusal) if is_known() => {
                    return Err(refusal.clone());
                }
                Err(_) => None,
            }
        }
        (Subject::Template(_), Target::Resource(pattern)) if view.shows_template(pattern) => {
            Some(Cow::Owned(Decision::Allow {
                rule: "the template is shown".to_owned(),
            }))
        }
        _ => None,
    })
}
