//! Programs that this shell finds, and others don't: what an editor starts has not the shell's PATH.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::Finding;
use crate::config::{ItemSandbox, Program, Room};

/// What an editor that is started from the desktop has for a PATH, at least.
const EDITORS: &str = "/usr/local/bin:/usr/bin:/bin";

/// Clients of container engines: whoever may talk to one may do anything.
const ENGINES: [&str; 4] = ["docker", "podman", "nerdctl", "finch"];

/// Managers of versions: a part of the paths that they put programs at, their name, and what prints where
/// the program really is.
const MANAGERS: [(&str, &str, &str); 9] = [
    ("/.nvm/versions/", "nvm", "nvm which default"),
    ("/fnm_multishells/", "fnm", "fnm exec --using=default which"),
    ("/fnm/", "fnm", "fnm exec --using=default which"),
    ("/.volta/bin/", "volta", "volta which"),
    ("/.asdf/shims/", "asdf", "asdf which"),
    ("/mise/shims/", "mise", "mise which"),
    ("/.nodenv/shims/", "nodenv", "nodenv which"),
    ("/.pyenv/shims/", "pyenv", "pyenv which"),
    ("/.rbenv/shims/", "rbenv", "rbenv which"),
];

/// What is likely to keep a server's program from being started.
pub(crate) fn program(server: &str, program: &Program, search: &OsStr) -> Option<Finding> {
    let name = program.command.program();
    let Some(file) = program.found(search) else {
        return Some(Finding::new(
            format!("there is no program `{name}` here, so `{server}` can't be started"),
            format!(
                "`command -v {name}` says where it is, in a shell that has it: write that path"
            ),
        ));
    };
    if let Some(engine) = engine(name)
        && !matches!(program.sandbox, Some(ItemSandbox::Room(Room::Host)))
    {
        return Some(Finding::new(
            format!(
                "`{engine}` of `{server}` asks an engine to start it, whose socket is closed to its walls"
            ),
            format!(
                "write `sandbox: host` in `servers.{server}`: the container that is started has walls of its own"
            ),
        ));
    }
    if name.contains('/') || program.found(OsStr::new(EDITORS)).is_some() {
        return None;
    }
    Some(match manager(&file) {
        Some((manager, which)) => {
            let which = match manager {
                "nvm" => format!("`{which}` prints where node is, and `{name}` is beside it"),
                _ => format!("`{which} {name}` prints it"),
            };
            Finding::new(
                format!(
                    "`{name}` of `{server}` is chosen by {manager} for this shell ({}): a durward that an \
                     editor starts finds none, or another version",
                    file.display()
                ),
                format!("write its whole path in `servers.{server}.command`; {which}"),
            )
        }
        None => Finding::new(
            format!(
                "`{name}` of `{server}` is at {}, where a durward that an editor starts does not look",
                file.display()
            ),
            format!("`sudo ln -s {} /usr/local/bin/`", file.display()),
        ),
    })
}

/// A client of a container engine, by its name.
pub(crate) fn engine(program: &str) -> Option<&str> {
    let name = program.rsplit('/').next()?;
    ENGINES.contains(&name).then_some(name)
}

/// Is it another durward, or none, that an editor finds by its name?
pub(crate) fn own_program(own: &Path) -> Option<Finding> {
    let name = own.file_name()?;
    let real = |path: PathBuf| path.canonicalize().unwrap_or(path);
    let found = std::env::split_paths(EDITORS)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    match found {
        Some(file) if real(file.clone()) == real(own.to_owned()) => None,
        Some(file) => Some(Finding::new(
            format!(
                "an editor finds another durward by its name: {} and not {}",
                file.display(),
                own.display()
            ),
            format!(
                "`sudo ln -sf {} {}`, or name the whole path in the client",
                own.display(),
                file.display()
            ),
        )),
        None => Some(Finding::new(
            format!(
                "an editor does not find `durward` by its name: it is at {}",
                own.display()
            ),
            format!(
                "`sudo ln -s {} /usr/local/bin/`, or name the whole path in the client",
                own.display()
            ),
        )),
    }
}

fn manager(file: &Path) -> Option<(&'static str, &'static str)> {
    let path = file.to_string_lossy();
    MANAGERS
        .iter()
        .find(|(part, ..)| path.contains(part))
        .map(|(_, name, which)| (*name, *which))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::config::Argv;

    fn installed(home: &Path, folder: &str, name: &str) -> PathBuf {
        let folder = home.join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), "#!/bin/sh\n").unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    fn found(command: &str, search: &Path) -> Option<Finding> {
        let it = Program {
            command: Argv::try_from(vec![command.to_owned()]).unwrap(),
            env: BTreeMap::new(),
            cwd: None,
            sandbox: None,
        };
        program("hub", &it, search.as_os_str())
    }

    #[test]
    fn what_the_shell_alone_finds_is_told_with_what_mends_it() {
        let home = tempfile::tempdir().unwrap();
        for (folder, word) in [
            (".nvm/versions/node/v22.1.0/bin", "nvm which default"),
            (".volta/bin", "volta which own-server"),
            (".asdf/shims", "asdf which own-server"),
            (".local/share/mise/shims", "mise which own-server"),
            (
                "run/fnm_multishells/1_2/bin",
                "fnm exec --using=default which own-server",
            ),
            (".local/bin", "sudo ln -s"),
        ] {
            let search = installed(home.path(), folder, "own-server");
            let finding = found("own-server", &search).unwrap();
            assert!(finding.mend.contains(word), "{finding:?}");
            assert!(finding.what.contains("`hub`"), "{finding:?}");
            // Its whole path is right wherever it is.
            let whole = search.join("own-server").display().to_string();
            assert_eq!(found(&whole, Path::new("/nowhere")), None);
        }
        let none = found("own-server", Path::new("/nowhere")).unwrap();
        assert!(none.what.contains("no program `own-server`"), "{none:?}");
        assert_eq!(found("sh", Path::new("/bin")), None);
    }

    #[test]
    fn a_durward_that_editors_do_not_find_is_told() {
        let home = tempfile::tempdir().unwrap();
        let own =
            installed(home.path(), "bin", "durward-of-this-test").join("durward-of-this-test");
        let finding = own_program(&own).unwrap();
        assert!(finding.mend.contains("sudo ln -s"), "{finding:?}");
        assert_eq!(own_program(Path::new("/bin/sh")), None);
    }
}
