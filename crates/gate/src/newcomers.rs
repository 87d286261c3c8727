//! Servers of which nothing is known yet: whoever asks for their lists waits a moment.

use std::{
    sync::{Arc, OnceLock},
    task::Poll,
    time::Duration,
};

use durward_core::{BoxFuture, Monotonic, Provider};

use crate::{endpoint::Endpoint, gate::Gate, request::Origin, standing::Standing};

/// How long a server is waited for, from when its lists were first asked for.
const PATIENCE: Duration = Duration::from_secs(3);

/// When each provider was first waited for.
pub(crate) struct Newcomers(Vec<OnceLock<Monotonic>>);

impl Newcomers {
    pub(crate) fn of(providers: &[Arc<dyn Provider>]) -> Self {
        Self(providers.iter().map(|_| OnceLock::new()).collect())
    }

    /// For how long this one is still to be waited for.
    fn left(&self, place: usize, now: Monotonic) -> Option<Duration> {
        let since = self.0.get(place)?.get_or_init(|| now);
        let left = PATIENCE.checked_sub(now.since(*since))?;
        (!left.is_zero()).then_some(left)
    }
}

impl Gate {
    /// The caller's standing once something is known of all servers that it may see here, or they have
    /// been waited for long enough.
    pub(crate) async fn with_newcomers(&self, origin: &Origin) -> Arc<Standing> {
        let standing = &origin.standing;
        let house = standing.house();
        let now = self.clock().monotonic();
        let mut pending: Vec<BoxFuture<'_, ()>> = Vec::new();
        let mut patience = Duration::ZERO;
        for (place, provider) in house.settings.providers.iter().enumerate() {
            if !is_looked_at(standing, &origin.endpoint, provider.as_ref()) {
                continue;
            }
            provider.wanted();
            let Some(ready) = provider.ready() else {
                continue;
            };
            if let Some(left) = house.newcomers.left(place, now) {
                patience = patience.max(left);
                pending.push(ready);
            }
        }
        if pending.is_empty() {
            return Arc::clone(standing);
        }
        let all = std::future::poll_fn(|context| {
            pending.retain_mut(|ready| ready.as_mut().poll(context).is_pending());
            match pending.is_empty() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        // Who is not there by then is shown as it is.
        let _ = tokio::time::timeout(patience, all).await;
        self.refresh(standing)
            .unwrap_or_else(|| Arc::clone(standing))
    }
}

fn is_looked_at(standing: &Standing, endpoint: &Endpoint, provider: &dyn Provider) -> bool {
    let Some(server) = provider.server() else {
        return false;
    };
    let is_here = endpoint.server().is_none_or(|only| only == server);
    is_here && standing.view().reaches(server)
}
