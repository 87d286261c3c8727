//! Walls as they reach the keeper: among the texts of an order.

use std::{
    ffi::{CStr, OsStr},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Level, Limits, Network, Walls};

/// Whom the program may talk to, for those who only have to close the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::launch) enum Reach {
    Nobody,
    Door,
    Host,
}

impl Reach {
    pub(in crate::launch) fn of(network: &Network) -> Self {
        match network {
            Network::None => Self::Nobody,
            Network::Egress(_) => Self::Door,
            Network::Host => Self::Host,
        }
    }
}

/// What the keeper has to hold.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::launch) struct Wanted {
    pub(super) level: Level,
    pub(super) reach: Reach,
    pub(super) limits: Limits,
    pub(super) read: Vec<PathBuf>,
    pub(super) write: Vec<PathBuf>,
    pub(super) hide: Vec<PathBuf>,
    pub(super) deny_write: Vec<PathBuf>,
    /// The home folder of who runs durward, where rc files lie.
    pub(super) home: Option<PathBuf>,
    /// Where the program begins; none where nobody said.
    pub(super) folder: Option<PathBuf>,
}

const NUMBERS: usize = 7;

/// The texts that [`Wanted::read`] reads.
pub(in crate::launch) fn words(walls: &Walls, folder: Option<&Path>) -> Vec<Vec<u8>> {
    let limits = &walls.limits;
    let numbers: [u64; NUMBERS] = [
        walls.level as u64,
        Reach::of(&walls.network) as u64,
        limits.memory,
        limits.cpu.as_secs() + u64::from(limits.cpu.subsec_nanos() > 0),
        limits.processes,
        limits.files,
        // No file is of this size.
        limits.file_size.unwrap_or(u64::MAX),
    ];
    let mut words: Vec<_> = numbers
        .iter()
        .map(|number| number.to_string().into_bytes())
        .collect();
    let home = std::env::home_dir();
    let lists = [
        paths(&walls.read),
        paths(&walls.write),
        paths(&walls.hide),
        paths(&walls.deny_write),
        paths(home.as_slice()),
        paths(folder.map(Path::to_owned).as_slice()),
    ];
    for list in lists {
        words.push(list.len().to_string().into_bytes());
        words.extend(list);
    }
    words
}

fn paths(list: &[PathBuf]) -> Vec<Vec<u8>> {
    let bytes = |path: &PathBuf| path.as_os_str().as_bytes().to_vec();
    list.iter().map(bytes).collect()
}

impl Wanted {
    /// What the words say; none where they are cut.
    pub(in crate::launch) fn read<'a>(mut next: impl FnMut() -> Option<&'a CStr>) -> Option<Self> {
        let mut number = || next()?.to_str().ok()?.parse::<u64>().ok();
        let mut numbers = [0; NUMBERS];
        for place in &mut numbers {
            *place = number()?;
        }
        let [level, reach, memory, cpu, processes, files, file_size] = numbers;
        let mut list = || {
            let count = next()?.to_str().ok()?.parse::<usize>().ok()?;
            let path = |text: &CStr| PathBuf::from(OsStr::from_bytes(text.to_bytes()));
            (0..count)
                .map(|_| next().map(path))
                .collect::<Option<Vec<_>>>()
        };
        Some(Self {
            level: [Level::None, Level::Light, Level::Full]
                .into_iter()
                .find(|known| *known as u64 == level)?,
            reach: [Reach::Nobody, Reach::Door, Reach::Host]
                .into_iter()
                .find(|known| *known as u64 == reach)?,
            limits: Limits {
                memory,
                cpu: Duration::from_secs(cpu),
                processes,
                files,
                file_size: (file_size != u64::MAX).then_some(file_size),
            },
            read: list()?,
            write: list()?,
            hide: list()?,
            deny_write: list()?,
            home: list()?.pop(),
            folder: list()?.pop(),
        })
    }
}
