//! What `config show`, `config schema` and `config docs` say.

use super::*;

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    let first = set(&[
        "limits.tools.web=20/min",
        "files.deny=['a b/**', '*.x']",
        "listen.public_url=https://a.b",
    ])
    .unwrap();
    let shown = show(&first, false);
    let second = load_text(&shown, |_| {}).unwrap();
    assert_eq!(first.digest, second.digest, "{shown}");
    assert_ne!(first.digest, load(&machine()).unwrap().digest);
}

#[test]
fn the_reference_says_the_defaults_that_hold() {
    let loaded = load(&machine()).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&show(&loaded, true)).unwrap();
    let (page, schema) = (docs(), schema());
    let defaults = defaults::json();
    let mut keys = 0;
    for row in docs::rows(&schema)
        .iter()
        .filter(|row| row.leaf && !row.path.contains(&"*".to_owned()))
    {
        let key = row.path.join(".");
        assert!(!row.meaning.is_empty(), "{key} has no comment");
        let above = &row.path[..row.path.len() - 1];
        let has_none = |path: &[String]| docs::default_of(&defaults, path).is_none();
        if has_none(&row.path)
            && docs::default_of(&defaults, above).is_none_or(|it| !it.is_object())
        {
            // What it stands in is nothing, or a word, unless somebody says more.
            assert!(page.contains(&format!("| `{key}` | – |")), "{key}");
            continue;
        }
        let start = format!("| `{key}` | `");
        let line = page
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap_or_else(|| panic!("{key} is not on the page"));
        let default = line[start.len()..].split("` |").next().unwrap();
        let holds = row.path.iter().fold(&shown, |value, key| &value[key]);
        let holds = show::flow(&values(holds));
        // The page has no machine, so it has no home and no state folder yet.
        let expanded = default
            .replace(
                "${XDG_RUNTIME_DIR}/durward/durward.sock",
                "${state}/durward.sock",
            )
            .replace("${state}", "/home/ann/.local/state/durward")
            .replace("~/.local", "/home/ann/.local")
            .replace("${files.root}", ".");
        assert_eq!(expanded.replace('"', ""), holds.replace('"', ""), "{key}");
        keys += 1;
    }
    assert!(keys > 50, "{keys}");
}

/// What `show` says, without the origins.
fn values(shown: &serde_json::Value) -> serde_json::Value {
    match shown {
        serde_json::Value::Object(map) if map.contains_key("origin") => map["value"].clone(),
        serde_json::Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), values(value)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn the_reference_page() {
    snapshot("docs", &docs());
}

#[test]
fn the_schema_forbids_what_the_reader_refuses() {
    let schema = schema();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["$defs"]["Listen"]["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["version"]));
}
