//! Telling that the folder of plugins changed: a plugin came, went, or is made of something else.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use durward_cage::files::{Root, WatchFault, Watched, Watcher, Watching as Watch};
use durward_core::OnChange;

use super::{PluginFault, Plugins, folder};

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watching {
    _watches: Vec<Watch>,
}

/// Some folders below a root, and whom to tell.
struct Folders {
    root: Arc<Root>,
    paths: Vec<String>,
    /// What they hold counts; else only whether they are there.
    is_folder: bool,
    changed: OnChange,
}

impl Watched for Folders {
    fn root(&self) -> &Root {
        &self.root
    }

    fn paths(&self) -> Vec<String> {
        self.paths.clone()
    }

    fn is_folder(&self) -> bool {
        self.is_folder
    }

    fn changed(&self) {
        (self.changed)();
    }
}

impl Plugins {
    /// Tells when another look is worth it. What was looked at is watched, and so is the folder's own place:
    /// it may come and go.
    ///
    /// # Errors
    /// There is no room for another watch.
    pub fn watch(&self, changed: OnChange) -> Result<Watching, WatchFault> {
        let watcher = Watcher::of_permissions_too()?;
        let mut watches = Vec::new();
        if let (Some(above), Some(name)) = (above(&self.dir), self.dir.file_name())
            && let (Ok(root), Some(name)) = (folder::open(above), name.to_str())
        {
            watches.push(watcher.watch(Arc::new(Folders {
                root,
                paths: vec![name.to_owned()],
                is_folder: false,
                changed: Arc::clone(&changed),
            }))?);
        }
        if let Some(root) = &self.root {
            watches.push(watcher.watch(Arc::new(Folders {
                root: Arc::clone(root),
                paths: self.folders(root),
                is_folder: true,
                changed,
            }))?);
        }
        Ok(Watching { _watches: watches })
    }

    /// The folder itself, whatever may be a plugin's, and those of the files of plugins.
    fn folders(&self, root: &Root) -> Vec<String> {
        let mut folders = BTreeSet::from([String::new()]);
        let there = folder::entries(root).unwrap_or_default();
        folders.extend(there.iter().map(|entry| entry.name().into_owned()));
        let files = self.plugins.iter().flat_map(|plugin| &plugin.made.files);
        let own = files.map(|file| file.path().to_owned());
        let wrong = self.refused.iter().filter_map(|(name, fault)| match fault {
            PluginFault::File { file, .. } | PluginFault::Writable(file) => {
                Some(format!("{name}/{}", file.trim_start_matches("./")))
            }
            _ => None,
        });
        folders.extend(own.chain(wrong).filter_map(|file| {
            let (folder, _) = file.rsplit_once('/')?;
            Some(folder.to_owned())
        }));
        folders.into_iter().collect()
    }
}

/// The folder that a folder lies in.
fn above(dir: &Path) -> Option<&Path> {
    let above = dir.parent()?;
    Some(match above.as_os_str().is_empty() {
        true => Path::new("."),
        false => above,
    })
}
