//! What is found out of a command before anyone can call it: its program, once and for all, and its folder.

use durward_guard::argv;

use super::{
    CommandFault, CommandSettings, Missing,
    base::Base,
    fault::CommandWhy,
    tool::{CommandTool, Program},
};

/// The command, ready to be called.
pub(super) fn ready(settings: &CommandSettings, base: &Base) -> Result<CommandTool, CommandFault> {
    let fault = |why| CommandFault {
        name: settings.name.clone(),
        why,
    };
    let program = program(settings).map_err(fault)?;
    let walls = settings.walls.as_deref();
    let folder = base.folder(settings.cwd.as_deref(), walls);
    let folder = folder.map_err(|refusal| {
        fault(CommandWhy::Folder {
            folder: settings.cwd.clone().unwrap_or_default(),
            reason: refusal.reason.into_owned(),
        })
    })?;
    Ok(CommandTool::new(settings, program, folder))
}

/// The program by its file and content; judged by the name that was written and by the one that the file has.
fn program(settings: &CommandSettings) -> Result<Program, CommandWhy> {
    let named = settings.template.program();
    let basename = named.rsplit('/').next().unwrap_or(named);
    let judge = |name: &str| {
        argv::kind(name).map(|kind| CommandWhy::Dangerous {
            program: name.to_owned(),
            kind,
        })
    };
    // What it is named says what is meant, there or not.
    if !settings.dangerous
        && let Some(why) = judge(basename)
    {
        return Err(why);
    }
    let pin = match (&settings.program, settings.missing) {
        (Ok(pin), _) => pin.clone(),
        (Err(why), Missing::Warn) => return Ok(Program::Missing(why.clone())),
        (Err(why), Missing::Refuse) => return Err(CommandWhy::Missing(why.clone())),
    };
    let real = match argv::is_many(pin.name()) {
        true => None,
        false => judge(pin.name()),
    };
    let found = real.or_else(|| judge(basename));
    match (settings.dangerous, found) {
        (false, Some(why)) => Err(why),
        (true, Some(CommandWhy::Dangerous { kind, .. })) => Ok(Program::Dangerous(pin, kind)),
        _ => Ok(Program::Usual(pin)),
    }
}
