//! An item's own words over those of its room.

use std::{path::PathBuf, time::Duration};

use durward_cage::launch::Limits;

use super::{FOR_EVER, Item, OF_USER, roomy};
use crate::config::{
    ItemLimits, ItemSandbox, LEAST_MEMORY, NetworkWord, OwnSandbox, Period, Room, Sandbox,
    SandboxMode, SandboxPath,
};

/// What holds for one item.
#[derive(Debug)]
pub(super) struct Merged<'a> {
    pub(super) room: Room,
    pub(super) mode: SandboxMode,
    pub(super) network: NetworkWord,
    pub(super) limits: Limits,
    pub(super) output: usize,
    /// Variables that it gets of durward's own.
    pub(super) env: Vec<String>,
    /// Its keys, where it has some.
    pub(super) own: Option<&'a OwnSandbox>,
}

impl<'a> Merged<'a> {
    pub(super) fn of(section: &Sandbox, item: &Item<'a>) -> Self {
        let (room, own) = match item.said {
            None => (item.usual, None),
            Some(ItemSandbox::Room(room)) => (*room, None),
            Some(ItemSandbox::Own(own)) => (own.room.unwrap_or(item.usual), Some(&**own)),
        };
        let network = match room {
            Room::Box => section.network,
            Room::Home | Room::Host => NetworkWord::Host,
        };
        let own_limits = own.map(|own| own.limits).unwrap_or_default();
        let names = section
            .env
            .iter()
            .chain(own.iter().flat_map(|own| &own.env))
            .map(|name| name.as_str().to_owned());
        let of_user = OF_USER.iter().filter(|_| room != Room::Box);
        Self {
            room,
            mode: own.and_then(|own| own.mode).unwrap_or(section.mode),
            network: own.and_then(said_network).unwrap_or(network),
            limits: limits(section, room, own_limits),
            output: own_limits
                .output
                .unwrap_or(section.limits.output)
                .as_usize(),
            env: names.chain(of_user.map(ToString::to_string)).collect(),
            own,
        }
    }

    /// Adds what the item itself names, and says what that is: no secret that is named is hidden.
    pub(super) fn add(&self, read: &mut Vec<PathBuf>, write: &mut Vec<PathBuf>) -> Vec<PathBuf> {
        let found = |paths: &[SandboxPath]| {
            let found = paths.iter().flat_map(SandboxPath::found);
            found.collect::<Vec<_>>()
        };
        let (own_read, own_write) = match self.own {
            Some(own) => (found(&own.read), found(&own.write)),
            None => return Vec::new(),
        };
        read.extend_from_slice(&own_read);
        write.extend_from_slice(&own_write);
        own_read.into_iter().chain(own_write).collect()
    }
}

/// Whoever says what the way out leads to wants one.
fn said_network(own: &OwnSandbox) -> Option<NetworkWord> {
    own.network
        .or(own.egress.as_ref().map(|_| NetworkWord::Egress))
}

fn limits(section: &Sandbox, room: Room, own: ItemLimits) -> Limits {
    let said = &section.limits;
    let usual = match room {
        Room::Box => Limits {
            memory: said.memory.bytes(),
            cpu: counted(said.cpu),
            processes: said.processes.get().into(),
            files: said.files.get().into(),
            file_size: None,
        },
        Room::Home | Room::Host => roomy(),
    };
    let memory = own.memory.map_or(usual.memory, |size| size.bytes());
    let memory = memory.max(LEAST_MEMORY);
    Limits {
        memory,
        cpu: own.cpu.map_or(usual.cpu, counted),
        processes: own.processes.map_or(usual.processes, |it| it.get().into()),
        files: own.files.map_or(usual.files, |it| it.get().into()),
        // A box that fills the disk harms everybody; what a server at home keeps is its own affair.
        file_size: (room == Room::Box).then_some(memory),
    }
}

/// In what the kernel counts: whole seconds, one at least, and not so many that it can't.
fn counted(time: Period) -> Duration {
    time.duration().clamp(Duration::from_secs(1), FOR_EVER)
}
