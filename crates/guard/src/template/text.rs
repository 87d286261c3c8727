//! What no value may have in it, whatever its place.

use super::Why;

/// Refuses control characters: a NUL ends an argument, an escape talks to terminals, a line break ends
/// what many programs take for one thing.
pub(super) fn without_control(text: &str) -> Result<(), Why> {
    match text.chars().find(|c| c.is_control()) {
        Some('\0') => Err(Why::Null),
        Some(c) => Err(Why::Control(c)),
        None => Ok(()),
    }
}
