//! `durward bench`

use std::{net::ToSocketAddrs, time::Duration};

use clap::Args;
use serde_json::json;

use crate::{
    bench::{Compared, Load, Measured, compare, run},
    cli::Common,
    exit::{Failure, failed},
};

/// Put load on a gate and say what a call costs: on one of our own, beside a hop that judges nothing,
/// or with `--url` on one that runs.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// The gate to load, such as `http://127.0.0.1:8787/mcp`; its `fs_list` is called.
    #[arg(long)]
    url: Option<String>,
    /// The key to call it with [default: `DURWARD_KEY`].
    #[arg(long)]
    key: Option<String>,
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
            println!(
                "{}",
                json!({"bare_hop": side(&hop), "walk": side(&walk), "cpu_ratio": ratio})
            );
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
        println!("the walk costs {ratio:.2} times the hop");
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a bench aims at what its user named, and is no way out for a call"
    )]
    fn remote(&self, url: &str, time: Duration, as_json: bool) -> Result<(), Failure> {
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| Failure::Usage("`--url` must begin with http://".to_owned()))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, "mcp"));
        let address = authority
            .to_socket_addrs()
            .map_err(failed)?
            .next()
            .ok_or_else(|| Failure::Failed(format!("`{authority}` has no address")))?;
        let key = self
            .key
            .clone()
            .or_else(|| std::env::var("DURWARD_KEY").ok());
        let key = key.ok_or_else(|| Failure::Usage("say the key with `--key`".to_owned()))?;
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fs_list","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
        let request = format!(
            "POST /{path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {key}\r\ncontent-type: \
             application/json\r\naccept: application/json, text/event-stream\r\nmcp-protocol-version: \
             2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: fs_list\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let load = Load {
            address,
            request: request.into_bytes(),
            expect: "\"result\"",
            connections: self.connections,
            time,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let measured = runtime.block_on(run(&load)).map_err(failed)?;
        if as_json {
            println!("{}", facts(&measured));
        } else {
            println!("{}", line(&measured));
        }
        Ok(())
    }
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
