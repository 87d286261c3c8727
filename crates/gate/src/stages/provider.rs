//! Done: the one place that calls a provider.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Duration,
};

use durward_core::{Answer, Cancel, Refusal, RefusalCode};

use crate::walk::{Ended, Progress, Walk};

/// Lets the provider work until it answers, is cancelled or runs out of time.
pub(crate) async fn call(walk: &mut Walk<'_>) {
    let Some(provider) = walk.provider() else {
        return;
    };
    let (cancel, timeout) = (walk.call.cancel.clone(), walk.call.timeout);
    // A provider may panic before it hands over its future, so that is part of the work.
    let work = async { provider.call(&walk.call).await };
    let result = bounded(work, &cancel, timeout).await;
    // Work that goes on elsewhere, on a blocking thread say, is to stop with the call.
    cancel.cancel();
    walk.progress = Progress::Out(match result {
        Ok(answer) => Ended::Answered(answer),
        Err(refusal) => Ended::Refused(refusal),
    });
}

async fn bounded(
    work: impl Future<Output = Result<Answer, Refusal>>,
    cancel: &Cancel,
    timeout: Duration,
) -> Result<Answer, Refusal> {
    tokio::select! {
        biased;
        result = caught(work) => result,
        () = cancel.cancelled() => {
            Err(Refusal::new(RefusalCode::Cancelled, "The call was cancelled."))
        }
        () = tokio::time::sleep(timeout) => Err(Refusal::new(
            RefusalCode::Timeout,
            format!("The call took longer than {} ms and was stopped.", timeout.as_millis()),
        )),
    }
}

/// A panic of a provider ends its call and nothing else.
async fn caught(work: impl Future<Output = Result<Answer, Refusal>>) -> Result<Answer, Refusal> {
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
