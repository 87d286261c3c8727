//! What must hold whichever way a file is reached.

mod links;
mod listing;
mod moving;
mod nodes;
mod race;
mod roots;
mod watching;
mod writing;

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{FileFault, RelPath, Root, RootSettings};

/// A root `r` with a secret beside it.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("r")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/secret"), "SECRET").unwrap();
        Self { dir }
    }

    fn path(&self, below: &str) -> std::path::PathBuf {
        self.dir.path().join("r").join(below)
    }

    fn outside(&self) -> std::path::PathBuf {
        self.dir.path().join("outside")
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.path(name)).unwrap();
    }

    fn root(&self) -> Root {
        open(&self.path("")).unwrap()
    }

    /// The ways: with `openat2`, without, and where names must be spelled exactly.
    fn all_ways(&self) -> [Root; 3] {
        [
            self.root(),
            self.root().without_openat2(),
            self.root().folding(),
        ]
    }
}

fn open(path: &Path) -> Result<Root, super::RootFault> {
    Root::open(&RootSettings {
        path: path.to_owned(),
        ..RootSettings::default()
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where a judge stands")]
fn anything(_: &str) -> Result<(), FileFault> {
    Ok(())
}

fn read(root: &Root, path: &str) -> Result<String, FileFault> {
    let file = root.open_file(RelPath::new(path)?, &anything)?;
    let mut content = Vec::new();
    file.read_all(1 << 20, &mut content)?;
    Ok(String::from_utf8(content).unwrap())
}

fn names(root: &Root, path: &str) -> Result<Vec<String>, FileFault> {
    let dir = root.open_dir(RelPath::new(path)?, &anything)?;
    let page = dir.page(None, 1000, &mut |_| Ok(true))?;
    Ok(page
        .entries
        .iter()
        .map(|entry| entry.name().into_owned())
        .collect())
}
