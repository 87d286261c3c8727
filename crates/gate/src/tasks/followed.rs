//! Telling clients of their tasks: `notifications/tasks/status` to a session of 2025-11-25, `notifications/tasks`
//! to a listen of 2026-07-28. A server's word is no more than the occasion: what is told is what the client
//! itself would see now, by a look that takes the walk as each of its own.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use durward_core::{Answer, Cancel, OnChange, Operation, Provider, RawJson, Watch};
use durward_wire::{
    bridge::tasks::{self, Status},
    edit::{Change, changed},
    encode,
    meta::RequestMeta,
    scan::RequestId,
};
use tokio::sync::Notify;

use super::kept::Entry;
use crate::{
    gate::Gate,
    listen::subscription_meta,
    notifier::Outlet,
    request::{Origin, Speaking},
    walk::{Ended, Subject, Walk},
};

/// However much a server has to tell, its task is looked at no more often.
const CALM: Duration = Duration::from_millis(200);

/// Tasks that one listen wants to hear of.
#[derive(Default)]
pub(crate) struct Followed {
    ids: Vec<String>,
    /// Those that its server has told of, by place.
    told: Arc<Mutex<BTreeSet<usize>>>,
    changed: Arc<Notify>,
    watches: Vec<Watch>,
}

impl Followed {
    /// Takes in a task, if the origin's caller may look at it and its server can tell of changes.
    pub(crate) async fn add(
        &mut self,
        gate: &Gate,
        origin: &Origin,
        id: &str,
        cancel: &Cancel,
    ) -> bool {
        let asked = gate.of_task(origin, Operation::GetTask, id);
        let (Subject::Tool(place), super::Part::Of(at)) = (&asked.subject, &asked.part) else {
            // On record as any look at what is not there.
            gate.walk(origin, asked, None, cancel).await;
            return false;
        };
        let entry = &origin.standing.house().catalogue.tools()[*place];
        let (number, told, changed) = (self.ids.len(), &self.told, &self.changed);
        let (told, changed) = (Arc::clone(told), Arc::clone(changed));
        let signal: OnChange = Arc::new(move || {
            told.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(number);
            changed.notify_one();
        });
        // First, so that nothing falls between the look and the watch.
        let watch = at
            .own()
            .and_then(|own| entry.provider.watch_task(own, Arc::clone(&signal)));
        let ended = gate.walk(origin, asked, None, cancel).await;
        let Ended::Answered(Answer::Result(task)) = ended else {
            return false;
        };
        self.ids.push(id.to_owned());
        self.watches.extend(watch);
        if tasks::status(&task) != Some(Status::Working) {
            // Its server may have told of that already.
            signal();
        }
        true
    }

    /// Tells a listen of its tasks, as long as it lasts.
    pub(crate) async fn tell(
        &self,
        gate: &Gate,
        origin: &Origin,
        listen: &RequestId,
        outlet: &Outlet,
    ) {
        if self.ids.is_empty() {
            return std::future::pending().await;
        }
        let mut last = vec![None; self.ids.len()];
        loop {
            self.changed.notified().await;
            let told =
                std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner));
            for number in told {
                let task = looked(gate, origin, &self.ids[number]).await;
                if task.is_none() || task == last[number] {
                    continue;
                }
                last[number].clone_from(&task);
                if let Some(task) = task {
                    let params = of_listen(&task, listen);
                    outlet.send(encode::notification("notifications/tasks", &params));
                }
            }
            tokio::time::sleep(CALM).await;
        }
    }
}

/// A look for a client that is to be told.
async fn looked(gate: &Gate, origin: &Origin, id: &str) -> Option<RawJson> {
    let standing = gate.refresh(&origin.standing)?;
    let origin = Origin {
        standing,
        ..origin.clone()
    };
    let asked = gate.of_task(&origin, Operation::GetTask, id);
    match gate.walk(&origin, asked, None, &Cancel::new()).await {
        Ended::Answered(Answer::Result(task)) => Some(task),
        _ => None,
    }
}

fn of_listen(task: &RawJson, listen: &RequestId) -> RawJson {
    let ours = subscription_meta(listen);
    let meta = durward_wire::member(task, "_meta").map_or_else(
        || ours.clone(),
        |meta| {
            let ours = durward_wire::members(&ours);
            let ours: Vec<_> = ours
                .iter()
                .map(|(key, value)| (key.as_ref(), Change::Set(value)))
                .collect();
            changed(&meta, &ours)
        },
    );
    changed(
        task,
        &[("resultType", Change::Drop), ("_meta", Change::Set(&meta))],
    )
}

/// Tells the session of this call of the task that it has become, until it ends.
pub(super) fn tell(
    walk: &Walk<'_>,
    provider: &dyn Provider,
    own: &str,
    id: &str,
    entry: Arc<Entry>,
) {
    let Some(session) = walk.session.filter(|session| session.is_lasting()) else {
        return;
    };
    let changed = Arc::new(Notify::new());
    let signalled = Arc::clone(&changed);
    let signal: OnChange = Arc::new(move || signalled.notify_one());
    let Some(watch) = provider.watch_task(own, signal) else {
        return;
    };
    let (gate, session) = (walk.gate.weak.clone(), Arc::downgrade(session));
    let (endpoint, door, id) = (walk.endpoint.clone(), walk.call.door, id.to_owned());
    let (caller, draining) = (walk.call.caller.id.clone(), walk.gate.draining().clone());
    walk.gate.tasks.spawn(async move {
        let _watch = watch;
        let mut last = entry.seen();
        loop {
            tokio::select! {
                biased;
                () = draining.cancelled() => return,
                () = entry.cancelled.cancelled() => return,
                () = entry.gone.cancelled() => return,
                () = tokio::time::sleep_until(entry.expires()) => return,
                () = changed.notified() => {}
            }
            let (Some(gate), Some(session)) = (gate.upgrade(), session.upgrade()) else {
                return;
            };
            let Some(standing) = gate.standing_of(&caller) else {
                return;
            };
            let origin = Origin {
                standing,
                endpoint: endpoint.clone(),
                door,
                speaking: Speaking::Legacy(Arc::clone(&session)),
                meta: RequestMeta::default(),
                sent_params: None,
            };
            let task = looked(&gate, &origin, &id).await;
            if task.is_some() && task != last {
                last.clone_from(&task);
                if let Some(task) = &task {
                    let message = encode::notification("notifications/tasks/status", task);
                    let kind = format!("notifications/tasks/status {id}");
                    session.tell(&kind, gate.clock().monotonic(), message);
                }
            }
            drop((origin, session, gate));
            let is_final = task
                .as_ref()
                .and_then(tasks::status)
                .is_some_and(Status::is_final);
            if is_final {
                return;
            }
            tokio::time::sleep(CALM).await;
        }
    });
}
