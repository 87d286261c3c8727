//! How a call ended.

use std::borrow::Cow;

use durward_core::{RawJson, Refusal, RefusalCode};
use ring::digest::{Context, SHA256, digest};

/// How a call ended that was let through. Its duration counts from [`crate::Journal::enter`].
#[derive(Debug, Clone)]
pub struct Outcome {
    /// In one word.
    pub status: Status,
    /// The stable word of a refusal, or the number of a JSON-RPC error.
    pub code: Option<Cow<'static, str>>,
    /// The finer word.
    pub detail: Option<&'static str>,
    /// The rule that decided, if one did.
    pub rule: Option<Box<str>>,
    /// The sentence that the client got.
    pub reason: Option<Cow<'static, str>>,
    /// What it gave back.
    pub result: Option<ResultFacts>,
    /// How the program was held that worked for it, if one did.
    pub held: Option<Held>,
}

/// How a program was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The room that the configuration gives it: `box`, `home` or `host`; `off` where walls are off for all.
    pub room: Option<&'static str>,
    /// The level: `full`, `light` or `none`.
    pub level: &'static str,
}

impl Outcome {
    /// It did what was asked.
    pub fn ok(result: ResultFacts) -> Self {
        Self {
            result: Some(result),
            ..Self::of(Status::Ok)
        }
    }

    /// It ran and failed: a result with `isError`, or a JSON-RPC error with its number.
    pub fn error(code: Option<i64>, result: Option<ResultFacts>) -> Self {
        let code = code.map(|number| number.to_string().into());
        Self {
            code,
            result,
            ..Self::of(Status::Error)
        }
    }

    /// It was stopped by its provider or on the way out.
    pub fn refused(refusal: &Refusal) -> Self {
        let status = match refusal.code {
            RefusalCode::Timeout => Status::Timeout,
            RefusalCode::Cancelled => Status::Cancelled,
            _ => Status::Refused,
        };
        Self {
            code: Some(refusal.code.as_str().into()),
            detail: refusal.detail,
            rule: refusal.rule.clone(),
            reason: Some(refusal.reason.clone()),
            ..Self::of(status)
        }
    }

    /// Nothing but a status.
    pub fn of(status: Status) -> Self {
        Self {
            status,
            code: None,
            detail: None,
            rule: None,
            reason: None,
            result: None,
            held: None,
        }
    }
}

/// How a call ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// It ran and failed.
    Error,
    /// The client stopped it or left.
    Cancelled,
    /// durward's own fault.
    Panicked,
    /// It took too long.
    Timeout,
    /// A stage or the provider refused.
    Refused,
}

impl Status {
    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
        }
    }
}

/// What is known of a result.
#[derive(Debug, Clone)]
pub struct ResultFacts {
    /// Its length.
    pub bytes: u64,
    /// Of what it says: a built-in tool's `structuredContent`, the whole of any other result.
    pub sha256: Option<[u8; 32]>,
    /// The result as the gate redacted it, where the configuration keeps results.
    pub body: Option<RawJson>,
}

impl ResultFacts {
    /// Its size only.
    pub fn size(bytes: usize) -> Self {
        Self {
            bytes: bytes as u64,
            sha256: None,
            body: None,
        }
    }

    /// Its size, and the digest of what it says, which may come in pieces.
    pub fn digest(bytes: usize, told: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for piece in told {
            context.update(piece);
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(context.finish().as_ref());
        Self {
            sha256: Some(sha256),
            ..Self::size(bytes)
        }
    }
}

/// SHA-256 (FIPS 180-4).
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
