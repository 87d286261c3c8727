//! Judgements: policy, limits, breakers, names, arguments of programs, command templates, path rules, ways
//! out, OAuth, schemas, redaction; pure.
//!
//! Nothing here does I/O or asks the time, and but for a [`breaker`] nothing keeps state: what is
//! judged comes in, the verdict goes out. Whatever can be wrong in the configuration is a
//! [`GuardError`] when a judge is built, never a surprise when it judges.

pub mod argv;
pub mod backoff;
pub mod breaker;
pub mod egress;
mod error;
pub mod glob;
pub mod limit;
pub mod names;
pub mod oauth;
pub mod path;
pub mod policy;
pub mod redact;
pub mod schema;
pub mod selector;
pub mod template;
pub mod uri;

pub use error::GuardError;
