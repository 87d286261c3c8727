//! A command line as one value: plain words, the first of which is allowed.

use super::Why;
use crate::argv;

/// Refuses a line that is not made of plain words, begins with another than these, or has an argument by which
/// that one would run another program.
pub(super) fn judge(line: &str, allowed: &[String]) -> Result<(), Why> {
    let mut words = line.split(' ');
    let first = words.next().unwrap_or_default();
    if !is_plain(first) || !words.all(is_plain) {
        return Err(Why::NotPlain);
    }
    if !allowed.iter().any(|name| name == first) {
        return Err(Why::Command(allowed.join(", ")));
    }
    let args: Vec<_> = line.split(' ').skip(1).map(str::to_owned).collect();
    match argv::hazard(first, &args) {
        None => Ok(()),
        Some(hazard) => Err(Why::Hazard(hazard.why)),
    }
}

/// Is it one word that no shell takes for more than itself?
pub(super) fn is_plain(word: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_./:=@%+,-".contains(&b);
    !word.is_empty() && word.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_judged_as_its_program_s_own_arguments_are() {
        let allowed = ["git".to_owned(), "uptime".to_owned()];
        for line in ["git log --oneline", "uptime", "git fetch origin"] {
            assert_eq!(judge(line, &allowed), Ok(()), "{line}");
        }
        for line in [
            "git fetch --upload-pack=x origin",
            "git -c core.pager=x log",
        ] {
            let why = judge(line, &allowed).unwrap_err();
            assert!(matches!(why, Why::Hazard(_)), "{line}: {why}");
        }
        assert!(matches!(judge("rm x", &allowed), Err(Why::Command(_))));
        assert_eq!(judge("git log;x", &allowed), Err(Why::NotPlain));
    }
}
