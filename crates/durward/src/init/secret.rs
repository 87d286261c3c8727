//! What looks like a secret. Taking too much for one costs a file; taking too little shows one.

use durward_core::RawJson;
use durward_guard::{GuardError, redact::Redactor};

/// Judges names and values.
#[derive(Debug)]
pub(super) struct Looks(Redactor);

/// Parts of names that say so, beside those of `audit.redact_names`.
const NAMES: &[&str] = &[
    "apikey",
    "auth",
    "bearer",
    "cert",
    "connection",
    "cookie",
    "cred",
    "dsn",
    "key",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "pat",
    "pwd",
    "secret",
    "session",
    "signature",
    "token",
    "webhook",
];

/// The shortest value that can be a key by its looks alone.
const SHORTEST: usize = 20;

impl Looks {
    /// With the names that the audit takes out too.
    pub(super) fn new(names: &[String]) -> Result<Self, GuardError> {
        Redactor::new(names).map(Self)
    }

    /// Is the value of this name a secret?
    pub(super) fn named(&self, name: &str, value: &str) -> bool {
        if value.is_empty() || matches!(value, "true" | "false" | "0" | "1") {
            return false;
        }
        let words = name.split(|c: char| !c.is_ascii_alphanumeric());
        let telling = |word: &str| {
            let word = word.to_ascii_lowercase();
            NAMES.iter().any(|name| match name.len() {
                // `path` is no `pat`, `keyboard` no `key`.
                ..=4 => word == *name || word.trim_end_matches('s') == *name,
                _ => word.contains(name),
            })
        };
        words.into_iter().any(telling) || self.redacted(name, value) || self.bare(value)
    }

    /// Is a value a secret by its looks alone?
    pub(super) fn bare(&self, value: &str) -> bool {
        let word = |b: u8| b.is_ascii_alphanumeric() || b"_-+=.~".contains(&b);
        let (mut letters, mut digits) = (0, 0);
        for b in value.bytes() {
            letters += usize::from(b.is_ascii_alphabetic());
            digits += usize::from(b.is_ascii_digit());
        }
        let random =
            value.len() >= SHORTEST && value.bytes().all(word) && letters > 4 && digits > 3;
        random || self.redacted("value", value)
    }

    fn redacted(&self, name: &str, value: &str) -> bool {
        let said = RawJson::of(&serde_json::json!({ name: value }));
        said.is_ok_and(|said| self.0.redact(&said).as_str() != said.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_name_or_looks() {
        let looks = Looks::new(&["token".to_owned(), "api_key".to_owned()]).unwrap();
        for (name, value) in [
            ("GITHUB_PERSONAL_ACCESS_TOKEN", "x"),
            ("BRAVE_API_KEY", "x"),
            ("OPENAI_KEY", "x"),
            ("GITHUB_PAT", "x"),
            ("DB_PASSWORD", "x"),
            ("X-Auth", "x"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("DATABASE_URL", "postgres://ann:pw@db/x"),
            ("SLACK_WEBHOOK", "x"),
            ("WHATEVER", "ghp_0123456789abcdefghijABCDEFGHIJ"),
            ("WHATEVER", "a8f5f167f44f4964e6c998dee827110c"),
        ] {
            assert!(looks.named(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("NODE_ENV", "production"),
            ("PORT", "8080"),
            ("PATH", "/usr/local/bin:/usr/bin"),
            ("LOG_LEVEL", "debug"),
            ("KEYBOARD", "us"),
            ("MAX_TOKENS", "true"),
            ("API_KEY", ""),
            ("REGION", "eu-central-1"),
            ("MEMORY_FILE_PATH", "/home/ann/memory.json"),
        ] {
            assert!(!looks.named(name, value), "{name}={value}");
        }
    }
}
