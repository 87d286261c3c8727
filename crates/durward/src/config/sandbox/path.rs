//! A path of the sandbox, in which a name may have a wildcard.

use std::{fmt, path::PathBuf, str::FromStr};

use globset::GlobBuilder;

use crate::config::{text::text_type, units::Unfit};

/// A path, such as `/usr` or `/lib*`; relative ones begin in the working folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxPath(String);

impl SandboxPath {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Does it stand for whatever fits?
    pub fn is_pattern(&self) -> bool {
        self.0.contains(['*', '?'])
    }

    /// What there is of it, in order; as it stands where it is no pattern, there or not.
    pub fn found(&self) -> Vec<PathBuf> {
        let mut found = vec![PathBuf::new()];
        if !self.is_pattern() {
            return vec![PathBuf::from(&self.0)];
        }
        if self.0.starts_with('/') {
            found = vec![PathBuf::from("/")];
        }
        for name in self.0.split('/').filter(|name| !name.is_empty()) {
            let Some(fits) = matcher(name) else {
                found.iter_mut().for_each(|path| path.push(name));
                continue;
            };
            let mut next = Vec::new();
            for folder in &found {
                let listed = match folder.as_os_str().is_empty() {
                    true => std::fs::read_dir("."),
                    false => std::fs::read_dir(folder),
                };
                let entries = listed.into_iter().flatten().flatten();
                let names = entries.map(|entry| entry.file_name());
                next.extend(
                    names
                        .filter(|name| fits.is_match(name))
                        .map(|name| folder.join(name)),
                );
            }
            next.sort();
            found = next;
        }
        found
    }
}

/// How a name is matched that has a wildcard in it.
fn matcher(name: &str) -> Option<globset::GlobMatcher> {
    if !name.contains(['*', '?']) {
        return None;
    }
    let glob = GlobBuilder::new(name)
        .literal_separator(true)
        .build()
        .ok()?;
    Some(glob.compile_matcher())
}

impl FromStr for SandboxPath {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let path = Self(text.to_owned());
        // Braces and brackets are letters of names here, so a pattern has none; and it leads down alone.
        let fits =
            |name: &str| name != ".." && !name.contains("**") && !name.contains(['[', '{', '\\']);
        if text.is_empty() || text.contains('\0') || path.is_pattern() && !text.split('/').all(fits)
        {
            return Err(Unfit::new(
                text,
                "a path, such as `/usr`, or one in which `*` is any text within a name, such as `/lib*`",
            ));
        }
        Ok(path)
    }
}

impl fmt::Display for SandboxPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(SandboxPath, "a path, such as `/usr` or `/lib*`", ".+");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_any_text_within_a_name() {
        let place = tempfile::tempdir().unwrap();
        for folder in ["lib", "lib64/x", "other", "a[b]"] {
            std::fs::create_dir_all(place.path().join(folder)).unwrap();
        }
        let found = |pattern: &str| {
            let path = format!("{}/{pattern}", place.path().display());
            let found = path.parse::<SandboxPath>().unwrap().found();
            let short = |path: &PathBuf| {
                let short = path.strip_prefix(place.path()).unwrap();
                short.display().to_string()
            };
            found.iter().map(short).collect::<Vec<_>>()
        };
        assert_eq!(found("lib*"), ["lib", "lib64"]);
        assert_eq!(
            found("*/x"),
            ["lib/x", "lib64/x", "other/x", "a[b]/x"]
                .map(str::to_owned)
                .into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
        assert_eq!(found("none*"), [""; 0]);
        // No pattern: as it stands, there or not.
        assert_eq!(found("a[b]"), ["a[b]"]);
        assert_eq!(found("none"), ["none"]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "/a/../b*", "/a/**", "/a*[b]", "a\0b"] {
            assert!(text.parse::<SandboxPath>().is_err(), "{text}");
        }
    }
}
