//! Cold start: from spawn to the first good tools/call.
use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use crate::{
    TargetArgs,
    client::{Client, StdioProc, Target},
    procfs, round,
};

#[derive(Args, Clone, Debug)]
pub struct ColdArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Shell command that starts the server (HTTP); with --stdio it is not needed.
    #[arg(long)]
    cmd: Option<String>,
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    #[arg(long, default_value_t = 60.0)]
    give_up: f64,
    /// Seconds to let the process settle before its idle memory is read.
    #[arg(long, default_value_t = 2.0)]
    settle: f64,
    #[arg(long)]
    exclude_comm: Vec<String>,
    #[arg(long, default_value = "")]
    label: String,
}

pub async fn cold(a: ColdArgs) -> Result<()> {
    let (mut ms, mut rss, mut pss) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..a.repeat {
        let t0 = Instant::now();
        let (pid, mut child) = match Target::parse(&a.target)? {
            Target::Stdio(cmd) => {
                let p = StdioProc::spawn(&cmd)?;
                let mut c = Client::stdio(p.clone(), 0);
                c.restart(&a.target).await?;
                c.op(&a.target).await?;
                ms.push(t0.elapsed().as_secs_f64() * 1e3);
                (p.pid, None)
            }
            t => {
                let Some(cmd) = &a.cmd else {
                    bail!("--cmd is needed with --url")
                };
                // A process group of its own, so that we end just that.
                let child = tokio::process::Command::new("sh")
                    .arg("-c")
                    .arg(format!("exec {cmd}"))
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .process_group(0)
                    .spawn()?;
                let pid = child.id().unwrap() as i32;
                let mut last = String::new();
                loop {
                    if t0.elapsed().as_secs_f64() > a.give_up {
                        unsafe { libc::kill(-pid, libc::SIGKILL) };
                        bail!("no good call in {} s; last: {last}", a.give_up);
                    }
                    let mut c = Client::http(&t, &a.target, 0)?;
                    let tried = async {
                        c.restart(&a.target).await?;
                        c.op(&a.target).await
                    };
                    match tried.await {
                        Ok(_) => break,
                        Err(e) => last = format!("{e:#}"),
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                ms.push(t0.elapsed().as_secs_f64() * 1e3);
                (pid, Some(child))
            }
        };
        tokio::time::sleep(Duration::from_secs_f64(a.settle)).await;
        let w = procfs::Watch::parse(&[format!("p={pid}")], &a.exclude_comm)?;
        let (r, p) = w.sample().rss_of("p");
        rss.push(r);
        pss.push(p);
        if let Some(child) = &mut child {
            unsafe { libc::kill(-pid, libc::SIGTERM) };
            if tokio::time::timeout(Duration::from_secs(5), child.wait())
                .await
                .is_err()
            {
                unsafe { libc::kill(-pid, libc::SIGKILL) };
                let _ = child.wait().await;
            }
            unsafe { libc::kill(-pid, libc::SIGKILL) };
        } else {
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut s = ms.clone();
    s.sort_by(f64::total_cmp);
    println!(
        "{}",
        json!({"label": a.label, "cold_ms": s.iter().map(|x| round(*x, 1)).collect::<Vec<_>>(),
               "cold_ms_median": round(s[s.len() / 2], 1), "rss_kib_idle": rss, "pss_kib_idle": pss})
    );
    Ok(())
}
