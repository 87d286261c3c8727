//! What each child runs in: the file's words as the walls that the cage holds.
//!
//! [`Sandboxes`] is one for the program: it has the launcher, and knows what this machine can hold.
//! [`Sandboxes::builder`] is one for a configuration, and [`Builder::enclose`] says for one item of it
//! what its children run in, or why they can't.

mod error;
mod hidden;
mod home;
mod merged;
mod way_out;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use durward_cage::launch::{Host, Launcher, Level, Limits, Network, Plan, Walls};

pub use error::SandboxError;
pub(crate) use home::make;

use crate::config::{Config, ItemSandbox, NetworkWord, Room, SandboxMode};
use hidden::Hidden;
use merged::Merged;

/// What programs need to start, and what nobody minds to be read: all else of `/etc` is closed to a box.
const STARTS: [&str; 6] = [
    "/bin",
    "/sbin",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/localtime",
];

/// What all of one program's children have in common.
#[derive(Debug, Clone, Default)]
pub struct Sandboxes(Arc<Common>);

#[derive(Debug, Default)]
struct Common {
    launcher: Launcher,
    host: OnceLock<Host>,
}

/// One pack, command, action, plugin or server, as far as its walls go.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Its key in the file, for messages: `packs.shell`, `servers.github`.
    pub key: &'a str,
    /// What its `sandbox:` says.
    pub said: Option<&'a ItemSandbox>,
    /// Its room where that says nothing.
    pub usual: Room,
    /// The folder that it works in, where that is known before it starts: in a `home` it may be written.
    pub folder: Option<&'a Path>,
    /// Files that a `box` has to show so that it can start: its program, its folder of code.
    pub shows: &'a [PathBuf],
}

/// What the children of one item run in.
#[derive(Debug, Clone)]
pub struct Enclosure {
    /// The room, by the file's word.
    pub room: Room,
    /// How it is held.
    pub level: Level,
    /// The walls; a `host` has limits alone.
    pub walls: Arc<Walls>,
    /// Variables of durward's own environment that it gets.
    pub inherit: Vec<String>,
    /// Variables that it is given, such as those that name the way out.
    pub env: Vec<(String, String)>,
    /// What is kept of each output.
    pub output: usize,
    /// Folders that programs make for themselves, where their own parent may not be written.
    pub makes: Vec<PathBuf>,
}

impl Enclosure {
    /// The plan of a program that runs in it. What else the program gets is said afterwards.
    #[must_use]
    pub fn around(&self, plan: Plan) -> Plan {
        let plan = plan
            .inherit(self.inherit.iter().map(String::as_str))
            .walls(Arc::clone(&self.walls));
        let env = self.env.iter().cloned();
        env.fold(plan, |plan, (name, value)| plan.env(name, value))
    }
}

impl Sandboxes {
    /// Nothing runs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What starts all children.
    pub fn launcher(&self) -> Launcher {
        self.0.launcher.clone()
    }

    /// What this machine can hold; found out at the first question, by trying.
    ///
    /// # Errors
    /// Where nothing at all can be started.
    pub fn host(&self) -> Result<&Host, SandboxError> {
        if let Some(host) = self.0.host.get() {
            return Ok(host);
        }
        let launcher = self.launcher();
        let ask = || {
            // It is asked within runtimes and without; this one is nobody else's.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(SandboxError::unknown)?;
            runtime
                .block_on(launcher.host())
                .map_err(SandboxError::unknown)
        };
        let found = thread::scope(|scope| scope.spawn(ask).join())
            .unwrap_or_else(|_| Err(SandboxError::unknown("it panicked")))?;
        Ok(self.0.host.get_or_init(|| found))
    }

    /// For the items of this configuration.
    pub fn builder<'a>(&'a self, config: &'a Config) -> Builder<'a> {
        Builder {
            sandboxes: self,
            config,
            hidden: OnceLock::new(),
        }
    }
}

/// Says what the items of one configuration run in.
#[derive(Debug)]
pub struct Builder<'a> {
    sandboxes: &'a Sandboxes,
    config: &'a Config,
    hidden: OnceLock<Hidden>,
}

impl Builder<'_> {
    /// What starts all children.
    pub fn launcher(&self) -> Launcher {
        self.sandboxes.launcher()
    }

    /// What the children of this item run in.
    ///
    /// # Errors
    /// [`SandboxError`], where this machine can't hold what the file asks for.
    pub fn enclose(&self, item: &Item<'_>) -> Result<Enclosure, SandboxError> {
        let merged = Merged::of(&self.config.sandbox, item);
        let level = self.level(&merged, item)?;
        let network = match (level, merged.network) {
            (Level::None, _) | (_, NetworkWord::Host) => Network::Host,
            (_, NetworkWord::None) => Network::None,
            (_, NetworkWord::Egress) => way_out::of(self.config, merged.own, item.key)?,
        };
        let env = match &network {
            Network::Egress(_) => way_out::variables(),
            _ => Vec::new(),
        };
        let (read, write, hide) = match merged.room {
            Room::Box => self.of_box(&merged, item),
            Room::Home => self.of_home(&merged, item),
            Room::Host => (vec!["/".into()], vec!["/".into()], Vec::new()),
        };
        let makes = match merged.room {
            Room::Home => home::made_by_programs(),
            Room::Box | Room::Host => Vec::new(),
        };
        Ok(Enclosure {
            room: merged.room,
            level,
            walls: Arc::new(Walls {
                level,
                read,
                write,
                hide,
                deny_write: self.kept(),
                network,
                limits: merged.limits,
            }),
            inherit: merged.env,
            env,
            output: merged.output,
            makes,
        })
    }

    /// At which level it runs, if it may.
    fn level(&self, merged: &Merged<'_>, item: &Item<'_>) -> Result<Level, SandboxError> {
        if merged.mode == SandboxMode::Off || merged.room == Room::Host {
            return Ok(Level::None);
        }
        let host = self.sandboxes.host()?;
        let to_egress = merged.network == NetworkWord::Egress;
        let needed = match merged.room {
            Room::Box => Level::Full,
            _ if to_egress => Level::Full,
            _ => Level::Light,
        };
        let is_enough = host.level >= needed
            // What may be reached is never more than was asked for.
            || (merged.mode == SandboxMode::BestEffort && !to_egress);
        if is_enough {
            return Ok(host.level);
        }
        Err(SandboxError::below(item.key, merged, needed, host))
    }

    fn of_box(&self, merged: &Merged<'_>, item: &Item<'_>) -> Reach {
        let section = &self.config.sandbox;
        let mut read: Vec<PathBuf> = STARTS.iter().map(PathBuf::from).collect();
        for path in &section.read {
            read.extend(self.roots_of(path.as_str()).unwrap_or_else(|| path.found()));
        }
        let mut write: Vec<_> = section.write.iter().flat_map(|path| path.found()).collect();
        read.extend(item.folder.map(Path::to_owned));
        read.extend(item.shows.iter().cloned());
        let named = merged.add(&mut read, &mut write);
        let hide = self.hidden().within(&read, &write, &named);
        (wholes(read), wholes(write), hide)
    }

    fn of_home(&self, merged: &Merged<'_>, item: &Item<'_>) -> Reach {
        let mut read = vec![PathBuf::from("/")];
        let mut write = home::writable(item.folder);
        let named = merged.add(&mut read, &mut write);
        let hide = self.hidden().at_home(item.folder, &named);
        (wholes(read), wholes(write), hide)
    }

    /// All folders that are shared, where the path is the one that stands for them.
    fn roots_of(&self, path: &str) -> Option<Vec<PathBuf>> {
        let files = &self.config.files;
        let is_root = files.root.as_os_str() == path;
        is_root.then(|| {
            files
                .shared()
                .iter()
                .map(|(_, it)| it.to_path_buf())
                .collect()
        })
    }

    /// What makes programs run, and so is not theirs to write: the configuration and the plugins.
    fn kept(&self) -> Vec<PathBuf> {
        let file = self.config.own_file.iter().map(|it| whole(it));
        let plugins = self.config.plugins.iter().map(|it| it.real_dir());
        file.chain(plugins).collect()
    }

    fn hidden(&self) -> &Hidden {
        self.hidden.get_or_init(|| Hidden::of(self.config))
    }
}

/// What may be read, what may be written, what is hidden.
type Reach = (Vec<PathBuf>, Vec<PathBuf>, Vec<PathBuf>);

fn wholes(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut all: Vec<_> = paths.iter().map(|path| whole(path)).collect();
    all.sort();
    all.dedup();
    all
}

/// From the root on.
fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What a program may use where nobody said how much: a server may run for years, and some map more memory
/// than there is.
fn roomy() -> Limits {
    Limits {
        memory: u64::MAX,
        cpu: Duration::MAX,
        processes: 1_024,
        files: 65_536,
        file_size: None,
    }
}
