//! What no server at `home` and no program in a `box` may see: where people keep secrets. Names alone are
//! looked at; nothing is opened.

use std::{
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use durward_guard::path::DenyList;

use super::{
    below::{DEEP, walk},
    home, whole,
};
use crate::config::{Config, SecretSource};

/// Below the home folder: keys, credentials, key rings, browsers, mail, wallets, what was typed.
const OF_USER: &[&str] = &[
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".oci",
    ".config/gcloud",
    ".config/gh",
    ".config/glab-cli",
    ".config/hub",
    ".config/doctl",
    ".config/heroku",
    ".config/rclone",
    ".config/sops",
    ".config/age",
    ".config/op",
    ".config/git/credentials",
    ".config/containers/auth.json",
    ".docker/config.json",
    ".fly",
    ".terraform.d/credentials.tfrc.json",
    ".vault-token",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".mylogin.cnf",
    ".s3cfg",
    ".boto",
    ".git-credentials",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".m2/settings.xml",
    ".gradle/gradle.properties",
    ".composer/auth.json",
    ".config/composer/auth.json",
    ".password-store",
    ".local/share/gopass",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".config/Bitwarden",
    ".config/1Password",
    ".config/keepassxc",
    ".mozilla",
    ".librewolf",
    ".waterfox",
    ".thunderbird",
    ".config/mozilla",
    ".config/google-chrome",
    ".config/google-chrome-beta",
    ".config/chromium",
    ".config/BraveSoftware",
    ".config/microsoft-edge",
    ".config/vivaldi",
    ".config/opera",
    ".config/Signal",
    ".config/Slack",
    ".config/discord",
    ".cache/mozilla",
    ".cache/thunderbird",
    ".cache/google-chrome",
    ".cache/chromium",
    ".cache/BraveSoftware",
    ".cache/microsoft-edge",
    ".var/app",
    "snap",
    ".bitcoin",
    ".ethereum",
    ".electrum",
    ".config/solana",
    ".bash_history",
    ".zsh_history",
    ".local/share/fish/fish_history",
    ".python_history",
    ".node_repl_history",
    ".psql_history",
    ".mysql_history",
    ".claude.json",
    ".claude/.credentials.json",
    ".codex/auth.json",
    ".gemini/oauth_creds.json",
];

/// Of the machine: what root alone may read, if root runs durward; and sockets whose other end does
/// whatever it is asked, for the user or as root.
const OF_MACHINE: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssl/private",
    "/etc/krb5.keytab",
    "/run/user",
    "/run/dbus",
    "/run/docker.sock",
    "/run/containerd",
    "/run/crio",
    "/run/podman",
    "/run/libvirt",
    "/run/lxd.socket",
    "/run/snapd.socket",
    "/run/systemd/private",
    "/var/snap/lxd/common/lxd/unix.socket",
    "/var/lib/docker",
];

/// What is hidden by one configuration.
#[derive(Debug)]
pub(super) struct Hidden {
    /// What nobody may see.
    always: Vec<PathBuf>,
    /// In each folder that is shared, what `files` denies.
    in_roots: Vec<PathBuf>,
    /// The folders that are shared.
    roots: Vec<PathBuf>,
    denied: Option<DenyList>,
}

impl Hidden {
    pub(super) fn of(config: &Config) -> Self {
        let extra: Vec<_> = config
            .files
            .deny
            .iter()
            .map(|it| it.as_str().to_owned())
            .collect();
        let in_files = DenyList::build(config.files.builtin_deny, &extra).ok();
        let shared = config.files.shared();
        let in_roots = shared.iter().flat_map(|(_, root)| match &in_files {
            Some(denied) => found(&whole(root), denied, DEEP),
            None => Vec::new(),
        });
        Self {
            always: of_durward(config),
            in_roots: in_roots.collect(),
            roots: shared.iter().map(|(_, root)| real(root)).collect(),
            denied: DenyList::build(true, &[]).ok(),
        }
    }

    /// What a box must not see of what it may read.
    pub(super) fn within(
        &self,
        read: &[PathBuf],
        write: &[PathBuf],
        named: &[PathBuf],
    ) -> Vec<PathBuf> {
        let open: Vec<_> = read.iter().chain(write).map(|path| real(path)).collect();
        let user = of_user().into_iter().chain(of_machine());
        let all = self
            .always
            .iter()
            .chain(&self.in_roots)
            .cloned()
            .chain(user);
        let mut hidden = self.there(all, named, None);
        hidden.retain(|path| {
            open.iter()
                .any(|open| path.starts_with(open) || open.starts_with(path))
        });
        hidden
    }

    /// What a server at home must not see.
    pub(super) fn at_home(&self, folder: Option<&Path>, named: &[PathBuf]) -> Vec<PathBuf> {
        let home = home::folder_of_user();
        let folder = whole(folder.unwrap_or(Path::new(".")));
        let is_home = home
            .as_deref()
            .is_some_and(|home| home.starts_with(&folder));
        let looked_at = |folder: &Path, depth| match &self.denied {
            Some(denied) => found(folder, denied, depth),
            None => Vec::new(),
        };
        let working = looked_at(&folder, if is_home { 1 } else { DEEP });
        let top = home.iter().flat_map(|home| looked_at(home, 1));
        let all = self.always.iter().chain(&self.in_roots).cloned();
        let all = all
            .chain(of_user())
            .chain(of_machine())
            .chain(working)
            .chain(top);
        self.there(all, named, Some(&folder))
    }

    /// Those that are there, by their real names; but what the item itself names, and what holds the folders
    /// that are worked in.
    fn there(
        &self,
        all: impl Iterator<Item = PathBuf>,
        named: &[PathBuf],
        folder: Option<&Path>,
    ) -> Vec<PathBuf> {
        let named: Vec<_> = named.iter().map(|path| real(path)).collect();
        let home = home::folder_of_user();
        let worked_in: Vec<_> = home
            .as_deref()
            .into_iter()
            .chain(folder)
            .map(real)
            .collect();
        let is_kept = |path: &PathBuf| {
            let mut held = worked_in.iter().chain(&self.roots);
            !held.any(|held| held.starts_with(path)) && !named.contains(path) && can_be_hidden(path)
        };
        let mut all: Vec<_> = all
            .filter_map(|path| path.canonicalize().ok())
            .filter(is_kept)
            .collect();
        all.sort();
        // What lies in another one is hidden with it.
        all.dedup_by(|inner, outer| inner.starts_with(&*outer));
        all
    }
}

fn of_user() -> Vec<PathBuf> {
    let home = home::folder_of_user();
    let all = home
        .iter()
        .flat_map(|home| OF_USER.iter().map(|name| home.join(name)));
    all.collect()
}

fn of_machine() -> Vec<PathBuf> {
    let mut all: Vec<_> = OF_MACHINE.iter().map(PathBuf::from).collect();
    let keys = "/etc/ssh/ssh_host_*_key".parse::<crate::config::SandboxPath>();
    all.extend(keys.into_iter().flat_map(|path| path.found()));
    let sockets = ["SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DOCKER_HOST"];
    let named = sockets.iter().filter_map(|name| std::env::var(name).ok());
    all.extend(named.map(|text| PathBuf::from(text.trim_start_matches("unix://"))));
    all.extend(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from));
    // Other people's homes, where root or a careless mode opens them.
    let homes = Path::new("/home")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten();
    let own = home::folder_of_user();
    let others = homes.map(|entry| entry.path());
    all.extend(others.filter(|path| own.as_ref().is_none_or(|own| !own.starts_with(path))));
    all.extend(Some(PathBuf::from("/root")).filter(|root| own.as_ref() != Some(root)));
    all
}

/// What durward keeps, and where its secrets come from.
pub(crate) fn of_durward(config: &Config) -> Vec<PathBuf> {
    let mut all = vec![
        config.state.clone(),
        config.identity.keys.file.clone(),
        config.audit.journal.clone(),
        config.audit.index.clone(),
        config.listen.socket.clone(),
    ];
    all.extend(config.audit.export.file.clone());
    all.extend(config.telemetry.file.clone());
    for source in config.secrets.values() {
        if let SecretSource::File(path) = source {
            all.push(path.clone());
        }
    }
    all.iter().map(|path| whole(path)).collect()
}

/// What a list denies in a folder, down to a depth; what is in what is denied is not named again.
fn found(folder: &Path, denied: &DenyList, depth: usize) -> Vec<PathBuf> {
    let mut hits = Vec::new();
    let is_whole = walk(folder, depth, |entry, relative| {
        let is_hit = relative
            .to_str()
            .is_some_and(|text| denied.hit(text).is_some());
        if is_hit {
            hits.push(entry.path());
        }
        !is_hit
    });
    if !is_whole {
        tracing::warn!(
            "{} holds very many files: not all of its secrets can be hidden",
            folder.display()
        );
    }
    hits
}

/// A name may lead to a device that all need: `~/.netrc` to `/dev/null`.
fn can_be_hidden(path: &Path) -> bool {
    let kind = path.metadata().map(|facts| facts.file_type());
    kind.is_ok_and(|kind| !kind.is_char_device() && !kind.is_block_device())
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| whole(path))
}
