//! What a call over a link costs: `calls URL CONNECTIONS SECONDS [BYTES]`. Prints JSON, for `benches/run`.

use std::{sync::Arc, time::Duration};

use durward_cage::egress::{Connector, EgressSettings};
use durward_core::RawJson;
use durward_guard::egress::{EgressRules, Target as Address};
use durward_upstream::{
    EraPin, Headers, Hears, Link, LinkLimits, Outcome, Own, Pinned, Reach, Target, Url,
};
use rustix::time::{ClockId, clock_gettime};
use tokio::{task::JoinSet, time::Instant};

struct Deaf;

impl Hears for Deaf {
    fn notified(&self, _: &str, _: &RawJson) {}
}

fn target(url: &str) -> Target {
    let settings = EgressSettings {
        rules: EgressRules {
            written_urls: vec![url.to_owned()],
            ..EgressRules::default()
        },
        ..EgressSettings::default()
    };
    Target {
        reach: Reach::Url(Box::new(Url {
            target: Address::parse(url).expect("a URL"),
            transport: Pinned::Auto,
            connector: Connector::new(settings).expect("a connector"),
            headers: Headers::default(),
            auth: None,
        })),
        era: EraPin::Auto,
        capabilities: RawJson::empty_object(),
        shared: true,
        limits: LinkLimits::default(),
    }
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// Calls until the end, one after the other.
async fn keep_calling(link: Link, params: RawJson, until: Instant) -> u64 {
    let own = Own::default();
    let mut calls = 0;
    while Instant::now() < until {
        match link.call("tools/call", &params, &own).await {
            Ok(Outcome::Result(_)) => calls += 1,
            other => panic!("{other:?}"),
        }
    }
    calls
}

#[expect(clippy::print_stdout, reason = "what it measures is what it is for")]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default| {
        arguments
            .get(at)
            .map_or(default, |n| n.parse().expect("a number"))
    };
    let url = arguments.first().expect("a URL");
    let (connections, seconds, bytes) = (number(1, 64), number(2, 5), number(3, 5));
    let link = Link::open(&target(url), Arc::new(Deaf), None)
        .await
        .expect("a link");
    let text = "x".repeat(usize::try_from(bytes).expect("a length"));
    let params = format!(r#"{{"name":"echo","arguments":{{"text":"{text}"}}}}"#);
    let params = RawJson::from_scanned(params.into());
    let (began, until) = (cpu(), Instant::now() + Duration::from_secs(seconds));
    let mut callers = JoinSet::new();
    for _ in 0..connections {
        callers.spawn(keep_calling(link.clone(), params.clone(), until));
    }
    let calls: u64 = callers.join_all().await.into_iter().sum();
    let cpu = (cpu() - began) / calls as f64;
    println!(
        r#"{{"revision":"{}","calls":{calls},"cpu_us_per_call":{cpu:.2}}}"#,
        link.hello().revision
    );
}
