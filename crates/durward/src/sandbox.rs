//! What each child runs in: the file's words as the walls that the cage holds.
//!
//! [`Sandboxes`] is one for the program: it has the launcher, and knows what this machine can hold.
//! [`Sandboxes::builder`] is one for a configuration, and [`Builder::enclose`] says for one item of it
//! what its children run in, or why they can't.

mod below;
mod error;
mod hidden;
mod home;
mod merged;
mod way_out;

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use durward_cage::{
    egress::Standpoint,
    launch::{Host, Launcher, Level, Limits, Network, Plan, Walls},
};

pub use error::SandboxError;
pub(crate) use hidden::of_durward;
pub(crate) use home::make_ready;

use crate::config::{Config, ItemSandbox, NetworkWord, Room, SandboxMode};
use hidden::Hidden;
use merged::Merged;

/// What every script begins with, wherever these lead.
const STARTS: [&str; 2] = ["/bin", "/sbin"];

/// What a program that works as its user has of durward's environment, beside what its section gives it: a
/// server in any room, and all else at home and without walls.
pub(crate) const OF_USER: [&str; 10] = [
    "PATH", "HOME", "LANG", "LC_ALL", "TERM", "TMPDIR", "USER", "LOGNAME", "SHELL", "TZ",
];

/// More memory than any machine has.
const ENDLESS: u64 = 1 << 60;

/// More than a century, which the kernel can still count in nanoseconds.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// What all of one program's children have in common.
#[derive(Clone, Default)]
pub struct Sandboxes(Arc<Common>);

#[derive(Default)]
struct Common {
    launcher: Launcher,
    host: OnceLock<Host>,
    /// Of all ways out.
    standpoint: Standpoint,
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
    /// What people and the record are told that it is: the room, or `off` where walls are off.
    pub word: &'static str,
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

    /// durward's own listeners, to which no way out leads.
    pub fn set_listeners(&self, listeners: Vec<SocketAddr>) {
        self.0.standpoint.set_listeners(listeners);
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
            enclosed: Mutex::default(),
            projects: Mutex::default(),
        }
    }

    /// What whoever starts durward is told of its walls; nothing where no program needs any.
    pub fn told(&self, config: &Config) -> Option<String> {
        if config.sandbox.mode == SandboxMode::Off {
            let sentence =
                "NO WALLS: `sandbox.mode` is off, so whatever durward starts may do what you may";
            return Some(sentence.to_owned());
        }
        let host = self.0.host.get()?;
        let more = match host.lacks.is_empty() {
            true => "",
            false => "; `durward check` says what is missing",
        };
        Some(format!(
            "walls of the level {} around programs{more}",
            host.level
        ))
    }

    /// What this machine can hold, if that was asked for.
    pub(crate) fn known(&self) -> Option<&Host> {
        self.0.host.get()
    }
}

/// Says what the items of one configuration run in.
pub struct Builder<'a> {
    sandboxes: &'a Sandboxes,
    config: &'a Config,
    hidden: OnceLock<Hidden>,
    enclosed: Mutex<Vec<Enclosed>>,
    /// What is closed in the projects below a folder, found once.
    projects: Mutex<HashMap<PathBuf, Vec<PathBuf>>>,
}

/// An item that was given walls, for whoever lists them.
#[derive(Debug, Clone)]
pub(crate) struct Enclosed {
    /// Its key.
    pub(crate) key: String,
    /// What it runs in.
    pub(crate) word: &'static str,
    /// How that is held.
    pub(crate) level: Level,
    /// How it would have to be.
    pub(crate) needed: Level,
    /// With this link nothing of it runs.
    pub(crate) link: Option<PathBuf>,
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
            (_, NetworkWord::Egress) => {
                let standpoint = &self.sandboxes.0.standpoint;
                way_out::of(standpoint, self.config, merged.own, item.key)?
            }
        };
        let env = match &network {
            Network::Egress(_) => way_out::variables(),
            _ => Vec::new(),
        };
        let reach = match merged.room {
            Room::Box => self.of_box(&merged, item),
            Room::Home => self.of_home(&merged, item, level),
            Room::Host => Reach::whole(),
        };
        let word = match merged.mode {
            SandboxMode::Off => "off",
            _ => merged.room.as_str(),
        };
        let mut deny_write = self.kept();
        if level == Level::Full {
            deny_write.extend(self.executed_later(&reach.works_in));
        }
        let walls = Walls {
            level,
            read: reach.read,
            write: reach.write,
            hide: reach.hide,
            deny_write,
            network,
            limits: merged.limits,
        };
        lock(&self.enclosed).push(Enclosed {
            key: item.key.to_owned(),
            word,
            level,
            needed: needed(&merged),
            link: (level == Level::Full)
                .then(|| walls.link_in_the_way())
                .flatten(),
        });
        Ok(Enclosure {
            room: merged.room,
            word,
            level,
            walls: Arc::new(walls),
            inherit: merged.env,
            env,
            output: merged.output,
        })
    }

    /// At which level it runs, if it may.
    fn level(&self, merged: &Merged<'_>, item: &Item<'_>) -> Result<Level, SandboxError> {
        if merged.mode == SandboxMode::Off || merged.room == Room::Host {
            return Ok(Level::None);
        }
        let host = self.sandboxes.host()?;
        let to_egress = merged.network == NetworkWord::Egress;
        let needed = needed(merged);
        let is_enough = host.level >= needed
            // What may be reached is never more than was asked for.
            || (merged.mode == SandboxMode::BestEffort && !to_egress);
        if is_enough {
            return Ok(host.level);
        }
        Err(SandboxError::below(item.key, merged, needed, host))
    }

    /// The items that have walls so far.
    pub(crate) fn enclosed(&self) -> Vec<Enclosed> {
        lock(&self.enclosed).clone()
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
        let write = wholes(write);
        Reach {
            read: wholes(read),
            works_in: write.clone(),
            write,
            hide,
        }
    }

    fn of_home(&self, merged: &Merged<'_>, item: &Item<'_>, level: Level) -> Reach {
        let mut read = vec![PathBuf::from("/")];
        let mut write = home::writable(item.folder, level);
        let named = merged.add(&mut read, &mut write);
        let hide = self.hidden().at_home(item.folder, &named);
        let own_write = named.into_iter().filter(|path| write.contains(path));
        let works_in = home::working(item.folder).into_iter().chain(own_write);
        Reach {
            read: wholes(read),
            works_in: wholes(works_in.collect()),
            write: wholes(write),
            hide,
        }
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

    /// What others execute later, in projects below these folders.
    fn executed_later(&self, folders: &[PathBuf]) -> Vec<PathBuf> {
        let mut known = lock(&self.projects);
        let of = |folder: &PathBuf| {
            let found = known.entry(folder.clone());
            found
                .or_insert_with_key(|folder| below::executed_later_in(folder))
                .clone()
        };
        folders.iter().flat_map(of).collect()
    }

    fn hidden(&self) -> &Hidden {
        self.hidden.get_or_init(|| Hidden::of(self.config))
    }
}

/// The level that an item needs.
fn needed(merged: &Merged<'_>) -> Level {
    match (merged.room, merged.network) {
        (Room::Host, _) => Level::None,
        (Room::Box, _) | (_, NetworkWord::Egress) => Level::Full,
        (Room::Home, _) => Level::Light,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How far an item gets.
struct Reach {
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    hide: Vec<PathBuf>,
    /// Those of `write` in which people have projects.
    works_in: Vec<PathBuf>,
}

impl Reach {
    fn whole() -> Self {
        Self {
            read: vec!["/".into()],
            write: vec!["/".into()],
            hide: Vec::new(),
            works_in: Vec::new(),
        }
    }
}

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
        memory: ENDLESS,
        cpu: FOR_EVER,
        processes: 1_024,
        files: 65_536,
        file_size: None,
    }
}

#[cfg(test)]
mod tests;
