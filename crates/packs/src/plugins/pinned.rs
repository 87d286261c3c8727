//! A file of a plugin, as it was when the plugin was loaded.

use std::{
    io::Read,
    sync::{Mutex, MutexGuard, PoisonError},
};

use durward_cage::files::{FileFault, Meta, NodeId, RelPath, Root};
use durward_core::Wall;
use ring::digest::{Context, Digest, SHA256};

use super::{
    fault::{FileWrong, PluginFault},
    folder::{Place, WRITABLE_BY_ALL},
};

/// More than a program has.
const LARGEST: u64 = 1 << 30;

/// A file that was read, judged and digested.
#[derive(Debug)]
pub(super) struct Pinned {
    /// Below the folder of plugins, over no link.
    path: String,
    digest: Digest,
    /// What tells at a glance that it is the same.
    stamp: Mutex<Stamp>,
    executable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    node: NodeId,
    size: u64,
    modified: Wall,
    changed: Wall,
}

impl Stamp {
    fn of(meta: &Meta) -> Self {
        Self {
            node: meta.node,
            size: meta.size,
            modified: meta.modified,
            changed: meta.changed,
        }
    }
}

impl Pinned {
    /// Takes a file of the plugin in this place, by the path that its manifest names.
    ///
    /// # Errors
    /// It is not there, not the plugin's own, or not only its owner's to change.
    pub(super) fn take(
        place: &Place<'_>,
        file: &str,
        executable: bool,
    ) -> Result<Self, PluginFault> {
        let wrong = |why: FileWrong| PluginFault::File {
            file: file.to_owned(),
            why,
        };
        if file.is_empty() || file.starts_with('/') {
            return Err(wrong(FileWrong::Outside));
        }
        let asked = place.inside(file.trim_start_matches("./"));
        let path = RelPath::new(&asked).map_err(|fault| wrong(fault.into()))?;
        let judge = |path: &str| place.judge(path);
        let open = place
            .root
            .open_file(path, &judge)
            .map_err(|fault| wrong(fault.into()))?;
        let resolved = open.resolved().unwrap_or(&asked).to_owned();
        for way in [&asked, &resolved] {
            place.folders_are_own(way)?;
        }
        let meta = open.meta();
        if meta.mode & WRITABLE_BY_ALL != 0 {
            return Err(PluginFault::Writable(file.to_owned()));
        }
        if executable && meta.mode & 0o111 == 0 {
            return Err(wrong(FileWrong::NotExecutable));
        }
        let stamp = Mutex::new(Stamp::of(meta));
        let digest = digest(&mut open.reader(), LARGEST).map_err(|fault| wrong(fault.into()))?;
        Ok(Self {
            path: resolved,
            digest,
            stamp,
            executable,
        })
    }

    /// Its path below the folder of plugins.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The SHA-256 of what it held.
    pub(super) fn digest(&self) -> &[u8] {
        self.digest.as_ref()
    }

    /// Is it, at a glance, what it was?
    pub(super) fn seems_same(&self, root: &Root) -> bool {
        let meta = self
            .rel()
            .and_then(|path| root.stat(path, &|path| self.straight(path)));
        meta.is_ok_and(|meta| Stamp::of(&meta) == *self.stamp())
    }

    /// Does it still hold what it did, and is it still only its owner's to change? It is read again.
    pub(super) fn holds(&self, root: &Root) -> bool {
        let open = self
            .rel()
            .and_then(|path| root.open_file(path, &|path| self.straight(path)));
        let Ok(open) = open else {
            return false;
        };
        let meta = open.meta();
        if meta.mode & WRITABLE_BY_ALL != 0 || self.executable && meta.mode & 0o111 == 0 {
            return false;
        }
        let same = digest(&mut open.reader(), LARGEST)
            .is_ok_and(|digest| digest.as_ref() == self.digest.as_ref());
        if same {
            *self.stamp() = Stamp::of(meta);
        }
        same
    }

    fn rel(&self) -> Result<RelPath<'_>, FileFault> {
        RelPath::new(&self.path)
    }

    /// The path has no links: one that was put on it since is refused.
    fn straight(&self, path: &str) -> Result<(), FileFault> {
        match path == self.path {
            true => Ok(()),
            false => Err(FileFault::OutsideRoot),
        }
    }

    fn stamp(&self) -> MutexGuard<'_, Stamp> {
        self.stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The SHA-256 of what is read.
fn digest(from: &mut impl Read, limit: u64) -> Result<Digest, FileFault> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    let mut size = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Ok(context.finish());
        }
        size += read as u64;
        if size > limit {
            return Err(FileFault::TooLarge { size, limit });
        }
        context.update(&buffer[..read]);
    }
}
