//! May you? The view of the caller's roles decides: what is listed is exactly what can be called.

use std::borrow::Cow;

use durward_core::{Refusal, RefusalCode, Target};
use durward_guard::policy::Decision;

use crate::{
    catalogue::Covered,
    view::judge_place,
    walk::{Subject, Verdict, Walk, unknown},
};

/// Refuses what the caller may not see as if it were not there, and arguments that make more of a
/// tool than the caller may do.
pub(crate) fn judge(walk: &mut Walk<'_>) -> Verdict {
    let decision = match decide(walk) {
        Ok(decision) => decision.map(Cow::into_owned),
        Err(refusal) => return Verdict::Refuse(refusal),
    };
    let asks = match decision {
        Some(Decision::Allow { rule }) => {
            walk.rule = Some(rule);
            None
        }
        Some(Decision::Confirm { rule }) => Some(rule),
        Some(Decision::Deny { rule }) => {
            let refusal = unknown(&walk.call, walk.called.as_deref());
            return Verdict::Refuse(refusal.rule(rule));
        }
        None => return Verdict::Refuse(unknown(&walk.call, walk.called.as_deref())),
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
                    let decision =
                        judge_place(&house.settings.policy, roles, provider.as_ref(), place);
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
