//! What goes into durward's file is what comes out of it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::init::client::System;

/// Texts that YAML, or durward's own references, could take for something else.
fn odd() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,24}",
        "[ -~\n\t]{0,24}",
        "[$\\{\\}a:~/#'\"\\\\&*!|>%@`,\\[\\] -]{0,16}",
        Just("${secret:other}".to_owned()),
        Just("$${HOME}".to_owned()),
        Just("\u{85}\u{2028}\u{feff}\u{7f}\u{9f}".to_owned()),
        Just("null".to_owned()),
        Just("0x1f".to_owned()),
        Just("1e3".to_owned()),
    ]
}

proptest! {
    #[test]
    fn any_text_of_an_entry_comes_out_as_it_went_in(
        args in proptest::collection::vec(odd(), 0..4), env in odd(), wish in odd()
    ) {
        // A secret's file can't hold a line break at its end, and that is said.
        let env = env.trim_end_matches(['\r', '\n']);
        let words = |text: &String| Words::from(text.as_str());
        let definition = Definition {
            reach: Reach::Program {
                command: std::iter::once(Words::from("c")).chain(args.iter().map(words)).collect(),
                env: [("A".to_owned(), Words::from(env)), ("x.y z".to_owned(), "1".into())].into(),
                cwd: None,
            },
            only: Vec::new(),
            without: Vec::new(),
        };
        let adopted = adopted(&wish, &definition);
        prop_assert!(adopted.is_ok(), "{adopted:?} of {definition:?}");
    }
}

fn adopted(wish: &str, definition: &Definition) -> Result<String, String> {
    let home = PathBuf::from("/home/ann");
    let sources = Sources {
        cwd: home.clone(),
        home: Some(home.clone()),
        ..Sources::default()
    };
    let bases = Bases {
        system: System::Linux,
        home,
        env: Vec::new(),
    };
    let config = Config::default();
    let looks = Looks::new(&config.audit.redact_names).unwrap();
    let path = PathBuf::from("/home/ann/.config/durward/durward.yaml");
    let mut gate = Gate::new(path, None, &config, (&sources, &bases, &looks));
    gate.adopt(wish, "client", "from", definition)
}

#[test]
fn names_that_are_durwards_own_get_another_end() {
    let definition = |program: &str| Definition {
        reach: Reach::Program {
            command: vec![program.into()],
            env: BTreeMap::new(),
            cwd: None,
        },
        only: Vec::new(),
        without: Vec::new(),
    };
    for (wish, name) in [
        ("fs", "fs-server"),
        ("Search", "search-server"),
        ("9", "s-9"),
        ("", "server"),
    ] {
        assert_eq!(adopted(wish, &definition("a")).as_deref(), Ok(name));
    }
}

#[test]
fn what_durward_can_not_have_is_said() {
    let site = |url: &str, headers: &[(&str, &str)]| Definition {
        reach: Reach::Site {
            url: url.into(),
            speaks: Speaks::Either,
            headers: headers
                .iter()
                .map(|(key, value)| ((*key).to_owned(), Words::from(*value)))
                .collect(),
        },
        only: Vec::new(),
        without: Vec::new(),
    };
    for (definition, why) in [
        (site("ftp://x.example.com", &[]), "can't reach its address"),
        (
            site("https://ann:pw@x.example.com/mcp", &[]),
            "can't reach its address",
        ),
        (
            site("http://localhost:8787/mcp", &[]),
            "it is durward itself",
        ),
        (
            site("https://x.example.com", &[("x-key", "a\nb")]),
            "durward can't have it",
        ),
        (
            site("https://x.example.com", &[("x key", "a")]),
            "durward can't have it",
        ),
        (
            site("https://x.example.com", &[("x-token", "a\n")]),
            "ends with a line break",
        ),
    ] {
        let said = adopted("x", &definition).unwrap_err();
        assert!(said.contains(why) && !said.contains("pw"), "{said}");
    }
}
