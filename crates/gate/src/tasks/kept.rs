//! What is remembered of legacy clients' tasks: how they were last seen, that they were cancelled, and the
//! result of a call that was answered at once. It is here alone, and lost with this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use durward_core::{CallerId, Cancel, RawJson, Refusal, RefusalCode, ToolName};
use durward_wire::bridge::tasks;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{endpoint::Endpoint, house::ExchangeLimits};

/// Results of all callers together may be so many times as long as the longest one.
const RESULTS: usize = 2;
/// A task whose server says nothing of its life is remembered for so long.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// All of them.
#[derive(Default)]
pub(crate) struct Kept(Mutex<All>);

#[derive(Default)]
struct All {
    entries: HashMap<Uuid, Arc<Entry>>,
    made: u64,
}

/// Whose task it is, of which tool, and where it was asked for.
#[derive(Clone)]
pub(super) struct Of {
    pub(super) caller: CallerId,
    pub(super) tool: ToolName,
    pub(super) endpoint: Endpoint,
}

/// One task.
pub(super) struct Entry {
    pub(super) of: Of,
    /// They are listed in the order that they were made in.
    made: u64,
    state: Mutex<State>,
    /// Ends whatever waits for the task's end.
    pub(super) cancelled: Cancel,
    /// It is remembered no longer: nothing is done for it any more.
    pub(super) gone: Cancel,
}

struct State {
    expires: Instant,
    /// As its client saw it last, in the legacy shape; nothing while the call is under way.
    seen: Option<RawJson>,
    /// What its call was answered at once.
    result: Option<RawJson>,
}

/// A place for a task whose call is under way; given back when it is dropped.
pub(super) struct Reserved<'a> {
    kept: &'a Kept,
    pub(super) id: Uuid,
    entry: Arc<Entry>,
}

impl Kept {
    /// A place for one more task of this caller. One that is known to have ended makes room.
    pub(super) fn reserve(
        &self,
        id: Uuid,
        of: Of,
        limits: &ExchangeLimits,
    ) -> Result<Reserved<'_>, Refusal> {
        let now = Instant::now();
        let mut all = self.lock();
        all.forget(|entry| entry.expires() <= now);
        let is_own = |entry: &Entry| entry.of.caller == of.caller;
        if all.entries.values().filter(|it| is_own(it)).count() >= limits.each_caller {
            all.forget_one(is_own);
        }
        if all.entries.len() >= limits.all {
            all.forget_one(|_| true);
        }
        let of_caller = all.entries.values().filter(|it| is_own(it)).count();
        if of_caller >= limits.each_caller || all.entries.len() >= limits.all {
            let sentence =
                "Too many tasks of yours are under way. Look at one that has ended, or cancel one.";
            return Err(Refusal::new(RefusalCode::RateLimited, sentence).detail("too_many_tasks"));
        }
        all.made += 1;
        let entry = Arc::new(Entry {
            of,
            made: all.made,
            state: Mutex::new(State {
                expires: now + LONGEST,
                seen: None,
                result: None,
            }),
            cancelled: Cancel::new(),
            gone: Cancel::new(),
        });
        all.entries.insert(id, Arc::clone(&entry));
        Ok(Reserved {
            kept: self,
            id,
            entry,
        })
    }

    /// The task of this name, if it is remembered.
    pub(super) fn find(&self, id: Uuid) -> Option<Arc<Entry>> {
        let entry = self.lock().entries.get(&id).cloned()?;
        (entry.expires() > Instant::now() && entry.seen().is_some()).then_some(entry)
    }

    /// The task of this name is remembered no longer.
    pub(super) fn forget(&self, id: Uuid) {
        self.lock().remove(id);
    }

    /// This caller's tasks here, oldest first.
    pub(super) fn of(&self, caller: &CallerId, endpoint: &Endpoint) -> Vec<Arc<Entry>> {
        let now = Instant::now();
        let all = self.lock();
        let own = |entry: &&Arc<Entry>| {
            entry.of.caller == *caller && entry.of.endpoint == *endpoint && entry.expires() > now
        };
        let mut found: Vec<_> = all.entries.values().filter(own).cloned().collect();
        found.sort_by_key(|entry| entry.made);
        found
    }

    /// Forgets all that this caller has here.
    pub(crate) fn end_of(&self, caller: &CallerId) {
        self.end(|entry| entry.of.caller == *caller);
    }

    /// Forgets all.
    pub(crate) fn end_all(&self) {
        self.end(|_| true);
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.lock().entries.len()
    }

    fn end(&self, which: impl Fn(&Entry) -> bool) {
        let mut all = self.lock();
        for entry in all.entries.values().filter(|it| which(it)) {
            entry.cancelled.cancel();
        }
        all.forget(which);
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    /// Forgets the oldest of these whose end was seen.
    fn forget_one(&mut self, which: impl Fn(&Entry) -> bool) {
        let ended = self
            .entries
            .iter()
            .filter(|(_, it)| which(it) && it.has_ended());
        let oldest = ended.min_by_key(|(_, it)| it.made).map(|(id, _)| *id);
        if let Some(oldest) = oldest {
            self.remove(oldest);
        }
    }

    fn forget(&mut self, which: impl Fn(&Entry) -> bool) {
        let forgotten = self.entries.extract_if(|_, entry| which(entry));
        forgotten.for_each(|(_, entry)| entry.gone.cancel());
    }

    fn remove(&mut self, id: Uuid) {
        if let Some(entry) = self.entries.remove(&id) {
            entry.gone.cancel();
        }
    }
}

impl Reserved<'_> {
    /// The call has become a task, which is shown so and lives for so long.
    pub(super) fn keep(self, seen: RawJson, ttl: Option<Duration>) -> Arc<Entry> {
        let entry = Arc::clone(&self.entry);
        let mut state = entry.lock();
        state.expires = Instant::now() + ttl.unwrap_or(LONGEST).min(LONGEST);
        state.seen = Some(seen);
        drop(state);
        entry
    }

    /// Takes the result of a call that was answered at once, if there is room for it. `longest` is what one
    /// result may have.
    pub(super) fn take(&self, result: RawJson, longest: usize) -> Result<(), Refusal> {
        let all = self.kept.lock();
        let bytes: usize = all.entries.values().map(|it| it.bytes()).sum();
        if bytes + result.len() > longest.saturating_mul(RESULTS) {
            let sentence = "The call was carried out, but too many results wait to be fetched for its own to be kept.";
            return Err(Refusal::new(RefusalCode::RateLimited, sentence).detail("too_many_results"));
        }
        self.entry.lock().result = Some(result);
        Ok(())
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.entry.seen().is_none() {
            self.kept.lock().remove(self.id);
        }
    }
}

impl Entry {
    /// As its client saw it last.
    pub(super) fn seen(&self) -> Option<RawJson> {
        self.lock().seen.clone()
    }

    /// What its call was answered at once.
    pub(super) fn result(&self) -> Option<RawJson> {
        self.lock().result.clone()
    }

    /// Its client sees it so.
    pub(super) fn note(&self, seen: &RawJson) {
        if !self.cancelled.is_cancelled() {
            self.lock().seen = Some(seen.clone());
        }
    }

    /// It is cancelled, and stays so.
    pub(super) fn cancel(&self, seen: &RawJson) {
        let mut state = self.lock();
        state.seen = Some(seen.clone());
        state.result = None;
        drop(state);
        self.cancelled.cancel();
    }

    /// Was its end seen?
    pub(super) fn has_ended(&self) -> bool {
        let seen = self.seen();
        let status = seen.as_ref().and_then(tasks::status);
        status.is_some_and(tasks::Status::is_final)
    }

    /// When it is forgotten.
    pub(super) fn expires(&self) -> Instant {
        self.lock().expires
    }

    fn bytes(&self) -> usize {
        self.lock().result.as_ref().map_or(0, RawJson::len)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(who: u32) -> Of {
        Of {
            caller: CallerId::of_os_user(who),
            tool: ToolName::new("crm__x").unwrap(),
            endpoint: Endpoint::Merged,
        }
    }

    fn limits() -> ExchangeLimits {
        ExchangeLimits {
            each_caller: 2,
            all: 3,
            ..ExchangeLimits::default()
        }
    }

    fn made(kept: &Kept, id: u128, who: u32, status: &str) -> Result<Arc<Entry>, &'static str> {
        let reserved = kept.reserve(Uuid::from_u128(id), of(who), &limits());
        let seen = RawJson::of(&serde_json::json!({"status": status})).unwrap();
        match reserved {
            Ok(reserved) => Ok(reserved.keep(seen, Some(Duration::from_secs(60)))),
            Err(refusal) => Err(refusal.detail.unwrap()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn they_are_bounded_and_those_that_ended_make_room() {
        let kept = Kept::default();
        made(&kept, 1, 1, "working").unwrap();
        made(&kept, 2, 1, "completed").unwrap();
        made(&kept, 3, 1, "working").unwrap();
        assert!(kept.find(Uuid::from_u128(2)).is_none(), "it made room");
        assert_eq!(made(&kept, 4, 1, "working").err(), Some("too_many_tasks"));
        made(&kept, 5, 2, "working").unwrap();
        assert_eq!(made(&kept, 6, 3, "working").err(), Some("too_many_tasks"));
        assert_eq!(kept.of(&of(1).caller, &Endpoint::Merged).len(), 2);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(kept.find(Uuid::from_u128(1)).is_none());
        made(&kept, 7, 3, "working").unwrap();
    }

    #[tokio::test]
    async fn a_call_that_became_none_gives_its_place_back() {
        let kept = Kept::default();
        drop(kept.reserve(Uuid::from_u128(1), of(1), &limits()).unwrap());
        assert!(kept.of(&of(1).caller, &Endpoint::Merged).is_empty());
    }

    #[tokio::test]
    async fn results_are_bounded_together() {
        let kept = Kept::default();
        let result = || RawJson::of(&"x".repeat(98)).unwrap();
        let take = |id| {
            let limits = ExchangeLimits::default();
            let reserved = kept.reserve(Uuid::from_u128(id), of(1), &limits).unwrap();
            let taken = reserved
                .take(result(), 100)
                .map_err(|it| it.detail.unwrap());
            taken.map(|()| reserved.keep(RawJson::empty_object(), None))
        };
        assert!(take(1).is_ok());
        let second = take(2).unwrap();
        assert_eq!(take(3).err(), Some("too_many_results"));
        second.cancel(&RawJson::empty_object());
        assert!(take(4).is_ok(), "what is cancelled has no result");
    }

    #[tokio::test]
    async fn what_is_cancelled_stays_so() {
        let kept = Kept::default();
        let entry = made(&kept, 1, 1, "working").unwrap();
        let cancelled = RawJson::from_static(r#"{"status":"cancelled"}"#);
        entry.cancel(&cancelled);
        entry.note(&RawJson::from_static(r#"{"status":"completed"}"#));
        assert_eq!(entry.seen(), Some(cancelled));
        kept.end_of(&of(1).caller);
        assert!(kept.find(Uuid::from_u128(1)).is_none());
    }
}
