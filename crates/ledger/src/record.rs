//! The fields of every kind of record. The names are part of the format: people read them.

use std::time::Duration;

use durward_core::{Proof, Refusal, Wall};

use crate::{
    ContentPolicy, Event, Facts, Keep, KeyPlace, Outcome, PublicKey, Status, chain::Hash,
    encode::Object, key::Checkpoint, outcome::sha256, pending::End,
};

/// Names, URIs and reasons are cut there.
const MOST_TEXT: usize = 2048;
/// A longer content is kept as its digest.
const MOST_CONTENT: usize = 64 << 10;

/// Opens a record.
pub(crate) fn begin<'a>(
    out: &'a mut Vec<u8>,
    seq: u64,
    at: Wall,
    kind: &'static str,
) -> Object<'a> {
    let mut record = Object::begin(out, "seq", seq);
    record.number("t", at.0);
    record.text("kind", kind);
    record
}

/// What is known of a call before it runs.
pub(crate) fn facts(record: &mut Object<'_>, facts: &Facts, content: ContentPolicy) {
    let caller = &facts.caller;
    record.uuid("call", facts.call.0);
    record.text("caller", caller.id.as_str());
    record.clipped("name", &caller.name, MOST_TEXT);
    record.texts("roles", caller.roles.iter().map(|role| role.as_str()));
    record.some_text("tenant", caller.tenant.as_ref().map(|tenant| &*tenant.0));
    proof(record, &caller.proof);
    record.text("door", door(facts.door));
    if let Some(session) = facts.session {
        record.uuid("session", session);
    }
    record.text("revision", facts.revision.as_str());
    if let Some(client) = &facts.client {
        record.clipped("client", client, MOST_TEXT);
    }
    record.clipped("method", &facts.method, MOST_TEXT);
    record.some_text("on", facts.subject.kind());
    if let Some(name) = facts.subject.name() {
        record.clipped("target", name, MOST_TEXT);
    }
    record.some_text(
        "provider",
        facts.provider.as_ref().map(|provider| provider.as_str()),
    );
    record.text("tier", facts.tier.as_str());
    if let Some(arguments) = &facts.arguments {
        kept(
            record,
            ["args", "args_bytes", "args_sha256"],
            content.arguments,
            arguments.as_str(),
        );
    }
    record.some_text("rule", facts.rule.as_deref());
}

/// How a call ended that was let through.
pub(crate) fn outcome(
    record: &mut Object<'_>,
    call: uuid::Uuid,
    intent: Option<u64>,
    outcome: &Outcome,
    took: Duration,
    content: ContentPolicy,
) {
    record.uuid("call", call);
    if let Some(intent) = intent {
        record.number("intent", intent);
    }
    record.text("decision", "allow");
    record.text("status", outcome.status.as_str());
    record.some_text("code", outcome.code.as_deref());
    record.some_text("detail", outcome.detail);
    record.some_text("rule", outcome.rule.as_deref());
    if let Some(reason) = &outcome.reason {
        record.clipped("reason", reason, MOST_TEXT);
    }
    if let Some(held) = outcome.held {
        record.some_text("room", held.room);
        record.text("level", held.level);
    }
    micros(record, took);
    let Some(result) = &outcome.result else {
        return;
    };
    record.number("bytes", result.bytes);
    match (content.results, &result.body) {
        (Keep::Redacted, Some(body)) => {
            kept(
                record,
                ["result", "result_bytes", "result_sha256"],
                Keep::Redacted,
                body.as_str(),
            );
        }
        (Keep::Redacted | Keep::Digest, _) => {
            if let Some(digest) = &result.sha256 {
                record.hex("sha256", digest);
            }
        }
        (Keep::Nothing, _) => {}
    }
}

/// How a call ended that was not let through; its facts stand before.
pub(crate) fn refusal(record: &mut Object<'_>, refusal: &Refusal, took: Duration) {
    record.text("decision", "deny");
    record.text("status", Outcome::refused(refusal).status.as_str());
    record.text("code", refusal.code.as_str());
    record.some_text("detail", refusal.detail);
    record.some_text("denied_by", refusal.rule.as_deref());
    record.clipped("reason", &refusal.reason, MOST_TEXT);
    record.some_text("path", refusal.path.as_deref());
    record.some_text("reference", refusal.reference.as_deref());
    micros(record, took);
}

/// How a call ended that vanished before it was let through or refused.
pub(crate) fn vanished(record: &mut Object<'_>, status: Status, took: Duration) {
    record.text("decision", "deny");
    record.text("status", status.as_str());
    micros(record, took);
}

/// Something beside calls.
pub(crate) fn event(record: &mut Object<'_>, event: &Event) {
    record.text("event", event.name.as_str());
    record.some_text(
        "caller",
        event.caller.as_ref().map(|caller| caller.as_str()),
    );
    record.some_text("key", event.key.as_ref().map(|key| key.as_str()));
    if let Some(remote) = event.remote {
        record.text("remote", &remote.to_string());
    }
    record.some_text("door", event.door.map(door));
    if let Some(call) = event.call {
        record.uuid("call", call.0);
    }
    if let Some(method) = &event.method {
        record.clipped("method", method, MOST_TEXT);
    }
    record.some_text(
        "provider",
        event.provider.as_ref().map(|provider| provider.as_str()),
    );
    for (key, value) in [
        ("target", &event.subject),
        ("code", &event.code),
        ("why", &event.why),
    ] {
        if let Some(value) = value {
            record.clipped(key, value, MOST_TEXT);
        }
    }
}

/// Which chain this is and who writes it: the first record of a segment, and of every process.
pub(crate) struct Origin {
    pub(crate) chain: uuid::Uuid,
    pub(crate) boot: uuid::Uuid,
    pub(crate) key: PublicKey,
    pub(crate) place: KeyPlace,
}

impl Origin {
    /// The fields of `genesis`, `opened` and `segment`.
    pub(crate) fn write(&self, record: &mut Object<'_>, segment: u32, before: &Hash) {
        record.uuid("chain", self.chain);
        record.number("segment", u64::from(segment));
        record.hex("before", before);
        record.uuid("boot", self.boot);
        record.number("pid", u64::from(std::process::id()));
        record.text("version", env!("CARGO_PKG_VERSION"));
        record.hex("key", &self.key.0);
        record.text("key_place", self.place.as_str());
    }

    /// What a checkpoint at this place vouches for.
    pub(crate) fn checkpoint(&self, end: &End, at: Wall, monotonic: u64) -> Checkpoint {
        Checkpoint {
            chain: self.chain,
            seq: end.link.seq,
            segment: end.segment,
            offset: end.length,
            hash: end.link.hash,
            wall: at.0,
            monotonic,
            boot: self.boot,
        }
    }
}

/// The fields of a checkpoint.
pub(crate) fn checkpoint(record: &mut Object<'_>, checkpoint: &Checkpoint, signature: &[u8; 64]) {
    record.uuid("chain", checkpoint.chain);
    record.number("segment", u64::from(checkpoint.segment));
    record.number("offset", checkpoint.offset);
    record.hex("hash", &checkpoint.hash);
    record.number("monotonic", checkpoint.monotonic);
    record.uuid("boot", checkpoint.boot);
    record.hex("signature", signature);
}

fn proof(record: &mut Object<'_>, proof: &Proof) {
    match proof {
        Proof::Key(fingerprint) => record.text("key", fingerprint.as_str()),
        Proof::OsUser { uid } => record.number("uid", u64::from(*uid)),
    }
}

fn door(door: durward_core::Door) -> &'static str {
    use durward_core::Door;
    match door {
        Door::Stdio => "stdio",
        Door::Ssh => "ssh",
        Door::Http => "http",
        Door::Socket => "socket",
        Door::Cli => "cli",
    }
}

fn micros(record: &mut Object<'_>, took: Duration) {
    record.number("us", u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
}

fn kept(
    record: &mut Object<'_>,
    [text, bytes, digest]: [&'static str; 3],
    keep: Keep,
    content: &str,
) {
    if keep == Keep::Redacted && content.len() <= MOST_CONTENT {
        record.raw(text, content);
        return;
    }
    record.number(bytes, content.len() as u64);
    if keep != Keep::Nothing {
        record.hex(digest, &sha256(content.as_bytes()));
    }
}
