//! webget: one URL again and again through a bare reqwest client, over warm connections. The least that a
//! program pays that fetches from the web with what most Rust programs use. Prints one JSON object.
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use hdrhistogram::Histogram;

#[derive(Parser)]
struct Args {
    url: String,
    /// The status that each answer must have.
    #[arg(long, default_value_t = 200)]
    status: u16,
    /// So many fetch at once, each over a connection that stays open.
    #[arg(short, default_value_t = 1)]
    connections: usize,
    /// Seconds; one more is for warming up.
    #[arg(long, default_value_t = 5.0)]
    duration: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .build()?;
    let begin = Instant::now() + Duration::from_secs(1);
    let end = begin + Duration::from_secs_f64(args.duration);
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..args.connections {
        let (client, url, status) = (client.clone(), args.url.clone(), args.status);
        workers.spawn(async move {
            let mut times = Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3)?;
            loop {
                let start = Instant::now();
                if start >= end {
                    return anyhow::Ok(times);
                }
                let answer = client.get(&url).send().await?;
                ensure!(answer.status().as_u16() == status, "{}", answer.status());
                std::hint::black_box(answer.text().await?);
                if start >= begin {
                    times.record(start.elapsed().as_nanos() as u64)?;
                }
            }
        });
    }
    let mut times = Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3)?;
    while let Some(worker) = workers.join_next().await {
        times.add(worker??)?;
    }
    let p50 = times.value_at_quantile(0.5) as f64 / 1000.0;
    println!("{{\"calls\":{},\"p50\":{p50:.1}}}", times.len());
    Ok(())
}
