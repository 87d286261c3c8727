//! Done: the one place that calls a provider.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use durward_core::{Answer, Cancel, Provider, Refusal, RefusalCode};
use durward_guard::breaker;

use crate::{
    exchange::converse,
    walk::{Ended, Progress, Walk},
};

/// Lets the provider work until it answers, is cancelled or runs out of time. A server may ask the client
/// something meanwhile.
pub(crate) async fn call(walk: &mut Walk<'_>) {
    let Some(provider) = walk.provider() else {
        return;
    };
    let (cancel, timeout) = (walk.call.cancel.clone(), walk.call.timeout);
    let result = if provider.server().is_some() || walk.state.is_some() {
        let answer = converse(walk, Arc::clone(&provider)).await;
        answer.map_err(|refusal| by_name(refusal, provider.as_ref(), timeout))
    } else {
        // A provider may panic before it hands over its future, so that is part of the work.
        let work = async { provider.call(&walk.call).await };
        bounded(work, &cancel, timeout, tokio::time::sleep(timeout)).await
    };
    // Work that goes on elsewhere, on a blocking thread say, is to stop with the call.
    cancel.cancel();
    walk.tell_breaker(breaker::Ended::of(&result));
    walk.progress = Progress::Out(match result {
        Ok(answer) => Ended::Answered(answer),
        Err(refusal) => Ended::Refused(refusal),
    });
}

/// Lets work go on until `run_out` ends.
pub(crate) async fn bounded(
    work: impl Future<Output = Result<Answer, Refusal>>,
    cancel: &Cancel,
    timeout: Duration,
    run_out: impl Future<Output = ()>,
) -> Result<Answer, Refusal> {
    tokio::select! {
        biased;
        result = caught(work) => result,
        () = cancel.cancelled() => Err(cancelled()),
        () = run_out => Err(took_too_long(timeout)),
    }
}

pub(crate) fn cancelled() -> Refusal {
    Refusal::new(RefusalCode::Cancelled, "The call was cancelled.")
}

pub(crate) fn took_too_long(timeout: Duration) -> Refusal {
    let millis = timeout.as_millis();
    Refusal::new(
        RefusalCode::Timeout,
        format!("The call took longer than {millis} ms and was stopped."),
    )
}

/// A server whose time has run out is named.
fn by_name(refusal: Refusal, provider: &dyn Provider, timeout: Duration) -> Refusal {
    match (refusal.code, refusal.detail, provider.server()) {
        (RefusalCode::Timeout, None, Some(server)) => Refusal::new(
            RefusalCode::Timeout,
            format!(
                "Server `{server}` took longer than {} ms, and the call was stopped. It may have been carried out.",
                timeout.as_millis()
            ),
        ),
        _ => refusal,
    }
}

/// A panic of a provider ends its call and nothing else.
pub(crate) async fn caught(
    work: impl Future<Output = Result<Answer, Refusal>>,
) -> Result<Answer, Refusal> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(_) => Poll::Ready(Err(Refusal::new(
                RefusalCode::Internal,
                "The tool failed inside durward; the log says how.",
            )
            .detail("panicked"))),
        }
    })
    .await
}
