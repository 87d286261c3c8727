//! mcpload: a closed- or open-loop load generator for MCP servers and gateways.
//!
//! One worker = one session = one keep-alive connection (or one child process
//! in stdio mode).  Every response is parsed as JSON-RPC, its id is matched and
//! the expected text is searched in the result, so a gateway cannot look fast by
//! answering errors.  CPU time and RSS of given processes (and their
//! descendants) come from /proc, over exactly the measured window.
mod client;
mod cold;
mod procfs;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use hdrhistogram::Histogram;
use serde_json::json;

use client::{Client, StdioProc, Target};

#[derive(Parser)]
#[command(about = "Load generator for MCP servers and gateways")]
struct Cli {
    #[command(subcommand)]
    cmd: Cmd,
}

#[derive(Subcommand)]
enum Cmd {
    /// Drive load for a while and print one JSON object.
    Run(RunArgs),
    /// Start a command again and again and time the first good tools/call.
    Cold(cold::ColdArgs),
}

#[derive(Clone, Copy, ValueEnum, PartialEq, Debug)]
pub enum Op {
    /// tools/call
    Call,
    /// tools/list, all pages
    List,
    /// ping
    Ping,
}

/// What to talk to and how; shared by the subcommands.
#[derive(Args, Clone, Debug)]
pub struct TargetArgs {
    /// The MCP endpoint, http only.
    #[arg(long, conflicts_with = "stdio")]
    pub url: Option<String>,
    /// Talk to this command over stdio instead (split on blanks).
    #[arg(long)]
    pub stdio: Option<String>,
    /// Extra header, "Name: value"; may be repeated.
    #[arg(long = "header")]
    pub headers: Vec<String>,
    /// 2025-11-25 (initialize, sessions) or 2026-07-28 (stateless), or older.
    #[arg(long, default_value = "2025-11-25")]
    pub proto: String,
    #[arg(long, value_enum, default_value = "call")]
    pub op: Op,
    #[arg(long, default_value = "echo")]
    pub tool: String,
    /// Name of the argument that carries the text.
    #[arg(long, default_value = "text")]
    pub arg: String,
    /// Length of the text sent (at least 20, for the nonce).
    #[arg(long, default_value_t = 64)]
    pub payload: usize,
    /// Whole arguments object instead; {nonce} is replaced in it.
    #[arg(long)]
    pub args_json: Option<String>,
    /// Text expected in the result ({nonce} is replaced); default: the text sent.
    #[arg(long)]
    pub expect: Option<String>,
    /// Least size of the result in bytes.
    #[arg(long, default_value_t = 0)]
    pub expect_min: usize,
    /// With --op list: how many tools must come back in all.
    #[arg(long)]
    pub expect_tools: Option<usize>,
    /// Send no initialize at all (for servers that cannot take it).
    #[arg(long)]
    pub no_init: bool,
    /// Seconds until one call counts as failed.
    #[arg(long, default_value_t = 30.0)]
    pub call_timeout: f64,
}

#[derive(Args, Clone, Debug)]
struct RunArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Sessions (workers).
    #[arg(short, long, default_value_t = 1)]
    concurrency: usize,
    /// Stdio mode: calls in flight per process.
    #[arg(long, default_value_t = 1)]
    inflight: usize,
    #[arg(short, long, default_value_t = 5.0)]
    duration: f64,
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Stop after this many measured calls, if it comes first.
    #[arg(long)]
    total: Option<u64>,
    /// Open loop: this many calls per second in all; latency is then counted
    /// from the planned start (no coordinated omission).
    #[arg(long)]
    rate: Option<f64>,
    /// Process to watch, "label=pid"; descendants are included; repeatable.
    #[arg(long = "pid")]
    pids: Vec<String>,
    /// Descendants of this name (comm) are counted apart.
    #[arg(long)]
    exclude_comm: Vec<String>,
    #[arg(long, default_value = "")]
    label: String,
    /// Threads of the generator itself.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

/// Counters that all workers share.
#[derive(Default)]
struct Shared {
    /// Set once warm-up is over.
    measuring: AtomicBool,
    stop: AtomicBool,
    calls: AtomicU64,
    errors: AtomicU64,
    warm_errors: AtomicU64,
    ready: AtomicU64,
    bytes: AtomicU64,
    samples: Mutex<Vec<String>>,
}

impl Shared {
    fn error(&self, text: String) {
        if self.measuring.load(Relaxed) {
            self.errors.fetch_add(1, Relaxed);
        } else {
            self.warm_errors.fetch_add(1, Relaxed);
        }
        let mut s = self.samples.lock().unwrap();
        if s.len() < 5 {
            s.push(text);
        }
    }
}

async fn worker(mut client: Client, a: Arc<RunArgs>, sh: Arc<Shared>, n: usize) -> Histogram<u64> {
    let mut h = Histogram::<u64>::new_with_bounds(1, 120_000_000, 3).unwrap();
    let step = a
        .rate
        .map(|r| Duration::from_secs_f64((a.concurrency * a.inflight) as f64 / r));
    let mut planned = Instant::now()
        + step.map_or(Duration::ZERO, |s| {
            s.mul_f64(n as f64 / (a.concurrency * a.inflight) as f64)
        });
    let mut failures_in_a_row = 0u32;
    while !sh.stop.load(Relaxed) {
        let start = if let Some(step) = step {
            tokio::time::sleep_until(planned.into()).await;
            let p = planned;
            planned += step;
            p
        } else {
            Instant::now()
        };
        match client.op(&a.target).await {
            Ok(done) => {
                failures_in_a_row = 0;
                if sh.measuring.load(Relaxed) {
                    let us = done.at.saturating_duration_since(start).as_nanos() as u64 / 1000;
                    let _ = h.record(us.max(1));
                    sh.bytes.fetch_add(done.bytes as u64, Relaxed);
                    let c = sh.calls.fetch_add(1, Relaxed) + 1;
                    if a.total.is_some_and(|t| c >= t) {
                        sh.stop.store(true, Relaxed);
                    }
                }
            }
            Err(e) => {
                if sh.stop.load(Relaxed) {
                    break;
                }
                sh.error(format!("{e:#}"));
                failures_in_a_row += 1;
                // A closed connection or a lost session: begin anew, gently.
                tokio::time::sleep(Duration::from_millis(5 * failures_in_a_row.min(40) as u64))
                    .await;
                if let Err(e) = client.restart(&a.target).await {
                    sh.error(format!("restart: {e:#}"));
                }
            }
        }
    }
    h
}

async fn run(a: RunArgs) -> Result<()> {
    let a = Arc::new(a);
    let watch = procfs::Watch::parse(&a.pids, &a.exclude_comm)?;
    let sh = Arc::new(Shared::default());
    let mut target = Target::parse(&a.target)?;
    let t_open = Instant::now();
    let mut clients = Vec::new();
    let mut procs = Vec::new();
    for i in 0..a.concurrency {
        if let Target::Stdio(cmd) = &mut target {
            let p = StdioProc::spawn(cmd)?;
            procs.push(p.pid);
            for k in 0..a.inflight {
                let mut c = Client::stdio(p.clone(), (i * a.inflight + k) as u64);
                if k == 0 {
                    c.restart(&a.target)
                        .await
                        .context("initialize over stdio")?;
                }
                clients.push(c);
            }
        } else {
            let mut c = Client::http(&target, &a.target, i as u64)?;
            c.restart(&a.target)
                .await
                .with_context(|| format!("session {i}"))?;
            clients.push(c);
        }
    }
    let open_ms = t_open.elapsed().as_secs_f64() * 1e3;
    let rss_open = watch.sample();
    let mut watch = watch;
    for (i, p) in procs.iter().enumerate() {
        watch.add(format!("stdio{i}"), *p);
    }
    sh.ready.store(clients.len() as u64, Relaxed);
    let tasks: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(n, c)| tokio::spawn(worker(c, a.clone(), sh.clone(), n)))
        .collect();
    tokio::time::sleep(Duration::from_secs_f64(a.warmup)).await;

    let cpu0 = watch.sample();
    let own0 = procfs::own_cpu();
    let t0 = Instant::now();
    sh.measuring.store(true, Relaxed);
    let mut peak = cpu0.clone();
    while t0.elapsed().as_secs_f64() < a.duration && !sh.stop.load(Relaxed) {
        let left = a.duration - t0.elapsed().as_secs_f64();
        tokio::time::sleep(Duration::from_secs_f64(left.clamp(0.001, 0.25))).await;
        peak.max_rss(&watch.sample());
    }
    let secs = t0.elapsed().as_secs_f64();
    let cpu1 = watch.sample();
    let own1 = procfs::own_cpu();
    let calls = sh.calls.load(Relaxed);
    sh.measuring.store(false, Relaxed);
    sh.stop.store(true, Relaxed);

    let mut h = Histogram::<u64>::new_with_bounds(1, 120_000_000, 3).unwrap();
    for t in tasks {
        match tokio::time::timeout(Duration::from_secs(10), t).await {
            Ok(Ok(w)) => h.add(w)?,
            _ => sh.error("worker did not end".into()),
        }
    }
    let q = |p: f64| h.value_at_quantile(p);
    let out = json!({
        "label": a.label, "proto": a.target.proto, "op": format!("{:?}", a.target.op).to_lowercase(),
        "tool": a.target.tool, "concurrency": a.concurrency, "inflight": a.inflight,
        "payload": a.target.payload, "rate": a.rate,
        "secs": round(secs, 3), "calls": calls, "errors": sh.errors.load(Relaxed),
        "warmup_errors": sh.warm_errors.load(Relaxed),
        "error_samples": *sh.samples.lock().unwrap(),
        "rps": round(calls as f64 / secs, 1),
        "result_mb_s": round(sh.bytes.load(Relaxed) as f64 / secs / 1e6, 2),
        "lat_us": {"min": h.min(), "mean": round(h.mean(), 1), "p50": q(0.5), "p90": q(0.9),
                   "p99": q(0.99), "p999": q(0.999), "max": h.max()},
        "open_sessions_ms": round(open_ms, 1),
        "gen_cpu_us_per_call": round((own1 - own0) * 1e6 / calls.max(1) as f64, 2),
        "procs": cpu1.report(&cpu0, &peak, &rss_open, calls, secs),
    });
    println!("{out}");
    for p in procs {
        // Our own children only.
        unsafe { libc::kill(p, libc::SIGTERM) };
    }
    if calls == 0 {
        bail!("no successful call");
    }
    Ok(())
}

pub fn round(x: f64, digits: i32) -> f64 {
    let k = 10f64.powi(digits);
    (x * k).round() / k
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let threads = match &cli.cmd {
        Cmd::Run(a) => a.threads,
        Cmd::Cold(_) => 1,
    };
    let rt = if threads <= 1 {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
    } else {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()?
    };
    rt.block_on(async {
        match cli.cmd {
            Cmd::Run(a) => run(a).await,
            Cmd::Cold(a) => cold::cold(a).await,
        }
    })
}
