//! Notices that the configuration file changed: written, replaced by rename, or behind a symbolic link
//! that was swapped, as Kubernetes does.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use thiserror::Error;
use tokio::sync::Notify;

use super::Digest;

/// Writers take several steps; this long without one means that they are done.
const QUIET: Duration = Duration::from_millis(100);

/// The file can't be watched.
#[derive(Debug, Error)]
#[error("{path} can't be watched: {cause}", path = .0.display(), cause = .1)]
pub struct WatchError(PathBuf, notify::Error);

/// Watches one file.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    stirred: Arc<Notify>,
    /// Something happened that was not looked at yet.
    is_stirred: bool,
    content: Option<Digest>,
}

impl Watch {
    /// Begins to watch; what the file holds now counts as known.
    ///
    /// # Errors
    ///
    /// Where the folder is not there, or the machine has no watches left.
    pub fn start(path: &Path) -> Result<Self, WatchError> {
        let stirred = Arc::new(Notify::new());
        let wake = Arc::clone(&stirred);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading the file is an event as well, and must not wake us.
            if !matches!(
                event,
                Ok(notify::Event {
                    kind: EventKind::Access(_),
                    ..
                })
            ) {
                wake.notify_one();
            }
        });
        let fault = |cause| WatchError(path.to_owned(), cause);
        let mut watch = Self {
            path: path.to_owned(),
            watcher: watcher.map_err(fault)?,
            folders: BTreeSet::new(),
            stirred,
            is_stirred: false,
            content: None,
        };
        watch.follow().map_err(fault)?;
        watch.content = watch.read();
        Ok(watch)
    }

    /// Waits until the file holds something else than it did, or is gone; many changes in a row are
    /// one. Dropping the future loses nothing.
    pub async fn changed(&mut self) {
        loop {
            if !self.is_stirred {
                self.stirred.notified().await;
                self.is_stirred = true;
            }
            while tokio::time::timeout(QUIET, self.stirred.notified())
                .await
                .is_ok()
            {}
            self.is_stirred = false;
            // The new link's folder may be gone again; the next event follows it.
            let _ = self.follow();
            let content = self.read();
            if content != self.content {
                self.content = content;
                return;
            }
        }
    }

    /// Watches the folder of the file and of every link on the way to it.
    fn follow(&mut self) -> notify::Result<()> {
        let folders = folders(&self.path);
        for gone in self.folders.difference(&folders) {
            // A folder that is gone took its watch along.
            let _ = self.watcher.unwatch(gone);
        }
        for new in folders.difference(&self.folders) {
            self.watcher.watch(new, RecursiveMode::NonRecursive)?;
        }
        self.folders = folders;
        Ok(())
    }

    fn read(&self) -> Option<Digest> {
        std::fs::read(&self.path)
            .ok()
            .map(|bytes| Digest::of(&bytes))
    }
}

/// The folder of a file, of each link that it goes through, and of where it ends, by their real names:
/// a watch holds on to a folder, not to its name.
fn folders(path: &Path) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::from([real(folder(path))]);
    let mut path = path.to_owned();
    // As many links as Linux follows.
    for _ in 0..40 {
        let Ok(target) = std::fs::read_link(&path) else {
            break;
        };
        path = folder(&path).join(target);
        folders.insert(real(folder(&path)));
    }
    folders
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does this, and says whether it was noticed within two seconds.
    fn noticed(watch: &mut Watch, act: impl FnOnce()) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        act();
        runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(2), watch.changed())
                .await
                .is_ok()
        })
    }

    #[test]
    fn a_write_and_a_rename_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, new) = (
            folder.path().join("durward.yaml"),
            folder.path().join("new"),
        );
        std::fs::write(&path, "1").unwrap();
        let mut watch = Watch::start(&path).unwrap();
        assert!(noticed(&mut watch, || std::fs::write(&path, "2").unwrap()));
        std::fs::write(&new, "3").unwrap();
        assert!(noticed(&mut watch, || std::fs::rename(&new, &path).unwrap()));
    }

    #[cfg(unix)]
    #[test]
    fn a_swapped_link_is_noticed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, text) in [("one", "1"), ("two", "2")] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join("durward.yaml"), text).unwrap();
        }
        symlink("one", at("..data")).unwrap();
        symlink("..data/durward.yaml", at("durward.yaml")).unwrap();
        let mut watch = Watch::start(&at("durward.yaml")).unwrap();
        assert!(noticed(&mut watch, || {
            symlink("two", at("..data_tmp")).unwrap();
            std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
        }));
        // The new target is watched as well.
        assert!(noticed(&mut watch, || std::fs::write(
            at("two").join("durward.yaml"),
            "4"
        )
        .unwrap()));
    }

    #[test]
    fn a_change_is_not_lost_with_the_future_that_was_looking_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("durward.yaml");
        std::fs::write(&path, "1").unwrap();
        let mut watch = Watch::start(&path).unwrap();
        std::fs::write(&path, "2").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            // It has begun to wait for the writer to be done, or it has not.
            let half = tokio::time::timeout(QUIET / 2, watch.changed()).await;
            assert!(half.is_err());
            let whole = tokio::time::timeout(Duration::from_secs(5), watch.changed()).await;
            assert!(whole.is_ok());
        });
    }

    #[test]
    fn what_stays_the_same_wakes_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("durward.yaml");
        std::fs::write(&path, "1").unwrap();
        let mut watch = Watch::start(&path).unwrap();
        std::fs::write(&path, "1").unwrap();
        std::fs::write(folder.path().join("other"), "2").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let woken = runtime.block_on(async {
            tokio::time::timeout(Duration::from_millis(400), watch.changed()).await
        });
        assert!(woken.is_err());
    }
}
