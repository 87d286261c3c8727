//! Telling of files that change.

use std::sync::{Arc, Mutex, PoisonError};

use durward_cage::files::{Root, WatchFault, Watched, Watcher};
use durward_core::{Located, OnChange, Refusal, RefusalCode, Watch};

use super::{
    places::Places,
    uris::{self, Spelled},
};

/// The pack's watcher, started when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Watching(Mutex<Option<Watcher>>);

struct Resource {
    spelled: Spelled,
    changed: OnChange,
}

impl Watching {
    pub(super) fn watch(
        &self,
        places: &Places,
        located: &Located,
        changed: OnChange,
    ) -> Result<Option<Watch>, Refusal> {
        let Some(spelled) = uris::find(places, &located.uri) else {
            return Ok(None);
        };
        let spelled = spelled?;
        let watching = self
            .watcher()
            .and_then(|watcher| watcher.watch(Arc::new(Resource { spelled, changed })));
        watching
            .map(|it| Some(Watch::of(it)))
            .map_err(|fault| match fault {
                WatchFault::TooMany | WatchFault::TooDeep => Refusal::new(
                    RefusalCode::Unavailable,
                    format!("It can't be watched: {fault}."),
                )
                .detail("too_many_watches"),
                WatchFault::System(errno) => {
                    tracing::warn!(%errno, "a file can't be watched");
                    Refusal::new(RefusalCode::Unavailable, "It can't be watched now.")
                        .detail("watch_failed")
                }
            })
    }

    fn watcher(&self) -> Result<Watcher, WatchFault> {
        let mut started = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match started.as_ref() {
            Some(watcher) => Ok(watcher.clone()),
            None => Ok(started.insert(Watcher::start()?).clone()),
        }
    }
}

impl Watched for Resource {
    fn root(&self) -> &Root {
        &self.spelled.place.area.root
    }

    fn paths(&self) -> Vec<String> {
        let asked = self.spelled.place.path().to_owned();
        let led = self.spelled.leads_to().filter(|path| *path != asked);
        std::iter::once(asked).chain(led).collect()
    }

    fn is_folder(&self) -> bool {
        self.spelled.is_folder
    }

    /// Tells it, unless what lies there now may not be read.
    fn changed(&self) {
        if self.spelled.judge_there().is_ok() {
            (self.changed)();
        }
    }
}
