//! Where clients' files are on this machine, and where servers are in them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    client::{Bases, File, Home, Scope, Spelling},
    clients::CLIENTS,
    disk,
    edit::{Document, Node, Value},
};

/// Folders whose own files are looked for: the working folder, the repository around it, and
/// those that Claude Code knows.
pub(super) fn projects(cwd: &Path, bases: &Bases) -> Vec<PathBuf> {
    let mut folders = vec![cwd.to_owned()];
    folders.extend(disk::above(cwd, ".git"));
    for client in CLIENTS {
        let files = client.files.iter().filter(|file| file.scope == Scope::User);
        for file in files {
            let keys = file.homes.iter().filter_map(|home| match home {
                Home::OfProjects(key, _) => Some(*key),
                Home::At(_) => None,
            });
            for key in keys {
                for (path, _) in paths(file, bases, &[]) {
                    folders.extend(named_folders(&path, file, key));
                }
            }
        }
    }
    let mut known = BTreeSet::new();
    folders.retain(|folder| folder.is_absolute() && known.insert(folder.clone()));
    folders
}

/// The paths of a file on this machine, each with its project.
pub(super) fn paths(
    file: &File,
    bases: &Bases,
    projects: &[PathBuf],
) -> Vec<(PathBuf, Option<PathBuf>)> {
    let mut found = Vec::new();
    for place in file.places {
        let folders: Vec<_> = match file.scope {
            Scope::User => vec![None],
            Scope::Project => projects.iter().map(Some).collect(),
        };
        for project in folders {
            let Some(base) = bases.base(place, project.map(PathBuf::as_path)) else {
                continue;
            };
            let mut several = vec![base];
            for part in place.path.split('/') {
                several = match part.split_once('*') {
                    Some((begins, ends)) => {
                        let folders = several.iter();
                        folders
                            .flat_map(|it| disk::matching(it, begins, ends))
                            .collect()
                    }
                    None => several.iter().map(|it| it.join(part)).collect(),
                };
            }
            found.extend(several.into_iter().map(|path| (path, project.cloned())));
        }
    }
    found
}

/// The folders that a client's file names as projects.
fn named_folders(path: &Path, file: &File, key: &str) -> Vec<PathBuf> {
    let found = disk::look(path).ok().flatten();
    let text = found
        .as_ref()
        .and_then(|it| std::str::from_utf8(&it.content).ok());
    let document = text.and_then(|text| file.format.read(text).ok());
    let projects = document.as_ref().and_then(|it| it.root.get(key));
    let members = projects.map(Node::members).unwrap_or_default();
    members.iter().map(|it| PathBuf::from(&it.key)).collect()
}

/// The paths in a file at which servers are, each with its project.
pub(super) fn homes(file: &File, document: &Document<'_>) -> Vec<(Vec<String>, Option<String>)> {
    let mut homes = Vec::new();
    for home in file.homes {
        match home {
            Home::At(path) => {
                homes.push((path.iter().map(|&key| key.to_owned()).collect(), None));
            }
            Home::OfProjects(key, inner) => {
                let projects = document.root.get(key).map(Node::members);
                for project in projects.unwrap_or_default() {
                    let path = [*key, project.key.as_str(), *inner];
                    let path = path.map(str::to_owned).to_vec();
                    homes.push((path, Some(project.key.clone())));
                }
            }
        }
    }
    homes
}

/// Servers and their names; `None` where it is neither a map nor a list of them.
pub(super) fn entries<'a>(home: &'a Node, spelling: &Spelling) -> Option<Vec<(String, &'a Node)>> {
    match (&home.value, spelling.name) {
        (Value::Map(members), _) => Some(
            members
                .iter()
                .map(|member| (member.key.clone(), &member.node))
                .collect(),
        ),
        (Value::List(items), Some(name)) => Some(
            items
                .iter()
                .enumerate()
                .map(|(at, item)| {
                    let named = item.get(name).and_then(Node::text);
                    (named.map_or_else(|| format!("#{at}"), str::to_owned), item)
                })
                .collect(),
        ),
        (Value::Null, _) => Some(Vec::new()),
        _ => None,
    }
}
