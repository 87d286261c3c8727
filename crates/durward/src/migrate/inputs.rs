//! From files, the environment and the command line to what was given: what each file is, is seen by its
//! content.

use std::path::{Path, PathBuf};

use super::{
    Predecessor, client_entry, compose,
    given::{Aside, CommandLine, ConfigFile, Given, Setting},
    shell::{self, Said},
};
use crate::config::{Tree, read_foreign};

/// Reads whatever a predecessor was told.
pub(crate) struct Inputs<'a> {
    pub(super) predecessor: Predecessor,
    /// The environment, for `${…}` in files.
    environment: &'a [(String, String)],
    cwd: PathBuf,
    pub(super) given: Given,
    /// Files that were read already.
    read: Vec<PathBuf>,
}

impl<'a> Inputs<'a> {
    /// Nothing yet.
    pub(crate) fn new(
        predecessor: Predecessor,
        environment: &'a [(String, String)],
        cwd: &Path,
    ) -> Self {
        Self {
            predecessor,
            environment,
            cwd: cwd.to_owned(),
            given: Given::default(),
            read: Vec::new(),
        }
    }

    /// What was given.
    pub(crate) fn given(self) -> Given {
        self.given
    }

    /// Takes those of the environment's variables that the predecessor knows.
    pub(crate) fn environment(&mut self) {
        let source = self.next_source();
        for (name, value) in self.environment {
            if self.predecessor.knows(name) {
                let (name, value) = (name.clone(), value.clone());
                self.variable(
                    "environment".to_owned(),
                    name,
                    value,
                    source,
                    &self.cwd.clone(),
                );
            }
        }
    }

    /// Takes a command line, with the program's name or without.
    pub(crate) fn command_line(&mut self, words: &[String]) {
        let folder = self.cwd.clone();
        self.command("command line".to_owned(), words.to_vec(), folder);
    }

    /// Reads a file: a compose file, a client's, the predecessor's own, or lines as in a shell.
    ///
    /// # Errors
    /// One sentence that names the file, and the line.
    pub(crate) fn file(&mut self, path: &Path) -> Result<(), String> {
        let path = self.cwd.join(path);
        if self.read.contains(&path) {
            return Ok(());
        }
        self.read.push(path.clone());
        let text = read_foreign(&path)?;
        let name = self.name_of(&path);
        let folder = path.parent().unwrap_or(&self.cwd).to_owned();
        let is = |endings: &[&str]| {
            let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
            endings.iter().any(|it| ending == *it)
        };
        if is(&["yaml", "yml", "json", "jsonc"]) || text.trim_start().starts_with('{') {
            let tree = Tree::parse(&text).map_err(|why| format!("{name}: {why}"))?;
            return self.tree(&name, tree, folder);
        }
        self.lines(&name, &text, &folder)
    }

    fn tree(&mut self, name: &str, tree: Tree, folder: PathBuf) -> Result<(), String> {
        if client_entry::servers(&tree)
            .is_some_and(|_| !self.predecessor.has_servers_of_its_own(&tree))
        {
            return client_entry::read(self, name, &tree, &folder);
        }
        if tree.get("services").is_some() {
            return compose::read(self, name, &tree, &folder);
        }
        if !self.predecessor.has_a_file() {
            return Err(format!(
                "{name} is neither a compose file nor a client's, and {} has no file of its own",
                self.predecessor
            ));
        }
        self.given.configs.push(ConfigFile {
            file: name.to_owned(),
            tree,
            folder,
        });
        Ok(())
    }

    fn lines(&mut self, name: &str, text: &str, folder: &Path) -> Result<(), String> {
        let source = self.next_source();
        for (number, line) in shell::lines(text) {
            let at = format!("{name}:{number}");
            let said = shell::said(&line, self.predecessor.programs(), &|name| {
                self.look_up(name)
            });
            for said in said {
                match said {
                    Said::Variable(name, value) => {
                        self.variable(at.clone(), name, value, source, folder);
                    }
                    Said::Command(words) => self.command(at.clone(), words, folder.to_owned()),
                    Said::Include(file) => self.file(&folder.join(file))?,
                    Said::Other(label) => self.aside(at.clone(), label, "no setting"),
                }
            }
        }
        Ok(())
    }

    /// A file beside another one, which need not be there.
    pub(super) fn perhaps(&mut self, path: &Path) -> Result<(), String> {
        match self.cwd.join(path).is_file() {
            true => self.file(path),
            false => Ok(()),
        }
    }

    pub(super) fn next_source(&mut self) -> usize {
        self.given.sources += 1;
        self.given.sources
    }

    pub(super) fn variable(
        &mut self,
        at: String,
        name: String,
        value: String,
        source: usize,
        folder: &Path,
    ) {
        self.given.variables.push(Setting {
            at,
            label: name.clone(),
            name,
            value,
            source,
            folder: folder.to_owned(),
        });
    }

    /// Keeps a command line from the program on: what started the program is not its own.
    pub(super) fn command(&mut self, at: String, words: Vec<String>, folder: PathBuf) {
        let programs = self.predecessor.programs();
        let begins = words.iter().position(|word| shell::runs(word, programs));
        let words = words[begins.map_or(0, |at| at + 1)..].to_vec();
        self.given.commands.push(CommandLine { at, words, folder });
    }

    pub(super) fn aside(&mut self, at: String, label: String, why: &'static str) {
        self.given.aside.push(Aside { at, label, why });
    }

    /// What a variable is worth by now.
    pub(super) fn look_up(&self, name: &str) -> Option<String> {
        let given = self.given.variables.iter().rfind(|it| it.name == name);
        let present = || self.environment.iter().rfind(|(key, _)| key == name);
        given
            .map(|setting| setting.value.clone())
            .or_else(|| present().map(|(_, value)| value.clone()))
    }

    /// A file's name for people: short where it is below the working folder.
    fn name_of(&self, path: &Path) -> String {
        path.strip_prefix(&self.cwd)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}
