//! What nobody writes in good faith.

use proptest::prelude::*;

use super::*;

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert!(
        load_text(&text, |_| {})
            .unwrap_err()
            .to_string()
            .contains("more than 20000 things")
    );
    let deep = format!("version: 1\nfiles: {}", "[".repeat(10_000));
    assert!(load_text(&deep, |_| {}).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_panics(text in "(version: 1\n)?\\PC{0,200}") {
        let _ = load_text(&text, |_| {}).map_err(|error| (error.render(true), error.to_string()));
    }

    #[test]
    fn no_yaml_panics(parts in prop::collection::vec("[ \n\t:,\\-{}\\[\\]&*!|>'\"#$~a-cé0]|version: 1\n|listen:|limits|\\$\\{|secret:|files:\n  ", 0..40)) {
        let _ = load_text(&parts.concat(), |_| {}).map_err(|error| error.to_string());
    }

    #[test]
    fn no_override_panics(set in "\\PC{0,60}", key in "[a-z_.]{1,20}", value in "\\PC{0,60}") {
        let sources = Sources { set: vec![set, format!("{key}={value}")], ..env(&[("DURWARD_A__B", &value), ("X", &value)]) };
        let _ = load(&sources).map_err(|error| error.to_string());
    }

    #[test]
    fn the_last_override_wins(first in 1_u32.., second in 1_u32.., by_env in 1_u32..) {
        let sources = Sources {
            set: vec![format!("limits.concurrency={first}"), format!("limits.concurrency={second}")],
            ..env(&[("DURWARD_LIMITS__CONCURRENCY", &by_env.to_string()), ("DURWARD_LIMITS__BURST", &by_env.to_string())])
        };
        let limits = load(&sources).unwrap().config.limits;
        prop_assert_eq!(limits.concurrency.get(), second);
        prop_assert_eq!(limits.burst.unwrap().get(), by_env);
    }

    #[test]
    fn texts_survive_being_shown(text in "\\PC{1,40}") {
        prop_assume!(!text.contains("${") && !text.starts_with("~/") && !text.contains('$'));
        let first = load(&Sources { cwd: "/".into(), ..machine() }).map(|mut loaded| {
            loaded.config.files.root = text.clone().into();
            loaded
        }).unwrap();
        let second = load_text(&show(&first, false), |_| {}).unwrap();
        prop_assert_eq!(second.config.files.root, std::path::PathBuf::from(text));
    }
}
