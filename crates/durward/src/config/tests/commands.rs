//! `commands`, from the file and from outside of it.

use durward_core::Tier;

use super::*;

const EVERY_KEY: &str = "version: 1
commands:
  folder_size: \"du -sh {dir:path}\"
  say:
    run: \"echo {message:text} {level:flag}\"
    description: Prints a message.
    tier: read
    timeout: 5s
    cwd: sub
    dangerous: true
    missing: warn
    sandbox: host
    params:
      message: { description: What, min: 1, max: 2000, pattern: \"[^x]*\" }
      level: { enum: [-v, -q] }
";

fn with(commands: &[&str], env: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    load(&Sources {
        commands: commands.iter().map(|it| (*it).to_owned()).collect(),
        ..super::env(env)
    })
}

fn command<'c>(config: &'c Config, name: &str) -> &'c Command {
    &config.commands[&name.parse().unwrap()]
}

fn told(loaded: Result<Loaded, ConfigError>) -> String {
    loaded.map_or_else(|error| error.to_string(), |_| "nothing is wrong".to_owned())
}

#[test]
fn every_key_is_read_and_shown_again() {
    let loaded = load_text(EVERY_KEY, |_| {}).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let short = command(&loaded.config, "folder_size");
    assert_eq!(
        (short.run.as_str(), short.tier),
        ("du -sh {dir:path}", Tier::Operate)
    );
    assert!(!short.dangerous && short.missing == Missing::Refuse);
    let say = command(&loaded.config, "say");
    assert_eq!((say.tier, say.cwd.as_deref()), (Tier::Read, Some("sub")));
    assert!(say.dangerous && say.missing == Missing::Warn);
    assert_eq!(say.sandbox, Some(ItemSandbox::Room(Room::Host)));
    let template = say.template().unwrap();
    let takes: Vec<_> = template.slots().iter().map(|slot| slot.takes()).collect();
    assert_eq!(
        takes,
        ["text matching [^x]*, from 1 to 2000", "flag: -v, -q"]
    );
    let again = load_text(&show(&loaded, false), |_| {}).unwrap();
    assert_eq!(again.config.commands, loaded.config.commands);
}

#[test]
fn what_is_said_last_holds() {
    let loaded = with(
        &["a=echo of the option", "b|\"echo {x_flag}\""],
        &[
            ("MCP_EXEC_COMMANDS", "a|x;c|\"cat {file} ${HOME}\""),
            ("MCP_EXEC_CMD_TIMEOUT_SECS", "7"),
            ("MCP_EXEC_ALLOW_DANGEROUS", "yes"),
            ("DURWARD_COMMANDS__D", "echo {y}"),
        ],
    );
    let config = loaded.unwrap().config;
    let of = |name| command(&config, name);
    let run = |name| of(name).run.as_str();
    assert_eq!(run("a"), "echo of the option");
    assert_eq!(run("b"), "echo {x_flag:flag}");
    // Their `$` means nothing here.
    assert_eq!(run("c"), "cat {file:path} ${HOME}");
    assert_eq!(run("d"), "echo {y}");
    assert_eq!(of("c").timeout.map(|it| it.to_string()), Some("7s".into()));
    assert!(of("c").dangerous && !of("a").dangerous);
}

#[test]
fn what_is_wrong_outside_of_the_file_is_shown() {
    for (commands, env, said) in [
        (&["a"][..], None, "`--command` wants a name and a template"),
        (&["a|"], None, "the template is empty"),
        (&["a=x", "a=y"], None, "the command `a` is there twice"),
        (&["a=echo {x:y}"], None, "--> --command:1:1"),
        (&[], Some("a|\"x\";b"), "`b` is no command"),
        (&[], Some("a!|x"), "MCP_EXEC_COMMANDS=a!|x"),
    ] {
        let env: Vec<_> = env
            .iter()
            .map(|text| ("MCP_EXEC_COMMANDS", *text))
            .collect();
        let told = told(with(commands, &env));
        assert!(told.contains(said), "{commands:?} {env:?}: {told}");
    }
}

#[test]
fn a_variable_that_says_no_seconds_is_named_itself() {
    for seconds in ["abc", "0", "-1", "1.5", "99999999999"] {
        let env = [
            ("MCP_EXEC_COMMANDS", "a|uptime;b|uptime"),
            ("MCP_EXEC_CMD_TIMEOUT_SECS", seconds),
        ];
        let told = told(with(&[], &env));
        let line = format!("MCP_EXEC_CMD_TIMEOUT_SECS={seconds}");
        for part in [
            &line,
            "`MCP_EXEC_CMD_TIMEOUT_SECS` is no whole number of seconds",
        ] {
            assert_eq!(told.matches(part).count(), 1, "{part}: {told}");
        }
        assert!(!told.contains("MCP_EXEC_COMMANDS="), "{told}");
    }
}

#[test]
fn it_is_known_which_commands_are_of_the_variables() {
    let env = [("MCP_EXEC_COMMANDS", "a|uptime;b|uptime")];
    let config = with(&["b=uptime", "c=uptime"], &env).unwrap().config;
    let of = |name| command(&config, name).by_variables;
    assert_eq!([of("a"), of("b"), of("c")], [true, false, false]);
}

#[test]
fn one_command_that_is_wrong_leaves_the_others_to_be_listed() {
    let text = "version: 1\nlisten: { pot: 1 }\ncommands:\n  a: uptime\n  b: { rum: x }\n  c: 'echo {x} {x}'\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("durward.yaml");
    std::fs::write(&file, text).unwrap();
    let sources = Sources {
        file: Some(file),
        ..machine()
    };
    assert!(load(&sources).is_err());
    let listed = commands_in_spite(&sources);
    let names: Vec<_> = listed.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["a", "c"]);
}

#[test]
fn a_pipe_is_warned_of_where_it_stands() {
    let text = "version: 1\ncommands:\n  a:\n    run: ls | wc\n";
    let warnings = load_text(text, |_| {}).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].line(), Some(4));
    assert!(warnings[0].message.contains("no shell reads a template"));
}

#[test]
fn no_name_looks_like_a_server_s_tool() {
    let said = told(with(&["up__sh=echo"], &[]));
    assert!(
        said.contains("`commands.up__sh`") && said.contains("a server's name"),
        "{said}"
    );
}
