//! What can be wrong with the settings of a judge.

use durward_core::RoleName;
use thiserror::Error;

/// A setting that no judge can be built from. The text is for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardError {
    /// A selector that means nothing.
    #[error(
        "`{selector}` is not a selector: {why}. Allowed are `tool:NAME`, `tier:read|operate|danger`, \
         `server:NAME`, `resource:URI`, `prompt:NAME` (in names and URIs `*` is any text, `?` one \
         character) and `*` for everything"
    )]
    Selector {
        /// As it was written.
        selector: String,
        /// What is wrong with it.
        why: String,
    },
    /// A glob that can't be used.
    #[error("`{glob}` is not a pattern: {why}")]
    Glob {
        /// As it was written.
        glob: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something wrong inside a role.
    #[error("role `{role}`, `{list}`: {cause}")]
    InRole {
        /// The role.
        role: RoleName,
        /// `allow`, `deny` or `confirm`.
        list: &'static str,
        /// What is wrong.
        cause: Box<GuardError>,
    },
    /// A role inherits one that there is not.
    #[error("role `{role}` inherits `{inherited}`, and there is no such role")]
    UnknownRole {
        /// The role that inherits.
        role: RoleName,
        /// The one that is missing.
        inherited: RoleName,
    },
    /// Roles inherit each other in a circle.
    #[error("role `{role}` inherits itself: {circle}")]
    Circle {
        /// Where the circle was found.
        role: RoleName,
        /// The way round, as `a → b → a`.
        circle: String,
    },
    /// A rate that can't be used.
    #[error(
        "`{rate}` is not a rate: {why}. Write a whole number of at least 1 and a time, as in \
         `600/min`, `20/s`, `1000/h` or `5/day`"
    )]
    Rate {
        /// As it was written.
        rate: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A JSON Schema that can't be compiled.
    #[error("the schema can't be used: {why}")]
    Schema {
        /// What is wrong with it.
        why: String,
    },
    /// A rule about what may be reached that can't be used.
    #[error("egress: `{entry}` in `{list}` can't be used: {why}")]
    Egress {
        /// `hosts`, `networks`, `dns.allow`, or `url` for one that stands elsewhere.
        list: &'static str,
        /// As it was written.
        entry: String,
        /// What is wrong with it.
        why: &'static str,
    },
}
