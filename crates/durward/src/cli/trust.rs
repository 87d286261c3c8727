//! `durward trust`

use std::path::PathBuf;

use clap::Args;

use crate::{
    cli::{Common, setup},
    config::{Digest, Trust as Pins, load, show},
    exit::{Failure, failed},
};

/// Show what a configuration would share and run, and pin its path and content. A `durward.yaml` of a
/// working folder is used only once it is pinned.
#[derive(Debug, Args)]
pub(super) struct Trust {
    /// The file.
    #[arg(default_value = "durward.yaml")]
    file: PathBuf,
}

impl Trust {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let (path, content) = Pins::read(&self.file).map_err(failed)?;
        let mut sources = setup::sources(common, &[])?;
        sources.file = Some(path.clone());
        let loaded = load(&sources)?;
        let mut pins = Pins::open(&loaded.config.state).map_err(failed)?;
        if pins.holds(&path, &content) {
            println!("{} is trusted already", path.display());
            return Ok(());
        }
        println!("{}", show(&loaded, common.json).trim_end());
        pins.pin(&path, &content).map_err(failed)?;
        println!(
            "trusted: {} (SHA-256 {})",
            path.display(),
            Digest::of(&content)
        );
        Ok(())
    }
}
