//! The `file` URIs of what is shared: `file:///<path>` below the one root that has no name,
//! `file:///<root>/<path>` below one that has. Absolute paths of the host are taken too where they
//! lie in a root, and never given.

use std::sync::Arc;

use durward_core::{Located, Refusal};
use durward_guard::{
    path::{Absolute, Lexical, Relative, lexical},
    uri::{encoded_path, file_path},
};

use super::{
    places::{Area, Place, Places, within},
    refuse,
};

/// A place by its URI.
#[derive(Debug, Clone)]
pub(super) struct Spelled {
    pub(super) place: Place,
    /// The URI ends with `/`: a folder is meant, and nothing else.
    pub(super) is_folder: bool,
}

/// Where a URI leads; `None` where it is no `file` URI.
pub(super) fn locate(places: &Places, uri: &str) -> Option<Result<Located, Refusal>> {
    Some(find(places, uri)?.and_then(|spelled| {
        spelled.judge()?;
        Ok(spelled.located())
    }))
}

/// The place that a URI means. A root's name comes first; below the one root that has none, the
/// absolute path of something in it does.
pub(super) fn find(places: &Places, uri: &str) -> Option<Result<Spelled, Refusal>> {
    let path = match file_path(uri)? {
        Ok(path) => path,
        Err(fault) => return Some(Err(fault.into())),
    };
    Some(place(places, &path).map(|place| Spelled {
        place,
        is_folder: path.ends_with('/'),
    }))
}

fn place(places: &Places, path: &str) -> Result<Place, Refusal> {
    let absolute = absolute(path)?;
    let rest = &path[1..];
    let inside = || {
        let mut areas = places.areas().iter();
        areas.find_map(|area| within(area, &absolute))
    };
    if let [area] = places.areas()
        && area.root.name().is_empty()
    {
        return match inside() {
            Some(place) => Ok(place),
            None => Ok(Place::at(area, relative(rest)?)),
        };
    }
    let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
    match places.areas().iter().find(|it| it.root.name() == name) {
        Some(area) => Ok(Place::at(area, relative(rest)?)),
        None => inside().ok_or_else(refuse::outside),
    }
}

fn absolute(path: &str) -> Result<Absolute, Refusal> {
    match lexical(path)? {
        Lexical::Absolute(path) => Ok(path),
        Lexical::Relative(_) => Err(refuse::outside()),
    }
}

fn relative(path: &str) -> Result<Relative, Refusal> {
    match lexical(path)? {
        Lexical::Relative(path) => Ok(path),
        Lexical::Absolute(_) => Err(refuse::outside()),
    }
}

/// The URI of a path below a root: one that [`find`] reads back. In the one root that has no name, a
/// folder can be called as the root itself is on the host (`/app/app`); there the plain spelling would
/// mean something else, and the absolute one is given.
pub(super) fn uri_of(area: &Arc<Area>, path: &str, is_folder: bool) -> String {
    let plain = match area.root.name() {
        "" => format!("/{path}"),
        name => format!("/{name}/{path}"),
    };
    let path = match (area.root.name(), absolute(&plain), area.host_names().next()) {
        ("", Ok(absolute), Some(host)) if within(area, &absolute).is_some() => {
            format!("{host}/{path}")
        }
        _ => plain,
    };
    spell(&path, is_folder)
}

fn spell(path: &str, is_folder: bool) -> String {
    let path = path.trim_end_matches('/');
    let last = if is_folder || path.is_empty() {
        "/"
    } else {
        ""
    };
    format!("file://{}{last}", encoded_path(path))
}

impl Spelled {
    /// Its names: the one that durward gives, and those by the host's paths.
    fn located(&self) -> Located {
        let (area, path) = (&self.place.area, self.place.path());
        let by_host = |root: &str| spell(&format!("{root}/{path}"), self.is_folder);
        Located {
            uri: self.uri().into(),
            also: area.host_names().map(by_host).collect(),
        }
    }

    pub(super) fn uri(&self) -> String {
        uri_of(&self.place.area, self.place.path(), self.is_folder)
    }

    /// What the rules say of its name.
    pub(super) fn judge(&self) -> Result<(), Refusal> {
        let (area, path) = (&self.place.area, self.place.path());
        let judged = match self.is_folder {
            true => area.judge_dir(path),
            false => area.judge_node(path),
        };
        judged.map_err(|fault| self.place.refuse(&fault))
    }
}
