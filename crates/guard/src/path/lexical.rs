//! What a path says before anything is opened.

use std::fmt;

use durward_core::{Refusal, RefusalCode};
use thiserror::Error;

/// The longest path that is taken, in bytes (Linux `PATH_MAX`).
const MAX_PATH: usize = 4096;
/// The longest component, in bytes (Linux `NAME_MAX`).
const MAX_COMPONENT: usize = 255;

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathFault {
    /// It holds a NUL.
    #[error("The path contains a null byte.")]
    NullByte,
    /// It holds another control character.
    #[error("The path contains a control character.")]
    ControlCharacter,
    /// It is longer than 4,096 bytes.
    #[error("The path is longer than 4096 bytes.")]
    TooLong,
    /// One of its components is longer than 255 bytes.
    #[error("A name in the path is longer than 255 bytes.")]
    ComponentTooLong,
    /// It leads out of the root.
    #[error("The path is outside of what is shared. Use a path relative to the root, such as `.`.")]
    OutsideRoot,
}

impl PathFault {
    /// The finer word of the refusal.
    pub fn detail(self) -> Option<&'static str> {
        match self {
            Self::NullByte => Some("null_byte"),
            Self::ControlCharacter => Some("control_character"),
            Self::TooLong | Self::ComponentTooLong => Some("path_too_long"),
            Self::OutsideRoot => None,
        }
    }
}

impl From<PathFault> for Refusal {
    fn from(fault: PathFault) -> Self {
        let code = match fault {
            PathFault::OutsideRoot => RefusalCode::PathOutsideRoot,
            _ => RefusalCode::InvalidArguments,
        };
        let refusal = Self::new(code, fault.to_string());
        match fault.detail() {
            Some(detail) => refusal.detail(detail),
            None => refusal,
        }
    }
}

/// A path below a root: components joined by `/`, none of them empty, `.` or `..`. The root itself
/// is the empty path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Relative(String);

impl Relative {
    /// The root itself.
    pub fn root() -> Self {
        Self(String::new())
    }

    /// The text; empty for the root itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it the root itself?
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The last component; `None` for the root itself.
    pub fn name(&self) -> Option<&str> {
        self.0.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// The path without its last component; `None` for the root itself.
    pub fn parent(&self) -> Option<Self> {
        let name = self.name()?;
        let parent = &self.0[..self.0.len() - name.len()];
        Some(Self(parent.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

/// A path from `/` on, without `.`, `..` and empty components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absolute(String);

impl Absolute {
    /// The path below `root`, where it is below it, component by component: `/b/basement` is not
    /// below `/b/base`. `root` is an absolute path in the same form.
    pub fn below(&self, root: &str) -> Option<Relative> {
        let rest = self.0.strip_prefix(root.trim_end_matches('/'))?;
        let is_whole_component = rest.is_empty() || rest.starts_with('/');
        is_whole_component.then(|| Relative(rest.trim_start_matches('/').to_owned()))
    }
}

/// What a path turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lexical {
    /// Below the root, whichever that is.
    Relative(Relative),
    /// From `/` on: to be taken only where it is below a root.
    Absolute(Absolute),
}

impl Lexical {
    /// The path below `root`, the root's own absolute path; anything elsewhere is outside.
    pub fn below(self, root: &str) -> Result<Relative, PathFault> {
        match self {
            Self::Relative(relative) => Ok(relative),
            Self::Absolute(absolute) => absolute.below(root).ok_or(PathFault::OutsideRoot),
        }
    }
}

/// Reads a path as it was sent. `.` and empty components are dropped, `..` is resolved by the
/// letter where that stays inside. Nothing is decoded or normalised: `%2e`, `\` and every form of
/// `é` are what they are. The empty path is the root.
pub fn lexical(input: &str) -> Result<Lexical, PathFault> {
    if input.contains('\0') {
        return Err(PathFault::NullByte);
    }
    if input.len() > MAX_PATH {
        return Err(PathFault::TooLong);
    }
    if input.chars().any(char::is_control) {
        return Err(PathFault::ControlCharacter);
    }
    if input.starts_with('/') {
        let path = resolved(input, Above::Stays)?;
        Ok(Lexical::Absolute(Absolute(format!("/{path}"))))
    } else {
        resolved(input, Above::IsOutside).map(|path| Lexical::Relative(Relative(path)))
    }
}

/// What `..` at the top means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Above {
    /// `/..` is `/`.
    Stays,
    IsOutside,
}

fn resolved(input: &str, above: Above) -> Result<String, PathFault> {
    let mut path = String::with_capacity(input.len());
    for component in input.split('/') {
        match component {
            "" | "." => {}
            ".." if path.is_empty() && above == Above::IsOutside => {
                return Err(PathFault::OutsideRoot);
            }
            ".." => path.truncate(path.rfind('/').unwrap_or(0)),
            name if name.len() > MAX_COMPONENT => return Err(PathFault::ComponentTooLong),
            name => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(name);
            }
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn below(input: &str) -> Result<String, PathFault> {
        lexical(input)?
            .below("/srv/base")
            .map(|path| path.as_str().to_owned())
    }

    #[test]
    fn plain_paths_are_kept_and_dots_resolved() {
        for (input, path) in [
            ("a/b.txt", "a/b.txt"),
            ("./a//b/", "a/b"),
            ("a/../b", "b"),
            ("a/./b/../../c", "c"),
            (".", ""),
            ("", ""),
            ("..foo", "..foo"),
            ("a..b.txt", "a..b.txt"),
            ("...", "..."),
            ("a\\..\\b", "a\\..\\b"),
            ("%2e%2e/x", "%2e%2e/x"),
            ("cafe\u{301}", "cafe\u{301}"),
            ("Copy (1).txt", "Copy (1).txt"),
            ("/srv/base", ""),
            ("/srv/base/", ""),
            ("/srv/base/a", "a"),
            ("/srv/x/../base/a", "a"),
            ("//srv//base/a", "a"),
        ] {
            assert_eq!(below(input).as_deref(), Ok(path), "{input}");
        }
    }

    #[test]
    fn what_leads_out_is_outside() {
        for input in [
            "..",
            "../x",
            "a/../..",
            "a/../../srv/base/x",
            "/",
            "/etc/passwd",
            "/srv/basement",
            "/srv/base/../x",
            "/srv/base-evil/x",
            "/srv",
        ] {
            assert_eq!(below(input), Err(PathFault::OutsideRoot), "{input}");
        }
    }

    #[test]
    fn faults_have_their_words() {
        assert_eq!(below("a\0b"), Err(PathFault::NullByte));
        assert_eq!(below("a\nb"), Err(PathFault::ControlCharacter));
        assert_eq!(below("a\u{85}b"), Err(PathFault::ControlCharacter));
        assert_eq!(below(&"a/".repeat(2_049)), Err(PathFault::TooLong));
        assert_eq!(below(&"a".repeat(256)), Err(PathFault::ComponentTooLong));
        assert!(below(&"a".repeat(255)).is_ok());
        let refusal = Refusal::from(PathFault::NullByte);
        assert_eq!(
            (refusal.code, refusal.detail),
            (RefusalCode::InvalidArguments, Some("null_byte"))
        );
        assert_eq!(
            Refusal::from(PathFault::OutsideRoot).code,
            RefusalCode::PathOutsideRoot
        );
    }

    #[test]
    fn a_root_of_slash_holds_everything() {
        let Lexical::Absolute(path) = lexical("/etc/passwd").unwrap() else {
            panic!()
        };
        assert_eq!(path.below("/").unwrap().as_str(), "etc/passwd");
    }

    #[test]
    fn parents_and_names() {
        let Lexical::Relative(path) = lexical("a/b/c").unwrap() else {
            panic!()
        };
        assert_eq!(path.name(), Some("c"));
        let parent = path.parent().unwrap();
        assert_eq!(parent.as_str(), "a/b");
        let top = parent.parent().unwrap();
        assert_eq!(top.as_str(), "a");
        assert!(top.parent().unwrap().is_root());
        assert_eq!(Relative::root().parent(), None);
        assert_eq!(
            (Relative::root().name(), Relative::root().to_string()),
            (None, ".".to_owned())
        );
    }

    proptest! {
        #[test]
        fn what_comes_out_is_clean_and_stable(input in "[a-c./\\\\ ]{0,60}") {
            if let Ok(Lexical::Relative(path)) = lexical(&input) {
                let clean = |part: &str| !matches!(part, "" | "." | "..");
                prop_assert!(path.is_root() || path.as_str().split('/').all(clean));
                prop_assert_eq!(lexical(path.as_str()), Ok(Lexical::Relative(path.clone())));
            }
        }

        #[test]
        fn any_text_is_judged(input in "\\PC{0,80}|[\\x00-\\x7f]{0,80}") {
            let _ = below(&input);
        }
    }
}
