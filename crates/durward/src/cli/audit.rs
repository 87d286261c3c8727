//! `durward audit`

use std::{io::Write, path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use durward_core::{Clock, SystemClock, Wall};
use durward_ledger::{
    ChainReport, Entry, Filter, Format, Index, KeyPlace, Order, PublicKey, Report, Tail, export,
    verify,
};

use crate::{
    cli::{Common, setup},
    config::{Config, Period},
    exit::{Failure, failed},
};

/// The record of all calls: search it, follow it, prove that nothing in it was changed.
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The newest entries, and with `--follow` those that come.
    Tail {
        /// How many to begin with.
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: u32,
        /// Go on as entries come.
        #[arg(short, long)]
        follow: bool,
    },
    /// Search the trail.
    Query(Wanted),
    /// Prove that nothing was changed, cut or reordered.
    Verify {
        /// The key that signed the checkpoints, as 64 hexadecimal digits; the journal's own unless said.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Write the trail in another form.
    Export {
        /// Which form.
        #[arg(long, default_value = "jsonl")]
        format: Form,
        /// Where to; stdout unless said.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        wanted: Wanted,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// JSON Lines.
    Jsonl,
    /// RFC 4180.
    Csv,
    /// OCSF, API Activity.
    Ocsf,
}

/// Which entries are wanted.
#[derive(Debug, Args)]
struct Wanted {
    /// Those of the last while, such as `1h`.
    #[arg(long, value_name = "PERIOD")]
    last: Option<Period>,
    /// Of this caller: id, name or key fingerprint.
    #[arg(long)]
    caller: Option<String>,
    /// For this tool, resource or prompt.
    #[arg(long)]
    target: Option<String>,
    /// `allow` or `deny`.
    #[arg(long)]
    decision: Option<String>,
    /// `ok`, `error`, `cancelled`, `panicked`, `timeout`, `refused`, `open`.
    #[arg(long)]
    status: Option<String>,
    /// A refusal's code, such as `denylist_hit`.
    #[arg(long)]
    code: Option<String>,
    /// Of this session.
    #[arg(long)]
    session: Option<String>,
    /// This call.
    #[arg(long)]
    call: Option<String>,
    /// Those that contain this text.
    #[arg(long)]
    text: Option<String>,
    /// How many at most.
    #[arg(long)]
    limit: Option<u32>,
}

impl Wanted {
    fn filter(self, now: Wall) -> Filter {
        let micros =
            |period: Period| u64::try_from(period.duration().as_micros()).unwrap_or(u64::MAX);
        Filter {
            since: self
                .last
                .map(|last| Wall(now.0.saturating_sub(micros(last)))),
            until: None,
            caller: self.caller,
            target: self.target,
            decision: self.decision,
            status: self.status,
            code: self.code,
            session: self.session,
            call: self.call,
            text: self.text,
            limit: self.limit,
            order: Order::OldestFirst,
        }
    }
}

impl Audit {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let (loaded, _) = setup::loaded(common, &[])?;
        let config = &loaded.config;
        let now = SystemClock::new().wall();
        match self.what {
            What::Tail { lines, follow } => tail(config, lines, follow, common.json),
            What::Query(wanted) => {
                let entries = query(config, wanted.filter(now))?;
                entries
                    .iter()
                    .try_for_each(|entry| print(entry, common.json))
            }
            What::Verify { key } => check(config, key.as_deref(), common.json),
            What::Export {
                format,
                output,
                wanted,
            } => {
                let entries = query(config, wanted.filter(now))?;
                let format = match format {
                    Form::Jsonl => Format::JsonLines,
                    Form::Csv => Format::Csv,
                    Form::Ocsf => Format::Ocsf,
                };
                match output {
                    Some(path) => {
                        let mut bytes = Vec::new();
                        export(&entries, format, &mut bytes).map_err(failed)?;
                        durward_store::folder::write_private(&path, &bytes).map_err(failed)
                    }
                    None => quiet(export(&entries, format, &mut std::io::stdout().lock())),
                }
            }
        }
    }
}

/// The index, once there is something to be indexed: asking must not create what was not there.
fn index(config: &Config) -> Result<Index, Failure> {
    if !config.audit.journal.exists() {
        return Err(Failure::Failed(format!(
            "there is no audit journal at {}: nothing has been recorded yet",
            config.audit.journal.display()
        )));
    }
    Index::open(&config.audit.index).map_err(failed)
}

fn query(config: &Config, filter: Filter) -> Result<Vec<Entry>, Failure> {
    let mut index = index(config)?;
    index.refresh(&config.audit.journal).map_err(failed)?;
    index.query(&filter).map_err(failed)
}

fn tail(config: &Config, lines: u32, follow: bool, as_json: bool) -> Result<(), Failure> {
    const EVERY: Duration = Duration::from_millis(250);
    let mut tail = Tail::new(index(config)?, &config.audit.journal, lines).map_err(failed)?;
    loop {
        for entry in tail.poll().map_err(failed)? {
            print(&entry, as_json)?;
        }
        if !follow {
            return Ok(());
        }
        std::thread::sleep(EVERY);
    }
}

fn print(entry: &Entry, as_json: bool) -> Result<(), Failure> {
    let line = if as_json {
        serde_json::to_string(entry).map_err(failed)?
    } else {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let what = entry.event.clone().unwrap_or_else(|| text(&entry.target));
        let how = entry
            .code
            .clone()
            .or_else(|| entry.status.clone())
            .unwrap_or_default();
        let took = entry.us.map(|us| format!("  {us} µs")).unwrap_or_default();
        let who = entry
            .name
            .clone()
            .filter(|name| !name.is_empty())
            .or_else(|| entry.caller.clone());
        format!(
            "{}  {:<16} {:<24} {how}{took}",
            entry.time,
            text(&who),
            what
        )
    };
    quiet(writeln!(std::io::stdout(), "{line}"))
}

/// A reader that has seen enough closes the pipe; that is no failure.
fn quiet(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(failed(error)),
        _ => Ok(()),
    }
}

fn check(config: &Config, key: Option<&str>, as_json: bool) -> Result<(), Failure> {
    let key = key
        .map(|text| {
            PublicKey::parse(text)
                .ok_or_else(|| Failure::Usage("`--key` must be 64 hexadecimal digits".to_owned()))
        })
        .transpose()?;
    let report = verify(&config.audit.journal, key).map_err(failed)?;
    if as_json {
        println!("{}", serde_json::to_string(&report).map_err(failed)?);
    } else {
        describe(&report);
    }
    if report.is_intact() {
        Ok(())
    } else {
        Err(Failure::Failed(
            "the journal is not what durward wrote".to_owned(),
        ))
    }
}

fn describe(report: &Report) {
    for chain in &report.chains {
        let state = if chain.faults.is_empty() {
            "intact"
        } else {
            "NOT INTACT"
        };
        println!(
            "{}: {state}, {} records in {} segments, {} checkpoints",
            chain.name, chain.records, chain.segments, chain.checkpoints
        );
        for fault in &chain.faults {
            println!(
                "  {} at byte {}: {}",
                fault.file.display(),
                fault.offset,
                fault.what
            );
        }
        notes(chain);
    }
}

fn notes(chain: &ChainReport) {
    if let Some(torn) = &chain.torn {
        println!(
            "  {} ends within a record ({} bytes): a crash, not a change; it is cut at the next start",
            torn.file.display(),
            torn.bytes
        );
    }
    if chain.unsigned_tail > 0 {
        println!(
            "  the last {} records stand after the last checkpoint: a cut there would not show",
            chain.unsigned_tail
        );
    }
    if chain.pruned > 0 {
        println!("  {} old segments were dropped by retention", chain.pruned);
    }
    for key in &chain.keys {
        println!("  signed by {key}");
    }
    if let Some(place) = &chain.key_place {
        let place = match place {
            KeyPlace::Configured => "its key stands with the secrets of the configuration",
            KeyPlace::State => {
                "its key lies on this machine (`audit.signing_key` keeps it elsewhere): whoever can \
                 write the journal may be able to sign another"
            }
        };
        println!("  {place}");
    }
}
