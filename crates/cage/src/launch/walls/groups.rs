//! Limits for a program and all that it starts together, by control groups (cgroups(7)): of version 2 where they
//! are delegated, else of version 1, else there are none.

use std::{
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags, open, openat},
    io::{Errno, write},
    process::{Pid, Signal, getpid, kill_process},
};

use super::{
    Limits,
    flaws::Flaws,
    step::{Failed, at},
};
use crate::launch::report::Step;

/// What begins the names of our groups.
const NAME: &str = "durward-box-";

/// More than any machine has (`PID_MAX_LIMIT`), so that it is no limit.
const MOST_PROCESSES: u64 = 1 << 21;

/// What a folder of groups can limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All, in version 2.
    Unified,
    /// Memory, in version 1.
    Memory,
    /// Processes, in version 1.
    Processes,
}

/// Folders in which groups can be made.
#[derive(Debug, Default)]
pub(in crate::launch) struct Groups {
    folders: Vec<(Kind, PathBuf)>,
    made: u64,
}

/// A group that was made, in each of the folders.
#[derive(Debug, Default)]
pub(in crate::launch) struct Group(Vec<(Kind, PathBuf, OwnedFd)>);

impl Groups {
    /// What this process may use.
    pub(in crate::launch) fn find() -> Self {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let place = |controller| place(&own, &mounts, controller);
        let unified = place("").and_then(|own| {
            let above = own.parent().map(Path::to_owned);
            // Groups that have groups below have no processes of their own: so ours may have to lie beside.
            [Some(own), above]
                .into_iter()
                .flatten()
                .find(|place| hands_down(place))
        });
        let mut folders: Vec<_> = unified
            .map(|place| (Kind::Unified, place))
            .into_iter()
            .collect();
        if folders.is_empty() {
            let two = [(Kind::Memory, "memory"), (Kind::Processes, "pids")];
            folders.extend(
                two.into_iter()
                    .filter_map(|(kind, name)| Some((kind, place(name)?))),
            );
        }
        folders.retain(|(_, place)| {
            let tried = place.join(format!("{NAME}{}", std::process::id()));
            fs::create_dir(&tried).is_ok() && fs::remove_dir(&tried).is_ok()
        });
        for (_, place) in &folders {
            sweep(place);
        }
        Self { folders, made: 0 }
    }

    /// Makes a group; where it can't be made, there is less of it.
    pub(in crate::launch) fn make(&mut self) -> Group {
        self.made += 1;
        let name = format!("{NAME}{}-{}", std::process::id(), self.made);
        let made = self.folders.iter().filter_map(|(kind, place)| {
            let path = place.join(&name);
            fs::create_dir(&path).ok()?;
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let folder = open(&path, flags, Mode::empty()).ok()?;
            Some((*kind, path, folder))
        });
        Group(made.collect())
    }
}

impl Group {
    /// Moves this process into it. That takes as long as the kernel takes to know that nobody looks
    /// (`percpu_rwsem`): milliseconds, of which none is spent.
    pub(in crate::launch) fn enter(&self) -> Result<(), Failed> {
        self.0
            .iter()
            .try_for_each(|(_, _, folder)| put(folder, "cgroup.procs", "0"))
            .map_err(at(Step::Group))
    }

    /// Sets the limits, and says which there are not.
    pub(super) fn limit(&self, limits: &Limits, flaws: &mut Flaws) -> Result<(), Failed> {
        let failed = at(Step::Group);
        let memory = limits.memory.to_string();
        // The keeper is in it too.
        let processes = limits.processes.min(MOST_PROCESSES) + 1;
        let processes = processes.to_string();
        flaws.add(Flaws::MEMORY_APART);
        flaws.add(Flaws::PROCESSES_UNLIMITED);
        for (kind, _, folder) in &self.0 {
            match kind {
                Kind::Unified => {
                    put(folder, "memory.max", &memory).map_err(failed)?;
                    put(folder, "pids.max", &processes).map_err(failed)?;
                    // Where there is no swap, there is nothing to keep it from; and what is killed goes whole.
                    let _ = put(folder, "memory.swap.max", "0");
                    let _ = put(folder, "memory.oom.group", "1");
                }
                Kind::Memory => {
                    put(folder, "memory.limit_in_bytes", &memory).map_err(failed)?;
                    // Where swap is counted.
                    let _ = put(folder, "memory.memsw.limit_in_bytes", &memory);
                }
                Kind::Processes => put(folder, "pids.max", &processes).map_err(failed)?,
            }
            if *kind != Kind::Processes {
                flaws.remove(Flaws::MEMORY_APART);
            }
            if *kind != Kind::Memory {
                flaws.remove(Flaws::PROCESSES_UNLIMITED);
            }
        }
        Ok(())
    }

    /// Kills who is in it, but this process. Who forks meanwhile may be missed.
    pub(in crate::launch) fn kill(&self) {
        let Some((_, path, _)) = self.0.last() else {
            return;
        };
        let listed = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
        let all = listed
            .lines()
            .filter_map(|line| Pid::from_raw(line.parse().ok()?));
        for one in all.filter(|one| *one != getpid()) {
            // It may be gone.
            let _ = kill_process(one, Signal::KILL);
        }
    }

    /// Removes it; nobody may be in it any more.
    pub(in crate::launch) fn remove(self) {
        for (_, path, folder) in self.0 {
            drop(folder);
            // One in which somebody is stays, and is swept when durward starts again.
            let _ = fs::remove_dir(path);
        }
    }
}

fn put(folder: &OwnedFd, file: &str, text: &str) -> Result<(), Errno> {
    let file = openat(
        folder,
        file,
        OFlags::WRONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    write(file, text.as_bytes()).map(drop)
}

/// Removes what a spawner left that was killed. What another makes just now is empty too, and is left alone.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let spawner = name.to_str().and_then(|name| {
            let (spawner, _) = name.strip_prefix(NAME)?.split_once('-')?;
            spawner.parse::<u32>().ok()
        });
        if spawner.is_some_and(|spawner| !Path::new(&format!("/proc/{spawner}")).exists()) {
            // One in which somebody is stays, by itself.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Whether groups within may be limited.
fn hands_down(place: &Path) -> bool {
    let file = place.join("cgroup.subtree_control");
    let has_both = || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let has = |name| text.split_whitespace().any(|known| known == name);
        has("memory") && has("pids")
    };
    has_both() || (fs::write(&file, "+memory +pids").is_ok() && has_both())
}

/// Where the group lies in which this process is; of version 2 where no controller is named.
fn place(own: &str, mounts: &str, controller: &str) -> Option<PathBuf> {
    let group = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (names, path) = (fields.next()?, fields.next()?);
        names
            .split(',')
            .any(|name| name == controller)
            .then_some(path)
    })?;
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let before: Vec<_> = before.split(' ').collect();
        let (root, point) = (before.get(3)?, before.get(4)?);
        let after: Vec<_> = after.split(' ').collect();
        let options = after.get(2)?;
        let fits = if controller.is_empty() {
            *after.first()? == "cgroup2"
        } else {
            *after.first()? == "cgroup" && options.split(',').any(|known| known == controller)
        };
        let below = Path::new(group).strip_prefix(root).ok()?;
        fits.then(|| Path::new(point).join(below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "30 25 0:26 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
        31 25 0:27 /docker/abc /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory\n\
        32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn groups_are_found_where_they_are_mounted() {
        let own = "8:pids:/\n4:memory:/docker/abc/d\n0::/user.slice/a.service\n";
        let place = |controller| place(own, MOUNTS, controller).unwrap();
        assert_eq!(place("pids"), Path::new("/sys/fs/cgroup/pids"));
        assert_eq!(place("memory"), Path::new("/sys/fs/cgroup/memory/d"));
        assert_eq!(
            place(""),
            Path::new("/sys/fs/cgroup/unified/user.slice/a.service")
        );
        assert_eq!(super::place("", MOUNTS, ""), None);
    }
}
