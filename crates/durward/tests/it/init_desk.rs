//! A person's machine for tests of `durward init`: files of clients in a home of their own, and what
//! became of them.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use durward_testkit::{House, Ran};

use crate::house;

/// A file as it is found in a client's folder of `tests/it/clients`.
pub(crate) struct Sample {
    pub(crate) client: String,
    pub(crate) name: String,
    pub(crate) text: String,
}

/// All of them, in order.
pub(crate) fn samples() -> Vec<Sample> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/clients");
    let mut found = Vec::new();
    for client in listed(&top) {
        for file in listed(&client) {
            found.push(Sample {
                client: named(&client),
                name: named(&file),
                text: fs::read_to_string(&file).expect("a sample"),
            });
        }
    }
    found
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<_> = entries.map(|it| it.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn named(path: &Path) -> String {
    let name = path.file_name().expect("a name");
    name.to_str().expect("a plain name").to_owned()
}

/// How a file may be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dress {
    Plain,
    /// Lines end as on Windows.
    CrLf,
    /// A byte order mark before it, and nothing after its last line.
    Marked,
    /// Behind a link into a folder of dotfiles, and for its owner alone.
    Linked,
}

/// A home with files of clients.
pub(crate) struct Desk {
    pub(crate) house: House,
}

/// What is at a path: content and permissions, or where a link leads.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) enum Thing {
    File(Vec<u8>, u32),
    Link(PathBuf),
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self { house: house() };
        fs::create_dir(desk.home("work")).expect("a project");
        desk
    }

    /// A path in the home folder.
    pub(crate) fn home(&self, path: &str) -> PathBuf {
        self.house.path("home").join(path)
    }

    /// durward's own file.
    pub(crate) fn gate(&self) -> PathBuf {
        self.house.path("config/durward/durward.yaml")
    }

    /// Where the client looks for this kind of file.
    pub(crate) fn place(&self, client: &str, name: &str) -> PathBuf {
        let ext = name.rsplit('.').next().unwrap_or_default();
        let kind = name.split('-').next().unwrap_or_default();
        let (home, config) = (
            |path| self.home(path),
            |path: &str| self.house.path("config").join(path),
        );
        match (client, kind) {
            ("claude-desktop", _) => config("Claude/claude_desktop_config.json"),
            ("claude-code", "user") => home(".claude.json"),
            ("claude-code", _) => home("work/.mcp.json"),
            ("cursor", "user") => home(".cursor/mcp.json"),
            ("cursor", _) => home("work/.cursor/mcp.json"),
            ("vscode", "profile") => config("Code/User/profiles/-3f2a1b/mcp.json"),
            ("vscode", "user") => config("Code/User/mcp.json"),
            ("vscode", _) => home("work/.vscode/mcp.json"),
            ("windsurf", _) => home(".codeium/windsurf/mcp_config.json"),
            ("zed", "user") => config("zed/settings.json"),
            ("zed", _) => home("work/.zed/settings.json"),
            ("codex", "user") => home(".codex/config.toml"),
            ("codex", _) => home("work/.codex/config.toml"),
            ("gemini", "user") => home(".gemini/settings.json"),
            ("gemini", _) => home("work/.gemini/settings.json"),
            ("cline", "user") => home(".cline/data/settings/cline_mcp_settings.json"),
            ("cline", _) => config(
                "Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
            ),
            ("continue", "user") => home(".continue/config.yaml"),
            ("continue", _) => home(&format!("work/.continue/mcpServers/sample.{ext}")),
            ("opencode", "user") => config(&format!("opencode/opencode.{ext}")),
            ("opencode", _) => home("work/opencode.json"),
            ("lm-studio", _) => home(".lmstudio/mcp.json"),
            ("goose", _) => config("goose/config.yaml"),
            ("junie", "user") => home(".junie/mcp/mcp.json"),
            ("junie", _) => home("work/.junie/mcp/mcp.json"),
            ("copilot-jetbrains", _) => config("github-copilot/intellij/mcp.json"),
            other => panic!("no place for {other:?}"),
        }
    }

    /// Puts a sample where its client looks for it.
    pub(crate) fn put(&self, sample: &Sample, dress: Dress) -> PathBuf {
        let home = self.house.path("home").display().to_string();
        let text = sample.text.replace("@HOME@", &home);
        let path = self.place(&sample.client, &sample.name);
        let text = match dress {
            Dress::CrLf => text.replace('\n', "\r\n"),
            Dress::Marked => format!("\u{feff}{}", text.trim_end()),
            Dress::Plain | Dress::Linked => text,
        };
        match dress {
            Dress::Linked => {
                let kept = self.home("dotfiles").join(named(&path));
                write(&kept, &text, 0o600);
                fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
                symlink(&kept, &path).expect("a link");
            }
            _ => write(&path, &text, 0o644),
        }
        path
    }

    /// The program, in the project, with what it needs to know of the person.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.house.bare_command(arguments);
        command
            .current_dir(self.home("work"))
            .env("API_TOKEN", "example-env-token-0123456789")
            .env("API_BASE_URL", "https://base.example.com");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("the program runs");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Everything in the home and configuration folders but durward's state.
    pub(crate) fn things(&self) -> BTreeMap<PathBuf, Thing> {
        let mut things = BTreeMap::new();
        let mut folders = vec![self.house.path("home"), self.house.path("config")];
        while let Some(folder) = folders.pop() {
            for path in listed(&folder) {
                let facts = fs::symlink_metadata(&path).expect("facts");
                if path.ends_with(".local/state") {
                    continue;
                }
                let thing = if facts.is_symlink() {
                    Thing::Link(fs::read_link(&path).expect("a link"))
                } else if facts.is_dir() {
                    folders.push(path);
                    continue;
                } else {
                    let mode = facts.permissions().mode() & 0o7777;
                    Thing::File(fs::read(&path).expect("a file"), mode)
                };
                things.insert(path, thing);
            }
        }
        things
    }

    /// The text without what differs between machines.
    pub(crate) fn plain(&self, text: &str) -> String {
        let house = self.house.path("").display().to_string();
        text.replace(env!("CARGO_BIN_EXE_durward"), "/usr/local/bin/durward")
            .replace(house.trim_end_matches('/'), "")
    }
}

/// Writes a file with its folders.
pub(crate) fn write(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("a folder above")).expect("folders");
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its permissions");
}

/// Which paths differ.
pub(crate) fn differing(
    one: &BTreeMap<PathBuf, Thing>,
    other: &BTreeMap<PathBuf, Thing>,
) -> Vec<PathBuf> {
    let paths = one.keys().chain(other.keys());
    let mut paths: Vec<_> = paths
        .filter(|path| one.get(*path) != other.get(*path))
        .cloned()
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// No path differs.
pub(crate) const SAME: [PathBuf; 0] = [];
