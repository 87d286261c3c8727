//! Which file is the configuration.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use super::{Diagnostic, Sources, Trust};

/// More than any configuration has, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// The file that was chosen, if any, and the one that may not be.
#[derive(Default)]
pub(super) struct Found {
    pub(super) file: Option<(PathBuf, String)>,
    pub(super) untrusted: Option<PathBuf>,
}

/// `--config`; or a `durward.yaml` of the working folder that is trusted; or the user's own; or none.
pub(super) fn find(sources: &Sources) -> Result<Found, Diagnostic> {
    if let Some(path) = &sources.file {
        let text = read(&sources.cwd.join(path))?;
        return Ok(Found {
            file: Some((path.clone(), text)),
            untrusted: None,
        });
    }
    let mut found = Found::default();
    let local = sources.cwd.join("durward.yaml");
    if local.exists() {
        match trusted(&local, sources)? {
            Some(text) => {
                return Ok(Found {
                    file: Some((local, text)),
                    untrusted: None,
                });
            }
            None => found.untrusted = Some(local),
        }
    }
    if let Some(path) = own_file(sources).filter(|path| path.exists()) {
        // The user's own file is nobody else's, even where the working folder is that folder.
        found.untrusted = found.untrusted.filter(|local| *local != path);
        let text = read(&path)?;
        found.file = Some((path, text));
    }
    Ok(found)
}

/// The text of a working folder's file, if exactly that was pinned.
fn trusted(local: &Path, sources: &Sources) -> Result<Option<String>, Diagnostic> {
    let Some(state) = sources.state_folder() else {
        return Ok(None);
    };
    let trust = Trust::open(&state).map_err(|error| Diagnostic::error(error.to_string()))?;
    let Ok(path) = local.canonicalize() else {
        return Ok(None);
    };
    // A stranger's file that can't be read is no reason not to start.
    Ok(read(local)
        .ok()
        .filter(|text| trust.holds(&path, text.as_bytes())))
}

/// Whoever can change the configuration can do what durward can.
pub(super) fn writable_by_all(path: &Path) -> Option<Diagnostic> {
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).ok()?.permissions()) & 0o002
        != 0
    {
        let warning = Diagnostic::warning(format!(
            "everyone on this machine may change {}",
            path.display()
        ));
        return Some(warning.hint("take that away with `chmod o-w`"));
    }
    None
}

/// The user's own file, whether it is there or not.
pub(crate) fn own_file(sources: &Sources) -> Option<PathBuf> {
    config_home(sources).map(|home| home.join("durward/durward.yaml"))
}

fn config_home(sources: &Sources) -> Option<PathBuf> {
    // The XDG specification says that a relative path is to be ignored.
    let said = sources
        .xdg_config_home
        .clone()
        .filter(|path| path.is_absolute());
    said.or_else(|| sources.home.as_ref().map(|home| home.join(".config")))
}

/// The text of a file that a person wrote.
pub(super) fn read(path: &Path) -> Result<String, Diagnostic> {
    let fault = |why: String| Diagnostic::error(format!("{} can't be read: {why}", path.display()));
    let facts = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?;
    if !facts.is_file() {
        return Err(fault("it is not a file".to_owned()));
    }
    let file = std::fs::File::open(path).map_err(|error| fault(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| fault(error.to_string()))?;
    if bytes.len() as u64 > LONGEST {
        return Err(fault(format!("it is longer than {LONGEST} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        fault(format!("line {line} is not UTF-8 text"))
    })
}
