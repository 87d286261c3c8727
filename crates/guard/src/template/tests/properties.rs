//! What holds for every value: it never becomes a second argument, and never an option.

use proptest::prelude::*;

use super::*;

/// A template with a place of each kind, alone in its word, at its end and in the middle.
const KINDS: [&str; 12] = [
    "t {x}",
    "t a{x}b",
    "t --long={x}",
    "t {x:path}",
    "t {x:text}",
    "t {x:text}b",
    "t {x:regex}",
    "t {x:regex(.*)}",
    "t {x:enum(a|b)}",
    "t {x:flag(-a|-b)}",
    "t {x:command(ls|git)}",
    "t -n{x}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_value_is_one_argument_and_no_option(
        value in r"\PC{0,60}|[-+@~#;|&$()<>`'\\ \x00-\x1f/.%a-z0-9]{0,40}|-{1,3}[a-z=/ ]{0,20}",
    ) {
        for text in KINDS {
            let template = template(text);
            let Ok(arguments) = given(&template, &[json!(value)]) else { continue };
            prop_assert_eq!(arguments.len(), 1, "{}", text);
            prop_assert!(arguments[0].contains(&value), "{}", text);
            prop_assert!(!arguments[0].contains('\0'));
            let listed = text.contains("flag") && ["-a", "-b"].contains(&value.as_str());
            let written = text.starts_with("t -");
            prop_assert!(!arguments[0].starts_with('-') || listed || written, "{} {:?}", text, value);
        }
    }

    #[test]
    fn two_values_in_one_word_are_no_option_either(a in "-{0,2}[a-z]{0,3}", b in "-{0,2}[a-z]{0,3}") {
        let template = template("t {a:text}{b:text}");
        if let Ok(arguments) = given(&template, &[json!(a), json!(b)]) {
            prop_assert_eq!(&arguments, &[format!("{a}{b}")]);
            prop_assert!(!arguments[0].starts_with('-'));
        }
    }

    #[test]
    fn what_is_not_ascii_before_it_changes_no_verdict(
        before in r"[\x{a1}-\x{ac}\x{ae}-\x{34e}\x{400}-\x{5ff}\x{4e00}-\x{4fff}\x{1f300}-\x{1f5ff}]",
        rest in "[-a-z; |+@#~ ]{0,12}",
    ) {
        let verdict = |text: String| one("t {x}", &text).is_ok();
        prop_assert_eq!(verdict(format!("{before}{rest}")), verdict(format!("x{rest}")));
    }

    #[test]
    fn any_text_is_judged_as_a_template(text in r#"\PC{0,60}|[a-c{}:|()'"\\ -]{0,40}"#) {
        if let Ok(template) = refined(&text, &[]) {
            let again = refined(&text, &[]).unwrap();
            prop_assert_eq!(template.to_string(), again.to_string());
            prop_assert!(!template.program().is_empty());
            let _ = template.input_schema().to_string();
        }
        let ours = with_types_of_names(&text);
        let _ = refined(&ours, &[]);
        let _ = definitions(&text);
    }

    #[test]
    fn a_path_that_is_taken_has_no_form_that_climbs(value in r"[./%25e0aF-]{0,24}|(%2e|%252e|\.|/|%2f|a){0,10}") {
        let template = template("t {x:path}");
        if template.slots()[0].judge(&json!(value)).is_ok() {
            for form in path_forms(&value).unwrap() {
                prop_assert!(crate::path::lexical(&form).is_ok(), "{}", form);
                prop_assert!(!form.starts_with('/') || value.starts_with('/'));
            }
        }
    }
}
