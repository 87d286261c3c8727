//! A throw-away place for the program: folders, environment, configuration.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Daemon, Pipe};

/// A folder of its own for one test, and the program that runs in it. Nothing of the person's own
/// configuration, state or environment reaches the program.
pub struct House {
    binary: PathBuf,
    dir: TempDir,
}

/// What a finished command left.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Standard output as one JSON value.
    ///
    /// # Panics
    /// Where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.stdout.trim())
            .unwrap_or_else(|error| panic!("no JSON on stdout ({error}): {self:#?}"))
    }

    /// Standard output as JSON Lines.
    ///
    /// # Panics
    /// Where a line is none.
    pub fn lines(&self) -> Vec<Value> {
        let line = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.stdout
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(line)
            .collect()
    }

    /// The same, where the command must have succeeded.
    ///
    /// # Panics
    /// Where it failed.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "the command failed: {self:#?}");
        self
    }
}

impl House {
    /// Folders for the program at `binary`: an empty root, a state folder, a home.
    ///
    /// # Panics
    /// Where no folder can be made.
    pub fn new(binary: &str) -> Self {
        Self::within(&std::env::temp_dir(), binary)
    }

    /// The same, in this place.
    ///
    /// # Panics
    /// Where no folder can be made.
    pub fn within(place: &Path, binary: &str) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("durward-")
            .tempdir_in(place)
            .expect("a folder");
        for name in ["root", "state", "home", "config", "run"] {
            fs::create_dir(dir.path().join(name)).expect("a folder in the folder");
        }
        Self {
            binary: binary.into(),
            dir,
        }
    }

    /// The folder that is shared; commands run in it.
    pub fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// A path inside the house, outside of the root.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Where the configuration stands once [`House::configure`] wrote one.
    pub fn config(&self) -> PathBuf {
        self.path("config/test.yaml")
    }

    /// Writes a file of the root, with its folders.
    ///
    /// # Panics
    /// Where it can't.
    pub fn file(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root().join(relative);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("folders");
        fs::write(&path, content).expect("the file");
        path
    }

    /// Writes the configuration that all later commands get; `version: 1` is added.
    ///
    /// # Panics
    /// Where it can't.
    pub fn configure(&self, yaml: &str) -> &Self {
        self.configure_exactly(&format!("version: 1\n{yaml}"))
    }

    /// Writes the configuration byte for byte, by a rename as editors do.
    ///
    /// # Panics
    /// Where it can't.
    pub fn configure_exactly(&self, text: &str) -> &Self {
        let draft = self.path("config/draft");
        fs::write(&draft, text).expect("the configuration");
        fs::rename(&draft, self.config()).expect("the configuration in place");
        self
    }

    /// A command of the program with a clean environment, not yet started.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test starts the program it tests"
    )]
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments);
        command.arg("--state").arg(self.state());
        if self.config().exists() {
            command.arg("--config").arg(self.config());
        }
        self.furnish(&mut command);
        command
    }

    /// The program with just these arguments.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test starts the program it tests"
    )]
    pub fn bare_command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments);
        self.furnish(&mut command);
        command
    }

    fn furnish(&self, command: &mut Command) {
        command.env_clear().current_dir(self.root());
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path("home"));
        command.env("XDG_CONFIG_HOME", self.path("config"));
        command.env("XDG_STATE_HOME", self.path("home/state"));
        command.env("XDG_RUNTIME_DIR", self.path("run"));
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// Where it can't be started.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        finish(self.command(arguments))
    }

    /// Runs the program with just these arguments to its end.
    ///
    /// # Panics
    /// Where it can't be started.
    pub fn run_bare<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        finish(self.bare_command(arguments))
    }

    /// Makes an API key of a role.
    ///
    /// # Panics
    /// Where that fails.
    pub fn key(&self, role: &str) -> String {
        self.key_with(&["--role", role])
    }

    /// Makes an API key with these options of `durward keys new`.
    ///
    /// # Panics
    /// Where that fails.
    pub fn key_with(&self, options: &[&str]) -> String {
        let arguments: Vec<&str> = ["keys", "new", "--json"]
            .iter()
            .chain(options)
            .copied()
            .collect();
        let made = self.run(&arguments).ok().json();
        made["key"]
            .as_str()
            .unwrap_or_else(|| panic!("no key in {made}"))
            .to_owned()
    }

    /// Starts `durward serve` on a free port and waits until it listens.
    ///
    /// # Panics
    /// Where it does not.
    pub fn serve(&self, arguments: &[&str]) -> Daemon {
        Daemon::start(self, arguments)
    }

    /// Starts `durward stdio`.
    ///
    /// # Panics
    /// Where it can't be started.
    pub fn stdio(&self, arguments: &[&str]) -> Pipe {
        let all: Vec<&str> = ["stdio"].iter().chain(arguments).copied().collect();
        Pipe::of(self.command(&all))
    }

    /// All bytes of all files below a folder, for tests of what must not be in them.
    ///
    /// # Panics
    /// Where one can't be read.
    pub fn bytes_below(&self, folder: &Path) -> Vec<u8> {
        let mut all = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the folder") {
                let entry = entry.expect("an entry");
                let kind = entry.file_type().expect("its type");
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    all.extend(fs::read(entry.path()).expect("the file"));
                }
            }
        }
        all
    }
}

fn finish(mut command: Command) -> Ran {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
