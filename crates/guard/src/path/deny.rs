//! Names that are never touched: keys, credentials, and what the configuration adds.

use std::borrow::Cow;

use globset::{Candidate, GlobSet, GlobSetBuilder};

use super::{fault, path_glob, trimmed};
use crate::GuardError;

/// Denied at any depth, with all that lies below; a pattern with `/` is a run of components.
const BUILT_IN: &[&str] = &[
    ".env*",
    "*.key",
    "*.pem",
    "*.p12",
    "*.pfx",
    "*.p8",
    "*.ppk",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    ".config/gcloud",
    ".config/gh",
    ".docker/config.json",
    ".secrets",
    "secrets",
    ".git/config",
    ".git/config.worktree",
    ".git/credentials",
    ".git/hooks",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    ".vault-token",
    ".cargo/credentials*",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
];

/// Patterns that no path may match, whatever else allows it. Upper and lower case are one.
#[derive(Debug)]
pub struct DenyList {
    /// Judged against each component alone.
    names: Set,
    /// Judged against the whole path.
    paths: Set,
}

#[derive(Debug)]
struct Set {
    globs: GlobSet,
    /// The pattern that each glob came from.
    patterns: Vec<String>,
}

impl DenyList {
    /// Compiles the built-in list, where wanted, and the patterns of the configuration. One
    /// without `/` is a name at any depth; one with `/` begins at the root (`**/` for any depth).
    /// Both deny what lies below too, and `dir/**` denies `dir` itself.
    pub fn build(builtin: bool, extra: &[String]) -> Result<Self, GuardError> {
        let (mut names, mut paths) = (Vec::new(), Vec::new());
        for &pattern in BUILT_IN.iter().filter(|_| builtin) {
            match pattern.contains('/') {
                true => paths.push((pattern.to_owned(), format!("**/{pattern}"))),
                false => names.push((pattern.to_owned(), pattern.to_owned())),
            }
        }
        for pattern in extra {
            let meant = trimmed(pattern)?;
            let meant = meant.strip_suffix("/**").unwrap_or(meant);
            match meant
                .strip_prefix('/')
                .or(meant.contains('/').then_some(meant))
            {
                Some("") => return Err(fault(pattern, "it would deny everything; write `**`")),
                Some(path) => paths.push((pattern.clone(), path.to_owned())),
                None => names.push((pattern.clone(), meant.to_owned())),
            }
        }
        let below = paths
            .iter()
            .map(|(text, path)| (text.clone(), format!("{path}/**")));
        let below: Vec<_> = below.collect();
        paths.extend(below);
        Ok(Self {
            names: Set::build(names)?,
            paths: Set::build(paths)?,
        })
    }

    /// The pattern that denies this path or one of its ancestors, if any. The path is relative to
    /// the root, in the form of [`super::Relative`].
    pub fn hit(&self, relative_path: &str) -> Option<&str> {
        let folded = folded(relative_path);
        self.names_hit(&folded).or_else(|| self.paths.hit(&folded))
    }

    fn names_hit(&self, folded: &str) -> Option<&str> {
        folded
            .split('/')
            .find_map(|component| self.names.hit(component))
    }
}

impl Set {
    fn build(patterns: Vec<(String, String)>) -> Result<Self, GuardError> {
        let mut globs = GlobSetBuilder::new();
        for (text, glob) in &patterns {
            globs.add(path_glob(&folded(glob)).map_err(|error| match error {
                GuardError::Glob { why, .. } => fault(text, &why),
                other => other,
            })?);
        }
        let globs = globs
            .build()
            .map_err(|error| fault("deny", &error.to_string()))?;
        Ok(Self {
            globs,
            patterns: patterns.into_iter().map(|(text, _)| text).collect(),
        })
    }

    fn hit(&self, path: &str) -> Option<&str> {
        let candidate = Candidate::new(path);
        if !self.globs.is_match_candidate(&candidate) {
            return None;
        }
        let first = self.globs.matches_candidate(&candidate).first().copied()?;
        self.patterns.get(first).map(String::as_str)
    }
}

/// Case folded so that what a folding file system takes for one name is one here: through upper
/// case first, for `ſ` and its like.
fn folded(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        text.to_uppercase().to_lowercase().into()
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    fn built_in() -> DenyList {
        DenyList::build(true, &[]).unwrap()
    }

    fn only(patterns: &[&str]) -> DenyList {
        let patterns: Vec<_> = patterns.iter().map(|&it| it.to_owned()).collect();
        DenyList::build(false, &patterns).unwrap()
    }

    #[test]
    fn what_holds_secrets_is_denied_unasked() {
        let list = built_in();
        for path in [
            ".env",
            ".env.local",
            ".env.example",
            "sub/.env",
            ".ENV",
            "k/a.key",
            "a.pem",
            "a.p12",
            ".secrets/b.key",
            "keys/.hidden.key",
            "keys/A.KEY",
            "x.PEM",
            ".ssh/id_rsa",
            ".ssh",
            "secrets",
            "secrets/x",
            "a/Secrets/b/c",
            ".aws/credentials",
            ".gnupg/x",
            ".git/config",
            "sub/.git/config",
            ".git/hooks/pre-commit",
            ".git/hooks",
            "id_rsa.pub",
            "home/id_ed25519",
            ".docker/config.json",
            ".netrc",
            ".npmrc",
            ".pypirc",
            ".kube/config",
            "a.keystore",
            "a.jks",
            ".htpasswd",
            ".pgpass",
            "dir.key/file",
            ".git/CONFIG",
            ".\u{17f}sh/x",
            "a.\u{212a}ey",
        ] {
            assert!(list.hit(path).is_some(), "{path}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        let list = built_in();
        for path in [
            "",
            "a",
            "env",
            "src/environment.rs",
            "keys/list.txt",
            "key",
            "monkey.txt",
            "pem",
            ".git/HEAD",
            "config",
            "docker/config.json",
            "x.keys",
            "secrets.md",
            "ssh",
            "my_id_rsa",
            ".sshx",
            "a.key.txt",
            ".github/config.yml",
        ] {
            assert_eq!(list.hit(path), None, "{path}");
        }
    }

    #[test]
    fn the_pattern_is_named_as_it_was_written() {
        assert_eq!(built_in().hit("a/B.PEM"), Some("*.pem"));
        assert_eq!(built_in().hit("x/.git/hooks/y"), Some(".git/hooks"));
        assert_eq!(
            only(&["Notes/Private/**"]).hit("notes/private/a/b"),
            Some("Notes/Private/**")
        );
    }

    #[test]
    fn patterns_of_the_file_are_names_or_begin_at_the_root() {
        let list = only(&[
            "notes/private/**",
            "*.bak",
            "/build",
            "**/tmp/x",
            "old/",
            "d/*.txt",
        ]);
        for path in [
            "notes/private",
            "notes/private/a",
            "notes/PRIVATE/a/b",
            "x/y.bak",
            "build/x",
            "tmp/x",
            "a/tmp/x/y",
            "a/old/b",
            "d/a.txt",
            "y.bak/z",
        ] {
            assert!(list.hit(path).is_some(), "{path}");
        }
        for path in [
            "notes",
            "notes/privates",
            "a/notes/private/x",
            "a/build",
            "d/e/a.txt",
            ".env",
        ] {
            assert_eq!(list.hit(path), None, "{path}");
        }
    }

    #[test]
    fn a_pattern_for_everything_denies_everything() {
        assert!(only(&["**"]).hit("a/b").is_some());
        assert_eq!(only(&[]).hit("a/.env"), None);
    }

    #[test]
    fn bad_patterns_are_named() {
        for pattern in ["", "/", "./", "a/[", "!a", "a/../b", "{a"] {
            let error = DenyList::build(true, &[pattern.to_owned()])
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with(&format!("`{pattern}` is not a pattern")),
                "{error}"
            );
        }
    }

    proptest! {
        /// What is denied stays denied however deep it lies and whatever lies below.
        #[test]
        fn depth_is_no_way_out(above in "([a-z]{1,5}/){0,4}", below in "(/[a-z]{1,5}){0,4}") {
            static LIST: LazyLock<DenyList> = LazyLock::new(built_in);
            for name in [".env", "ID_RSA", "x.Key", ".ssh", ".git/config"] {
                let path = format!("{above}{name}{below}");
                prop_assert!(LIST.hit(&path).is_some(), "{}", path);
            }
        }
    }
}
