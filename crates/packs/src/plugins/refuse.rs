//! What callers are told of a plugin that did not do what it was asked: its name, and nothing of the host.

use std::time::Duration;

use durward_core::{Refusal, RefusalCode};

use super::said::Unfit;

/// It ended otherwise than by its contract.
pub(super) fn failed(name: &str, how: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Unavailable,
        format!("The plugin `{name}` failed: {how}."),
    )
    .detail("plugin_failed")
}

/// It went while it worked on this and, if it can, on others.
pub(super) fn died(name: &str, how: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Unavailable,
        format!(
            "The plugin `{name}` did not live to answer: {how}. The call may have been carried out."
        ),
    )
    .detail("plugin_died")
}

/// What it printed is no answer.
pub(super) fn unfit(name: &str, unfit: &Unfit) -> Refusal {
    Refusal::new(
        RefusalCode::Unavailable,
        format!("The answer of the plugin `{name}` can't be used: {unfit}."),
    )
    .detail("plugin_answer")
}

/// It printed more than is taken from it.
pub(super) fn too_large(name: &str, limit: usize) -> Refusal {
    Refusal::new(
        RefusalCode::TooLarge,
        format!(
            "The plugin `{name}` printed more than {limit} bytes, and was ended. Ask for less."
        ),
    )
    .detail("plugin_output")
}

/// It took longer than it may.
pub(super) fn too_slow(name: &str, timeout: Duration) -> Refusal {
    let millis = timeout.as_millis();
    Refusal::new(
        RefusalCode::Timeout,
        format!(
            "The plugin `{name}` took longer than {millis} ms and was stopped. The call may have been carried out."
        ),
    )
}

/// So many calls wait for it that another one would wait too long.
pub(super) fn busy(name: &str) -> Refusal {
    Refusal::new(
        RefusalCode::RateLimited,
        format!("Too many calls wait for the plugin `{name}`."),
    )
    .detail("plugin_busy")
    .retry_after(Duration::from_millis(500))
}

/// It failed, and is left alone for a while.
pub(super) fn resting(name: &str, wait: Duration) -> Refusal {
    let millis = wait.as_millis().max(1);
    Refusal::new(
        RefusalCode::Unavailable,
        format!(
            "The plugin `{name}` keeps failing and is left alone. This call was not carried out; try again in {millis} ms."
        ),
    )
    .detail("plugin_resting")
    .retry_after(wait)
}

/// It is not the one that was loaded.
pub(super) fn changed(name: &str) -> Refusal {
    Refusal::new(
        RefusalCode::DefinitionChanged,
        format!(
            "The plugin `{name}` was changed since it was loaded, so it was not started. It is loaded again as soon as \
             the change is seen; try again."
        ),
    )
    .detail("plugin_changed")
    .retry_after(Duration::from_secs(1))
}
