//! Reading a secret from where it is kept. No sentence here has its value.

use std::{io::Read, path::Path};

use super::{SecretSource, Secrets, Sources, nearest::nearest};

/// More than any key or token has.
const LONGEST: u64 = 64 * 1024;

/// The secret of a name, or why there is none.
pub(super) fn unseal(name: &str, secrets: &Secrets, sources: &Sources) -> Result<String, String> {
    let source = secrets.get(name).ok_or_else(|| unknown(name, secrets))?;
    let text = match source {
        SecretSource::Env(variable) => sources.var(variable).ok_or_else(|| {
            format!("the secret `{name}` is in the variable `{variable}`, which is not set")
        }),
        SecretSource::File(path) => from_file(&sources.cwd.join(path)).map_err(|why| {
            format!(
                "the secret `{name}` can't be read from {}: {why}",
                path.display()
            )
        }),
    }?;
    if text.is_empty() {
        Err(format!("the secret `{name}` is empty"))
    } else {
        Ok(text)
    }
}

fn unknown(name: &str, secrets: &Secrets) -> String {
    match nearest(name, secrets.keys().map(super::SecretName::as_str)) {
        Some(near) => format!("there is no secret `{name}`; did you mean `{near}`?"),
        None => format!("there is no secret `{name}` under `secrets:`"),
    }
}

fn from_file(path: &Path) -> Result<String, String> {
    // Looked at before it is opened, for opening a FIFO waits.
    let before = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !before.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let facts = file.metadata().map_err(|error| error.to_string())?;
    if open_to_the_world(&facts) {
        return Err("everyone on this machine may read it; `chmod o-rwx` it first".to_owned());
    }
    let mut text = String::new();
    file.take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(|_| "it is not UTF-8 text".to_owned())?;
    if text.len() as u64 > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(text)
}

#[cfg(unix)]
fn open_to_the_world(facts: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    facts.permissions().mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn open_to_the_world(_: &std::fs::Metadata) -> bool {
    false
}
