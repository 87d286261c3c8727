//! A small, fast upstream MCP server for benchmarks.
//!
//! Two implementations share one tool set:
//!   * `--engine rmcp` : the official Rust SDK (rmcp).  Serves stdio and
//!     Streamable HTTP; over HTTP it speaks 2025-11-25 (with sessions unless
//!     `--no-session`) and 2026-07-28 (always stateless) on the same endpoint.
//!   * `--engine raw`  : a hand-written responder on bare hyper.  It is the
//!     cheapest upstream that is still honest MCP, so the gateway under test,
//!     not the upstream, is the bottleneck.
//!
//! Tools: `echo {text}` -> text; `sleep_ms {ms}` -> "slept <ms>";
//! `blob {kib}` -> kib KiB of text; plus `--tools N` synthetic tools named
//! `<prefix>tool_0000`.. which echo their `text` argument too.
mod raw;
mod rmcp_impl;

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

#[derive(Clone, Copy, ValueEnum, Debug, PartialEq)]
pub enum Engine {
    Rmcp,
    Raw,
}

#[derive(Parser, Debug, Clone)]
#[command(about = "Benchmark upstream MCP server (echo, sleep_ms, blob, N synthetic tools)")]
pub struct Args {
    /// Serve Streamable HTTP on this address at /mcp (omit for --stdio).
    #[arg(long, default_value = "127.0.0.1:7001")]
    pub http: String,
    /// Serve over stdin/stdout instead of HTTP.
    #[arg(long)]
    pub stdio: bool,
    #[arg(long, value_enum, default_value = "rmcp")]
    pub engine: Engine,
    /// How many synthetic tools to list besides the built-in three.
    #[arg(long, default_value_t = 0)]
    pub tools: usize,
    /// Prefix of the synthetic tools' names.
    #[arg(long, default_value = "")]
    pub tool_prefix: String,
    /// Answer with application/json rather than an SSE stream where allowed.
    #[arg(long)]
    pub json: bool,
    /// No Mcp-Session-Id for the revisions that have sessions.
    #[arg(long)]
    pub no_session: bool,
    /// Worker threads of the tokio runtime (1 = current-thread runtime).
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Largest request body accepted, in bytes.
    #[arg(long, default_value_t = 16 * 1024 * 1024)]
    pub max_body: usize,
}

/// The tool list both engines serve, as JSON.
pub fn tool_list(args: &Args) -> Vec<Value> {
    let schema =
        |props: Value, req: Value| json!({"type": "object", "properties": props, "required": req});
    let mut tools = vec![
        json!({"name": "echo", "description": "Return the given text.",
               "inputSchema": schema(json!({"text": {"type": "string"}}), json!(["text"]))}),
        json!({"name": "sleep_ms", "description": "Sleep, then answer.",
               "inputSchema": schema(json!({"ms": {"type": "integer"}}), json!(["ms"]))}),
        json!({"name": "blob", "description": "Return that many KiB of text.",
               "inputSchema": schema(json!({"kib": {"type": "integer"}}), json!(["kib"]))}),
    ];
    for i in 0..args.tools {
        // About 600 bytes each on the wire: the size of an ordinary real tool.
        tools.push(json!({
            "name": format!("{}tool_{i:04}", args.tool_prefix),
            "description": format!("Synthetic tool number {i}. It takes a text and some options that it ignores and returns the text, so that a listing has realistic weight."),
            "inputSchema": schema(json!({
                "text": {"type": "string", "description": "The text to return."},
                "path": {"type": "string", "description": "An absolute path inside an allowed folder."},
                "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "How many at most."},
                "recursive": {"type": "boolean", "default": false},
            }), json!(["text"])),
        }));
    }
    tools
}

/// `kib` KiB of printable text without characters that JSON must escape.
pub fn blob(kib: usize) -> String {
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
        .repeat(16)
        .repeat(kib)
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let rt = if args.threads <= 1 {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
    } else {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(args.threads)
            .enable_all()
            .build()?
    };
    rt.block_on(async move {
        match (args.engine, args.stdio) {
            (Engine::Rmcp, true) => rmcp_impl::stdio(args).await,
            (Engine::Rmcp, false) => rmcp_impl::http(args).await,
            (Engine::Raw, true) => raw::stdio(args).await,
            (Engine::Raw, false) => raw::http(args).await,
        }
    })
}
