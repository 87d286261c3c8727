//! What is a template, and which words it has.

use super::*;

/// The words, places as `{name}`.
fn words(text: &str) -> Vec<String> {
    let template = template(text);
    let mut words = vec![template.program().to_owned()];
    let arguments = template.arguments.iter();
    words.extend(arguments.map(|word| word.shown(template.slots())));
    words
}

#[test]
fn words_end_at_blanks_and_quotes_keep_them() {
    for (text, wanted) in [
        ("echo", &["echo"][..]),
        ("  echo\t a \n b ", &["echo", "a", "b"]),
        ("echo 'hi there'", &["echo", "hi there"]),
        ("echo \"hi there\" x", &["echo", "hi there", "x"]),
        (
            r#"echo "a \"b\" \\ \n" 'a \"'"#,
            &["echo", "a \"b\" \\ \\n", "a \\\""],
        ),
        (r"grep \.rs\ x", &["grep", ".rs x"]),
        ("echo '' \"\"", &["echo", "", ""]),
        ("echo a'b c'd", &["echo", "ab cd"]),
        (
            "ls | wc; $HOME ~ * > x",
            &["ls", "|", "wc;", "$HOME", "~", "*", ">", "x"],
        ),
        ("echo {{print $1}}", &["echo", "{print", "$1}"]),
        (
            "/usr/bin/du -sh {dir:path}",
            &["/usr/bin/du", "-sh", "{dir}"],
        ),
        ("id user:{u}:id {a}_{b}", &["id", "user:{u}:id", "{a}_{b}"]),
        ("echo '{x} y' \"{z}\"", &["echo", "{x} y", "{z}"]),
        (r"t {id:regex([A-Z]{2,3} \d+)}", &["t", "{id}"]),
        ("grüße {x}", &["grüße", "{x}"]),
    ] {
        assert_eq!(words(text), wanted, "{text}");
    }
}

#[test]
fn t14_what_is_no_template_is_refused_with_the_reason() {
    use TemplateFault as Is;
    let refused = |text: &str| refined(text, &[]).unwrap_err();
    for text in ["", "   ", "\t\n"] {
        assert_eq!(refused(text), Is::Empty, "{text:?}");
    }
    assert_eq!(refused("echo {a} {a}"), Is::Twice("a".into()));
    assert_eq!(refused("echo {a} x{a:path}"), Is::Twice("a".into()));
    for text in ["{x} y", "ec{x}ho", "'{x}'"] {
        assert_eq!(refused(text), Is::SlotInProgram, "{text}");
    }
    for text in [
        "echo!",
        "-x",
        "./x",
        "a/b",
        "\"my tool\" x",
        "/",
        "/usr/bin/",
        "a;b x",
    ] {
        assert!(matches!(refused(text), Is::BadProgram(_)), "{text}");
    }
    assert_eq!(refused("echo 'a"), Is::OpenQuote('\''));
    assert_eq!(refused("echo a\\"), Is::LastBackslash);
    for text in ["echo {", "echo {a", "echo {a:", "echo {a:path"] {
        assert_eq!(refused(text), Is::OpenBrace, "{text}");
    }
    assert_eq!(refused("echo a}"), Is::LoneBrace);
    for text in [
        "awk '{print $1}'",
        "echo {}",
        "echo {1}",
        "echo {a b}",
        "echo {a:path x}",
    ] {
        assert!(
            matches!(refused(text), Is::BadName(_)),
            "{text}: {:?}",
            refused(text)
        );
    }
    let unknown = refused("echo {a:uint}");
    assert!(
        unknown.to_string().contains("`uint` is no type of `{a}`"),
        "{unknown}"
    );
    assert!(
        unknown.to_string().contains("path, int, number"),
        "{unknown}"
    );
    assert!(matches!(
        refused("echo {a:path(x)}"),
        Is::NoParentheses("path", _)
    ));
    assert!(matches!(
        refused("echo {a:enum(x}"),
        Is::OpenParenthesis("enum", _)
    ));
    assert!(matches!(refused("echo {a:regex([)}"), Is::BadPattern(..)));
    assert!(matches!(refused("echo {a:regex(x)|(y)}"), Is::BadName(_)));
    assert!(matches!(refused("echo a\u{7}"), Is::Control('\u{7}')));
    assert!(matches!(refused(&"a ".repeat(300)), Is::TooManyWords(_)));
    assert!(matches!(refused(&"a".repeat(20_000)), Is::TooLong(_)));
    let many: String = (0..70).map(|number| format!(" {{a{number}}}")).collect();
    assert!(matches!(
        refused(&format!("echo{many}")),
        Is::TooManySlots(_)
    ));
}

#[test]
fn lists_are_judged_whole() {
    use TemplateFault as Is;
    let refused = |text: &str| refined(text, &[]).unwrap_err();
    for text in ["x {a:enum}", "x {a:enum()}", "x {a:command}"] {
        assert!(matches!(refused(text), Is::NothingListed(..)), "{text}");
    }
    assert!(matches!(refused("x {a:enum(b|)}"), Is::BadItem(..)));
    assert!(matches!(refused("x {a:enum(b|-c)}"), Is::OptionInEnum(..)));
    for text in ["x {a:flag(-b|c)}", "x {a:flag(-)}", "x {a:flag(--)}"] {
        assert!(matches!(refused(text), Is::NotAFlag(..)), "{text}");
    }
    for text in [
        "x {a:command(ls;)}",
        "x {a:command(-l)}",
        "x {a:command(ls -l)}",
    ] {
        assert!(matches!(refused(text), Is::BadItem(..)), "{text}");
    }
    for text in ["x a{f:flag}", "x {f:flag}{g}", "x --{f:flag}"] {
        assert!(matches!(refused(text), Is::FlagInWord(_)), "{text}");
    }
    for text in [
        "x -{a}",
        "x --{a:text}",
        "x -{a:path}",
        "x -{a:regex}",
        "x ---{a:command(ls)}",
    ] {
        assert!(matches!(refused(text), Is::ChoosesOption(_)), "{text}");
    }
    for text in [
        "x -{n:int}",
        "x -n{a}",
        "x --name={a:text}",
        "x -{a:enum(b|c)}",
        "x -{b:bool}",
    ] {
        template(text);
    }
}

#[test]
fn what_is_said_beside_has_to_fit() {
    use TemplateFault as Is;
    let said = Refinement::default;
    let with =
        |text: &str, name: &str, refinement: Refinement| refined(text, &[(name, refinement)]);
    let max = |max| Refinement {
        max: Some(max),
        ..said()
    };
    let min = |min| Refinement {
        min: Some(min),
        ..said()
    };
    let pattern = |text: &str| Refinement {
        pattern: Some(text.into()),
        ..said()
    };
    let one_of = |items: &[&str]| {
        let items = items.iter().map(|item| (*item).to_owned()).collect();
        Refinement {
            one_of: Some(items),
            ..said()
        }
    };
    let unknown = with("x {a} {b}", "c", said()).unwrap_err();
    assert_eq!(unknown, Is::NoSuchSlot("c".into(), "`{a}`, `{b}`".into()));
    for (text, refinement) in [
        ("x {a:bool}", max(1.0)),
        ("x {a:enum(b)}", min(1.0)),
        ("x {a:int}", pattern("b")),
        ("x {a:path}", one_of(&["b"])),
        ("x {a:int}", one_of(&["1"])),
    ] {
        assert!(
            matches!(with(text, "a", refinement), Err(Is::Unfit(..))),
            "{text}"
        );
    }
    for (text, refinement) in [
        ("x {a}", max(1.5)),
        ("x {a}", max(-1.0)),
        ("x {a:int}", min(0.5)),
        ("x {a:number}", min(f64::NAN)),
        (
            "x {a:int}",
            Refinement {
                min: Some(3.0),
                max: Some(2.0),
                ..said()
            },
        ),
    ] {
        assert!(
            matches!(with(text, "a", refinement), Err(Is::BadBound(..))),
            "{text}"
        );
    }
    for text in ["(", "a)(b", r"\p{Nope}", "(a{1000}){1000}{1000}"] {
        assert!(
            matches!(with("x {a}", "a", pattern(text)), Err(Is::BadPattern(..))),
            "{text}"
        );
    }
    // A list makes a text one of it; a flag's and a command's is what they may be.
    let kinds = [
        ("x {a}", one_of(&["b", "c"]), "enum: b, c"),
        ("x {a:flag}", one_of(&["-b"]), "flag: -b"),
        ("x {a:flag}", said(), "flag: -h, --help, --version"),
        ("x {a:command}", one_of(&["git"]), "command: git"),
        ("x {a:int}", min(-3.0), "int, of at least -3"),
        ("x {a:text}", max(9.0), "text, of at most 9"),
        ("x {a}", pattern("[a-z]+"), "strict matching [a-z]+"),
    ];
    for (text, refinement, takes) in kinds {
        let template = with(text, "a", refinement).unwrap();
        assert_eq!(template.slots()[0].takes(), takes, "{text}");
    }
}

#[test]
fn t15_what_a_shell_would_obey_is_data_and_doubted() {
    let template = template("ls a;b | wc > out '&&' 2>&1");
    let literal = template.arguments(&[]).unwrap();
    assert_eq!(literal, ["a;b", "|", "wc", ">", "out", "&&", "2>&1"]);
    let doubted = ["`|`", "`>`", "`2>&1`"];
    assert_eq!(template.doubts().len(), doubted.len());
    for (doubt, word) in template.doubts().iter().zip(doubted) {
        assert!(doubt.contains(word), "{doubt}");
    }
}

#[test]
fn words_that_a_shell_would_fill_in_are_doubted_unless_they_are_quoted() {
    for (text, doubted) in [
        ("x $HOME", "`$HOME`"),
        ("x $(id)", "`$(id)`"),
        ("x ~ a", "`~`"),
        ("x ~/{a}", "`~/{a}`"),
        ("x *.rs", "`*.rs`"),
        ("x {a}/*", "`{a}/*`"),
        ("x a`id`", "`a`id``"),
        ("x >{a}", "`>{a}`"),
        ("x 2>/dev/null", "`2>/dev/null`"),
        ("x a; y", "`a;`"),
    ] {
        let template = template(text);
        let [doubt] = template.doubts() else {
            panic!("{text}: {:?}", template.doubts())
        };
        assert!(doubt.contains(doubted), "{text}: {doubt}");
    }
    for text in [
        "x '$HOME' \"*.rs\" \\~ '`id`' 'a;'",
        "x HEAD~1 a$ a;b a>b {a} {{}}",
        "x --format=%h",
    ] {
        let template = template(text);
        assert_eq!(template.doubts(), [""; 0], "{text}");
    }
}

#[test]
fn a_template_is_shown_as_it_reads() {
    for (text, shown) in [
        ("du  -sh {dir:path}", "du -sh {dir}"),
        ("echo 'a b' '' {x:enum(y)}", "echo \"a b\" \"\" {x}"),
    ] {
        assert_eq!(template(text).to_string(), shown);
    }
}

#[test]
fn the_notation_of_others_is_read() {
    let read = |text: &str| {
        definitions(text)
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .map(|all| {
                all.into_iter()
                    .map(|(name, template)| format!("{name} {template}"))
                    .collect::<Vec<_>>()
            })
    };
    assert_eq!(read("a|\"x\";b|\"y; z\"").unwrap(), ["a x", "b y; z"]);
    assert_eq!(read(" a | x ; ").unwrap(), ["a x"]);
    assert_eq!(
        read("x|\"echo 'hi there'\"").unwrap(),
        ["x echo 'hi there'"]
    );
    assert_eq!(read("p|\"a | b\"").unwrap(), ["p a | b"]);
    assert_eq!(read("a|").unwrap(), ["a "]);
    assert_eq!(read("echo hi"), Err(NotationFault::NoBar("echo hi".into())));
    assert_eq!(read("|\"x\""), Err(NotationFault::NoName));
    assert_eq!(read(" ; "), Err(NotationFault::Nothing));
}

#[test]
fn t27_names_keep_their_effect_for_those_who_come_from_elsewhere() {
    for (theirs, ours) in [
        ("ls {l_flag} {path} {x}", "ls {l_flag:flag} {path:path} {x}"),
        (
            "c {input_file} {Src_Dir} {FILEPATH}",
            "c {input_file:path} {Src_Dir:path} {FILEPATH:path}",
        ),
        ("c {v_opt} {opt} {flag}", "c {v_opt:flag} {opt} {flag}"),
        ("awk {print $1} {", "awk {{print $1}} {{"),
        ("awk '{print $1}' {file}", "awk '{{print $1}}' {file:path}"),
    ] {
        assert_eq!(with_types_of_names(theirs), ours);
        template(&with_types_of_names(theirs));
    }
}

#[test]
fn the_schema_is_closed_and_says_what_fits() {
    let said = Refinement {
        description: Some("Whom to greet".into()),
        max: Some(20.0),
        ..Refinement::default()
    };
    let template = refined(
        r"x {who:text} {n:int} {on:bool} {mode:enum(a|b)} {f:flag(-v)} {id:regex(B-\d+)} {p:path}",
        &[("who", said)],
    );
    let schema = template.unwrap().input_schema();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        schema["required"],
        json!(["who", "n", "on", "mode", "f", "id", "p"])
    );
    let of = |name: &str| &schema["properties"][name];
    assert_eq!(
        of("who")["description"],
        "Whom to greet. Any text on one line."
    );
    assert_eq!(of("who")["maxLength"], 20);
    assert_eq!(of("n")["type"], "integer");
    assert_eq!(of("on")["type"], "boolean");
    assert_eq!(of("mode")["enum"], json!(["a", "b"]));
    assert_eq!(of("f")["enum"], json!(["-v"]));
    assert_eq!(of("id")["pattern"], r"^(?:B-\d+)$");
    assert_eq!(of("p")["maxLength"], LONGEST_VALUE);
    assert_eq!(
        super::template("uptime").input_schema(),
        json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false})
    );
}
