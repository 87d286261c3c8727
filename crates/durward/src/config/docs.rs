//! `durward config docs`: the reference page, made from the types, their comments and their defaults.

use serde_json::Value;

use super::{defaults, schema::schema, show::flow};

const HEAD: &str = "# durward.yaml\n\n\
    Every key, its default and what it means. Nothing is required but `version: 1`. An unknown key, a wrong type or an \
    unset `${VAR}` stops the start. Any key can be overridden as `--set listen.http=127.0.0.1:9000` and as \
    `DURWARD_LISTEN__HTTP`; a list replaces the list below it. Precedence: `--set`, environment, file, default. \
    In values, `${VAR}` is an environment variable, `${state}` and `${files.root}` are those keys, `${secret:name}` \
    is a secret, `~/` is the home folder, and `$${` is a literal `${`.\n";

/// The reference page, in Markdown.
pub fn docs() -> String {
    let schema = schema();
    let mut page = HEAD.to_owned();
    let defaults = defaults::json();
    let rows = rows(&schema);
    for row in rows.iter().filter(|row| row.path.len() == 1) {
        page.push_str(&format!("\n## {}\n\n{}\n", row.path[0], row.meaning));
        page.push_str("\n| key | default | meaning |\n|---|---|---|\n");
        for key in rows
            .iter()
            .filter(|key| key.path[0] == row.path[0] && key.leaf)
        {
            let default = default_of(&defaults, &key.path)
                .map_or("–".to_owned(), |value| code(&flow(value)));
            page.push_str(&format!(
                "| {} | {default} | {} |\n",
                code(&key.path.join(".")),
                key.meaning.replace('|', "\\|")
            ));
        }
    }
    page
}

/// One key of the format.
pub(super) struct Row {
    pub(super) path: Vec<String>,
    pub(super) meaning: String,
    pub(super) leaf: bool,
}

/// Every key, sections before what is in them; `*` stands for a name that people choose.
pub(super) fn rows(schema: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    collect(schema, schema, &mut Vec::new(), &mut rows);
    rows
}

fn collect(schema: &Value, root: &Value, path: &mut Vec<String>, rows: &mut Vec<Row>) {
    let schema = resolved(schema, root);
    for one in ["anyOf", "oneOf"]
        .iter()
        .filter_map(|word| schema[word].as_array())
        .flatten()
    {
        collect(one, root, path, rows);
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        path.push(key.clone());
        let target = resolved(inner, root);
        let text = [inner, target, schema]
            .iter()
            .find_map(|schema| schema["description"].as_str());
        rows.push(Row {
            path: path.clone(),
            meaning: one_line(text.unwrap_or_default()),
            leaf: target["properties"].is_null(),
        });
        collect(inner, root, path, rows);
        for named in ["additionalProperties", "items"]
            .iter()
            .filter_map(|word| target.get(word))
        {
            path.push("*".to_owned());
            collect(named, root, path, rows);
            path.pop();
        }
        path.pop();
    }
}

/// What a schema refers to, or itself.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    schema["$ref"]
        .as_str()
        .and_then(|text| root.pointer(text.strip_prefix('#')?))
        .unwrap_or(schema)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The default of a key; none of one below a name that people choose.
pub(super) fn default_of<'a>(defaults: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(defaults, |value, key| value.get(key))
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}
