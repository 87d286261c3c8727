//! Is a server's program there to be started?

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::Program;

impl Program {
    /// Its file, if it is there and may be run, as `execvp` would find it: by its path from the folder that
    /// it runs in, or by its name in one of the folders of `search`, or of the `PATH` that it is given.
    pub fn found(&self, search: &OsStr) -> Option<PathBuf> {
        let name = self.command.program();
        let folder = self.cwd.as_deref().unwrap_or(Path::new("."));
        if name.contains('/') {
            return Some(folder.join(name)).filter(|file| may_run(file));
        }
        let own = self.env.iter().find(|(key, _)| key.as_str() == "PATH");
        let search = own.map_or(search, |(_, value)| OsStr::new(value.expose()));
        std::env::split_paths(search)
            .map(|path| folder.join(path).join(name))
            .find(|file| may_run(file))
    }
}

#[cfg(unix)]
fn may_run(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file)
        .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn may_run(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::config::Argv;

    #[test]
    fn a_program_is_found_as_it_would_be_started() {
        let place = tempfile::tempdir().unwrap();
        let bin = place.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for (name, mode) in [("server", 0o755), ("notes", 0o644)] {
            std::fs::write(bin.join(name), "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(mode))
                .unwrap();
        }
        let is_there = |name: &str, search: &Path| {
            let program = Program {
                command: Argv::try_from(vec![name.to_owned()]).unwrap(),
                env: BTreeMap::new(),
                cwd: Some(place.path().to_owned()),
                sandbox: None,
            };
            program.found(search.as_os_str()).is_some()
        };
        let nowhere = Path::new("/nowhere");
        assert!(is_there("server", &bin) && is_there("server", Path::new("bin")));
        assert!(is_there("bin/server", nowhere));
        assert!(is_there(&bin.join("server").display().to_string(), nowhere));
        assert!(!is_there("server", nowhere) && !is_there("bin", place.path()));
        assert!(!is_there("notes", &bin) && !is_there("bin/none", &bin));
    }
}
