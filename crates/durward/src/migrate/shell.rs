//! Lines of `.env` files, shell scripts and systemd units: variables and command lines, as a shell reads
//! them.

/// What one line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A variable is set.
    Variable(String, String),
    /// A program is run.
    Command(Vec<String>),
    /// More variables are in another file.
    Include(String),
    /// Something else; its first word.
    Other(String),
}

/// What a variable is worth, as far as the lines so far say.
pub(super) type LookUp<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Lines with a `\` at their end joined with the next, each with the number of its first; blank ones and
/// comments left out.
pub(super) fn lines(text: &str) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if !open && (line.is_empty() || line.starts_with(['#', ';', '['])) {
            continue;
        }
        let (body, goes_on) = match line.strip_suffix('\\') {
            Some(body) => (body, true),
            None => (line, false),
        };
        match joined.last_mut().filter(|_| open) {
            Some((_, whole)) => whole.push_str(&format!(" {body}")),
            None => joined.push((number, body.to_owned())),
        }
        open = goes_on;
    }
    joined
}

/// What a line says. A line that runs one of `programs` is a command, whatever stands before the name.
pub(super) fn said(line: &str, programs: &[&str], look_up: LookUp<'_>) -> Vec<Said> {
    let line = line.strip_prefix("export ").unwrap_or(line).trim();
    match line.split_once('=') {
        Some(("Environment", rest)) => words(rest, look_up)
            .iter()
            .filter_map(|word| assignment(word))
            .map(|(name, value)| Said::Variable(name.to_owned(), value.to_owned()))
            .collect(),
        Some(("EnvironmentFile", file)) => {
            vec![Said::Include(
                file.trim().trim_start_matches('-').to_owned(),
            )]
        }
        Some(("ExecStart", rest)) => {
            vec![Said::Command(words(
                rest.trim_start_matches(['-', '@', '+', '!']),
                look_up,
            ))]
        }
        Some((name, value_of)) if is_name(name.trim_end()) => {
            let words = words(line, look_up);
            let set = words.iter().map_while(|word| assignment(word));
            let mut said: Vec<Said> = set
                .map(|(name, value)| Said::Variable(name.to_owned(), value.to_owned()))
                .collect();
            let rest = &words[said.len()..];
            match rest.iter().any(|word| runs(word, programs)) {
                true => {
                    said.push(Said::Command(rest.to_vec()));
                    said
                }
                false => vec![Said::Variable(
                    name.trim_end().to_owned(),
                    value(value_of, look_up),
                )],
            }
        }
        _ => {
            let words = words(line, look_up);
            match words.iter().any(|word| runs(word, programs)) {
                true => vec![Said::Command(words)],
                false => vec![Said::Other(words.into_iter().next().unwrap_or_default())],
            }
        }
    }
}

/// Is this word one of these programs, with or without its folder?
pub(super) fn runs(word: &str, programs: &[&str]) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    // A package may have its version behind it: `name@1.2`.
    let name = name.split('@').next().unwrap_or(name);
    programs.contains(&name)
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    word.split_once('=').filter(|(name, _)| is_name(name))
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The value of a line `NAME=value`: quotes around the whole are not part of it, those inside are, and a
/// ` #` begins a comment.
pub(super) fn value(raw: &str, look_up: LookUp<'_>) -> String {
    let raw = raw.trim();
    for (quote, literal) in [('\'', true), ('"', false)] {
        let closed = raw.strip_prefix(quote).and_then(|inner| {
            let end = closing(inner, quote)?;
            let after = inner[end + 1..].trim_start();
            (after.is_empty() || after.starts_with('#')).then(|| &inner[..end])
        });
        match closed {
            Some(inner) if literal => return inner.to_owned(),
            Some(inner) => {
                let unescaped = inner.replace("\\\"", "\"").replace("\\\\", "\\");
                return expanded(&unescaped, look_up);
            }
            None => {}
        }
    }
    let end = raw
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| *at == 0 || raw[..*at].ends_with([' ', '\t']));
    expanded(raw[..end.unwrap_or(raw.len())].trim_end(), look_up)
}

fn closing(inner: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    inner
        .char_indices()
        .find(|(_, c)| {
            let ends = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped && quote == '"';
            ends
        })
        .map(|(at, _)| at)
}

/// The words of a command line, quotes and backslashes taken off.
pub(super) fn words(line: &str, look_up: LookUp<'_>) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('"'), '\\') if rest.peek().is_some_and(|c| "\"\\$`".contains(*c)) => {
                // It was just looked at.
                word.get_or_insert_default().extend(rest.next());
            }
            (None, '\\') => word.get_or_insert_default().extend(rest.next()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '$') => {
                let mut name = String::from('$');
                match rest.peek() {
                    Some('{') => {
                        for c in rest.by_ref() {
                            name.push(c);
                            if c == '}' {
                                break;
                            }
                        }
                    }
                    _ => {
                        while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_')
                        {
                            name.push(c);
                        }
                    }
                }
                word.get_or_insert_default()
                    .push_str(&expanded(&name, look_up));
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// `$NAME`, `${NAME}` and `${NAME:-other}` put in; what is not known stays as it stands. `$$` is a `$`.
pub(super) fn expanded(text: &str, look_up: LookUp<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let (name, other, used) = match after.strip_prefix('{') {
            Some(inner) => {
                let Some(end) = inner.find('}') else { break };
                let body = &inner[..end];
                let name_end = body
                    .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .unwrap_or(body.len());
                let (name, how) = body.split_at(name_end);
                let other = how.strip_prefix(":-").or_else(|| how.strip_prefix('-'));
                (name, other, end + 2)
            }
            None => {
                let end = after
                    .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .unwrap_or(after.len());
                (&after[..end], None, end)
            }
        };
        match look_up(name).filter(|value| !value.is_empty() || other.is_none()) {
            Some(value) if !name.is_empty() => out.push_str(&value),
            _ => match other {
                Some(other) => out.push_str(&expanded(other, look_up)),
                None => out.push_str(&rest[at..at + 1 + used]),
            },
        }
        rest = &after[used..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(name: &str) -> Option<String> {
        (name == "DIR").then(|| "/srv".to_owned())
    }

    fn says(line: &str) -> Vec<Said> {
        said(line, &["mcp-secure-exec"], &known)
    }

    fn variable(name: &str, value: &str) -> Vec<Said> {
        vec![Said::Variable(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn a_variable_is_worth_what_bash_says() {
        assert_eq!(says("KEY=true   # note"), variable("KEY", "true"));
        assert_eq!(says("X=${DIR}/y"), variable("X", "/srv/y"));
        assert_eq!(says("X='${DIR}/y'"), variable("X", "${DIR}/y"));
        assert_eq!(says("export X=\"$DIR/a b\" # c"), variable("X", "/srv/a b"));
        assert_eq!(says("X=${NONE:-/d}/y"), variable("X", "/d/y"));
        assert_eq!(says("X=$NONE/y"), variable("X", "$NONE/y"));
        assert_eq!(says("X="), variable("X", ""));
        assert_eq!(says("X=a#b"), variable("X", "a#b"));
    }

    #[test]
    fn quotes_inside_are_part_of_the_value() {
        let line = "MCP_EXEC_COMMANDS=echo|\"echo {message}\"";
        assert_eq!(
            says(line),
            variable("MCP_EXEC_COMMANDS", "echo|\"echo {message}\"")
        );
    }

    #[test]
    fn a_command_line_may_have_variables_before_it() {
        let line = "A=1 exec /usr/bin/mcp-secure-exec --cmd 'ls|\"ls {path}\"'";
        let words = [
            "exec",
            "/usr/bin/mcp-secure-exec",
            "--cmd",
            "ls|\"ls {path}\"",
        ];
        assert_eq!(
            says(line),
            [
                Said::Variable("A".to_owned(), "1".to_owned()),
                Said::Command(words.map(str::to_owned).to_vec())
            ]
        );
        assert_eq!(says("cd /srv"), [Said::Other("cd".to_owned())]);
    }

    #[test]
    fn a_unit_says_it_in_its_own_words() {
        assert_eq!(says("Environment=\"A=b c\" D=e").len(), 2);
        assert_eq!(
            says("ExecStart=-/bin/x --y"),
            [Said::Command(vec!["/bin/x".to_owned(), "--y".to_owned()])]
        );
        assert_eq!(
            says("EnvironmentFile=-/etc/x"),
            [Said::Include("/etc/x".to_owned())]
        );
    }

    #[test]
    fn lines_go_on_after_a_backslash() {
        let text = "# a\nrun \\\n  --b \\\n  --c\n\nX=1\n";
        assert_eq!(
            lines(text),
            [(2, "run  --b  --c".to_owned()), (6, "X=1".to_owned())]
        );
    }

    proptest! {
        #[test]
        fn no_line_is_too_much(line in ".{0,200}") {
            let _ = says(&line);
            let _ = words(&line, &known);
        }
    }
}
