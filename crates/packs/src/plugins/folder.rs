//! The folder of plugins, by its handle: which are there, and what each of them says and is made of.

use std::{path::Path, sync::Arc};

use durward_cage::files::{Entry, FileFault, Kind, RelPath, Root, RootFault, RootSettings};

use super::{fault::PluginFault, manifest::Manifest, pinned::Pinned};

/// The permission that nobody else may have on anything of a plugin.
pub(super) const WRITABLE_BY_ALL: u32 = 0o002;

/// The manifest's name in a plugin's folder.
const MANIFEST: &str = "manifest.yaml";
/// More than a manifest has, in bytes.
const LONGEST: u64 = 512 * 1024;
/// So many plugins are looked at.
const MOST: usize = 256;

/// Reads a manifest's text.
pub type ReadManifest = fn(&str) -> Result<Manifest, String>;

/// A plugin's own folder, below the folder of plugins.
pub(super) struct Place<'a> {
    pub(super) root: &'a Root,
    pub(super) name: &'a str,
}

impl Place<'_> {
    /// A path of it, below the folder of plugins.
    pub(super) fn inside(&self, path: &str) -> String {
        format!("{}/{path}", self.name)
    }

    /// Only what is its own may be reached, links or not.
    pub(super) fn judge(&self, path: &str) -> Result<(), FileFault> {
        let own = path
            .strip_prefix(self.name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match own {
            true => Ok(()),
            false => Err(FileFault::OutsideRoot),
        }
    }

    /// Nobody else can put something in the place of what lies on this path.
    pub(super) fn folders_are_own(&self, path: &str) -> Result<(), PluginFault> {
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            folder = above;
            let meta = RelPath::new(folder)
                .and_then(|it| self.root.stat(it, &|path| self.judge(path)))
                .map_err(|fault| PluginFault::File {
                    file: folder.to_owned(),
                    why: fault.into(),
                })?;
            if meta.mode & WRITABLE_BY_ALL != 0 {
                return Err(PluginFault::Writable(folder.to_owned()));
            }
        }
        Ok(())
    }
}

/// What a plugin is made of.
pub(super) struct Parts {
    pub(super) manifest: Manifest,
    /// The manifest itself, what runs, and what else belongs to it.
    pub(super) files: Vec<Pinned>,
}

impl Parts {
    /// What runs.
    pub(super) fn executable(&self) -> &Pinned {
        // The manifest is the first, and what it names comes right behind it.
        &self.files[1]
    }
}

/// One folder that was looked at.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) parts: Result<Parts, PluginFault>,
}

/// The folder of plugins, open.
pub(super) fn open(dir: &Path) -> Result<Arc<Root>, RootFault> {
    let settings = RootSettings {
        path: dir.to_owned(),
        // It is a person's word that plugins lie there; nothing but plugins is read below it.
        allow_dangerous: true,
        ..RootSettings::default()
    };
    Root::open(&settings).map(Arc::new)
}

/// Looks at all plugins, in the order of their names.
///
/// # Errors
/// The folder can't be read, or everyone may put plugins into it.
pub(super) fn look(root: &Root, read: ReadManifest) -> Result<Vec<Found>, String> {
    let folder = root
        .open_dir(RelPath::ROOT, &|_| Ok(()))
        .map_err(|fault| fault.to_string())?;
    if folder.meta().mode & WRITABLE_BY_ALL != 0 {
        return Err(
            "everyone on this machine may put plugins into it; take that away with `chmod o-w`"
                .to_owned(),
        );
    }
    let entries = entries(root)?;
    if entries.len() > MOST {
        return Err(format!("there are more than {MOST} plugins in it"));
    }
    let found = entries.iter().map(|entry| {
        let name = entry.name().into_owned();
        let parts = match (entry.kind(), is_name(&name)) {
            (_, false) => Err(PluginFault::Name),
            (Kind::Symlink, _) => Err(PluginFault::Link),
            _ => parts(&Place { root, name: &name }, read),
        };
        Found { name, parts }
    });
    Ok(found.collect())
}

/// What may be a plugin, and one more than there may be at most.
///
/// # Errors
/// The folder can't be read.
pub(super) fn entries(root: &Root) -> Result<Vec<Entry>, String> {
    let folder = root
        .open_dir(RelPath::ROOT, &|_| Ok(()))
        .map_err(|fault| fault.to_string())?;
    let page = folder.page(None, MOST + 1, &mut |entry| {
        // What is hidden, or made by tools, is none; nor is a file beside them.
        let named = !entry.bytes().starts_with(b".") && !entry.bytes().starts_with(b"_");
        Ok(named && matches!(entry.kind(), Kind::Directory | Kind::Symlink))
    });
    Ok(page.map_err(|fault| fault.to_string())?.entries)
}

/// A letter a-z, then up to 62 of a-z, 0-9, `-` and `_`: as a key of the configuration.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(fits)
}

fn parts(place: &Place<'_>, read: ReadManifest) -> Result<Parts, PluginFault> {
    let pinned = Pinned::take(place, MANIFEST, false).map_err(|fault| match fault {
        PluginFault::File {
            why: super::fault::FileWrong::Unreachable(FileFault::NotFound),
            ..
        } => PluginFault::NoManifest,
        other => other,
    })?;
    let manifest = read(&text(place, &pinned)?).map_err(PluginFault::Manifest)?;
    if manifest.name != place.name {
        return Err(PluginFault::OtherName(manifest.name));
    }
    let executable = Pinned::take(place, &manifest.executable, true)?;
    let mut files = vec![pinned, executable];
    for file in &manifest.files {
        files.push(Pinned::take(place, file, false)?);
    }
    Ok(Parts { manifest, files })
}

/// The manifest's text: that of the digest, or it is read again at the next change.
fn text(place: &Place<'_>, pinned: &Pinned) -> Result<String, PluginFault> {
    let unreadable = |fault: FileFault| PluginFault::File {
        file: MANIFEST.to_owned(),
        why: fault.into(),
    };
    let mut bytes = Vec::new();
    RelPath::new(pinned.path())
        .and_then(|path| place.root.open_file(path, &|path| place.judge(path)))
        .and_then(|open| open.read_all(LONGEST, &mut bytes))
        .map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| PluginFault::Manifest("it is not UTF-8".to_owned()))
}
