//! What is in `packaging`: true to the program, and to each other.

use std::{fs, path::Path};

use serde_json::Value;

use crate::house;

fn packaging(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../packaging")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_example_of_variables_is_what_the_program_prints() {
    let printed = house().run_bare(&["config", "env"]).ok().stdout;
    assert!(
        packaging(".env.example") == printed,
        "renew it: `durward config env > packaging/.env.example`"
    );
}

#[test]
fn each_variable_of_the_example_is_taken_and_says_the_default() {
    let house = house();
    let show = |variables: &[(String, String)]| -> Value {
        let mut command = house.bare_command(&["config", "show", "--json"]);
        let output = command
            .envs(variables.iter().cloned())
            .output()
            .expect("the program runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let example = packaging(".env.example");
    let lines = example
        .lines()
        .filter_map(|line| line.strip_prefix("#DURWARD_"));
    let variables: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once('=').expect("a variable");
            (
                format!("DURWARD_{name}"),
                value.trim_matches('\'').to_owned(),
            )
        })
        .collect();
    assert!(variables.len() > 60, "{}", variables.len());
    assert_eq!(values(&show(&variables)), values(&show(&[])));
}

/// What `config show` says, without where it is from.
fn values(shown: &Value) -> Value {
    match shown {
        Value::Object(map) if map.contains_key("origin") => map["value"].clone(),
        Value::Object(map) => map
            .iter()
            .map(|(key, inner)| (key.clone(), values(inner)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn both_images_say_the_same_of_how_durward_runs() {
    let dockerfile = packaging("Dockerfile");
    let stages: Vec<&str> = dockerfile.split("\nFROM ").collect();
    let runs = |name: &str| {
        let stage = stages.iter().find(|stage| {
            stage
                .lines()
                .next()
                .is_some_and(|line| line.ends_with(name))
        });
        let stage = stage.unwrap_or_else(|| panic!("no stage {name}"));
        let begin = stage.find("ENV ").expect("an environment");
        let lines = stage[begin..]
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(runs("AS static"), runs("AS full"));
    let text = runs("AS static").join("\n");
    for wanted in [
        "USER 65532:65532",
        "HEALTHCHECK",
        "\"health\"",
        "DURWARD_STATE=/state",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let compose = packaging("compose.yaml");
    for wanted in [
        "read_only: true",
        "env_file: .env",
        "no-new-privileges:true",
        "127.0.0.1:8787:8787",
    ] {
        assert!(compose.contains(wanted), "{wanted}");
    }
}

#[test]
fn what_the_image_sets_is_a_sound_configuration() {
    let house = house();
    let dockerfile = packaging("Dockerfile");
    let set = dockerfile
        .lines()
        .filter_map(|line| line.trim().strip_prefix("DURWARD_"));
    let variables = set.filter_map(|line| line.trim_end_matches([' ', '\\']).split_once('='));
    let root = house.root().display().to_string();
    let state = house.state().display().to_string();
    let mut command = house.bare_command(&["check"]);
    for (name, value) in variables {
        // The folders of the image are not here.
        let value = value.replace("/workspace", &root).replace("/state", &state);
        command.env(format!("DURWARD_{name}"), value);
    }
    let output = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    house.configure_exactly(&packaging("durward.yaml"));
    house.run(&["check"]).ok();
}
