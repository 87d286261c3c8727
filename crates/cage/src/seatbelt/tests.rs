use std::{os::unix::ffi::OsStrExt, pin::Pin, sync::Arc, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::launch::{Door, Level, Limits, WayOut};

#[derive(Debug)]
struct Nobody;

impl WayOut for Nobody {
    fn serve(&self, _: Door) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async {})
    }
}

fn paths(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

fn walls(network: Network) -> Walls {
    Walls {
        level: Level::Light,
        read: paths(&["/usr/local", "/opt/homebrew"]),
        write: paths(&["/Users/ann/code", "/tmp"]),
        hide: paths(&["/Users/ann/code/.env"]),
        deny_write: paths(&["/Users/ann/code/.git/hooks"]),
        network,
        limits: Limits {
            memory: 1 << 29,
            cpu: Duration::from_secs(30),
            processes: 64,
            files: 256,
            file_size: None,
        },
    }
}

/// A word, a string, or a list of such.
#[derive(Debug, PartialEq)]
enum Form {
    Word(String),
    Text(String),
    List(Vec<Form>),
}

/// Reads a profile as its language is read: lists, words, and strings in which a backslash stands before
/// what is meant as it is.
fn read(text: &str) -> Vec<Form> {
    let mut open = vec![Vec::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '(' => open.push(Vec::new()),
            ')' => {
                let list = open.pop().unwrap();
                open.last_mut()
                    .expect("a list that is open")
                    .push(Form::List(list));
            }
            '"' => {
                let mut string = String::new();
                loop {
                    match chars.next().expect("the end of a string") {
                        '"' => break,
                        '\\' => string.push(chars.next().expect("what is escaped")),
                        c => string.push(c),
                    }
                }
                open.last_mut().unwrap().push(Form::Text(string));
            }
            c if c.is_whitespace() => {}
            c => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"()\"".contains(*c)) {
                    word.push(c);
                }
                open.last_mut().unwrap().push(Form::Word(word));
            }
        }
    }
    assert_eq!(open.len(), 1, "every list is closed");
    open.pop().unwrap()
}

#[test]
fn a_profile_without_a_network() {
    insta::assert_snapshot!(
        profile(&walls(Network::None), Some(Path::new("/Users/ann")), 0).unwrap()
    );
}

#[test]
fn a_profile_with_the_way_out_alone() {
    let network = Network::Egress(Arc::new(Nobody));
    let profile = profile(&walls(network), Some(Path::new("/Users/ann")), 41873).unwrap();
    let begin = super::profile(&walls(Network::None), Some(Path::new("/Users/ann")), 0).unwrap();
    let begin = begin.strip_suffix("(deny network*)\n").unwrap();
    insta::assert_snapshot!(profile.strip_prefix(begin).unwrap());
}

#[test]
fn a_profile_with_any_network() {
    let profile = profile(&walls(Network::Host), Some(Path::new("/Users/ann")), 0).unwrap();
    let begin = super::profile(&walls(Network::None), Some(Path::new("/Users/ann")), 0).unwrap();
    let begin = begin.strip_suffix("(deny network*)\n").unwrap();
    insta::assert_snapshot!(profile.strip_prefix(begin).unwrap());
}

#[test]
fn what_is_hidden_or_not_to_be_written_comes_after_what_is_open() {
    let text = profile(&walls(Network::None), Some(Path::new("/Users/ann")), 0).unwrap();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}"));
    assert!(at("allow file-write*") < at("deny file-write*\n"));
    assert!(at("deny file-write*\n") < at("deny file-read*"));
    assert!(text.contains("(deny file-write-unlink\n    (literal \"/Users/ann/code/.git\")"));
    assert!(!text.contains("(allow default)") && !text.contains("(allow network"));
}

#[test]
fn quotes_and_backslashes_stay_in_their_string() {
    for name in [
        r#"/a"b"#,
        r"/a\",
        r#"/a\"b"#,
        r#"/") (allow default) (""#,
        "/a;b",
        "/ä b",
    ] {
        let walls = Walls {
            write: paths(&[name]),
            ..walls(Network::None)
        };
        let forms = read(&profile(&walls, Some(Path::new("/Users/ann")), 0).unwrap());
        assert!(has(&forms, name), "{name}");
    }
}

#[test]
fn what_can_not_be_written_is_refused() {
    for name in ["/a\nb", "/a\0b", "/a\tb", "/a\u{85}b", "/\u{1b}[0m"] {
        let walls = Walls {
            hide: paths(&[name]),
            ..walls(Network::None)
        };
        let fault = profile(&walls, Some(Path::new("/Users/ann")), 0).unwrap_err();
        assert_eq!(fault, ProfileFault::Unwritable(name.into()), "{name:?}");
        assert!(!fault.to_string().contains('\n'));
    }
    let bytes = std::ffi::OsStr::from_bytes(b"/a\xff");
    for (path, fault) in [
        (PathBuf::from("a/b"), ProfileFault::NotPlain("a/b".into())),
        (
            PathBuf::from("/a/../b"),
            ProfileFault::NotPlain("/a/../b".into()),
        ),
        (PathBuf::from(bytes), ProfileFault::Unwritable(bytes.into())),
    ] {
        let walls = Walls {
            deny_write: vec![path],
            ..walls(Network::None)
        };
        assert_eq!(
            profile(&walls, Some(Path::new("/Users/ann")), 0).unwrap_err(),
            fault
        );
    }
}

fn has(forms: &[Form], text: &str) -> bool {
    forms.iter().any(|form| match form {
        Form::Word(_) => false,
        Form::Text(own) => own == text,
        Form::List(list) => has(list, text),
    })
}

/// The profile without its strings.
fn shape(forms: &[Form]) -> Vec<String> {
    forms
        .iter()
        .map(|form| match form {
            Form::Word(word) => word.clone(),
            Form::Text(_) => "…".to_owned(),
            Form::List(list) => format!("({})", shape(list).join(" ")),
        })
        .collect()
}

proptest! {
    /// Whatever a path is called, it is one string where its path belongs, and changes nothing else.
    #[test]
    fn no_path_breaks_out_of_its_string(
        name in "[a-z\"\\\\()'; #|$*?~\u{e4}\u{202e}]{1,24}",
        place in 0_usize..4,
    ) {
        let with = |name: &str| {
            let mut walls = walls(Network::None);
            let path = PathBuf::from(format!("/Users/{name}"));
            match place {
                0 => walls.read.push(path),
                1 => walls.write.push(path),
                2 => walls.hide.push(path),
                _ => walls.deny_write.push(path),
            }
            read(&profile(&walls, Some(Path::new("/Users/ann")), 0).unwrap())
        };
        let (hostile, plain) = (with(&name), with("plain"));
        let path = format!("/Users/{name}");
        prop_assert!(has(&hostile, &path));
        prop_assert_eq!(shape(&hostile), shape(&plain));
    }
}
