//! The pack `fs`: tools and resources that read and change what is shared. Every path goes through [`places`], every file
//! through cage's handles.

mod content;
mod copy;
mod delete;
mod edit;
mod ignores;
mod list;
mod mkdir;
mod offer;
pub(crate) mod places;
mod range;
mod read;
pub(crate) mod refuse;
mod relocate;
mod resources;
mod search;
mod stat;
mod tree;
mod uris;
mod watching;
mod write;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use durward_cage::files::RootSettings;
use durward_core::{
    Answer, BoxFuture, Call, ClientRoots, Located, Offer, OnChange, PackName, Provider, Refusal,
    RefusalCode, Target, Watch,
};

use crate::{PacksError, work};
use places::Places;
use watching::Watching;

/// What the file tools may touch: the section `files` of the configuration.
#[derive(Debug, Clone)]
pub struct FsSettings {
    /// What is shared: one root, or several that have names.
    pub roots: Vec<RootSettings>,
    /// What may be read, as globs below each root.
    pub read: Vec<String>,
    /// What may be written, as globs below each root. Where it is nothing, nothing that writes is
    /// offered.
    pub write: Vec<String>,
    /// The same for roots, by name, for which it is other than `write`.
    pub write_in: BTreeMap<String, Vec<String>>,
    /// What may not be touched, beside the built-in list.
    pub deny: Vec<String>,
    /// Does the built-in list apply?
    pub builtin_deny: bool,
    /// The most bytes that one answer takes from a file.
    pub max_read: u64,
    /// The most bytes that are written to one file.
    pub max_write: u64,
    /// Answer only when the disk has what was changed.
    pub durable: bool,
    /// Durward's own folders: state and configuration.
    pub forbidden: Vec<PathBuf>,
}

impl Default for FsSettings {
    fn default() -> Self {
        Self {
            roots: vec![RootSettings {
                path: ".".into(),
                ..RootSettings::default()
            }],
            read: vec!["**".to_owned()],
            write: Vec::new(),
            write_in: BTreeMap::new(),
            deny: Vec::new(),
            builtin_deny: true,
            max_read: 1024 * 1024,
            max_write: 1024 * 1024,
            durable: true,
            forbidden: Vec::new(),
        }
    }
}

/// The pack: `fs_list`, `fs_read`, `fs_search`, `fs_stat` and `fs_tree`; where anything may be written,
/// `fs_write`, `fs_edit`, `fs_move`, `fs_copy`, `fs_mkdir` and `fs_delete` too.
#[derive(Debug)]
pub struct FsPack {
    name: PackName,
    offer: Offer,
    places: Arc<Places>,
    watching: Watching,
}

impl FsPack {
    /// Opens the roots.
    ///
    /// # Errors
    /// A root or a pattern can't be used.
    pub fn open(settings: &FsSettings) -> Result<Self, PacksError> {
        let places = Arc::new(Places::open(settings)?);
        Ok(Self {
            name: PackName::new("fs")?,
            offer: Offer {
                tools: offer::tools(places.are_writable())?,
                resources: resources::listed(&places),
                templates: resources::templates(&places),
                ..Offer::default()
            },
            places,
            watching: Watching::default(),
        })
    }

    /// What is shared, less what lies beyond a client's own roots. A client that can have roots and has
    /// none, as the inspector out of the box, narrows nothing.
    fn places_within(&self, roots: Option<&ClientRoots>) -> Arc<Places> {
        match roots.filter(|roots| !roots.0.is_empty()) {
            None => Arc::clone(&self.places),
            Some(roots) => Arc::new(self.places.narrowed(roots)),
        }
    }

    /// What whoever configured it should know.
    pub fn warnings(&self) -> Vec<String> {
        self.places.warnings()
    }
}

impl Provider for FsPack {
    fn name(&self) -> &PackName {
        &self.name
    }

    fn offer(&self) -> Offer {
        self.offer.clone()
    }

    fn locate(&self, uri: &str, within: Option<&ClientRoots>) -> Option<Result<Located, Refusal>> {
        uris::locate(&self.places_within(within), uri)
    }

    fn watch(&self, located: &Located, changed: OnChange) -> Result<Option<Watch>, Refusal> {
        self.watching.watch(&self.places, located, changed)
    }

    fn heeds_roots(&self) -> bool {
        true
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        Box::pin(async move {
            let places = &self.places_within(call.narrowed.as_deref());
            if matches!(call.target, Target::Resource(_)) {
                return resources::run(places, call).await;
            }
            match call.target.name() {
                "fs_list" => list::run(places, call).await,
                "fs_read" => read::run(places, call).await,
                "fs_search" => search::run(places, call).await,
                "fs_stat" => stat::run(places, call).await,
                "fs_tree" => tree::run(places, call).await,
                "fs_write" => write::run(places, call).await,
                "fs_edit" => edit::run(places, call).await,
                "fs_move" => relocate::run(places, call).await,
                "fs_copy" => copy::run(places, call).await,
                "fs_mkdir" => mkdir::run(places, call).await,
                "fs_delete" => delete::run(places, call).await,
                _ => Err(Refusal::new(
                    RefusalCode::NotFound,
                    "there is no such file tool",
                )),
            }
        })
    }
}
