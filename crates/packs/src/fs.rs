//! The pack `fs`: tools that read and change what is shared. Every path goes through [`places`], every file
//! through cage's handles.

mod content;
mod copy;
mod delete;
mod edit;
mod ignores;
mod list;
mod mkdir;
mod offer;
mod places;
mod range;
mod read;
mod refuse;
mod relocate;
mod search;
mod stat;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use durward_cage::files::RootSettings;
use durward_core::{Answer, BoxFuture, Call, Offer, PackName, Provider, Refusal, RefusalCode};

use crate::{PacksError, work};
use places::Places;

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
}

impl FsPack {
    /// Opens the roots.
    ///
    /// # Errors
    /// A root or a pattern can't be used.
    pub fn open(settings: &FsSettings) -> Result<Self, PacksError> {
        let places = Places::open(settings)?;
        Ok(Self {
            name: PackName::new("fs")?,
            offer: Offer {
                tools: offer::tools(places.are_writable())?,
                ..Offer::default()
            },
            places: Arc::new(places),
        })
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

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        Box::pin(async move {
            match call.target.name() {
                "fs_list" => list::run(&self.places, call).await,
                "fs_read" => read::run(&self.places, call).await,
                "fs_search" => search::run(&self.places, call).await,
                "fs_stat" => stat::run(&self.places, call).await,
                "fs_tree" => tree::run(&self.places, call).await,
                "fs_write" => write::run(&self.places, call).await,
                "fs_edit" => edit::run(&self.places, call).await,
                "fs_move" => relocate::run(&self.places, call).await,
                "fs_copy" => copy::run(&self.places, call).await,
                "fs_mkdir" => mkdir::run(&self.places, call).await,
                "fs_delete" => delete::run(&self.places, call).await,
                _ => Err(Refusal::new(
                    RefusalCode::NotFound,
                    "there is no such file tool",
                )),
            }
        })
    }
}
