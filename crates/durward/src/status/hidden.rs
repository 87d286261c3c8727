//! Secrets of the configuration, taken out of what servers say.

use durward_core::Secret;

/// Shorter ones are no secrets, and would take letters out of words.
const SHORTEST: usize = 4;
const REDACTED: &str = "[REDACTED]";

/// What is not to be shown, the longest first: one may begin with another.
#[derive(Default)]
pub(super) struct Hidden(Vec<Secret>);

impl Hidden {
    /// Each line of a secret by itself, for what servers say comes in lines.
    pub(super) fn of(secrets: &[Secret]) -> Self {
        let lines = secrets.iter().flat_map(|secret| secret.expose().lines());
        let long = lines.filter(|line| line.len() >= SHORTEST);
        let mut all: Vec<_> = long.map(|line| Secret::new(line.to_owned())).collect();
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(all)
    }

    pub(super) fn take_out_of(&self, line: &mut String) {
        for secret in &self.0 {
            if line.contains(secret.expose()) {
                *line = line.replace(secret.expose(), REDACTED);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_whole_and_line_by_line() {
        let all = ["hunter", "hunter2", "BEGIN\nabcdef\nEND", "x"];
        let hidden = Hidden::of(&all.map(|text| Secret::new(text.to_owned())));
        for (line, wanted) in [
            ("the token is k-hunter2!", "the token is k-[REDACTED]!"),
            ("abcdefabcdef x", "[REDACTED][REDACTED] x"),
            ("nothing", "nothing"),
        ] {
            let mut line = line.to_owned();
            hidden.take_out_of(&mut line);
            assert_eq!(line, wanted);
        }
    }
}
