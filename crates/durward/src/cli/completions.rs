//! Completions and the manual page, made from the command line's own definition.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{
    cli::Cli,
    exit::{Failure, failed},
};

/// Print a completion script for a shell.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// For which shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "durward", &mut script);
        print(&script)
    }
}

/// Print the manual page.
#[derive(Debug, Args)]
pub(super) struct Man {}

pub(super) fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(failed)?;
    print(&page)
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    std::io::stdout().write_all(bytes).map_err(failed)
}
