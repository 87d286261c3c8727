//! Why nothing runs, said so that a person can act on it. No argument and no value is in it.

use std::{io, path::PathBuf};

use rustix::io::Errno;
use thiserror::Error;

use super::{Level, Plan, report::Step};

/// Why a program was not started.
#[derive(Debug, Error)]
pub enum LaunchFault {
    /// No program is named.
    #[error("no program is named")]
    Nothing,
    /// A zero byte can't be passed to a program (execve(2)).
    #[error("{0} has a zero byte in it, which can't be passed to a program")]
    ZeroByte(&'static str),
    /// A variable that can't be.
    #[error("a variable of the environment has no name, or one with `=` in it")]
    Variable,
    /// `PATH` has no such program.
    #[error("there is no program `{0}` in PATH; install it, or give its whole path")]
    NotInPath(String),
    /// Nothing is there.
    #[error("there is no program at `{0}`")]
    NotThere(PathBuf),
    /// It may not be run.
    #[error(
        "`{0}` may not be run by this user: it is no file, not executable, or on a file system without execution"
    )]
    NotExecutable(PathBuf),
    /// It was pinned, and is another one now.
    #[error(
        "`{0}` was replaced or changed since durward found it; if that was you, reload or restart durward"
    )]
    Replaced(PathBuf),
    /// It is a script, and what its first line names is not there; or a binary of another system.
    #[error("`{0}` is there, but the interpreter or loader that it names is not")]
    NoInterpreter(PathBuf),
    /// Neither a binary of this machine nor a script with `#!`.
    #[error(
        "`{0}` is no program that this machine can run: is it of another machine, or a script without `#!`?"
    )]
    NotAProgram(PathBuf),
    /// More than the kernel passes on.
    #[error("the arguments and the environment of `{0}` are longer than the system allows")]
    TooLong(PathBuf),
    /// The working folder can't be entered.
    #[error("the working folder `{path}` can't be entered: {error}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The system refused.
    #[error("the program can't be started: {step}: {error}")]
    System {
        /// What was being done.
        step: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// It lies outside its walls.
    #[error(
        "`{0}` is not within what it may read: add its folder to `sandbox.read`, and that of its interpreter"
    )]
    OutOfReach(PathBuf),
    /// The working folder lies outside the walls.
    #[error(
        "the working folder `{0}` is not within what the program may read or write: add it to `sandbox.read` or `sandbox.write`"
    )]
    FolderOutOfReach(PathBuf),
    /// There is one way out of a box, and it needs a network of its own.
    #[error(
        "`network: egress` needs walls of level full, and these are of level {0}: nothing else keeps a program to the one way out"
    )]
    NoWayOut(Level),
    /// A link can't be closed, and whoever can change it can change where it leads to.
    #[error(
        "`{0}` is a link, or lies behind one, and what is there others execute later: it can't be closed to the \
         program. Put the thing itself there, or leave its folder out of `sandbox.write`"
    )]
    LinkInTheWay(PathBuf),
    /// A wall can't be put up.
    #[error("the walls of level {level} can't be put up: {step}: {error}")]
    Walls {
        /// How it was to be held.
        level: Level,
        /// What was being done.
        step: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// The spawner can't be started.
    #[error("durward's launcher process can't be started: {0}")]
    NoLauncher(io::Error),
    /// The program takes too long to begin: its disk hangs, perhaps.
    #[error("`{program}` did not begin within {seconds} s; is it on a disk that does not answer?")]
    Slow {
        /// Which.
        program: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The spawner died.
    #[error(
        "durward's launcher process died as it was asked to start a program; the next start makes a new one"
    )]
    LauncherDied,
    /// The spawner hangs; it is killed.
    #[error(
        "durward's launcher process did not answer within {0} s and was ended; the next start makes a new one"
    )]
    LauncherSilent(u64),
}

impl LaunchFault {
    /// Whether the program may have run for a moment: nobody can say.
    pub fn started(&self) -> bool {
        matches!(
            self,
            Self::Slow { .. } | Self::LauncherDied | Self::LauncherSilent(_)
        )
    }

    /// What the system said of a pipe, a socket or the like.
    pub(super) fn system(step: &'static str) -> impl FnOnce(Errno) -> Self {
        move |error| Self::System {
            step,
            error: error.into(),
        }
    }

    /// What the keeper said.
    pub(super) fn told((step, errno): (Step, Errno), plan: &Plan, program: PathBuf) -> Self {
        let level = plan.walls.as_ref().map_or(Level::None, |walls| walls.level);
        let folder = || plan.folder.clone().unwrap_or_default();
        let link = || plan.walls.as_ref()?.link_in_the_way();
        match (step, errno) {
            (Step::Reach, _) => Self::OutOfReach(program),
            // Landlock says so where files are not there otherwise.
            (Step::Exec, Errno::ACCESS) if level == Level::Light => Self::OutOfReach(program),
            (Step::Exec, Errno::NOENT) if level == Level::Full => Self::OutOfReach(program),
            (Step::Outside, _) => Self::FolderOutOfReach(folder()),
            (Step::Exec, Errno::NOENT) => Self::NoInterpreter(program),
            (Step::Exec, Errno::ACCESS | Errno::PERM) => Self::NotExecutable(program),
            (Step::Exec, Errno::NOEXEC | Errno::LIBBAD) => Self::NotAProgram(program),
            (Step::Exec, Errno::TOOBIG) => Self::TooLong(program),
            (Step::Later, Errno::LOOP) if let Some(link) = link() => Self::LinkInTheWay(link),
            _ if step.is_wall() => Self::Walls {
                level,
                step: step.said(),
                error: errno.into(),
            },
            _ => Self::System {
                step: step.said(),
                error: errno.into(),
            },
        }
    }
}
