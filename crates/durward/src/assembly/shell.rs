//! `packs.shell`, as its pack takes it.

use durward_packs::shell::{Programs, ShellSettings};

use super::AssemblyError;
use crate::{
    config::{Config, ProgramName, Room},
    sandbox::{Builder, Item},
};

pub(super) fn settings(
    config: &Config,
    builder: &Builder<'_>,
) -> Result<ShellSettings, AssemblyError> {
    let pack = &config.packs.shell;
    let names = |names: &[ProgramName]| {
        let names = names.iter().map(|name| name.as_str().to_owned());
        names.collect::<Vec<_>>()
    };
    let programs = Programs::find(&names(&pack.allow), &names(&pack.allow_interpreters));
    let enclosure = builder.enclose(&Item {
        key: "packs.shell",
        said: pack.sandbox.as_ref(),
        usual: Room::Box,
        folder: None,
        // A program that lies elsewhere than others has to be shown to be run.
        shows: &programs.files(),
    })?;
    Ok(ShellSettings {
        programs,
        launcher: builder.launcher(),
        walls: Some(enclosure.walls),
        room: enclosure.word,
        inherit: enclosure.inherit,
        env: enclosure.env,
        output: enclosure.output,
        files: super::files(config),
    })
}
