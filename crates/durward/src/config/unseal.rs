//! Reading a secret from where it is kept. No sentence here has its value.

use std::{cell::RefCell, collections::BTreeMap, io::Read, path::Path};

use durward_core::Secret;
use serde::Deserialize;

use super::{
    SecretName, SecretSource, Secrets, Sources,
    fault::Fault,
    fetch::{PATIENCE, fetch},
    nearest::nearest,
    node::Node,
    reader::Reader,
};

/// More than any key or token has.
pub(super) const LONGEST: u64 = 64 * 1024;

/// The secrets of one reading of the configuration: each is read when it is first needed, and once.
pub(super) struct Vault<'a> {
    secrets: Secrets,
    /// The section as it is written, for faults that are to be mended there.
    section: Option<Node>,
    sources: &'a Sources,
    known: RefCell<BTreeMap<String, Result<Secret, Fault>>>,
}

impl<'a> Vault<'a> {
    /// What is wrong with the section itself is said when the whole is read.
    pub(super) fn new(root: &Node, sources: &'a Sources) -> Self {
        let none = |_: &str| Err(Fault::new("a secret can't be made from another one"));
        let section = root.at(&["secrets"]).cloned();
        let read = |node: &Node| Secrets::deserialize(Reader::new(node, &none)).ok();
        Self {
            secrets: section.as_ref().and_then(read).unwrap_or_default(),
            section,
            sources,
            known: RefCell::default(),
        }
    }

    /// The secret of a name, or why there is none.
    pub(super) fn unseal(&self, name: &str) -> Result<Secret, Fault> {
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        let found = self.read(name);
        self.known
            .borrow_mut()
            .insert(name.to_owned(), found.clone());
        found
    }

    /// All that were read.
    pub(super) fn opened(self) -> Vec<Secret> {
        self.known
            .into_inner()
            .into_values()
            .filter_map(Result::ok)
            .collect()
    }

    fn read(&self, name: &str) -> Result<Secret, Fault> {
        let Some(source) = self.secrets.get(name) else {
            return Err(Fault::new(self.unknown(name)));
        };
        let text = match source {
            SecretSource::Env(variable) => self.sources.var(variable).ok_or_else(|| {
                let fault = Fault::new(format!(
                    "the secret `{name}` is in the variable `{variable}`, which is not set"
                ));
                fault.hint(format!(
                    "`read -rs {variable} && export {variable}` before durward starts sets it"
                ))
            }),
            SecretSource::File(path) => {
                let file = self.sources.cwd.join(path);
                from_file(&file).map_err(|why| {
                    let path = path.display();
                    let fault = Fault::new(format!(
                        "the secret `{name}` can't be read from {path}: {why}"
                    ));
                    match file.exists() {
                        true => fault,
                        false => fault.hint(format!(
                            "`install -D -m 600 /dev/stdin {path}` makes it from what you paste"
                        )),
                    }
                })
            }
            SecretSource::Command(argv) => self.fetched(name, "command", argv.as_slice()),
            SecretSource::Keyring(item) => self.fetched(name, "keyring", &item.command()),
        }?;
        if text.is_empty() {
            Err(Fault::new(format!("the secret `{name}` is empty")))
        } else {
            Ok(Secret::new(text))
        }
    }

    /// What a program prints.
    fn fetched(&self, name: &str, key: &str, argv: &[String]) -> Result<String, Fault> {
        fetch(argv, self.sources, PATIENCE).map_err(|why| {
            let fault = Fault::new(format!("the secret `{name}` could not be had: {why}"));
            let written = self.section.as_ref();
            match written.and_then(|section| section.at(&[name, key])) {
                Some(node) => fault.place(node.place.clone()),
                None => fault,
            }
        })
    }

    fn unknown(&self, name: &str) -> String {
        match nearest(name, self.secrets.keys().map(SecretName::as_str)) {
            Some(near) => format!("there is no secret `{name}`; did you mean `{near}`?"),
            None => format!("there is no secret `{name}` under `secrets:`"),
        }
    }
}

fn from_file(path: &Path) -> Result<String, String> {
    // Looked at before it is opened, for opening a FIFO waits.
    let before = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !before.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let facts = file.metadata().map_err(|error| error.to_string())?;
    if open_to_the_world(&facts) {
        return Err("everyone on this machine may read it; `chmod o-rwx` it first".to_owned());
    }
    let mut text = String::new();
    file.take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(|_| "it is not UTF-8 text".to_owned())?;
    if text.len() as u64 > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(text)
}

#[cfg(unix)]
fn open_to_the_world(facts: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    facts.permissions().mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn open_to_the_world(_: &std::fs::Metadata) -> bool {
    false
}
