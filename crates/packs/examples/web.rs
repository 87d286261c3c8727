//! What `http_fetch` costs by itself, over warm connections: a URL of loopback, and how many fetch at once.
//! Prints one JSON object of the median in microseconds; `benches/run` reads it beside a bare client's.

use std::{
    hint::black_box,
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use durward_cage::egress::{Connector, EgressSettings};
use durward_core::Provider;
use durward_guard::egress::EgressRules;
use durward_packs::http::{HttpPack, HttpSettings};
use durward_testkit::call;
use tokio::task::LocalSet;

/// What is measured after so long is of warm connections.
const WARM: Duration = Duration::from_secs(1);

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("a URL");
    let mut number = || arguments.next().and_then(|word| word.parse::<f64>().ok());
    let (connections, seconds) = (number().unwrap_or(1.0), number().unwrap_or(5.0));
    let settings = EgressSettings {
        rules: EgressRules {
            written_urls: vec![url.clone()],
            ..EgressRules::default()
        },
        ..EgressSettings::default()
    };
    let connector = Connector::new(settings).expect("a connector");
    let pack = Arc::new(HttpPack::new(connector, HttpSettings::default()).expect("the pack"));
    let begin = now() + WARM;
    let end = begin + Duration::from_secs_f64(seconds);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut times = LocalSet::new().block_on(&runtime, async {
        let workers: Vec<_> = (0..connections as usize)
            .map(|_| {
                let (pack, arguments) = (Arc::clone(&pack), format!("{{\"url\":\"{url}\"}}"));
                tokio::task::spawn_local(async move {
                    let call = call("http_fetch", &arguments);
                    let mut times = Vec::new();
                    loop {
                        let start = now();
                        if start >= end {
                            return times;
                        }
                        black_box(pack.call(&call).await.expect("an answer"));
                        if start >= begin {
                            times.push(start.elapsed());
                        }
                    }
                })
            })
            .collect();
        let mut times: Vec<Duration> = Vec::new();
        for worker in workers {
            times.extend(worker.await.expect("a worker"));
        }
        times
    });
    times.sort();
    let median = times[times.len() / 2].as_secs_f64() * 1e6;
    let line = format!("{{\"calls\":{},\"p50\":{median:.1}}}\n", times.len());
    std::io::stdout()
        .write_all(line.as_bytes())
        .expect("stdout");
}
