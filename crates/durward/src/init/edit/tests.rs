//! Editors: what is not changed stays byte for byte, and what was changed can be changed back.

use proptest::prelude::*;

use super::*;
use crate::init::merge;

fn new() -> Vec<(String, New)> {
    vec![
        ("command".to_owned(), New::Text("/bin/durward".to_owned())),
        ("args".to_owned(), New::List(vec!["connect".to_owned()])),
        ("enabled".to_owned(), New::Flag(true)),
    ]
}

fn rewired(format: Format, text: &str, path: &[&str], fates: &[(usize, Fate)]) -> String {
    let path: Vec<_> = path.iter().map(|&key| key.to_owned()).collect();
    let document = format.read(text).unwrap();
    applied(text, &document.rewire(&path, fates).unwrap())
}

/// The edits that take edits back.
fn inverse(text: &str, edits: &[Edit]) -> Vec<Edit> {
    let mut shift = 0_isize;
    edits
        .iter()
        .map(|edit| {
            let start = edit.span.start.saturating_add_signed(shift);
            shift += edit.text.len() as isize - edit.span.len() as isize;
            Edit {
                span: start..start + edit.text.len(),
                text: text[edit.span.clone()].to_owned(),
            }
        })
        .collect()
}

/// How a file is laid out.
#[derive(Debug, Clone, Copy)]
struct Layout {
    line: &'static str,
    indent: &'static str,
    comments: bool,
    trailing: bool,
    mark: bool,
    flat: bool,
}

fn layouts() -> impl Strategy<Value = Layout> {
    let lines = prop_oneof![Just("\n"), Just("\r\n")];
    let indents = prop_oneof![Just("  "), Just("\t"), Just("    ")];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (lines, indents, flags).prop_map(|(line, indent, (comments, trailing, mark, flat))| Layout {
        line,
        indent,
        comments,
        trailing,
        mark,
        flat,
    })
}

/// Some servers, of which some go, some are replaced and some stay.
fn fates() -> impl Strategy<Value = Vec<Option<Fate>>> {
    let fate = prop_oneof![
        Just(None),
        Just(Some(Fate::Gone)),
        Just(Some(Fate::Value(new()))),
    ];
    proptest::collection::vec(fate, 1..6)
}

/// The first that goes is replaced by durward's own entry.
fn numbered(fates: Vec<Option<Fate>>) -> Vec<(usize, Fate)> {
    let mut first = true;
    let fates = fates.into_iter().enumerate();
    fates
        .filter_map(|(at, fate)| match fate? {
            Fate::Gone if std::mem::take(&mut first) => {
                Some((at, Fate::Entry("durward".to_owned(), new())))
            }
            fate => Some((at, fate)),
        })
        .collect()
}

fn json_text(servers: usize, layout: Layout) -> String {
    let Layout { line, indent, .. } = layout;
    let mut text = String::new();
    if layout.mark {
        text.push('\u{feff}');
    }
    if layout.flat {
        let servers: Vec<_> = (0..servers)
            .map(|at| format!(r#""s{at}" : {{"command":"c{at}", "env": {{"A": "}}"}}}}"#))
            .collect();
        text.push_str(&format!(
            r#"{{"x": 1,"mcpServers":{{{}"#,
            servers.join(" , ")
        ));
        text.push_str(if layout.trailing { ",}}" } else { " } }" });
        return text;
    }
    text.push_str(&format!("{{{line}{indent}\"mcpServers\": {{{line}"));
    for at in 0..servers {
        if layout.comments {
            text.push_str(&format!("{indent}{indent}// server {at}, \"x\": {{{line}"));
        }
        let comma = if at + 1 < servers || layout.trailing {
            ","
        } else {
            ""
        };
        let remark = if layout.comments { " // here" } else { "" };
        text.push_str(&format!(
            "{indent}{indent}\"s{at}\": {{{line}{indent}{indent}{indent}\"command\": \"c\\u00e9{at}\",{line}\
             {indent}{indent}{indent}\"args\": [1, \"a//b\"]{line}{indent}{indent}}}{comma}{remark}{line}"
        ));
    }
    let last = if layout.trailing { "," } else { "" };
    text.push_str(&format!("{indent}}}{last}{line}}}"));
    if layout.trailing {
        text.push_str(line);
    }
    text
}

fn toml_text(servers: usize, layout: Layout) -> String {
    let line = layout.line;
    let mut text = String::new();
    if layout.mark {
        text.push('\u{feff}');
    }
    if layout.comments {
        text.push_str(&format!(
            "# [mcp_servers.none]{line}model = \"x\" # here{line}{line}"
        ));
    }
    if layout.flat {
        text.push_str(&format!("[mcp_servers]{line}"));
    }
    for at in 0..servers {
        if layout.flat {
            text.push_str(&format!(
                "s{at} = {{ command = \"c\", args = [ 'a' ] }}{line}"
            ));
            continue;
        }
        if layout.comments {
            text.push_str(&format!("# server {at}{line}"));
        }
        text.push_str(&format!(
            "[mcp_servers.s{at}]{line}command = '''{line}[not.a.header]'''{line}args = [{line}  \"a\", # b{line}]{line}"
        ));
        if at % 2 == 0 {
            text.push_str(&format!(
                "{line}[mcp_servers.s{at}.env]{line}A = \"b\"{line}"
            ));
        }
        text.push_str(line);
    }
    text.push_str(&format!("[other]{line}a = 1"));
    if layout.trailing {
        text.push_str(line);
    }
    text
}

fn yaml_text(servers: usize, list: bool, layout: Layout) -> String {
    let line = layout.line;
    let mut text = String::new();
    if layout.mark {
        text.push('\u{feff}');
    }
    text.push_str(&format!("top: 1 # here{line}servers:{line}"));
    for at in 0..servers {
        if layout.comments {
            text.push_str(&format!("  # server {at}{line}"));
        }
        let (head, indent) = match list {
            true => (format!("  - name: s{at}"), "    "),
            false => (format!("  s{at}:"), "    "),
        };
        text.push_str(&format!(
            "{head}{line}{indent}command: \"c: {at}\"  # why{line}"
        ));
        text.push_str(&format!(
            "{indent}args:{line}{indent}- -y{line}{indent}- 'x # y'{line}"
        ));
        if layout.flat {
            text.push_str(&format!(
                "{indent}text: |{line}{indent}  - one{line}{indent}  two{line}"
            ));
        }
        if layout.trailing {
            text.push_str(line);
        }
    }
    text.push_str(&format!("other: [a, b]{line}"));
    text
}

/// Holds for any edit: it can be taken back, and what it doesn't touch is where it was.
fn holds(format: Format, text: &str, path: &str, fates: &[(usize, Fate)]) {
    let document = format
        .read(text)
        .unwrap_or_else(|why| panic!("{why}:\n{text}"));
    let edits = document
        .rewire(&[path.to_owned()], fates)
        .unwrap_or_else(|why| panic!("{why}:\n{text}\n{fates:?}"));
    let after = applied(text, &edits);
    assert_eq!(applied(&after, &inverse(text, &edits)), text, "taken back");
    assert_eq!(
        merge::without(format, text, &edits, &after).as_deref(),
        Some(text),
        "merged back:\n{after}"
    );
    let kept: usize = edits.iter().map(|edit| edit.span.len()).sum();
    let written: usize = edits.iter().map(|edit| edit.text.len()).sum();
    assert_eq!(text.len() - kept + written, after.len());
    if fates.is_empty() {
        assert_eq!(after, text);
    }
}

proptest! {
    #[test]
    fn json_is_changed_in_place(fates in fates(), layout in layouts()) {
        holds(Format::Json, &json_text(fates.len(), layout), "mcpServers", &numbered(fates));
    }

    #[test]
    fn toml_is_changed_in_place(fates in fates(), layout in layouts()) {
        holds(Format::Toml, &toml_text(fates.len(), layout), "mcp_servers", &numbered(fates));
    }

    #[test]
    fn yaml_is_changed_in_place(fates in fates(), layout in layouts(), list: bool) {
        holds(Format::Yaml, &yaml_text(fates.len(), list, layout), "servers", &numbered(fates));
    }

    #[test]
    fn no_text_makes_them_panic(text in "[\\PC\n\r\t\"{}\\[\\]:,#=\\-/*|>&!' \u{feff}]{0,80}") {
        for format in [Format::Json, Format::Toml, Format::Yaml] {
            if let Ok(document) = format.read(&text) {
                for member in document.root.members() {
                    let inner = member.node.members().len();
                    let fates: Vec<_> = (0..inner).map(|at| (at, Fate::Value(new()))).collect();
                    // What can't be changed in place is said.
                    let _ = document.rewire(std::slice::from_ref(&member.key), &fates);
                }
            }
        }
    }

    #[test]
    fn a_changed_text_keeps_what_the_person_added(
        fates in fates(), layout in layouts(), added in "[a-z]{3,8}"
    ) {
        let layout = Layout { flat: false, ..layout };
        let text = toml_text(fates.len(), layout);
        let document = Format::Toml.read(&text).unwrap();
        let edits = document.rewire(&["mcp_servers".to_owned()], &numbered(fates)).unwrap();
        let more = |text: &str| format!("{text}{line}[{added}_]{line}new = true{line}", line = layout.line);
        let current = more(&applied(&text, &edits));
        prop_assert_eq!(merge::without(Format::Toml, &text, &edits, &current), Some(more(&text)));
    }
}

#[test]
fn a_mark_a_comment_and_a_trailing_comma_stay() {
    let text = "\u{feff}{\r\n\t// mine\r\n\t\"mcpServers\": {\r\n\t\t\"a\": {}, // gone\r\n\t\t\"b\": {},\r\n\t},\r\n}";
    let fates = [
        (0, Fate::Entry("durward".to_owned(), new())),
        (1, Fate::Gone),
    ];
    assert_eq!(
        rewired(Format::Json, text, &["mcpServers"], &fates),
        "\u{feff}{\r\n\t// mine\r\n\t\"mcpServers\": {\r\n\t\t\"durward\": {\r\n\t\t\t\"command\": \"/bin/durward\",\r\n\t\t\t\"args\": [\r\n\t\t\t\t\"connect\"\r\n\t\t\t],\r\n\t\t\t\"enabled\": true\r\n\t\t}, // gone\r\n\t},\r\n}"
    );
}

#[test]
fn the_last_of_several_takes_its_comma_along() {
    let text = "{\"s\": {\"a\": 1, \"b\": {}, \"c\": 2, \"d\": {}}}";
    let fates = [(1, Fate::Value(new())), (2, Fate::Gone), (3, Fate::Gone)];
    assert_eq!(
        rewired(Format::Json, text, &["s"], &fates),
        "{\"s\": {\"a\": 1, \"b\": {\"command\": \"/bin/durward\", \"args\": [\"connect\"], \"enabled\": true} }}"
    );
}

#[test]
fn tables_go_with_all_their_tables() {
    let text = "a = 1\n\n# one\n[s.a]\nx = 1\n[s.a.env]\ny = 2\n\n[s.b]\nz = 3\n\n# end\n[t]\n";
    let fates = [
        (0, Fate::Entry("durward".to_owned(), new())),
        (1, Fate::Gone),
    ];
    assert_eq!(
        rewired(Format::Toml, text, &["s"], &fates),
        "a = 1\n\n# one\n[s.durward]\ncommand = \"/bin/durward\"\nargs = [\"connect\"]\nenabled = true\n\n# end\n[t]\n"
    );
}

#[test]
fn entries_of_yaml_go_with_all_their_lines() {
    let text =
        "s:\n  - name: a   # first\n    env:\n      X: |\n        - b\n\n  # second\n  - name: c\n";
    let fates = [(0, Fate::Gone), (1, Fate::Value(new()))];
    assert_eq!(
        rewired(Format::Yaml, text, &["s"], &fates),
        "s:\n\n  # second\n  - command: /bin/durward\n    args:\n      - connect\n    enabled: true\n"
    );
}

#[test]
fn what_is_wrong_is_told_by_its_line() {
    for (format, text, line) in [
        (Format::Json, "{\n\"a\": 1,\n\"a\": 2}", 3),
        (Format::Json, "{\n\"a\" 1}", 2),
        (Format::Json, "{\"a\": 1\n\"b\": 2}", 2),
        (Format::Json, "{\"a\": [1 2]}", 1),
        (Format::Json, "{'a': 1}", 1),
        (Format::Json, "{\"a\": 01}", 1),
        (Format::Json, "{} x", 1),
        (Format::Json, "{/* ", 1),
        (Format::Json, "{\"a\": \"\n\"}", 1),
        (Format::Json, "", 1),
        (Format::Toml, "a = 1\na = 2\n", 2),
        (Format::Toml, "[a]\nb =\n", 2),
        (Format::Toml, "[a]\n[a]\n", 2),
        (Format::Yaml, "a: 1\na: 2\n", 2),
        (Format::Yaml, "a:\n  - b\n c: d\n", 3),
        (Format::Yaml, "a: &x 1\nb: *x\n", 2),
        (Format::Yaml, "a: 1\n---\nb: 2\n", 3),
    ] {
        let why = format.read(text).map(|_| ()).unwrap_err();
        assert_eq!(why.line, line, "{text}: {why}");
    }
}

#[test]
fn deep_texts_are_refused_and_not_followed() {
    let deep = "[".repeat(100_000);
    assert!(Format::Json.read(&deep).is_err() && Format::Toml.read(&format!("a={deep}")).is_err());
    assert!(Format::Yaml.read(&deep).is_err());
}

#[test]
fn a_member_that_a_client_moved_comes_back() {
    let before =
        "{\n  \"mcpServers\": {\n    \"a\": {\"command\": \"x\"},\n    \"b\": {}\n  }\n}\n";
    let document = Format::Json.read(before).unwrap();
    let fates = [
        (0, Fate::Entry("durward".to_owned(), new())),
        (1, Fate::Gone),
    ];
    let edits = document.rewire(&["mcpServers".to_owned()], &fates).unwrap();
    let client = r#"{"seen":1,"mcpServers":{"durward":{"command":"/bin/durward","args":["connect"],"enabled":true},"c":{}}}"#;
    assert_eq!(
        merge::without(Format::Json, before, &edits, client).as_deref(),
        Some(r#"{"seen":1,"mcpServers":{"a": {"command": "x"}, "b": {},"c":{}}}"#)
    );
    let changed = client.replace("connect", "stdio");
    assert_eq!(merge::without(Format::Json, before, &edits, &changed), None);
}

/// The parsing test suite for JSON, where `DURWARD_CORPORA` says that it is there.
#[test]
fn json_is_read_as_the_test_suite_says() {
    let Ok(corpora) = std::env::var("DURWARD_CORPORA") else {
        return;
    };
    let folder = std::path::Path::new(&corpora).join("json/test_parsing");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(text) = String::from_utf8(std::fs::read(&path).unwrap()) else {
            continue;
        };
        // What editors take, and the suite doesn't; and a key twice, which it takes.
        let ours =
            name.contains("comma") || name.contains("comment") || name.contains("duplicated");
        match (Format::Json.read(&text), &name[..2]) {
            (Err(why), "y_") if !ours => panic!("{name}: {why}"),
            (Ok(_), "n_") if !ours => panic!("{name} was read"),
            _ => seen += 1,
        }
    }
    assert!(seen > 200, "{seen}");
}
