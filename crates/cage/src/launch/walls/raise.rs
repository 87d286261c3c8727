//! Putting up the walls, in the keeper, before it begins the program.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use libc::sock_filter;
use rustix::{
    fs::{Access, AtFlags, CWD, Mode, OFlags, accessat, fstat, open, readlink},
    io::Errno,
    process::{DumpableBehavior, Gid, Uid, geteuid, set_dumpable_behavior},
};

use super::{
    Level, Limits,
    filter::filter,
    flaws::Flaws,
    full,
    groups::Group,
    kernel::landlock_version,
    landlock::{NEEDED, Rules, SCOPED},
    later::Placeholder,
    step::{Failed, at},
    tree::Tree,
    wanted::Wanted,
};
use crate::launch::{
    post::{Kind, Sockets},
    report::Step,
};

/// What is up, and what the program has to put on itself.
pub(in crate::launch) struct Raised {
    pub(in crate::launch) level: Level,
    pub(in crate::launch) limits: Limits,
    /// Where it begins, within the walls.
    pub(in crate::launch) folder: Option<OwnedFd>,
    pub(in crate::launch) ruleset: Option<OwnedFd>,
    pub(in crate::launch) filter: Vec<sock_filter>,
    /// Where the box gets out, if it does.
    pub(in crate::launch) door: Option<Sockets>,
    pub(in crate::launch) flaws: Flaws,
    group: Group,
    held: Vec<Placeholder>,
}

/// When memory runs short, a program is ended before durward is.
const FIRST_TO_GO: &str = "500";

/// What a keeper has done before it knows what for.
pub(in crate::launch) struct Prepared {
    group: Group,
    is_apart: bool,
    tree: Option<Tree>,
    flaws: Flaws,
}

/// Does what is the same for every program that is held: most of a start's time goes into it. `owner` is who
/// durward is, and `kind` in what this keeper began.
pub(in crate::launch) fn prepare(
    group: Group,
    kind: Kind,
    owner: (Uid, Gid),
) -> Result<Prepared, Failed> {
    group.enter()?;
    let is_apart = matches!(kind, Kind::Alone | Kind::Networked);
    // The files that are written here belong to root alone as long as nobody may look into our memory; and
    // nothing of worth is in it yet.
    set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(at(Step::Numbers))?;
    // Where it can't be said, the kernel chooses by size.
    let _ = std::fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
    let numbered = if is_apart {
        full::take_numbers(owner)
    } else {
        Ok(())
    };
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(at(Step::Numbers))?;
    numbered?;
    if is_apart {
        full::take_name()?;
    }
    let mut flaws = Flaws::default();
    let mut tree = None;
    if kind == Kind::Alone {
        full::raise_network()?;
        // Who has the machine's network mostly has the machine's tree as well.
        tree = Some(full::make_tree(&mut flaws)?);
    }
    Ok(Prepared {
        group,
        is_apart,
        tree,
        flaws,
    })
}

/// Puts up what the program shall be within. `folder` is where it shall begin, as durward opened it.
pub(in crate::launch) fn raise(
    prepared: Prepared,
    wanted: &Wanted,
    program: Option<&Path>,
    folder: BorrowedFd<'_>,
) -> Result<Raised, Failed> {
    let mut raised = Raised {
        level: wanted.level,
        limits: wanted.limits,
        folder: None,
        ruleset: None,
        filter: Vec::new(),
        door: None,
        flaws: prepared.flaws,
        group: prepared.group,
        held: Vec::new(),
    };
    raised.group.limit(&wanted.limits, &mut raised.flaws)?;
    if wanted.level == Level::Full && !geteuid().is_root() {
        // They are counted in its user namespace, for all but root (setrlimit(2), RLIMIT_NPROC).
        raised.flaws.remove(Flaws::PROCESSES_UNLIMITED);
    }
    match wanted.level {
        Level::None => {}
        Level::Light => {
            raised.ruleset = Some(light(wanted)?);
            let folder = folder.try_clone_to_owned();
            raised.folder = Some(folder.map_err(|_| (Step::Folder, Errno::MFILE))?);
        }
        Level::Full if !prepared.is_apart => return Err((Step::Namespaces, Errno::INVAL)),
        Level::Full => {
            let begins = wanted.folder.clone().or_else(|| named(folder));
            raised.door = full::take_door(wanted.reach)?;
            let expected = fstat(folder).map_err(at(Step::Folder))?;
            raised.held = full::take_tree(prepared.tree, wanted, &mut raised.flaws)?;
            if let Some(program) = program {
                accessat(CWD, program, Access::EXEC_OK, AtFlags::empty())
                    .map_err(at(Step::Reach))?;
            }
            let place = enter(begins.as_deref(), (expected.st_dev, expected.st_ino));
            raised.folder = Some(match place {
                Ok(place) => place,
                // Nobody said where, and durward's own folder is not for it.
                Err(_) if wanted.folder.is_none() => {
                    open_folder(Path::new("/tmp")).map_err(at(Step::Folder))?
                }
                Err(errno) => return Err((Step::Outside, errno)),
            });
            raised.ruleset = within(wanted, &mut raised.flaws)?;
        }
    }
    if wanted.level > Level::None {
        if landlock_version() < SCOPED {
            raised.flaws.add(Flaws::UNSCOPED);
        }
        raised.filter = filter(wanted.level, wanted.reach);
    }
    Ok(raised)
}

impl Raised {
    /// Kills what the program started, where that is not what descends from this process in any case. Walking
    /// down to a thousand descendants takes longer than a list of them.
    pub(in crate::launch) fn kill(&self) {
        if self.level < Level::Full {
            self.group.kill();
        }
    }

    /// Takes away what was only there to be covered. When nothing of the program is left.
    pub(in crate::launch) fn clear(self) {
        drop(self.held);
    }
}

fn named(folder: BorrowedFd<'_>) -> Option<PathBuf> {
    use std::{
        ffi::OsStr,
        os::{fd::AsRawFd, unix::ffi::OsStrExt},
    };
    let link = format!("/proc/self/fd/{}", folder.as_raw_fd());
    let target = readlink(link, Vec::new()).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(target.to_bytes())))
}

fn open_folder(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty())
}

/// The folder of that name within the walls, if it is the one that durward opened.
fn enter(path: Option<&Path>, expected: (u64, u64)) -> Result<OwnedFd, Errno> {
    let folder = open_folder(path.ok_or(Errno::NOENT)?)?;
    let found = fstat(folder.as_fd())?;
    if (found.st_dev, found.st_ino) == expected {
        Ok(folder)
    } else {
        Err(Errno::NOENT)
    }
}

/// Landlock alone, around what is hidden.
fn light(wanted: &Wanted) -> Result<OwnedFd, Failed> {
    let version = landlock_version();
    if version < NEEDED {
        return Err((Step::Landlock, Errno::NOSYS));
    }
    let failed = at(Step::Landlock);
    let real = |path: &PathBuf| path.canonicalize().ok();
    let hidden: Vec<_> = wanted.hide.iter().filter_map(real).collect();
    // Of the machine's devices, disks among them, only those below; unless one is named.
    let devices_too = [hidden.as_slice(), &[PathBuf::from("/dev")]].concat();
    let around = |path: &Path| {
        if path.starts_with("/dev") {
            &hidden
        } else {
            &devices_too
        }
    };
    let rules = Rules::new(version).map_err(failed)?;
    for path in wanted.read.iter().filter_map(real) {
        rules.read(&path, around(&path)).map_err(failed)?;
    }
    for path in wanted.write.iter().filter_map(real) {
        rules.write(&path, around(&path)).map_err(failed)?;
    }
    for path in full::ALWAYS.into_iter().chain(["/proc"]) {
        rules.read(Path::new(path), &hidden).map_err(failed)?;
    }
    devices(&rules)?;
    Ok(rules.into_fd())
}

/// Landlock once more, over what the mounts say already; without the exceptions, which they hold.
fn within(wanted: &Wanted, flaws: &mut Flaws) -> Result<Option<OwnedFd>, Failed> {
    let version = landlock_version();
    if version == 0 {
        flaws.add(Flaws::NO_LANDLOCK);
        return Ok(None);
    }
    let failed = at(Step::Landlock);
    let rules = Rules::new(version).map_err(failed)?;
    rules.read(Path::new("/"), &[]).map_err(failed)?;
    for path in &wanted.write {
        rules.write(path, &[]).map_err(failed)?;
    }
    rules.write(Path::new("/tmp"), &[]).map_err(failed)?;
    // Nothing else is there.
    rules.device(Path::new("/dev")).map_err(failed)?;
    Ok(Some(rules.into_fd()))
}

fn devices(rules: &Rules) -> Result<(), Failed> {
    for name in full::DEVICES {
        rules
            .device(&Path::new("/dev").join(name))
            .map_err(at(Step::Landlock))?;
    }
    Ok(())
}
