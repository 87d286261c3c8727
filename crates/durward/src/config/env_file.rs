//! Environment variables from a file: `durward stdio --env-file`.

use std::path::Path;

use super::Sources;

impl Sources {
    /// Adds the variables of a file to the environment: `NAME=value` lines, blank lines, `#` comments.
    /// A value may stand in single or double quotes; nothing in it is expanded.
    ///
    /// # Errors
    /// One sentence that names the file, and the line where one is no variable; never its value.
    pub fn with_env_file(mut self, path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let variable = variable(line)
                .ok_or_else(|| format!("{name}:{number}: this is not `NAME=value`"))?;
            self.env.push(variable);
        }
        Ok(self)
    }
}

fn variable(line: &str) -> Option<(String, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || !key.chars().all(fits) {
        return None;
    }
    let value = value.trim();
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    let value = match quoted('"').or_else(|| quoted('\'')) {
        Some(inner) => inner,
        // As in a shell, a `#` after a blank begins a comment.
        None => value.split(" #").next().unwrap_or(value).trim_end(),
    };
    Some((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let sources = Sources::default().with_env_file(file.path())?;
        Ok(sources.env)
    }

    #[test]
    fn variables_are_read_as_a_shell_would() {
        let text = "# note\n\nA=1\nexport B = two words # note\nC='x # y'\nD=\"q\"\nE=\n";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "x # y"),
            ("D", "q"),
            ("E", ""),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn what_is_no_variable_is_told_by_its_line_and_not_shown() {
        let error = read("A=1\nsecret words\n").unwrap_err();
        assert!(
            error.contains(":2:") && !error.contains("secret"),
            "{error}"
        );
    }
}
