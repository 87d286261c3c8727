//! Does an argument's name say that its value is a secret?

use regex::{Regex, RegexBuilder};

use crate::GuardError;

/// The names whose values are taken out.
#[derive(Debug)]
pub(super) struct Names {
    /// Each as its letters and digits, in lower case, without what is between them.
    flat: Vec<String>,
    /// Finds any of them anywhere, and escapes that could hide one.
    anywhere: Regex,
}

impl Names {
    pub(super) fn new(names: &[String]) -> Result<Self, GuardError> {
        let mut flat: Vec<String> = names.iter().map(|name| flattened(name)).collect();
        flat.retain(|name| !name.is_empty());
        let spelled = flat.iter().map(|name| {
            let letters: Vec<_> = name
                .chars()
                .map(|c| regex::escape(&c.to_string()))
                .collect();
            letters.join(BETWEEN)
        });
        let anywhere = spelled
            .chain([r"\\u".to_owned()])
            .collect::<Vec<_>>()
            .join("|");
        let anywhere = RegexBuilder::new(&anywhere)
            .case_insensitive(true)
            .build()
            .map_err(|error| GuardError::Glob {
                glob: names.join(", "),
                why: error.to_string(),
            })?;
        Ok(Self { flat, anywhere })
    }

    /// False only where no key of this JSON text can be hit.
    pub(super) fn may_hit(&self, json: &str) -> bool {
        self.anywhere.is_match(json)
    }

    /// Does the key hold one of the names, as whole words?
    pub(super) fn hit(&self, key: &str) -> bool {
        let words = words(key);
        (0..words.len()).any(|start| self.begins(&words[start..]))
    }

    /// Do the first of these words make up a name?
    fn begins(&self, words: &[String]) -> bool {
        self.flat.iter().any(|name| {
            let mut rest = name.as_str();
            for word in words {
                match rest.strip_prefix(word.as_str()) {
                    Some("") => return true,
                    Some(more) => rest = more,
                    None => return false,
                }
            }
            false
        })
    }
}

/// What may stand between the letters of a name.
const BETWEEN: &str = r#"[^A-Za-z0-9"]*"#;

fn flattened(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The words of a key, in lower case: they end at what is neither letter nor digit, and where
/// camel case begins a new one (`dbPassword`, `HTTPToken`).
fn words(key: &str) -> Vec<String> {
    let letters: Vec<char> = key.chars().collect();
    let mut words = vec![String::new()];
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|it| {
                it.is_lowercase()
                    || (it.is_uppercase() && after.is_some_and(|it| it.is_lowercase()))
            });
        if begins || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    fn names() -> &'static Names {
        static NAMES: LazyLock<Names> = LazyLock::new(made);
        &NAMES
    }

    fn made() -> Names {
        let names = [
            "password",
            "passwd",
            "secret",
            "token",
            "api_key",
            "authorization",
            "cookie",
            "private_key",
        ];
        Names::new(&names.map(str::to_owned)).unwrap()
    }

    #[test]
    fn whole_words_hit_however_they_are_spelled() {
        let names = names();
        for key in [
            "password",
            "PASSWORD",
            "api_key",
            "apiKey",
            "APIKey",
            "apikey",
            "api-key",
            "API KEY",
            "db_password",
            "dbPassword",
            "Authorization",
            "private-key",
            "privateKey",
            "x.token",
            "HTTPToken",
            "token2_token",
            "my-secret-thing",
            "set-cookie",
            "X-Api-Key",
        ] {
            assert!(names.hit(key), "{key}");
            assert!(names.may_hit(&format!("{{\"{key}\":1}}")), "{key}");
        }
    }

    #[test]
    fn parts_of_words_do_not() {
        for key in [
            "author",
            "monkey",
            "max_tokens",
            "passage",
            "apis_key",
            "key",
            "api",
            "",
        ] {
            assert!(!names().hit(key), "{key}");
        }
        assert!(!names().may_hit("{\"author\":\"x\",\"monkey\":1}"));
    }

    #[test]
    fn an_escape_may_hide_a_name() {
        assert!(names().may_hit(r#"{"pass\u0077ord":1}"#));
    }

    #[test]
    fn no_names_hit_nothing() {
        let none = Names::new(&["_-".to_owned()]).unwrap();
        assert!(!none.hit("password") && !none.hit("") && !none.may_hit("{\"password\":1}"));
    }
}
