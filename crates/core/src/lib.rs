//! The nouns that every room shares.
//!
//! A [`Caller`] makes a [`Call`]; the gate walks it through its stages to a [`Provider`]; what comes
//! back is an [`Answer`] or a [`Refusal`]. Nothing here does I/O, and nothing here knows the wire.

mod answer;
mod ask;
mod body;
mod call;
mod caller;
mod clock;
mod name;
mod offer;
mod own;
mod place;
mod provider;
mod quote;
mod raw;
mod refusal;
mod revision;
mod secret;
mod tier;

pub use answer::{Answer, ProtocolError};
pub use ask::{Ask, AskEnd, AskFault, Asked, Question, Witness};
pub use body::{Body, Gather};
pub use call::{
    Arguments, Call, CallId, Cancel, Client, Door, Held, LogLevel, Naming, Notify, Operation,
    Resumed, Target,
};
pub use caller::{Caller, CallerId, Fingerprint, Proof, RoleName, Tenant};
pub use clock::{Clock, ManualClock, Monotonic, SystemClock, Wall};
pub use name::{NameError, PackName, ServerName, ToolName};
pub use offer::{
    Annotations, Freshness, Given, Offer, Prompt, PromptArgument, PromptText, Resource,
    ResourceText, Shown, Template, TemplateText, Tool, ToolText,
};
pub use own::OwnResult;
pub use place::{ClientRoots, Located, OnChange, Watch};
pub use provider::{BoxFuture, Provider};
pub use quote::put_quoted;
pub use raw::RawJson;
pub use refusal::{Refusal, RefusalCode};
pub use revision::{Era, Revision};
pub use secret::Secret;
pub use tier::{Raise, Tier};
