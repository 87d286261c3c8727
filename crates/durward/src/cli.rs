//! The command line: one file a command.

#![expect(clippy::print_stdout, reason = "what a command finds goes to stdout")]

mod audit;
mod auth;
mod bench;
mod check;
mod completions;
mod config;
mod connect;
mod health;
mod init;
mod keys;
mod migrate;
mod reload;
mod serve;
mod setup;
mod status;
mod stdio;
mod stop;
mod tools;
mod trust;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::exit::{Exit, Failure};

const FIRST_THINGS: &str = "\
Three things that people come for:
  durward init         put the MCP servers of this machine's clients behind durward; --undo puts them back
  durward serve        guard this folder: read-only file tools on loopback, and a key to use them
  durward audit tail   what was asked for, and what came of it";

/// The door-ward for AI agents: stands between agents and everything that they can touch.
#[derive(Debug, Parser)]
#[command(name = "durward", version, before_help = FIRST_THINGS, arg_required_else_help = true)]
pub struct Cli {
    /// What is common to all commands.
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// The configuration [default: durward/durward.yaml in the user's configuration folder].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The state folder.
    #[arg(long, global = true, hide_short_help = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// How much is logged: error, warn, info, debug, trace.
    #[arg(long, global = true, hide_short_help = true, value_name = "LEVEL")]
    pub log: Option<String>,
    /// When to use colour.
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub color: Color,
    /// Overrides a key of the configuration, such as `listen.http=127.0.0.1:9000`.
    #[arg(long, global = true, hide_short_help = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print facts as JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve over HTTP and the UNIX socket, as configured.
    Serve(serve::Serve),
    /// Serve one client on stdin and stdout.
    Stdio(stdio::Stdio),
    /// Relay between stdin and stdout and the daemon, which is started if none runs.
    Connect(connect::Connect),
    /// Move the servers of the clients on this machine behind durward, or put them back.
    Init(init::Init),
    /// Check the configuration and list every tool with its tier and who may call it.
    Check(check::Check),
    /// Show the configuration, its schema or its reference.
    Config(config::Config),
    /// Say how the running daemon stands: its walls, servers, breakers and sessions.
    Status(status::Status),
    /// Say by the exit code whether the daemon is well.
    Health(health::Health),
    /// Stop the daemon; calls under way may end first.
    Stop(stop::Stop),
    /// Have the daemon read its configuration again.
    Reload(reload::Reload),
    /// Show what a configuration would share and run, and pin it.
    Trust(trust::Trust),
    /// Logins at other servers.
    Auth(auth::Auth),
    /// API keys.
    Keys(keys::Keys),
    /// What a caller would see, and one call from the shell.
    Tools(tools::Tools),
    /// The record of all calls.
    Audit(audit::Audit),
    /// Turn a predecessor's configuration into `durward.yaml`.
    Migrate(migrate::Migrate),
    /// Put load on a gate and say what a call costs.
    Bench(bench::Bench),
    /// Print a completion script for a shell.
    Completions(completions::Completions),
    /// Print the manual page.
    Man(completions::Man),
    #[command(hide = true, external_subcommand)]
    Elsewhere(Vec<String>),
}

/// Runs the command that was asked for.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            // A closed stream: nobody is left to tell.
            let _ = error.print();
            return code.into();
        }
    };
    let common = cli.common;
    let done = match cli.command {
        Command::Serve(command) => command.run(&common),
        Command::Stdio(command) => command.run(&common),
        Command::Connect(command) => command.run(&common),
        Command::Init(command) => command.run(&common),
        Command::Check(command) => command.run(&common),
        Command::Config(command) => command.run(&common),
        Command::Status(command) => command.run(&common),
        Command::Health(command) => command.run(&common),
        Command::Stop(command) => command.run(&common),
        Command::Reload(command) => command.run(&common),
        Command::Trust(command) => command.run(&common),
        Command::Auth(command) => command.run(&common),
        Command::Keys(command) => command.run(&common),
        Command::Tools(command) => command.run(&common),
        Command::Audit(command) => command.run(&common),
        Command::Migrate(command) => command.run(&common),
        Command::Bench(command) => command.run(&common),
        Command::Completions(command) => command.run(),
        Command::Man(_) => completions::man(),
        Command::Elsewhere(words) => Err(elsewhere(&words)),
    };
    match done {
        Ok(()) => Exit::Done.into(),
        Err(failure) => failure.report(colors(&common)),
    }
}

/// Is colour wanted on stderr?
fn colors(common: &Common) -> bool {
    match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    }
}

/// The command under another name, as predecessors call it.
fn elsewhere(words: &[String]) -> Failure {
    let asked = words.first().map_or("", String::as_str);
    let ours = match asked {
        "start" => Some(
            match words
                .iter()
                .skip(1)
                .any(|it| it == "-d" || it == "--daemon")
            {
                true => "durward serve --detach",
                false => "durward serve",
            },
        ),
        "validate" => Some("durward check"),
        "logs" => Some("durward audit tail"),
        "keygen" => Some("durward keys new"),
        _ => None,
    };
    let hint = match ours {
        Some(ours) => format!("hint: here that is `{ours}`"),
        None => format!("hint: the commands are {}", names().join(", ")),
    };
    Failure::Usage(format!("there is no command `{asked}`\n{hint}"))
}

fn names() -> Vec<String> {
    Cli::command()
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .collect()
}
