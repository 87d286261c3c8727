//! Where a parked call's progress and logs go: to whoever attends it, and kept while nobody does.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use durward_core::{LogLevel, Notify, RawJson};

/// Most logs that are kept.
const MOST_LOGS: usize = 64;

#[derive(Default)]
pub(super) struct Relay(Mutex<State>);

#[derive(Default)]
struct State {
    to: Option<Arc<dyn Notify>>,
    is_parked: bool,
    /// The last of it.
    progress: Option<Told>,
    logs: VecDeque<Told>,
}

/// One message, in our words or a server's.
enum Told {
    Progress(u64, Option<u64>, Option<Box<str>>),
    Log(LogLevel, Box<str>, RawJson),
    GivenProgress(RawJson),
    GivenLog(LogLevel, RawJson),
}

impl Told {
    fn to(self, notify: &dyn Notify) {
        match self {
            Self::Progress(done, total, message) => {
                notify.progress(done, total, message.as_deref())
            }
            Self::Log(level, logger, data) => notify.log(level, &logger, data),
            Self::GivenProgress(params) => notify.relay_progress(&params),
            Self::GivenLog(level, params) => notify.relay_log(level, params),
        }
    }

    fn is_progress(&self) -> bool {
        matches!(self, Self::Progress(..) | Self::GivenProgress(_))
    }
}

impl Relay {
    /// Sends what was kept and all that comes to this client, if it wants any.
    pub(super) fn attach(&self, to: Option<Arc<dyn Notify>>) {
        let mut state = self.lock();
        state.is_parked = false;
        let (progress, logs) = (state.progress.take(), std::mem::take(&mut state.logs));
        if let Some(to) = &to {
            for told in progress.into_iter().chain(logs) {
                told.to(to.as_ref());
            }
        }
        state.to = to;
    }

    /// Keeps what comes from now on.
    pub(super) fn park(&self) {
        let mut state = self.lock();
        state.to = None;
        state.is_parked = true;
    }

    fn tell(&self, told: Told) {
        let mut state = self.lock();
        if let Some(to) = state.to.clone() {
            drop(state);
            told.to(to.as_ref());
        } else if state.is_parked && told.is_progress() {
            state.progress = Some(told);
        } else if state.is_parked {
            if state.logs.len() == MOST_LOGS {
                state.logs.pop_front();
            }
            state.logs.push_back(told);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notify for Relay {
    fn progress(&self, done: u64, total: Option<u64>, message: Option<&str>) {
        self.tell(Told::Progress(done, total, message.map(Box::from)));
    }

    fn log(&self, level: LogLevel, logger: &str, data: RawJson) {
        self.tell(Told::Log(level, logger.into(), data));
    }

    fn relay_progress(&self, params: &RawJson) {
        self.tell(Told::GivenProgress(params.clone()));
    }

    fn relay_log(&self, level: LogLevel, params: RawJson) {
        self.tell(Told::GivenLog(level, params));
    }
}
