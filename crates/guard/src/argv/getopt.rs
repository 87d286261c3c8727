//! Options as getopt_long(3) reads them: shortened, joined with their values, and several letters in one word.

/// Is this word one of these long options, whole, with `=value`, or shortened as far as getopt_long takes
/// it? `others` are options of which one of these begins with the name, and that are themselves harmless.
pub(super) fn is_long(word: &str, options: &[&str], others: &[&str]) -> bool {
    let Some(name) = word.strip_prefix("--") else {
        return false;
    };
    let name = name.split('=').next().unwrap_or_default();
    // Whether a short form stands for several options, and so for none, depends on the version.
    !name.is_empty()
        && !others.contains(&name)
        && options.iter().any(|option| option.starts_with(name))
}

/// Has this word one of these letters among its options? Behind a letter of `valued` stands its value.
pub(super) fn has_short(word: &str, letters: &str, valued: &str) -> bool {
    match word.strip_prefix('-') {
        Some(group) if !group.starts_with('-') => in_group(group, letters, valued),
        _ => false,
    }
}

/// The same of the letters without their dash.
pub(super) fn in_group(group: &str, letters: &str, valued: &str) -> bool {
    for letter in group.chars() {
        if letters.contains(letter) {
            return true;
        }
        if valued.contains(letter) {
            return false;
        }
    }
    false
}
