//! Which file a program's name stands for, found once and by us: neither a shell nor libc looks again.

use std::{
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, AtFlags, CWD, FileType, accessat, stat};

use super::{LaunchFault, Plan};

/// The file to run. A name is looked up in the plan's own `PATH`, else in durward's; a path that is not
/// absolute begins at the plan's working folder.
pub(super) fn find(plan: &Plan) -> Result<PathBuf, LaunchFault> {
    let name = plan.program();
    if name.is_empty() {
        return Err(LaunchFault::Nothing);
    }
    if name.contains('\0') {
        return Err(LaunchFault::ZeroByte("the program's name"));
    }
    if let Some(pin) = &plan.pin {
        return pin.check();
    }
    if name.contains('/') {
        let path = plan.folder.as_deref().unwrap_or(Path::new("")).join(name);
        return match runnable(&path) {
            Runnable::Yes => absolute(path),
            Runnable::No => Err(LaunchFault::NotExecutable(path)),
            Runnable::Missing => Err(LaunchFault::NotThere(path)),
        };
    }
    let own = plan.env.iter().find(|(name, _)| name == "PATH");
    let folders = match own {
        Some((_, value)) => value.expose().into(),
        None => std::env::var_os("PATH").unwrap_or_default(),
    };
    let mut refused = None;
    // An empty or relative entry means the working folder, where anybody may have put a program.
    for folder in std::env::split_paths(&folders).filter(|folder| folder.is_absolute()) {
        let path = folder.join(name);
        match runnable(&path) {
            Runnable::Yes => return Ok(path),
            Runnable::No => refused = refused.or(Some(path)),
            Runnable::Missing => {}
        }
    }
    Err(match refused {
        Some(path) => LaunchFault::NotExecutable(path),
        None => LaunchFault::NotInPath(name.to_owned()),
    })
}

enum Runnable {
    Yes,
    No,
    Missing,
}

fn runnable(path: &Path) -> Runnable {
    let Ok(found) = stat(path) else {
        return Runnable::Missing;
    };
    let file = FileType::from_raw_mode(found.st_mode).is_file();
    if file
        && accessat(
            CWD,
            path.as_os_str().as_bytes(),
            Access::EXEC_OK,
            AtFlags::EACCESS,
        )
        .is_ok()
    {
        Runnable::Yes
    } else {
        Runnable::No
    }
}

fn absolute(path: PathBuf) -> Result<PathBuf, LaunchFault> {
    std::path::absolute(path).map_err(|error| LaunchFault::System {
        step: "the working folder is not known",
        error,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_name_is_found_in_the_plans_own_path() {
        let folder = tempfile::tempdir().unwrap();
        let (dull, tool) = (folder.path().join("a"), folder.path().join("b"));
        for (place, mode) in [(&dull, 0o644), (&tool, 0o755)] {
            std::fs::create_dir(place).unwrap();
            std::fs::write(place.join("tool"), "").unwrap();
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(place.join("tool"), mode).unwrap();
        }
        let path = format!("{}:.::{}", dull.display(), tool.display());
        let found = find(&Plan::new(["tool"]).env("PATH", path)).unwrap();
        assert_eq!(found, tool.join("tool"));
        let only = |path: &Path| Plan::new(["tool"]).env("PATH", path.to_str().unwrap());
        assert!(matches!(
            find(&only(&dull)),
            Err(LaunchFault::NotExecutable(_))
        ));
        assert!(matches!(
            find(&only(folder.path())),
            Err(LaunchFault::NotInPath(_))
        ));
        let relative = Plan::new(["./tool"]).folder(&tool);
        assert!(
            find(&relative).unwrap().ends_with("b/tool")
                || find(&relative).unwrap().ends_with("b/./tool")
        );
        assert!(matches!(
            find(&Plan::new(["./none"]).folder(&tool)),
            Err(LaunchFault::NotThere(_))
        ));
    }

    #[test]
    fn a_folder_is_no_program_and_nothing_is_none() {
        assert!(matches!(
            find(&Plan::new(["/usr"])),
            Err(LaunchFault::NotExecutable(_))
        ));
        assert!(matches!(find(&Plan::new([""])), Err(LaunchFault::Nothing)));
        assert!(matches!(
            find(&Plan::new(Vec::<String>::new())),
            Err(LaunchFault::Nothing)
        ));
    }
}
