//! The one daemon of a state folder: it holds a lock that goes with its process, and says there who it is.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use durward_cage::lock_file::{Holder, LockFault, LockFile};
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use crate::{
    config::Config,
    exit::{Failure, failed},
};

/// The lock's file in the state folder.
const NAME: &str = "durward.pid";
/// How often it is looked whether a daemon has ended.
const LOOK: Duration = Duration::from_millis(20);

/// What makes this process the daemon of its state folder, until it is dropped.
pub(crate) struct Instance {
    _pid_file: Option<LockFile>,
    /// Goes last: whoever sees it gone finds nothing of us.
    _state: LockFile,
}

impl Instance {
    /// Takes the state folder, and a pid file where one is wanted. What a crash left is taken over.
    ///
    /// # Errors
    /// Where another daemon has it.
    pub(crate) fn take(config: &Config, pid_file: Option<&Path>) -> Result<Self, Failure> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(failed);
        let pid = std::process::id();
        let pid_file = pid_file.map(absolute).transpose()?;
        let mut content = format!("{pid}\n{}\n", absolute(&config.listen.socket)?.display());
        if let Some(path) = &pid_file {
            content.push_str(&format!("{}\n", path.display()));
        }
        let state = LockFile::take(&config.state.join(NAME), &content);
        let state = state.map_err(|fault| match fault {
            LockFault::Held { content, .. } => Failure::Failed(format!(
                "{}; stop it first: `durward stop`",
                taken(&content)
            )),
            LockFault::Io { .. } => failed(fault),
        })?;
        let pid_file = pid_file.map(|path| LockFile::take(&path, &format!("{pid}\n")));
        Ok(Self {
            _state: state,
            _pid_file: pid_file.transpose().map_err(failed)?,
        })
    }
}

fn taken(content: &str) -> String {
    match Said::read(content) {
        Some(said) => format!(
            "another durward (process {}) has this state folder",
            said.pid
        ),
        None => "another durward has this state folder".to_owned(),
    }
}

/// What a daemon wrote into its lock.
struct Said {
    pid: u32,
    socket: PathBuf,
    pid_file: Option<PathBuf>,
}

impl Said {
    fn read(content: &str) -> Option<Self> {
        let mut lines = content.lines();
        Some(Self {
            pid: lines.next()?.parse().ok()?,
            socket: lines.next()?.into(),
            pid_file: lines.next().map(PathBuf::from),
        })
    }
}

/// A daemon that runs.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    lock: PathBuf,
    content: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Where it listens.
    pub(crate) socket: PathBuf,
}

impl Running {
    /// The daemon of a state folder, if one runs. What a dead one left is removed.
    ///
    /// # Errors
    /// Where the folder can't be read.
    pub(crate) fn of(state: &Path) -> std::io::Result<Option<Self>> {
        let lock = state.join(NAME);
        match LockFile::look(&lock)? {
            Holder::Nobody => Ok(None),
            Holder::Dead(content) => {
                let left = Said::read(&content).and_then(|said| said.pid_file);
                if let Some(path) = left {
                    LockFile::look(&path)?;
                }
                Ok(None)
            }
            Holder::Living(content) => {
                let said = Said::read(&content);
                let said = said.ok_or_else(|| std::io::Error::other("its lock can't be read"))?;
                Ok(Some(Self {
                    lock,
                    content,
                    pid: said.pid,
                    socket: said.socket,
                }))
            }
        }
    }

    /// Sends it a signal; false where it has ended meanwhile. Never to a process that only got its number.
    ///
    /// # Errors
    /// Where this user may not.
    pub(crate) fn signal(&self, signal: Signal) -> std::io::Result<bool> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return Ok(false);
        };
        let process = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(Errno::SRCH) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        // It had the lock after its number was looked up: so the number is still its.
        if !self.holds()? {
            return Ok(false);
        }
        match pidfd_send_signal(&process, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for its end; false where it runs on after so long.
    ///
    /// # Errors
    /// Where the folder can't be read.
    pub(crate) fn ended(&self, within: Duration) -> std::io::Result<bool> {
        let mut looks = within.as_millis() / LOOK.as_millis();
        while self.holds()? {
            if looks == 0 {
                return Ok(false);
            }
            looks -= 1;
            std::thread::sleep(LOOK);
        }
        Ok(true)
    }

    fn holds(&self) -> std::io::Result<bool> {
        Ok(LockFile::look(&self.lock)? == Holder::Living(self.content.clone()))
    }
}
