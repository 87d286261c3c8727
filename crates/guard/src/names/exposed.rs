//! The names of tools and prompts beside those of other servers.

use durward_core::{ServerName, ToolName};
use ring::digest::{SHA256, digest};

use super::{NameFault, judge};

/// What models accept: 1 to 64 of `A-Z a-z 0-9 _ -`.
pub const LONGEST_EXPOSED: usize = 64;
/// The longest name that a server may give a thing.
const LONGEST_OWN: usize = 256;
/// Letters of the digest at the end of a name that did not fit.
const LETTERS: usize = 6;

/// The name under which a tool is offered: `<server>__<name>`, where `name` is the tool's after `rename`.
///
/// What does not fit gets `_` for each other character, is cut, and ends in `_` and six letters of its
/// digest. It is the same on every machine and in every run.
///
/// # Errors
/// [`NameFault`].
pub fn exposed_tool(server: &ServerName, name: &str) -> Result<ToolName, NameFault> {
    let exposed = fitted(server, name)?;
    Ok(ToolName::new(&exposed).expect("what fits models is a tool's name"))
}

/// The name under which a prompt is offered; as a tool's.
///
/// # Errors
/// [`NameFault`].
pub fn exposed_prompt(server: &ServerName, name: &str) -> Result<String, NameFault> {
    fitted(server, name)
}

fn fitted(server: &ServerName, name: &str) -> Result<String, NameFault> {
    judge(name, LONGEST_OWN)?;
    let whole = format!("{server}__{name}");
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if whole.len() <= LONGEST_EXPOSED && whole.chars().all(fits) {
        return Ok(whole);
    }
    // One byte a character from here on.
    let mut exposed: String = whole
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    exposed.truncate(LONGEST_EXPOSED - 1 - LETTERS);
    exposed.push('_');
    exposed.extend(letters(whole.as_bytes()));
    Ok(exposed)
}

/// The first letters of the SHA-256 digest in base 32 (RFC 4648 section 6), in lower case.
fn letters(bytes: &[u8]) -> impl Iterator<Item = char> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = digest(&SHA256, bytes);
    let first = digest.as_ref().iter().take(4);
    let bits = first.fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
    (1..=LETTERS).map(move |at| {
        let five = bits >> (32 - 5 * at) & 31;
        char::from(ALPHABET[five as usize])
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server(name: &str) -> ServerName {
        ServerName::new(name).unwrap()
    }

    fn exposed(of: &str, name: &str) -> String {
        exposed_tool(&server(of), name).unwrap().as_str().to_owned()
    }

    #[test]
    fn what_fits_stays() {
        assert_eq!(exposed("crm", "find"), "crm__find");
        assert_eq!(exposed("my-crm", "Find_all-2"), "my-crm__Find_all-2");
        let longest = "x".repeat(64 - "crm__".len());
        assert_eq!(exposed("crm", &longest), format!("crm__{longest}"));
        assert_eq!(
            exposed_prompt(&server("crm"), "triage").unwrap(),
            "crm__triage"
        );
    }

    #[test]
    fn what_does_not_fit_is_made_to() {
        // printf 'crm__files.read' | sha256sum | xxd -r -p | base32 | head -c 6
        assert_eq!(exposed("crm", "files.read"), "crm__files_read_ker4jn");
        assert_eq!(exposed("crm", "größe"), "crm__gr__e_df2jv3");
        let long = exposed("crm", &"x".repeat(60));
        assert_eq!(long, format!("crm__{}_wh5ob2", "x".repeat(52)));
        assert_eq!(long.len(), 64);
    }

    #[test]
    fn hostile_names_are_refused() {
        let refused = |name: &str| exposed_tool(&server("crm"), name).unwrap_err();
        assert_eq!(refused(""), NameFault::Empty);
        assert_eq!(refused(&"x".repeat(257)), NameFault::TooLong { most: 256 });
        for (name, character) in [
            ("a\0", '\0'),
            ("a\nb", '\n'),
            ("get\u{200b}user", '\u{200b}'),
            ("\u{202e}resu_teg", '\u{202e}'),
            ("get\u{e0041}", '\u{e0041}'),
        ] {
            assert_eq!(refused(name), NameFault::Hidden { character });
        }
        let told = refused("a\u{200b}").to_string();
        assert_eq!(told, "it has a character that can't be seen (U+200B)");
    }

    #[test]
    fn joined_prefixes_can_not_meet() {
        // `a_b` + `c` and `a` + `b_c` would be one, were `_` allowed in a server's name or one the joint.
        assert!(ServerName::new("a_b").is_err());
        assert_ne!(exposed("a", "b_c"), exposed("a-b", "c"));
        assert_ne!(exposed("a", "_b"), exposed("a", "b"));
        assert_eq!(exposed("a", "b__c"), "a__b__c");
    }

    proptest! {
        #[test]
        fn exposed_names_fit_and_say_whose_they_are(of in "[a-z][a-z0-9-]{0,30}", name in "\\PC{1,80}") {
            if let Ok(exposed) = exposed_tool(&server(&of), &name) {
                let exposed = exposed.as_str();
                let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
                prop_assert!((1..=64).contains(&exposed.len()) && exposed.bytes().all(fits), "{exposed}");
                // No server's name has a `_`, so the first `__` is the joint.
                prop_assert_eq!(exposed.split_once("__").unwrap().0, &of);
                prop_assert_eq!(exposed, exposed_prompt(&server(&of), &name).unwrap());
            }
        }

        #[test]
        fn different_names_are_exposed_as_different_ones(
            of in "[ab][a-]{0,2}", other_of in "[ab][a-]{0,2}",
            name in "([ab_.é-]{1,6}|x{50,70})", other in "([ab_.é-]{1,6}|x{50,70})",
        ) {
            prop_assume!((&of, &name) != (&other_of, &other));
            prop_assert_ne!(exposed(&of, &name), exposed(&other_of, &other));
        }

        #[test]
        fn no_name_panics(name in any::<String>()) {
            let _ = exposed_tool(&server("a"), &name);
        }
    }
}
