//! The configuration as people meet it: what they write, what holds, and what they are told.

mod commands;
mod egress;
mod hostile;
mod layers;
mod messages;
mod reference;
mod sealed;
mod servers;

use super::*;

/// A machine with nothing on it but a home and a file of this text.
fn load_text(text: &str, change: impl FnOnce(&mut Sources)) -> Result<Loaded, ConfigError> {
    let mut sources = machine();
    change(&mut sources);
    let found = find::Found {
        file: Some(("durward.yaml".into(), text.to_owned())),
        untrusted: None,
    };
    load::settle(found, &sources)
}

fn machine() -> Sources {
    Sources {
        home: Some("/home/ann".into()),
        cwd: "/nowhere".into(),
        ..Sources::default()
    }
}

fn set(pairs: &[&str]) -> Result<Loaded, ConfigError> {
    load(&Sources {
        set: pairs.iter().map(|pair| (*pair).to_owned()).collect(),
        ..machine()
    })
}

fn env(pairs: &[(&str, &str)]) -> Sources {
    Sources {
        env: pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        ..machine()
    }
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}
