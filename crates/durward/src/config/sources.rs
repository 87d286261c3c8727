//! What a configuration is made from, given by the program so that tests can give other things.

use std::path::{Path, PathBuf};

/// What a configuration is made from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--set`, each as `listen.http=127.0.0.1:9000`; later ones win.
    pub set: Vec<String>,
    /// `--command`, each as `say=echo {message}` or `say|"echo {message}"`.
    pub commands: Vec<String>,
    /// The environment: overrides such as `DURWARD_LISTEN__HTTP`, and what `${VAR}` means.
    pub env: Vec<(String, String)>,
    /// The working folder.
    pub cwd: PathBuf,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`; `~/.config` where there is none.
    pub xdg_config_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `--state`.
    pub state: Option<PathBuf>,
    /// Nobody asked for it at a terminal: no port and no folder is open that was not named.
    pub unasked: bool,
}

impl Sources {
    /// What this process was started with; variables that are not UTF-8 are left out. The command
    /// line's part is empty.
    ///
    /// # Errors
    ///
    /// Where there is no working folder any more.
    pub fn of_process() -> std::io::Result<Self> {
        let folder = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let env = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        Ok(Self {
            env: env.collect(),
            cwd: std::env::current_dir()?,
            home: folder("HOME"),
            xdg_config_home: folder("XDG_CONFIG_HOME"),
            xdg_runtime_dir: folder("XDG_RUNTIME_DIR"),
            ..Self::default()
        })
    }

    /// The state folder as far as it is known before any file is read, where [`Trust`](super::Trust)
    /// keeps its pins: they can't depend on what a file says.
    pub fn state_folder(&self) -> Option<PathBuf> {
        let set = self
            .set
            .iter()
            .rev()
            .find_map(|set| set.strip_prefix("state="))
            .map(PathBuf::from);
        let said = set
            .or_else(|| self.state.clone())
            .or_else(|| self.var("DURWARD_STATE").map(PathBuf::from));
        let home = || {
            self.home
                .as_ref()
                .map(|home| home.join(".local/state/durward"))
        };
        said.map(|path| self.expanded(&path)).or_else(home)
    }

    fn expanded(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.cwd.join(path),
        }
    }

    /// An environment variable.
    pub(super) fn var(&self, name: &str) -> Option<String> {
        let folder = |path: &Option<PathBuf>| {
            path.as_ref()?
                .to_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        match name {
            "HOME" => folder(&self.home),
            "XDG_RUNTIME_DIR" => folder(&self.xdg_runtime_dir),
            _ => None,
        }
        .or_else(|| {
            self.env
                .iter()
                .rfind(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        })
    }
}
