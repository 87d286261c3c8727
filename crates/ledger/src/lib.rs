//! The audit: journal, hash chain, checkpoints, index, query, verify.
//!
//! A process writes one chain of records below the journal's folder: [`Journal`] takes a [`Seat`] for
//! every call that enters the walk and has the call's [`Facts`] and [`Outcome`] on disk before the answer
//! leaves. [`verify`] proves afterwards that nothing was changed, cut or reordered; [`Index`] answers
//! questions and is filled by those who ask them.
//!
//! On disk: a folder per chain, in it segments `000001.dwj` …, in them frames of length (u32 LE), CRC-32C
//! (u32 LE, over length and record) and a record of JSON. `h_i = SHA-256(domain ‖ h_(i-1) ‖ length ‖ record)`; checkpoint records
//! sign `h`, and the place where they stand, with Ed25519: so a start goes on from the last of them.

mod chain;
mod commit;
mod copy;
mod disk;
mod encode;
mod error;
mod event;
mod export;
mod facts;
mod fault;
mod folder;
mod frame;
mod index;
mod journal;
mod keeper;
mod key;
mod line;
mod open;
mod outcome;
mod pending;
mod query;
mod record;
mod retain;
mod seat;
mod settings;
mod signed_end;
mod tail;
#[cfg(test)]
mod testing;
mod verify;
mod writer;

pub use error::LedgerError;
pub use event::{Event, EventName};
pub use export::{Format, export};
pub use facts::{Facts, Subject};
pub use fault::{Health, LedgerFault};
pub use index::Index;
pub use journal::Journal;
pub use key::{KeyPlace, PublicKey};
pub use outcome::{Held, Outcome, ResultFacts, Status};
pub use query::{Entry, Filter, Order};
pub use retain::{Pruned, Retention};
pub use seat::Seat;
pub use settings::{
    ChainName, ContentPolicy, DangerSync, Durability, FsyncPolicy, JournalSettings, JsonlCopy,
    Keep, OnFailure, SigningKey,
};
pub use tail::Tail;
pub use verify::{ChainReport, Fault, Report, TornTail, verify};
