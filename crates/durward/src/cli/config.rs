//! `durward config`

use clap::{Args, Subcommand};

use crate::{
    cli::{Common, setup},
    config,
    exit::Failure,
};

/// Show the configuration, its schema or its reference.
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The effective configuration, with where each value came from.
    Show,
    /// Its JSON Schema.
    Schema,
    /// The reference page, in Markdown.
    Docs,
    /// Every key as a variable, as a `.env` file in which nothing is said yet.
    Env,
}

impl Config {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let text = match self.what {
            What::Show => {
                let (loaded, _) = setup::loaded(common, &[])?;
                config::show(&loaded, common.json)
            }
            What::Schema => format!("{:#}", config::schema()),
            What::Docs => config::docs(),
            What::Env => config::variables(),
        };
        println!("{}", text.trim_end());
        Ok(())
    }
}
