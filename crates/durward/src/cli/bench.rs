//! `durward bench`

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::{
    bench::{Compared, Load, Measured, Place, compare, header_lines, run},
    cli::Common,
    exit::{Failure, failed},
};

/// Put load on a gate and say what a call costs: on one of our own, beside a hop that judges nothing,
/// with `--against` beside another gateway too, or with `--url` on one that runs.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// The gate to load, such as `http://127.0.0.1:8787/mcp`; its `fs_list` is called.
    #[arg(long)]
    url: Option<String>,
    /// The key to call it with [default: `DURWARD_KEY`].
    #[arg(long)]
    key: Option<String>,
    /// Another gateway to put the same load on, such as `http://127.0.0.1:9000/mcp`.
    #[arg(long, conflicts_with = "url", requires = "tool")]
    against: Option<String>,
    /// The tool of it to call; choose one that costs little.
    #[arg(long, requires = "against")]
    tool: Option<String>,
    /// What to call it with, a JSON object.
    #[arg(long, default_value = "{}", requires = "against", value_name = "JSON")]
    arguments: String,
    /// A header for it, `NAME: VALUE`; may be repeated.
    #[arg(long, requires = "against", value_name = "HEADER")]
    header: Vec<String>,
    /// Connections at once.
    #[arg(short, long, default_value_t = 64)]
    connections: usize,
    /// How many seconds each is measured.
    #[arg(short, long, default_value_t = 3)]
    seconds: u64,
}

impl Bench {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let time = Duration::from_secs(self.seconds.max(1));
        match &self.url {
            Some(url) => self.remote(url, time, common.json),
            None => self.own(time, common.json),
        }
    }

    fn own(&self, time: Duration, as_json: bool) -> Result<(), Failure> {
        // Before the rest: what can't be called shows at once.
        let other = self.other(time)?;
        let folder = std::env::temp_dir().join(format!("durward-bench-{}", std::process::id()));
        let compared = compare(&folder, self.connections, time);
        // It is ours alone, by its name; what is left of it does no harm.
        let _ = durward_store::folder::remove_all(&folder);
        let Compared { hop, walk } = compared?;
        let ratio = walk.cpu_a_call() / hop.cpu_a_call().max(f64::EPSILON);
        if as_json {
            let side = |side: &crate::bench::Side| {
                let mut facts = facts(&side.measured);
                facts["cpu_us_a_call"] = json!(side.cpu_a_call());
                facts
            };
            let mut all = json!({"bare_hop": side(&hop), "walk": side(&walk), "cpu_ratio": ratio});
            if let Some(other) = &other {
                all["against"] = facts(other);
                // Of another process nothing is known but what it answers.
                all["against"]["cpu_us_a_call"] = Value::Null;
            }
            println!("{all}");
            return Ok(());
        }
        for (name, side) in [
            ("bare hop, judging nothing", &hop),
            ("fs_stat through the walk", &walk),
        ] {
            println!(
                "{name:<26} {:6.1} µs of CPU a call, {}",
                side.cpu_a_call(),
                line(&side.measured)
            );
        }
        if let (Some(other), Some(tool)) = (&other, &self.tool) {
            println!(
                "{:<26}    its CPU can't be seen, {}",
                format!("{tool} of the other"),
                line(other)
            );
        }
        println!("the walk costs {ratio:.2} times the hop");
        Ok(())
    }

    fn other(&self, time: Duration) -> Result<Option<Measured>, Failure> {
        let (Some(url), Some(tool)) = (&self.against, &self.tool) else {
            return Ok(None);
        };
        let arguments: Value = serde_json::from_str(&self.arguments)
            .map_err(|error| Failure::Usage(format!("`--arguments` is no JSON: {error}")))?;
        let (place, headers) = (Place::parse(url)?, header_lines(&self.header)?);
        let load = async {
            let calls = place
                .meet(&headers, tool, &arguments, self.connections)
                .await?;
            place.load(calls, self.connections, time).await
        };
        runtime()?.block_on(load).map(Some).map_err(failed)
    }

    fn remote(&self, url: &str, time: Duration, as_json: bool) -> Result<(), Failure> {
        let place = Place::parse(url)?;
        let key = self
            .key
            .clone()
            .or_else(|| std::env::var("DURWARD_KEY").ok());
        let key = key.ok_or_else(|| Failure::Usage("say the key with `--key`".to_owned()))?;
        let headers = header_lines(&[format!("authorization: Bearer {key}")])?;
        let load = Load {
            address: place.address,
            requests: vec![place.modern(&headers, 1, "fs_list", &json!({}))],
            expect: "\"result\"",
            connections: self.connections,
            time,
        };
        let measured = runtime()?.block_on(run(&load)).map_err(failed)?;
        if as_json {
            println!("{}", facts(&measured));
        } else {
            println!("{}", line(&measured));
        }
        Ok(())
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)
}

fn facts(measured: &Measured) -> serde_json::Value {
    json!({
        "calls": measured.calls,
        "calls_a_second": measured.rate(),
        "p50_us": measured.percentile(0.5),
        "p90_us": measured.percentile(0.9),
        "p99_us": measured.percentile(0.99),
    })
}

fn line(measured: &Measured) -> String {
    format!(
        "{:.0} calls/s, p50 {} µs, p90 {} µs, p99 {} µs",
        measured.rate(),
        measured.percentile(0.5),
        measured.percentile(0.9),
        measured.percentile(0.99)
    )
}
