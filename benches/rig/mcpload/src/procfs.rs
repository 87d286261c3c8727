//! CPU time and memory of processes and their descendants, from /proc.
use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::round;

/// Seconds of CPU this process has used.
pub fn own_cpu() -> f64 {
    read_stat(std::process::id() as i32).map_or(0.0, |s| s.cpu)
}

struct Stat {
    ppid: i32,
    comm: String,
    /// utime + stime, seconds
    cpu: f64,
    /// cutime + cstime, seconds: children already waited for
    reaped: f64,
    threads: u64,
}

fn read_stat(pid: i32) -> Option<Stat> {
    let s = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold blanks and brackets; it ends at the last ')'.
    let (open, close) = (s.find('(')?, s.rfind(')')?);
    let f: Vec<&str> = s[close + 2..].split(' ').collect();
    let tick = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    let n = |i: usize| f.get(i).and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0);
    Some(Stat {
        ppid: n(1) as i32,
        comm: s[open + 1..close].to_string(),
        cpu: (n(11) + n(12)) / tick,
        reaped: (n(13) + n(14)) / tick,
        threads: n(17) as u64,
    })
}

/// (RSS, PSS) in KiB.
fn memory(pid: i32) -> (u64, u64) {
    let (mut rss, mut pss) = (0, 0);
    if let Ok(s) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        for l in s.lines() {
            let v = || {
                l.split_whitespace()
                    .nth(1)
                    .and_then(|v| v.parse().ok())
                    .unwrap_or(0)
            };
            if l.starts_with("Rss:") {
                rss = v();
            } else if l.starts_with("Pss:") {
                pss = v();
            }
        }
    }
    (rss, pss)
}

/// CPU seconds of each thread of a process are exact in schedstat (ns); the
/// stat file counts ticks.  Prefer the former when it is there.
fn cpu_exact(pid: i32) -> Option<f64> {
    let mut ns = 0u64;
    for t in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let p = t.ok()?.path().join("schedstat");
        let s = fs::read_to_string(p).ok()?;
        ns += s.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(ns as f64 / 1e9)
}

#[derive(Clone, Default, Debug)]
pub struct Usage {
    pub cpu: f64,
    pub cpu_exact: f64,
    pub reaped: f64,
    pub rss: u64,
    pub pss: u64,
    pub threads: u64,
    pub procs: u64,
}

#[derive(Clone, Default)]
pub struct Watch {
    roots: Vec<(String, i32)>,
    exclude: Vec<String>,
}

#[derive(Clone, Default)]
pub struct Sample(BTreeMap<String, Usage>);

impl Watch {
    pub fn parse(specs: &[String], exclude: &[String]) -> Result<Self> {
        let mut roots = Vec::new();
        for s in specs {
            let (l, p) = s.split_once('=').context("--pid wants label=pid")?;
            roots.push((l.to_string(), p.parse().context("pid")?));
        }
        Ok(Self {
            roots,
            exclude: exclude.to_vec(),
        })
    }

    pub fn add(&mut self, label: String, pid: i32) {
        self.roots.push((label, pid));
    }

    pub fn sample(&self) -> Sample {
        let mut out = Sample::default();
        if self.roots.is_empty() {
            return out;
        }
        let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        let mut stats = BTreeMap::new();
        for e in fs::read_dir("/proc").into_iter().flatten().flatten() {
            if let Some(pid) = e.file_name().to_str().and_then(|n| n.parse::<i32>().ok())
                && let Some(s) = read_stat(pid)
            {
                children.entry(s.ppid).or_default().push(pid);
                stats.insert(pid, s);
            }
        }
        for (label, root) in &self.roots {
            let mut todo = vec![(*root, false)];
            while let Some((pid, mut apart)) = todo.pop() {
                let Some(s) = stats.get(&pid) else { continue };
                apart |= pid != *root && self.exclude.iter().any(|x| s.comm == *x);
                for c in children.get(&pid).into_iter().flatten() {
                    todo.push((*c, apart));
                }
                let key = if apart {
                    format!("{label}.excluded")
                } else {
                    label.clone()
                };
                let u = out.0.entry(key).or_default();
                let (rss, pss) = memory(pid);
                u.cpu += s.cpu;
                u.cpu_exact += cpu_exact(pid).unwrap_or(s.cpu);
                u.reaped += s.reaped;
                u.rss += rss;
                u.pss += pss;
                u.threads += s.threads;
                u.procs += 1;
            }
        }
        out
    }
}

impl Sample {
    pub fn max_rss(&mut self, other: &Sample) {
        for (k, v) in &other.0 {
            let u = self.0.entry(k.clone()).or_default();
            u.rss = u.rss.max(v.rss);
            u.pss = u.pss.max(v.pss);
        }
    }

    pub fn rss_of(&self, label: &str) -> (u64, u64) {
        self.0.get(label).map_or((0, 0), |u| (u.rss, u.pss))
    }

    pub fn report(
        &self,
        start: &Sample,
        peak: &Sample,
        open: &Sample,
        calls: u64,
        secs: f64,
    ) -> Value {
        let mut m = serde_json::Map::new();
        let zero = Usage::default();
        for (k, e) in &self.0 {
            let s = start.0.get(k).unwrap_or(&zero);
            let p = peak.0.get(k).unwrap_or(&zero);
            // Threads that ended lose their schedstat: then trust the ticks.
            let (ticks, exact) = (e.cpu - s.cpu, e.cpu_exact - s.cpu_exact);
            let cpu = if (ticks - exact).abs() <= 0.03 + ticks * 0.05 {
                exact
            } else {
                ticks
            };
            let per = |x: f64| round(x * 1e6 / calls.max(1) as f64, 2);
            m.insert(
                k.clone(),
                json!({
                    "cpu_us_per_call": per(cpu), "reaped_cpu_us_per_call": per(e.reaped - s.reaped),
                    "cpu_pct": round(cpu / secs * 100.0, 1),
                    "rss_kib_open": open.0.get(k).map(|u| u.rss), "rss_kib_start": s.rss,
                    "rss_kib_peak": p.rss, "rss_kib_end": e.rss, "pss_kib_end": e.pss,
                    "threads": e.threads, "procs": e.procs,
                }),
            );
        }
        Value::Object(m)
    }
}
