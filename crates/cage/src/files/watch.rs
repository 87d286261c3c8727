//! Told of changes: the folders on the way to a file, watched by their handles (inotify(7)).
//!
//! A folder is handed to the kernel as the descriptor that is open for it, so no path can be swapped
//! in between. After a change the way is gone anew: what was made, moved or replaced on it counts.

use std::{
    collections::{HashMap, HashSet},
    ffi::{CStr, CString},
    fmt,
    mem::MaybeUninit,
    os::fd::{AsRawFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags},
    io::Errno,
};
use thiserror::Error;

use super::{FileFault, OpenDir, RelPath, Root};

/// Most things that one watcher watches.
const MOST: usize = 1024;
/// A way of more folders is not watched.
const DEEPEST: usize = 64;
/// Events that are taken in at once; the kernel keeps as many (`max_queued_events`, inotify(7)).
const MOST_EVENTS: usize = 16_384;
/// What comes within it is told once.
const WINDOW: Duration = Duration::from_millis(100);

const CHANGES: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ONLYDIR);

/// Why something is not watched.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WatchFault {
    /// As much is watched as may be.
    #[error("too much is watched already")]
    TooMany,
    /// The path has too many folders.
    #[error("the path has too many folders to be watched")]
    TooDeep,
    /// The system does not let us.
    #[error("the system can't watch: {0}")]
    System(Errno),
}

impl From<Errno> for WatchFault {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

/// Something that is watched.
pub trait Watched: Send + Sync {
    /// The root that it lies below.
    fn root(&self) -> &Root;

    /// Its paths below the root, as they lead there now: the one it is asked for by, and the one
    /// that links lead to.
    fn paths(&self) -> Vec<String>;

    /// It is a folder, and what it holds counts.
    fn is_folder(&self) -> bool;

    /// It has changed, or come, or gone. Called once for what comes within 100 ms.
    fn changed(&self);
}

/// Watches. Its thread ends with the last of its clones and [`Watching`]s.
#[derive(Debug, Clone)]
pub struct Watcher(Arc<Owner>);

/// One thing that is watched; dropping it ends that.
#[derive(Debug)]
pub struct Watching {
    owner: Arc<Owner>,
    number: u64,
}

/// Ends the thread when nobody needs it any more.
#[derive(Debug)]
struct Owner(Arc<Shared>);

struct Shared {
    inotify: OwnedFd,
    changes: WatchFlags,
    stop: OwnedFd,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: u64,
    all: HashMap<u64, Entry>,
    /// Who is interested in what of each watched folder.
    folders: HashMap<i32, Folder>,
}

#[derive(Default)]
struct Folder {
    names: HashMap<CString, HashSet<u64>>,
    /// Those to whom all names matter.
    all: HashSet<u64>,
}

struct Entry {
    watched: Arc<dyn Watched>,
    interests: HashSet<Interest>,
    is_due: bool,
}

/// A name in a folder, or all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Interest {
    folder: i32,
    name: Option<CString>,
}

impl Watcher {
    /// Starts the thread that waits for changes.
    ///
    /// # Errors
    /// The system has no room for another watcher.
    pub fn start() -> Result<Self, WatchFault> {
        Self::of(CHANGES)
    }

    /// The same, for those to whom permissions matter as well.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn of_permissions_too() -> Result<Self, WatchFault> {
        Self::of(CHANGES.union(WatchFlags::ATTRIB))
    }

    fn of(changes: WatchFlags) -> Result<Self, WatchFault> {
        let shared = Arc::new(Shared {
            changes,
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            stop: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            state: Mutex::default(),
        });
        let seen = Arc::clone(&shared);
        let owner = Arc::new(Owner(shared));
        std::thread::Builder::new()
            .name("files-watch".to_owned())
            .spawn(move || seen.run())
            .map_err(|_| WatchFault::System(Errno::AGAIN))?;
        Ok(Self(owner))
    }

    /// Watches, until what it gives is dropped. What is not there yet is watched for.
    ///
    /// # Errors
    /// There is no room for another.
    pub fn watch(&self, watched: Arc<dyn Watched>) -> Result<Watching, WatchFault> {
        let mut state = self.0.0.lock();
        if state.all.len() >= MOST {
            return Err(WatchFault::TooMany);
        }
        state.taken += 1;
        let number = state.taken;
        let entry = Entry {
            watched,
            interests: HashSet::new(),
            is_due: false,
        };
        state.all.insert(number, entry);
        let armed = self.0.0.arm(&mut state, number);
        if armed.is_err() {
            self.0.0.forget(&mut state, number);
        }
        drop(state);
        armed.map(|()| Watching {
            owner: Arc::clone(&self.0),
            number,
        })
    }

    /// How many folders the kernel watches for us.
    pub fn folders(&self) -> usize {
        self.0.0.lock().folders.len()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let shared = &self.owner.0;
        // What is forgotten is dropped after the lock: it may hold others like this one.
        let forgotten = shared.forget(&mut shared.lock(), self.number);
        drop(forgotten);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // The counter can't overflow: it is written once.
        let _ = rustix::io::write(&self.0.stop, &1_u64.to_ne_bytes());
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            if self.is_stopped(None) {
                return;
            }
            self.take_in();
            if self.is_stopped(Some(WINDOW)) {
                return;
            }
            self.take_in();
            for watched in self.due() {
                watched.changed();
            }
        }
    }

    /// Waits for changes, or for the window to end; true where the work is over.
    fn is_stopped(&self, window: Option<Duration>) -> bool {
        let mut waits = vec![PollFd::new(&self.stop, PollFlags::IN)];
        if window.is_none() {
            waits.push(PollFd::new(&self.inotify, PollFlags::IN));
        }
        let window = window.map(|window| Timespec {
            tv_sec: 0,
            tv_nsec: window.subsec_nanos().into(),
        });
        match poll(&mut waits, window.as_ref()) {
            Ok(_) => !waits[0].revents().is_empty(),
            // Anything else means that the descriptors are gone.
            Err(errno) => errno != Errno::INTR,
        }
    }

    /// Notes what the kernel has seen.
    fn take_in(&self) {
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut state = self.lock();
        // No more than the kernel holds: whoever changes files faster than we read must not keep us.
        let mut taken = 0;
        while taken < MOST_EVENTS || !events.is_buffer_empty() {
            taken += 1;
            match events.next() {
                Ok(event) => state.note(&event),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// What is to be told, its way gone anew.
    fn due(&self) -> Vec<Arc<dyn Watched>> {
        let mut state = self.lock();
        let due = state.all.iter().filter(|(_, entry)| entry.is_due);
        let due: Vec<_> = due.map(|(number, _)| *number).collect();
        for number in &due {
            // Where there is no room for another folder, those that are watched stay.
            let _ = self.arm(&mut state, *number);
        }
        let told = |number| {
            let entry = state.all.get_mut(&number)?;
            entry.is_due = false;
            Some(Arc::clone(&entry.watched))
        };
        due.into_iter().filter_map(told).collect()
    }

    /// Watches every folder on the way that is there.
    fn arm(&self, state: &mut State, number: u64) -> Result<(), WatchFault> {
        let Some(entry) = state.all.get(&number) else {
            return Ok(());
        };
        let watched = Arc::clone(&entry.watched);
        let mut found = HashSet::new();
        let mut armed = Ok(());
        for path in watched.paths() {
            armed = armed.and(self.go(watched.as_ref(), &path, &mut found));
        }
        let Some(entry) = state.all.get_mut(&number) else {
            return Ok(());
        };
        let before = std::mem::replace(&mut entry.interests, found.clone());
        for new in found.difference(&before) {
            state
                .folders
                .entry(new.folder)
                .or_default()
                .add(number, new);
        }
        for old in before.difference(&found) {
            self.release(&mut state.folders, number, old);
        }
        armed
    }

    fn go(
        &self,
        watched: &dyn Watched,
        path: &str,
        found: &mut HashSet<Interest>,
    ) -> Result<(), WatchFault> {
        let names: Vec<_> = path.split('/').filter(|name| !name.is_empty()).collect();
        if names.len() > DEEPEST {
            return Err(WatchFault::TooDeep);
        }
        for depth in 0..=names.len() {
            let name = match names.get(depth) {
                Some(name) => CString::new(*name).ok(),
                None if watched.is_folder() => None,
                None => break,
            };
            // Only names that were judged are listened for; the folders on the way need not be shared.
            let above = names[..depth].join("/");
            let opened = RelPath::new(&above).and_then(|it| watched.root().open_dir(it, &anything));
            let Ok(dir) = opened else { break };
            let folder = self.add(&dir)?;
            found.insert(Interest { folder, name });
        }
        Ok(())
    }

    fn add(&self, dir: &OpenDir) -> Result<i32, WatchFault> {
        let handle = format!("/proc/self/fd/{}", dir.as_fd().as_raw_fd());
        Ok(inotify::add_watch(&self.inotify, handle, self.changes)?)
    }

    fn forget(&self, state: &mut State, number: u64) -> Option<Entry> {
        let entry = state.all.remove(&number)?;
        for interest in &entry.interests {
            self.release(&mut state.folders, number, interest);
        }
        Some(entry)
    }

    fn release(&self, folders: &mut HashMap<i32, Folder>, number: u64, interest: &Interest) {
        let Some(folder) = folders.get_mut(&interest.folder) else {
            return;
        };
        folder.remove(number, interest);
        if folder.names.is_empty() && folder.all.is_empty() {
            folders.remove(&interest.folder);
            // Fails where the folder is gone, and the kernel's watch with it.
            let _ = inotify::remove_watch(&self.inotify, interest.folder);
        }
    }
}

impl Folder {
    fn add(&mut self, number: u64, interest: &Interest) {
        let those = match &interest.name {
            Some(name) => self.names.entry(name.clone()).or_default(),
            None => &mut self.all,
        };
        those.insert(number);
    }

    fn remove(&mut self, number: u64, interest: &Interest) {
        let Some(name) = &interest.name else {
            self.all.remove(&number);
            return;
        };
        if let Some(those) = self.names.get_mut(name) {
            those.remove(&number);
            if those.is_empty() {
                self.names.remove(name);
            }
        }
    }

    /// Whom an event of that name concerns; one without a name is about the folder itself.
    fn concerned(&self, name: Option<&CStr>) -> Vec<u64> {
        let named = self.names.iter();
        let of_name = match name {
            Some(name) => self.names.get(name).into_iter().collect::<Vec<_>>(),
            None => named.map(|(_, those)| those).collect(),
        };
        let all = of_name.into_iter().chain([&self.all]);
        all.flatten().copied().collect()
    }
}

fn anything(_: &str) -> Result<(), FileFault> {
    Ok(())
}

impl State {
    fn note(&mut self, event: &inotify::Event<'_>) {
        let concerned = match self.folders.get(&event.wd()) {
            _ if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => {
                self.all.keys().copied().collect()
            }
            Some(folder) => folder.concerned(event.file_name()),
            None => Vec::new(),
        };
        for number in concerned {
            if let Some(entry) = self.all.get_mut(&number) {
                entry.is_due = true;
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}
