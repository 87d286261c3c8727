//! `durward config env`: every key as a variable, for `.env` files.

use super::{
    defaults,
    docs::{default_of, rows},
    schema::schema,
    show::flow,
};

const HEAD: &str = "\
# Every key of durward that a variable can say, with its default. To say otherwise, take the `#` before the name away. Lists
# and maps are YAML in one line. Made by `durward config env`.
";

/// A `.env` file in which nothing is said: each line is a comment.
pub fn variables() -> String {
    let schema = schema();
    let defaults = defaults::json();
    let mut text = HEAD.to_owned();
    for row in rows(&schema) {
        let default = default_of(&defaults, &row.path);
        // A section begins a paragraph; what people name themselves has no name here.
        if row.path.len() == 1 && !row.leaf {
            text.push_str(&format!("\n# {}: {}\n", row.path[0], row.meaning));
        }
        let is_key = row.leaf && (row.path.len() > 1 || row.path[0] == "state");
        if let (true, Some(default)) = (is_key, default) {
            let name = row.path.join("__").to_uppercase();
            let value = quoted(&flow(default));
            text.push_str(&format!("# {}\n#DURWARD_{name}={value}\n", row.meaning));
        }
    }
    text
}

/// In single quotes, where a shell or compose would see more in it.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:+-".contains(c);
    match value.chars().all(plain) {
        true => value.to_owned(),
        false => format!("'{value}'"),
    }
}
