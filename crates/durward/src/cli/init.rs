//! `durward init`

use std::{
    io::{BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
};

use clap::{Args, builder::PossibleValuesParser};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::{
    checks::Finding,
    cli::{Common, setup},
    config::{self, Config, Sources},
    exit::{Failure, failed},
    init::{self, Answers, Fate, Input, Plan, Planner, Wish, Workshop},
};

/// Find the MCP servers of the clients on this machine, move them behind durward, and have the clients
/// ask durward. Shows what would change, and asks before it does anything.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Don't ask.
    #[arg(long)]
    yes: bool,
    /// Only this client; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(init::clients()))]
    client: Vec<String>,
    /// Only the servers that a client has under this name; may be repeated.
    #[arg(long, value_name = "NAME")]
    server: Vec<String>,
    /// Put everything back, byte for byte.
    #[arg(long, conflicts_with_all = ["client", "server", "dry_run"])]
    undo: bool,
}

impl Init {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let sources = setup::sources(common, &[])?;
        let state = sources
            .state_folder()
            .ok_or_else(|| failed("no home folder is known: set `HOME`, or say `--state DIR`"))?;
        if self.undo {
            return undo(&state, &sources, common.json);
        }
        if !self.dry_run {
            let mut workshop = Workshop::open(&state).map_err(failed)?;
            let mended = workshop.recover().map_err(failed)?;
            if !mended.is_empty() {
                eprintln!("note: an earlier run was interrupted, and is undone first");
            }
            return self.go(common, &sources, Some(workshop));
        }
        if Workshop::is_interrupted(&state) {
            eprintln!("note: an earlier run was interrupted; the next one undoes it first");
        }
        self.go(common, &sources, None)
    }

    /// Plans, shows, asks and does.
    fn go(
        self,
        common: &Common,
        sources: &Sources,
        workshop: Option<Workshop>,
    ) -> Result<(), Failure> {
        let gate = gate(sources)?;
        // A trusted file of the working folder is not the one that is added to.
        let own = Sources {
            file: Some(gate.clone()).filter(|path| path.exists()),
            cwd: match gate.exists() {
                true => sources.cwd.clone(),
                false => PathBuf::from("/"),
            },
            ..sources.clone()
        };
        let loaded = config::load(&own)?;
        let wish = Wish {
            program: std::env::current_exe().map_err(failed)?,
            arguments: arguments(common, sources),
            clients: self.client.clone(),
            servers: self.server.clone(),
        };
        let mut answers = Answers::new();
        let planned = |answers: &Answers| {
            let planner = Planner {
                wish: &wish,
                sources,
                config: &loaded.config,
                gate: &gate,
                answers,
            };
            planner.plan().map_err(failed)
        };
        let mut plan = planned(&answers)?;
        let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if asks && !self.yes && !self.dry_run && !plan.inputs.is_empty() {
            for input in &plan.inputs {
                let home = sources.home.clone().unwrap_or_default();
                answers.insert(
                    (input.path.clone(), input.id.clone()),
                    answer(input, &home)?,
                );
            }
            plan = planned(&answers)?;
        }
        let home = sources.home.clone().unwrap_or_default();
        match common.json {
            true => println!("{}", plan.object()),
            false => print!("{}", plan.text(&home)),
        }
        if !plan.changes() {
            if !common.json {
                println!("nothing to do: no client has a server that durward could take over");
            }
            return Ok(());
        }
        let Some(mut workshop) = workshop else {
            return Ok(());
        };
        if !self.yes {
            if !asks {
                return Err(Failure::Usage(
                    "nobody can be asked here, so nothing was changed\nhint: say `--yes` to do it, or `--dry-run` to look"
                        .to_owned(),
                ));
            }
            if !agreed()? {
                println!("nothing was changed");
                return Ok(());
            }
        }
        workshop.carry_out(&plan).map_err(failed)?;
        if !common.json {
            println!(
                "done: restart the clients, and they ask durward; `durward init --undo` puts everything back"
            );
        }
        Ok(())
    }
}

/// Clients of this person that still ask servers past the gate, for `durward check`.
pub(super) fn past_the_gate(common: &Common, sources: &Sources, config: &Config) -> Vec<Finding> {
    let (Ok(gate), Ok(program)) = (gate(sources), std::env::current_exe()) else {
        return Vec::new();
    };
    let wish = Wish {
        program,
        arguments: arguments(common, sources),
        ..Wish::default()
    };
    let planner = Planner {
        wish: &wish,
        sources,
        config,
        gate: &gate,
        answers: &Answers::new(),
    };
    let home = sources.home.clone().unwrap_or_default();
    // What can't be planned is for `durward init` to say.
    let plan = planner.plan().ok();
    let past = plan.iter().flat_map(Plan::past_the_gate);
    past.map(|(client, path, servers)| {
        let what = format!(
            "{client} asks past durward for {}: {}",
            servers.join(", "),
            init::short(path, &home)
        );
        Finding::new(
            init::harmless(&what),
            "`durward init --dry-run` shows how they would ask durward; `durward init` does it",
        )
    })
    .collect()
}

/// durward's file: the one that was said, or the user's own.
fn gate(sources: &Sources) -> Result<PathBuf, Failure> {
    let said = sources.file.as_ref().map(|path| sources.cwd.join(path));
    said.or_else(|| config::own_file(sources))
        .ok_or_else(|| failed("no home folder is known: set `HOME`, or say `--config FILE`"))
}

/// What clients have to say for durward to find this file and this state.
fn arguments(common: &Common, sources: &Sources) -> Vec<String> {
    let said = [("--config", &common.config), ("--state", &common.state)];
    let said = said.into_iter().filter_map(|(option, path)| {
        let path = sources.cwd.join(path.as_ref()?);
        Some([option.to_owned(), path.display().to_string()])
    });
    said.flatten().collect()
}

fn undo(state: &Path, sources: &Sources, json: bool) -> Result<(), Failure> {
    let mut workshop = Workshop::open(state).map_err(failed)?;
    let told = workshop.undo().map_err(failed)?;
    let home = sources.home.clone().unwrap_or_default();
    let mut stays = false;
    for (path, fate) in &told {
        stays |= matches!(fate, Fate::Stays(_) | Fate::Needed);
        let (word, text) = match fate {
            Fate::Back => ("back", "as it was".to_owned()),
            Fate::Gone => ("gone", "taken away: init had made it".to_owned()),
            Fate::Merged => (
                "merged",
                "what init did is undone; what was changed since is kept".to_owned(),
            ),
            Fate::Stays(Some(copy)) => (
                "stays",
                format!(
                    "stays: what init had changed was changed again; what was there before is in {}",
                    init::short(copy, &home)
                ),
            ),
            Fate::Stays(None) => (
                "stays",
                "stays: init had made it, and it was changed since".to_owned(),
            ),
            Fate::Needed => ("stays", "stays: what stays needs it".to_owned()),
        };
        match json {
            true => println!("{}", serde_json::json!({ "path": path, "undone": word })),
            false => println!("{}: {text}", init::short(path, &home)),
        }
    }
    if told.is_empty() && !json {
        println!("nothing to undo");
    }
    match stays {
        true => Err(failed(
            "not everything could be undone\nhint: mend what stays, and run `durward init --undo` again",
        )),
        false => Ok(()),
    }
}

/// Asks whether to do it.
fn agreed() -> Result<bool, Failure> {
    eprint!("do this? [y/N] ");
    std::io::stderr().flush().map_err(failed)?;
    let said = line()?.unwrap_or_default();
    Ok(matches!(said.to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks for what a client asks for, without showing it; `None` where nothing is said.
fn answer(input: &Input, home: &Path) -> Result<Option<String>, Failure> {
    let description = match input.description.is_empty() {
        true => String::new(),
        false => format!(" ({})", init::harmless(&input.description)),
    };
    eprint!(
        "{} wants `{}`{description}; nothing to leave its servers alone: ",
        init::short(&input.path, home),
        init::harmless(&input.id)
    );
    std::io::stderr().flush().map_err(failed)?;
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).map_err(failed)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &quiet).map_err(failed)?;
    let said = line();
    let back = tcsetattr(&stdin, OptionalActions::Flush, &before);
    eprintln!();
    back.map_err(failed)?;
    said
}

/// A line of the person's; `None` where it is empty.
fn line() -> Result<Option<String>, Failure> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(failed)?;
    let line = line.trim_end_matches(['\r', '\n']);
    Ok((!line.is_empty()).then(|| line.to_owned()))
}
