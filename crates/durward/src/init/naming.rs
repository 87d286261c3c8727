//! Names for servers and secrets, as near to the ones that they had as durward allows.

/// Letters, digits and single hyphens.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match c.is_ascii_alphanumeric() {
            true => slug.push(c),
            false if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            false => {}
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// At most as long as a server's name may be.
pub(super) fn shortened(name: &str, end: &str) -> String {
    let room = 31_usize.saturating_sub(end.len());
    let name: String = name.chars().take(room).collect();
    let end: String = end.chars().take(31).collect();
    format!("{}{end}", name.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_hyphens() {
        for (name, expected) in [
            ("github", "github"),
            ("Brave Search", "brave-search"),
            ("my_server", "my-server"),
            ("@scope/pkg.name", "scope-pkg-name"),
            ("ünï", "n"),
            ("--", ""),
        ] {
            assert_eq!(slug(name), expected);
        }
    }

    #[test]
    fn what_makes_a_name_another_one_is_kept() {
        let long = "a-very-long-name-of-a-server-that-goes-on";
        assert_eq!(shortened(long, ""), "a-very-long-name-of-a-server-th");
        assert_eq!(
            shortened(long, "-cursor"),
            "a-very-long-name-of-a-se-cursor"
        );
        assert!(shortened(long, &format!("-{long}")).len() <= 31);
    }
}
