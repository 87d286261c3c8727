//! Work that may take long, off the thread that serves.

use durward_cage::files::{Survey, WalkLimits};
use durward_core::{Call, Cancel, Refusal, RefusalCode};

/// Files up to this size are read where the call is served: handing over costs more.
pub(crate) const INLINE: u64 = 64 * 1024;

/// What is moved or deleted at once: more is refused. Each level holds a descriptor or two.
const AT_ONCE: WalkLimits = WalkLimits {
    depth: 128,
    entries: 100_000,
};

/// How a directory is looked through before it is moved or deleted.
pub(crate) fn survey<'a>(is_cancelled: &'a dyn Fn() -> bool) -> Survey<'a> {
    Survey {
        limits: AT_ONCE,
        is_cancelled,
    }
}

/// Stops the work when the future that waits for it is dropped.
struct StopOnDrop(Cancel);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Runs `work` on a thread for blocking work. It must watch the [`Cancel`] that it is given.
pub(crate) async fn off_thread<T: Send + 'static>(
    call: &Call,
    work: impl FnOnce(&Cancel) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let stop = StopOnDrop(call.cancel.child());
    let seen = stop.0.clone();
    let done = tokio::task::spawn_blocking(move || match seen.is_cancelled() {
        // The thread came too late.
        true => Err(Refusal::new(
            RefusalCode::Cancelled,
            "the call was cancelled",
        )),
        false => work(&seen),
    })
    .await;
    done.unwrap_or_else(|_| {
        Err(Refusal::new(
            RefusalCode::Internal,
            "the work ended in a way that it must not",
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        task::{Context, Waker},
        time::Duration,
    };

    use durward_testkit::call;

    use super::*;

    #[test]
    fn dropping_the_future_stops_the_work_and_not_the_call() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let call = call("fs_search", "{}");
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let (begin, began) = std::sync::mpsc::channel();
        runtime.block_on(async {
            let mut work = Box::pin(off_thread(&call, move |stop| {
                let _ = begin.send(());
                while !stop.is_cancelled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                seen.store(true, Ordering::Release);
                Ok(())
            }));
            assert!(
                work.as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
            began.recv().unwrap();
        });
        // Waits for the thread: work that went on would hang here.
        drop(runtime);
        assert!(ended.load(Ordering::Acquire) && !call.cancel.is_cancelled());
    }

    #[tokio::test]
    async fn work_that_is_not_wanted_any_more_is_not_begun() {
        let call = call("fs_write", "{}");
        call.cancel.cancel();
        let done: Result<(), Refusal> = off_thread(&call, |_| panic!("it began")).await;
        assert_eq!(done.unwrap_err().code, RefusalCode::Cancelled);
    }

    #[tokio::test]
    async fn a_panic_is_a_refusal() {
        let call = call("fs_search", "{}");
        let done: Result<(), Refusal> = off_thread(&call, |_| panic!("a fault of ours")).await;
        assert_eq!(done.unwrap_err().code, RefusalCode::Internal);
    }
}
