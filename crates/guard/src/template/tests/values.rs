//! Which values may stand where.

use super::*;

#[test]
fn t02_words_addresses_and_urls_are_taken() {
    for value in [
        "hi",
        "hello world",
        "run tests",
        "everything",
        "write",
        "email@x.com",
        "+1",
        "+49 30 1234",
        "http://x",
        "https://example.com/a/b?x=1%20y#part",
        "myexec",
        "x-exec",
        "é-exec",
        "2020 - 2026",
        "5 -",
        "What now? No!",
        "a=b, c: d.",
        "grüße aus Köln",
        "中文 текст",
        "10.0.0.1:80",
        "C#",
        "a~b",
        "",
    ] {
        assert_eq!(
            one("echo {x}", value).as_deref(),
            Ok(&[value.to_owned()][..]),
            "{value}"
        );
    }
}

#[test]
fn t03_t10_what_shells_and_programs_would_obey_is_refused() {
    for value in [
        "hello;rm",
        "a&b",
        "a|b",
        "a>b",
        "a<b",
        "(x)",
        "`id`",
        "$(id)",
        "$HOME",
        "cmd1 | cmd2",
        ";rm",
        "a\\b",
        "a\"b",
        "don't",
        "*.txt",
        "{a,b}",
        "[ab]",
        "^x",
        "#x",
        "x #y",
        "~root",
        "x ~/y",
        "system('rm -rf /')",
        "eval(1)",
    ] {
        let refused = one("echo {x}", value).unwrap_err();
        assert!(matches!(refused, Why::Shell(_)), "{value}: {refused:?}");
    }
    for value in [
        "--",
        "-",
        "-h",
        "-1",
        "--version",
        "-d/etc",
        "-exec rm -rf /",
        "--eval code",
    ] {
        assert_eq!(one("echo {x}", value), Err(Why::Dash), "{value}");
    }
    assert_eq!(
        one("echo {x}", "--files0-from=/etc/hostname"),
        Err(Why::Dash)
    );
    for value in ["x -exec", "rm -rf /", "a --b c", " -x", "x  --"] {
        assert_eq!(one("echo {x}", value), Err(Why::DashedWord), "{value}");
    }
    for (value, mark) in [
        ("@/etc/passwd", '@'),
        ("+!id", '+'),
        ("+cmd", '+'),
        ("+", '+'),
    ] {
        assert_eq!(one("echo {x}", value), Err(Why::Mark(mark)), "{value}");
    }
}

#[test]
fn t05_what_can_t_be_seen_is_refused() {
    for c in [
        '\n', '\r', '\t', '\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{202e}', '\u{200b}', '\u{feff}',
        '\u{2066}', '\u{2028}',
    ] {
        for value in [
            format!("a{c}b"),
            c.to_string(),
            format!("{c}x"),
            format!("x{c}"),
        ] {
            let refused = one("echo {x}", &value).unwrap_err();
            assert!(
                matches!(refused, Why::Null | Why::Control(_) | Why::Hidden(_)),
                "{value:?}: {refused:?}"
            );
        }
    }
}

#[test]
fn t06_a_value_has_at_most_64_kib() {
    let most = "a".repeat(LONGEST_VALUE);
    assert!(one("echo {x}", &most).is_ok());
    let more = format!("{most}a");
    for template in [
        "echo {x}",
        "echo {x:text}",
        "echo {x:regex}",
        "echo {x:path}",
    ] {
        assert_eq!(
            one(template, &more),
            Err(Why::TooLong(LONGEST_VALUE)),
            "{template}"
        );
    }
}

#[test]
fn t06_the_time_is_that_of_one_reading() {
    // What took others seconds; a busy machine may take a hundred times as long as a quiet one does.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long it takes is what is asked"
    )]
    let started = std::time::Instant::now();
    for piece in [
        "-e", "a ", "é -", "(a", "system", "--", "x;", "%25", "/.", "ab",
    ] {
        let value = piece.repeat(60_000 / piece.len());
        let _ = one("echo {x}", &value);
        let _ = one("cat {x:path}", &value);
        let _ = one("ssh {x:command(ab)}", &value);
        let _ = one("sh {x:regex((a+)+$)}", &value);
    }
    assert!(started.elapsed().as_secs() < 2, "{:?}", started.elapsed());
}

#[test]
fn t07_t08_a_flag_is_one_that_is_listed() {
    assert_eq!(one("ls {x_flag:flag}", "-h").unwrap(), ["-h"]);
    for value in [
        "-x", "-v", "-e", "--exec", "-hv", "--help=x", "", "h", "-h ",
    ] {
        let refused = one("ls {x_flag:flag}", value).unwrap_err();
        assert!(matches!(refused, Why::NotListed(_)), "{value}: {refused:?}");
    }
    assert_eq!(
        one("ls {v:flag(-v|--color=never)}", "--color=never").unwrap(),
        ["--color=never"]
    );
    assert!(one("ls {v:flag(-v)}", "-h").is_err());
}

#[test]
fn t11_what_stands_before_changes_nothing() {
    for rest in [
        " -exec", "-exec", ";rm", " ok", "@x", "+y", " #", "#", "~", "",
    ] {
        let plain = one("echo {x}", &format!("x{rest}")).map(drop);
        for before in [
            "é",
            "ж",
            "中",
            "😀",
            "\u{a0}",
            "\u{301}",
            "ß",
            "\u{ffff}",
            "\u{10ffff}",
            "‐",
            "－",
        ] {
            let other = one("echo {x}", &format!("{before}{rest}")).map(drop);
            assert_eq!(other, plain, "{before}{rest}");
        }
    }
    assert!(one("echo {x}", "\" -exec").is_err());
}

#[test]
fn t12_t13_a_word_stays_one_argument() {
    let joined = template("id user:{u}:id {a}_{b} --name={n:text}");
    let values = ["ann b", "1", "2 3", "-x"].map(|text| json!(text));
    assert_eq!(
        given(&joined, &values).unwrap(),
        ["user:ann b:id", "1_2 3", "--name=-x"]
    );
}

#[test]
fn a_text_is_any_but_never_an_option() {
    for value in [
        "a; rm -rf / | $(id) `x` \\ \" ' *",
        "x -y",
        "{\"a\": [1]}",
        "\u{202e}x",
        "x\u{200d}y",
        "",
    ] {
        assert_eq!(
            one("echo {x:text}", value).as_deref(),
            Ok(&[value.to_owned()][..])
        );
    }
    for value in ["-x", "--", "-", "-rf /"] {
        assert_eq!(one("echo {x:text}", value), Err(Why::Dash), "{value}");
        // Behind `--` nothing is an option.
        assert_eq!(one("grep -- {x:text}", value).unwrap(), ["--", value]);
    }
    for value in ["a\nb", "a\tb", "\u{1b}[0m"] {
        assert!(
            matches!(one("echo {x:text}", value), Err(Why::Control(_))),
            "{value:?}"
        );
    }
    assert_eq!(one("echo {x:text}", "a\0"), Err(Why::Null));
    // A part that is empty does not make the next one the first.
    let two = template("echo {a:text}{b:text}");
    assert_eq!(given(&two, &[json!(""), json!("-rf")]), Err(Why::Dash));
    assert!(given(&two, &[json!("x"), json!("-rf")]).is_ok());
}

#[test]
fn t16_numbers_booleans_and_texts_are_told_apart() {
    let is = |text: &str, value: Value| given(&template(text), &[value]);
    assert_eq!(is("x {n:int}", json!(5)).unwrap(), ["5"]);
    assert_eq!(is("x {n:number}", json!(2.5)).unwrap(), ["2.5"]);
    assert_eq!(is("x {n:bool}", json!(true)).unwrap(), ["true"]);
    for (text, value) in [
        ("x {n:int}", json!("5")),
        ("x {n:int}", json!(5.5)),
        ("x {n:int}", json!(null)),
        ("x {n:number}", json!("2")),
        ("x {n:bool}", json!("true")),
        ("x {n}", json!(5)),
        ("x {n:path}", json!(["a"])),
    ] {
        assert!(matches!(is(text, value), Err(Why::WrongType(_))), "{text}");
    }
    let huge: Value = serde_json::from_str("1e400").unwrap();
    assert!(is("x {n:number}", huge.clone()).is_err() && is("x {n:int}", huge).is_err());
    // A number may look like an option: only where a lower bound says that it is meant.
    assert_eq!(is("x {n:int}", json!(-5)), Err(Why::Dash));
    assert_eq!(is("x -n{n:int}", json!(-5)).unwrap(), ["-n-5"]);
    assert_eq!(is("x -- {n:number}", json!(-0.5)).unwrap(), ["--", "-0.5"]);
    let below = Refinement {
        min: Some(-9.0),
        max: Some(9.0),
        ..Refinement::default()
    };
    let below = refined("x {n:int}", &[("n", below)]).unwrap();
    assert_eq!(given(&below, &[json!(-5)]).unwrap(), ["-5"]);
    for value in [-10, 10] {
        assert!(matches!(
            given(&below, &[json!(value)]),
            Err(Why::Bounds(_))
        ));
    }
}

#[test]
fn a_pattern_holds_for_the_whole() {
    let id = |value| one(r"bug {id:regex(BUG-\d+)}", value);
    assert_eq!(id("BUG-12").unwrap(), ["BUG-12"]);
    for value in ["BUG-", "xBUG-1", "BUG-1 ", "BUG-1\n"] {
        assert!(id(value).is_err(), "{value:?}");
    }
    assert!(one("x {id:regex(a|b)}", "ab").is_err());
    assert_eq!(one("x {id:regex(-?a)}", "-a"), Err(Why::Dash));
    // Where none is said, the value is one itself.
    assert_eq!(
        one("grep {re:regex}", "(foo|bar)+$").unwrap(),
        ["(foo|bar)+$"]
    );
    assert_eq!(one("grep {re:regex}", "(foo"), Err(Why::NotARegex));
    assert_eq!(one("grep {re:regex}", "-foo"), Err(Why::Dash));
}

#[test]
fn a_command_line_is_one_argument_of_plain_words() {
    let ssh = |value| one("ssh host {c:command(uptime|git)}", value);
    assert_eq!(ssh("uptime").unwrap(), ["host", "uptime"]);
    assert_eq!(ssh("git log -n 5").unwrap(), ["host", "git log -n 5"]);
    assert!(matches!(ssh("rm -rf x"), Err(Why::Command(_))));
    assert!(matches!(ssh("gitx"), Err(Why::Command(_))));
    for value in [
        "",
        "git  log",
        " git",
        "git ",
        "git;id",
        "git $(id)",
        "git é",
        "git\tlog",
        "git 'a'",
    ] {
        assert!(ssh(value).is_err(), "{value:?}");
    }
}

#[test]
fn t23_t24_a_path_is_judged_in_its_decoded_forms_too() {
    for value in [
        "a",
        "d/ok.txt",
        "Copy (1).txt",
        "a..b.txt",
        "..foo",
        "café",
        "cafe\u{301}",
        "it's",
        "100%",
        "a%20b",
        "%",
        "a%2",
        "d/../e",
        "/srv/base/x",
        "name:path",
        "-x",
    ] {
        // Judged by its place alone: where it leads is seen when it is opened.
        let place = template("cat {x:path}");
        assert!(place.slots()[0].judge(&json!(value)).is_ok(), "{value}");
    }
    for value in [
        "../x",
        "..",
        "a/../../x",
        "..%2Fetc%2Fpasswd",
        "%2e%2e/x",
        "%2E%2E%2Fx",
        "%252e%252e%252f",
        "%25252e%25252e/x",
        "%2Fetc%2Fpasswd",
        "a%2F..%2F..%2Fx",
        "/srv/base/%2e%2e/%2e%2e/etc",
        "a/%2e%2e/b",
    ] {
        assert_eq!(
            one("cat {x:path}", value),
            Err(Why::Path(crate::path::PathFault::OutsideRoot)),
            "{value}"
        );
    }
    assert_eq!(one("cat {x:path}", ""), Err(Why::Empty));
    for value in ["etc//passwd", "//etc", "a%2F%2Fb"] {
        assert_eq!(one("cat {x:path}", value), Err(Why::DoubleSlash), "{value}");
    }
    for value in [
        "file;rm -rf /",
        "a|b",
        "a%3Bb",
        "$(id)",
        "a%0Ab",
        "a%00",
        "%ff",
        "%c0%ae%c0%ae/x",
    ] {
        assert!(one("cat {x:path}", value).is_err(), "{value}");
    }
    // Six times over is more than anybody decodes.
    let deep = "%2525252525252e";
    assert_eq!(one("cat {x:path}", deep), Err(Why::Encoded));
}

#[test]
fn a_refusal_names_the_argument_and_never_the_value() {
    use durward_core::{Refusal, RefusalCode};
    let place = template("cat {x:path} {y}");
    let of = |slot: usize, value: &str| {
        let fault = place.slots()[slot].judge(&json!(value)).unwrap_err();
        Refusal::from(fault)
    };
    let outside = of(0, "../hunter2");
    assert_eq!(outside.code, RefusalCode::PathOutsideRoot);
    assert_eq!(outside.path.as_deref(), Some("/x"));
    let shell = of(1, "hunter2;x");
    assert_eq!(
        (shell.code, shell.detail),
        (RefusalCode::InvalidArguments, Some("shell_character"))
    );
    assert_eq!(shell.path.as_deref(), Some("/y"));
    assert!(
        !shell.reason.contains("hunter2") && shell.reason.contains("`y` has `;`"),
        "{}",
        shell.reason
    );
    assert_eq!(of(1, "a\0").detail, Some("null_byte"));
    assert_eq!(of(0, "a\0").detail, Some("null_byte"));
}
