//! Not too often, not too many at once, not for too long.

use std::{sync::Arc, time::Duration};

use durward_core::{Monotonic, Refusal, RefusalCode};
use durward_guard::limit::Retry;
use durward_store::limits::{Gauge, LimitKey, Permit};

use crate::{
    standing::Bucket,
    walk::{Admitted, Subject, Verdict, Walk},
};

/// Takes from every limit that applies, or from none: what one refuses is given back to the others.
pub(crate) fn judge(walk: &mut Walk<'_>) -> Verdict {
    let now = walk.gate.clock().monotonic();
    let store = walk.gate.limits();
    let standing = walk.standing;
    let tool = match walk.subject {
        Subject::Tool(place) => Some(standing.tool(place, store)),
        _ => None,
    };
    let provider = walk.provider();
    let server = standing.server(provider.as_ref().and_then(|it| it.server()));
    let session = session_bucket(walk);
    let buckets = [
        ("total", standing.total.as_ref()),
        ("calls", standing.calls.as_ref()),
        ("session", session.as_ref()),
        ("tools", tool.and_then(|tool| tool.bucket.as_ref())),
        ("servers", server.and_then(|server| server.bucket.as_ref())),
    ];
    let gauges = [
        ("concurrency", standing.gauge.as_ref()),
        ("tools", tool.and_then(|tool| tool.gauge.as_ref())),
        ("servers", server.and_then(|server| server.gauge.as_ref())),
    ];
    let mut permits = Vec::new();
    let taken = seats(&gauges, &mut permits).and_then(|()| tokens(&buckets, now));
    let timeout = tool
        .and_then(|tool| tool.timeout)
        .or_else(|| server.and_then(|server| server.timeout))
        .unwrap_or(standing.timeout);
    walk.call.timeout = timeout;
    if let Err(refusal) = taken {
        return Verdict::Refuse(refusal);
    }
    walk.permits = permits;
    let Some(breaker) = tool.and_then(|tool| tool.breaker.as_ref()) else {
        return Verdict::Pass;
    };
    let settings = &standing.house().settings.limits.breaker;
    match breaker.admit(now, settings) {
        Ok(pass) => {
            walk.admitted = Some(Admitted {
                breaker: Arc::clone(breaker),
                pass,
            });
            Verdict::Pass
        }
        Err(Retry(wait)) => {
            // It is not run, so it costs nothing.
            for bucket in buckets.iter().filter_map(|(_, bucket)| *bucket) {
                bucket.cell.refund(&bucket.quota);
            }
            Verdict::Refuse(broken(wait))
        }
    }
}

fn broken(wait: Duration) -> Refusal {
    let millis = wait.as_millis().max(1);
    Refusal::new(
        RefusalCode::Unavailable,
        format!("This tool has failed several times in a row and is left alone. Try again in {millis} ms."),
    )
    .detail("breaker_open")
    .rule("limits.breaker")
    .retry_after(wait)
}

fn session_bucket(walk: &Walk<'_>) -> Option<Bucket> {
    let quota = walk.standing.house().settings.limits.session_quota()?;
    let session = walk.session.filter(|session| session.is_lasting())?;
    let cell = walk.gate.limits().cell(&LimitKey::Session(session.id()));
    Some(Bucket { cell, quota })
}

fn seats(gauges: &[(&str, Option<&Arc<Gauge>>)], permits: &mut Vec<Permit>) -> Result<(), Refusal> {
    for (name, gauge) in gauges {
        let Some(gauge) = gauge else { continue };
        let Some(permit) = Gauge::enter(gauge) else {
            return Err(Refusal::new(
                RefusalCode::RateLimited,
                "Too many calls are running at once. Wait for one to end.",
            )
            .detail("concurrency_limit")
            .rule(format!("limits.{name}"))
            .retry_after(Duration::from_millis(100)));
        };
        permits.push(permit);
    }
    Ok(())
}

fn tokens(buckets: &[(&str, Option<&Bucket>)], now: Monotonic) -> Result<(), Refusal> {
    for (place, (name, bucket)) in buckets.iter().enumerate() {
        let Some(bucket) = bucket else { continue };
        if let Err(wait) = bucket.cell.take(now, &bucket.quota) {
            for earlier in buckets[..place].iter().filter_map(|(_, bucket)| *bucket) {
                earlier.cell.refund(&earlier.quota);
            }
            return Err(refuse(name, wait));
        }
    }
    Ok(())
}

fn refuse(name: &str, wait: Duration) -> Refusal {
    let millis = wait.as_millis().max(1);
    Refusal::new(
        RefusalCode::RateLimited,
        format!("Too many calls. Try again in {millis} ms."),
    )
    .rule(format!("limits.{name}"))
    .retry_after(wait)
}
