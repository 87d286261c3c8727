//! Which paths may be touched, judged by their names alone.
//!
//! A path walks through [`lexical`] first; what comes out is judged by a [`DenyList`] and a
//! [`PathScope`]. Symlinks are the business of whoever opens the file: the name that it resolves
//! to is judged here as well.

mod deny;
mod lexical;
mod scope;

pub use deny::DenyList;
pub use lexical::{Absolute, Lexical, PathFault, Relative, lexical};
pub use scope::PathScope;

use globset::{Glob, GlobBuilder};

use crate::GuardError;

/// Compiles a path glob: `*` and `?` stop at `/`, `**` does not, `[…]` and `{…}` are sets.
fn path_glob(text: &str) -> Result<Glob, GuardError> {
    GlobBuilder::new(text)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|error| fault(text, &error.kind().to_string()))
}

fn fault(glob: &str, why: &str) -> GuardError {
    GuardError::Glob {
        glob: glob.chars().take(120).collect(),
        why: why.to_owned(),
    }
}

/// A pattern of the file as it is meant: from the root on, without `./` and a last `/`.
fn trimmed(pattern: &str) -> Result<&str, GuardError> {
    let trimmed = pattern.strip_prefix("./").unwrap_or(pattern);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    if trimmed.is_empty() {
        return Err(fault(pattern, "it is empty"));
    }
    if trimmed.starts_with('!') {
        return Err(fault(pattern, "a pattern can't be turned round with `!`"));
    }
    if trimmed.split('/').any(|component| component == "..") {
        return Err(fault(pattern, "`..` leads nowhere in a pattern"));
    }
    Ok(trimmed)
}
