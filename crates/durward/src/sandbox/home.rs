//! The room `home`: what a server writes to that is not its own.

use std::{
    io,
    path::{Path, PathBuf},
};

use durward_cage::launch::Level;

use super::whole;

/// Caches below the home folder: what a runner of packages fetches, builds and finds again. What else
/// programs keep there is yours.
const CACHES: [&str; 18] = [
    ".cache",
    ".npm",
    ".node-gyp",
    ".yarn",
    ".pnpm-store",
    ".local/share/pnpm",
    ".bun/install/cache",
    ".deno",
    ".local/share/uv",
    ".local/share/virtualenv",
    ".cargo/registry",
    ".cargo/git",
    "go/pkg/mod",
    ".m2/repository",
    ".gradle/caches",
    ".nuget/packages",
    ".local/share/NuGet",
    // Where `mcp-remote` keeps the logins that it made.
    ".mcp-auth",
];

/// Those of them that npx and uvx make at their first start: in the home folder itself they may not.
const MADE: [&str; 3] = [".cache", ".npm", ".local/share/uv"];

/// For everyone.
const SHARED: [&str; 2] = ["/tmp", "/var/tmp"];

/// Shared memory; at the level full there is one of its own.
const MEMORY: &str = "/dev/shm";

/// What may be written.
pub(super) fn writable(folder: Option<&Path>, level: Level) -> Vec<PathBuf> {
    let home = folder_of_user();
    let temporary = std::env::var_os("TMPDIR").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let caches = home
        .iter()
        .flat_map(|home| CACHES.map(|name| home.join(name)));
    let working = whole(folder.unwrap_or(Path::new(".")));
    // A folder that holds all others is nobody's working folder: it is where durward happened to start.
    let holds_home = home
        .as_deref()
        .is_some_and(|home| home.starts_with(&working));
    let working = Some(working).filter(|working| !holds_home && working.parent().is_some());
    let all = SHARED
        .iter()
        .map(PathBuf::from)
        .chain(temporary)
        .chain(cache);
    let memory = (level != Level::Full).then(|| MEMORY.into());
    all.chain(memory)
        .filter(|path| path.is_absolute())
        .chain(caches)
        .chain(working)
        .collect()
}

/// Folders that npx and uvx make for themselves where they may.
pub(super) fn made_by_programs() -> Vec<PathBuf> {
    let home = folder_of_user();
    let made = home
        .iter()
        .flat_map(|home| MADE.map(|name| home.join(name)));
    made.collect()
}

/// Makes those that are not there, for the user alone.
///
/// # Errors
/// One that can't be made; what needs it will say so, too.
pub(crate) fn make(folders: &[PathBuf]) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    for folder in folders {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    Ok(())
}

/// The user's home folder, if it is one.
pub(super) fn folder_of_user() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    Some(home).filter(|home| home.is_absolute() && home.is_dir())
}
