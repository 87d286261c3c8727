//! The walk: every call, by whatever door and in whatever revision, goes through this one list.
//!
//! A stage on the way in sees the call and lets it pass, wants a human asked, or refuses it. Only
//! the client's roots, the intent, the provider and the outcome wait. Nothing reaches a provider another way.

use crate::{
    stages::{
        ask, authorize, caller, headers, intent, limits, outcome, provider, roots, schema, size,
    },
    walk::{Check, Ended, Judge, Walk},
};

/// One step of the walk.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    /// On the way in: judges the call.
    Judge(&'static str, Judge),
    /// Learns what the client itself shares.
    Roots,
    /// Puts what the judges want asked to a human.
    Ask,
    /// Writes down what is about to be done.
    Intent,
    /// Does it.
    Provider,
    /// On the way out: looks at the answer.
    Check(&'static str, Check),
    /// Writes down what came of it; the answer may leave.
    Outcome,
}

impl Stage {
    /// What the log calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Judge(name, _) | Self::Check(name, _) => name,
            Self::Roots => "roots",
            Self::Ask => "ask",
            Self::Intent => "intent",
            Self::Provider => "provider",
            Self::Outcome => "outcome",
        }
    }
}

/// The list. Read it from top to bottom and you have read the product.
pub(crate) const WALK: &[Stage] = &[
    // Who are you? Still the one that the door let in: not expired, not revoked, your own session.
    Stage::Judge("caller", caller::judge),
    // May you? What the roles allow is what is listed; all else does not exist for this caller.
    Stage::Judge("authorize", authorize::judge),
    // Not too often, not too many at once, not for too long.
    Stage::Judge("limits", limits::judge),
    // Do its headers say what it says? A modern tool may want arguments repeated there.
    Stage::Judge("headers", headers::judge),
    // Is it well-formed? JSON Schema 2020-12 of the tool.
    Stage::Judge("schema", schema::judge),
    // Within what the client itself shares?
    Stage::Roots,
    // Is it safe? `inspect` and `flow` will stand here.
    // Does a human agree?
    Stage::Ask,
    // Written down before it is done.
    Stage::Intent,
    // Done.
    Stage::Provider,
    // Is the answer within bounds?
    Stage::Check("size", size::check),
    // `inspect` will look at the answer here.
    // Written down before it is answered.
    Stage::Outcome,
];

/// Takes one call along `stages`.
pub(crate) async fn run(stages: &[Stage], walk: &mut Walk<'_>) -> Ended {
    for stage in stages {
        match *stage {
            Stage::Judge(_, judge) => {
                let verdict = judge(walk);
                walk.take(verdict);
            }
            Stage::Roots => roots::learn(walk).await,
            Stage::Ask => ask::put(walk),
            Stage::Intent => intent::write(walk).await,
            Stage::Provider => provider::call(walk).await,
            Stage::Check(_, check) => check(walk),
            Stage::Outcome => outcome::write(walk).await,
        }
        if walk.is_refused_on_the_way_in() {
            tracing::debug!(stage = stage.name(), "refused");
            // A refusal is one record, and nothing else happens to the call.
            outcome::write_refusal(walk).await;
            break;
        }
    }
    walk.end()
}
