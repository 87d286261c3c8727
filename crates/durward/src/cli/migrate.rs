//! `durward migrate`

use std::path::{Path, PathBuf};

use clap::Args;
use durward_store::folder;
use serde::Serialize;

use crate::{
    cli::{Common, setup},
    config::{Sources, load},
    exit::{Failure, failed},
    migrate::{Fate, Inputs, Migration, Predecessor, migrate},
};

/// Turn a predecessor's configuration into `durward.yaml`, and account for each of its lines: taken over,
/// done otherwise, or without an equal here. The file goes to stdout and the account to stderr, unless
/// `--write` says where the file belongs; then keys are kept beside it, in files of their own of mode 0600.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// What you come from.
    from: Predecessor,
    /// Its files, of any kind: its own, `.env`, a compose file, an MCP client's, a script or unit that
    /// starts it. Later ones beat those before them.
    files: Vec<PathBuf>,
    /// Take the variables of the present environment as well.
    #[arg(long)]
    env: bool,
    /// Write the file here, and secrets into a folder beside it.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Replace a file that is there already.
    #[arg(long, requires = "write")]
    force: bool,
    /// Its command line, behind `--`.
    #[arg(last = true, value_name = "ARGUMENT")]
    command: Vec<String>,
}

#[derive(Serialize)]
struct Report<'a> {
    from: String,
    plan: &'a [crate::migrate::Entry],
    config: &'a str,
    /// Names of the secrets that get files of their own.
    secrets: Vec<&'a String>,
    /// Where the file is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<&'a Path>,
}

impl Migrate {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let sources = setup::sources(common, &[])?;
        let target = self.target(&sources);
        if self.write.is_some() && target.exists() && !self.force {
            return Err(Failure::Usage(format!(
                "{} is there already; `--force` replaces it",
                target.display()
            )));
        }
        let stem = target.file_stem().unwrap_or_default().to_string_lossy();
        let vault = target.with_file_name(format!("{stem}-secrets"));
        let made = self.migrated(&sources, &vault)?;
        if self.write.is_some() {
            write(&made, &target, &vault)?;
        }
        let written = self.write.as_ref().map(|_| target.as_path());
        if common.json {
            let report = Report {
                from: self.from.to_string(),
                plan: &made.plan,
                config: &made.config,
                secrets: made.secrets.keys().collect(),
                written,
            };
            println!("{}", serde_json::json!(report));
        } else if written.is_some() {
            print!("{}", account(&made));
        } else {
            print!("{}", made.config);
            eprint!("\n{}", account(&made));
        }
        match written {
            Some(path) => checked(&sources, path),
            None => {
                eprintln!("nothing was written: `--write FILE` does");
                Ok(())
            }
        }
    }

    fn migrated(&self, sources: &Sources, vault: &Path) -> Result<Migration, Failure> {
        let mut inputs = Inputs::new(self.from, &sources.env, &sources.cwd);
        for file in &self.files {
            inputs.file(file).map_err(Failure::Failed)?;
        }
        if self.env {
            inputs.environment();
        }
        if !self.command.is_empty() {
            inputs.command_line(&self.command);
        }
        let given = inputs.given();
        if given.is_empty() {
            return Err(Failure::Usage(self.nothing()));
        }
        Ok(migrate(self.from, &given, vault))
    }

    fn nothing(&self) -> String {
        let asked = !self.files.is_empty() || self.env || !self.command.is_empty();
        match asked {
            true => format!("nothing of {} is in what was given", self.from),
            false => "say what to read: files, `--env`, or the command line behind `--`".to_owned(),
        }
    }

    /// Where the file goes, or would.
    fn target(&self, sources: &Sources) -> PathBuf {
        let own = || {
            let home = sources.home.as_ref().map(|home| home.join(".config"));
            let config = sources.xdg_config_home.clone().or(home);
            config.unwrap_or_default().join("durward/durward.yaml")
        };
        sources.cwd.join(self.write.clone().unwrap_or_else(own))
    }
}

/// Secrets first: a file that names what is not there would be refused.
fn write(made: &Migration, target: &Path, vault: &Path) -> Result<(), Failure> {
    for (name, secret) in &made.secrets {
        let path = vault.join(name);
        folder::write_private(&path, secret.expose().as_bytes()).map_err(failed)?;
    }
    folder::write_private(target, made.config.as_bytes()).map_err(failed)
}

/// What was written must be read without a fault.
fn checked(sources: &Sources, path: &Path) -> Result<(), Failure> {
    let mut sources = sources.clone();
    sources.file = Some(path.to_owned());
    load(&sources)?;
    eprintln!("next: durward check --config {}", path.display());
    Ok(())
}

/// The plan as a table, and how many lines came to what. Lines that are not the predecessor's are counted
/// by their reason.
fn account(made: &Migration) -> String {
    let lines = made.plan.iter().filter(|entry| entry.fate != Fate::NotIts);
    let rows: Vec<[String; 4]> = lines
        .map(|entry| {
            let key = entry.key.clone().unwrap_or_default();
            let why = entry.why.clone().unwrap_or_default();
            let between = if key.is_empty() || why.is_empty() {
                ""
            } else {
                ": "
            };
            [
                entry.at.clone(),
                entry.said.clone(),
                entry.fate.word().to_owned(),
                format!("{key}{between}{why}"),
            ]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..3).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for [at, said, fate, what] in &rows {
        let line = format!(
            "{at:<0$}  {said:<1$}  {fate:<2$}  {what}",
            widths[0], widths[1], widths[2]
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text + &summary(made)
}

fn summary(made: &Migration) -> String {
    let count = |fate: Fate| made.plan.iter().filter(|entry| entry.fate == fate).count();
    let mut text = format!(
        "{} taken over, {} done otherwise, {} without an equal",
        count(Fate::TakenOver),
        count(Fate::DoneOtherwise),
        count(Fate::NoEqual)
    );
    let rest: Vec<&str> = made
        .plan
        .iter()
        .filter(|entry| entry.fate == Fate::NotIts)
        .map(|entry| entry.said.as_str())
        .collect();
    if !rest.is_empty() {
        text.push_str(&format!(
            "; {} that say nothing to it (`--json` has them): {}",
            rest.len(),
            rest.join(", ")
        ));
    }
    if !made.secrets.is_empty() {
        text.push_str(&format!(
            "; {} in files of their own",
            plural(made.secrets.len())
        ));
    }
    text.push('\n');
    text
}

fn plural(keys: usize) -> String {
    match keys {
        1 => "1 secret".to_owned(),
        many => format!("{many} secrets"),
    }
}
