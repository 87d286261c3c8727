//! The program of a template, as it is named.

use super::TemplateFault;

/// Refuses what is neither a name nor a whole path.
pub(super) fn judge(program: &str) -> Result<(), TemplateFault> {
    let fits = |c: char| c.is_alphanumeric() || "._+@-[".contains(c);
    let is_one = match program.starts_with('/') {
        true => !program.ends_with('/') && !program.chars().any(char::is_control),
        false => !program.is_empty() && !program.starts_with('-') && program.chars().all(fits),
    };
    match (is_one, program.is_empty()) {
        (true, _) => Ok(()),
        (_, true) => Err(TemplateFault::Empty),
        (false, _) => Err(TemplateFault::BadProgram(
            program.chars().take(80).collect(),
        )),
    }
}
