//! What a server that wants a login says in `WWW-Authenticate` (RFC 9110 section 11.6.1, RFC 6750, RFC 9728).

use super::Scopes;

/// More than any challenge has.
const LONGEST: usize = 16 * 1024;

/// The `Bearer` challenge of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Challenge {
    /// Where the server's metadata is.
    pub resource_metadata: Option<String>,
    /// What a token must be good for.
    pub scope: Option<Scopes>,
    /// Why the token at hand is not enough.
    pub error: Option<String>,
}

impl Challenge {
    /// The first `Bearer` challenge among those of a header; `None` where there is none.
    pub fn parse(header: &str) -> Option<Self> {
        let header = header.get(..header.len().min(LONGEST)).unwrap_or_default();
        let mut reader = Reader { rest: header };
        let mut found: Option<Self> = None;
        while let Some(token) = reader.token() {
            if !reader.take('=') {
                if found.is_some() {
                    break;
                }
                found = token.eq_ignore_ascii_case("bearer").then(Self::default);
                continue;
            }
            let Some(value) = reader.value() else {
                continue;
            };
            let Some(challenge) = &mut found else {
                continue;
            };
            // The first of two counts: nobody can add a second one behind it.
            match token.to_ascii_lowercase().as_str() {
                "resource_metadata" => {
                    challenge.resource_metadata.get_or_insert(value);
                }
                "scope" => {
                    challenge.scope.get_or_insert_with(|| Scopes::parse(&value));
                }
                "error" => {
                    challenge.error.get_or_insert(value);
                }
                _ => {}
            }
        }
        found
    }

    /// Does it say that the token is good, and not good enough (RFC 6750 section 3.1)?
    pub fn wants_more(&self) -> bool {
        self.error.as_deref() == Some("insufficient_scope")
    }
}

/// Reads tokens and values, and skips what is neither.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn token(&mut self) -> Option<&'a str> {
        loop {
            let stray = |c| !is_token(c) && c != '"';
            self.rest = self.rest.trim_start_matches(stray);
            if !self.rest.starts_with('"') {
                break;
            }
            self.value();
        }
        let end = self.rest.find(|c| !is_token(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    /// Takes this, with the blanks around it, if it comes next.
    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.trim_start_matches([' ', '\t']);
        match rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest.trim_start_matches([' ', '\t']);
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([',', ' ', '\t']).unwrap_or(self.rest.len());
            let (value, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(value.to_owned());
        };
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Some(value);
                }
                '\\' => value.extend(chars.next().map(|(_, c)| c)),
                c => value.push(c),
            }
        }
        // It never ends: all that follows is part of nothing.
        self.rest = "";
        None
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bearer_challenge_is_found_among_others() {
        let text = r#"Basic realm="a, Bearer scope=\"x\"", bearer Scope = "a b" , resource_metadata="https://x/y", error=insufficient_scope, Digest scope="z""#;
        let challenge = Challenge::parse(text).unwrap();
        assert_eq!(challenge.resource_metadata.as_deref(), Some("https://x/y"));
        assert_eq!(challenge.scope.as_ref().unwrap().to_string(), "a b");
        assert!(challenge.wants_more());
    }

    #[test]
    fn the_first_of_two_counts_and_what_is_broken_is_left_out() {
        let challenge = Challenge::parse(r#"Bearer scope="a", scope="b""#).unwrap();
        assert_eq!(challenge.scope.unwrap().to_string(), "a");
        for text in [
            "",
            "Basic",
            "Negotiate abc==",
            "=",
            "\"Bearer\"=x",
            "bear er",
        ] {
            assert_eq!(Challenge::parse(text), None, "{text}");
        }
        let open = Challenge::parse(r#"Bearer resource_metadata="https://x"#).unwrap();
        assert_eq!(open, Challenge::default());
        assert_eq!(Challenge::parse("Bearer"), Some(Challenge::default()));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,200}") {
            let _ = Challenge::parse(&text);
        }

        #[test]
        fn what_is_quoted_comes_back(url in "[ -~]{0,60}") {
            let quoted = url.replace('\\', r"\\").replace('"', "\\\"");
            let text = format!(r#"Bearer realm="r", resource_metadata="{quoted}", error="e""#);
            let challenge = Challenge::parse(&text).unwrap();
            prop_assert_eq!(challenge.resource_metadata, Some(url));
            prop_assert_eq!(challenge.error.as_deref(), Some("e"));
        }
    }
}
