//! The room `home`: what a server writes to that is not its own.

use std::path::{Path, PathBuf};

use durward_cage::launch::Level;
use durward_store::folder;

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

/// Those of them that runners make at their first start, and may not within walls: the home folder itself is
/// closed to them.
const MADE: [(&str, &[&str]); 2] = [
    (
        ".npm",
        &["npx", "npm", "node", "pnpm", "pnpx", "bunx", "corepack"],
    ),
    (".local/share/uv", &["uvx", "uv"]),
];

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
    let all = SHARED
        .iter()
        .map(PathBuf::from)
        .chain(temporary)
        .chain(cache);
    let memory = (level != Level::Full).then(|| MEMORY.into());
    all.chain(memory)
        .filter(|path| path.is_absolute())
        .chain(caches)
        .chain(working(folder))
        .collect()
}

/// The folder that a server works in. One that holds all others is nobody's: it is where durward happened to start.
pub(super) fn working(folder: Option<&Path>) -> Option<PathBuf> {
    let working = whole(folder.unwrap_or(Path::new(".")));
    let holds_home = folder_of_user().is_some_and(|home| home.starts_with(&working));
    Some(working).filter(|working| !holds_home && working.parent().is_some())
}

/// Makes the folders that this program would make for itself, if it is a runner of packages, and the one of all
/// caches; for the user alone. What can't be made is said by what needs it, too.
pub(crate) fn make_ready(program: &str) {
    let name = program.rsplit('/').next().unwrap_or(program);
    let own = MADE.iter().filter(|(_, runners)| runners.contains(&name));
    let Some(home) = folder_of_user() else {
        return;
    };
    for made in std::iter::once(".cache").chain(own.map(|(made, _)| *made)) {
        if let Err(error) = folder::make_private(&home.join(made)) {
            tracing::warn!(%error, "a folder that servers keep things in can't be made");
        }
    }
}

/// The user's home folder, if it is one.
pub(super) fn folder_of_user() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    Some(home).filter(|home| home.is_absolute() && home.is_dir())
}
