//! Questions to the index, and what it answers: one entry a call or event.

use durward_core::Wall;
use rusqlite::{Connection, Row, ToSql, types::ToSqlOutput};
use serde::Serialize;

/// Which entries are wanted; what is not set does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Begun at that time or later.
    pub since: Option<Wall>,
    /// Begun before that time.
    pub until: Option<Wall>,
    /// The caller's id or name.
    pub caller: Option<String>,
    /// The tool, resource or prompt; `*` stands for any text.
    pub target: Option<String>,
    /// `allow` or `deny`.
    pub decision: Option<String>,
    /// `ok`, `error`, `cancelled`, `panicked`, `timeout`, `refused`, or `open` for calls without an end.
    pub status: Option<String>,
    /// The stable word of a refusal, or an event's name.
    pub code: Option<String>,
    /// The session's id.
    pub session: Option<String>,
    /// The call's id.
    pub call: Option<String>,
    /// Text in target, arguments or reason, whatever its case.
    pub text: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
    /// Which come first.
    pub order: Order,
}

/// Which entries come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest.
    #[default]
    NewestFirst,
    /// The oldest.
    OldestFirst,
}

/// A call with its outcome, or an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the records")]
pub struct Entry {
    /// RFC 3339, UTC.
    pub time: String,
    /// Microseconds since 1970.
    pub t: u64,
    /// `call` or `event`.
    pub kind: String,
    pub chain: String,
    pub seq: u64,
    pub call: Option<String>,
    pub caller: Option<String>,
    pub name: Option<String>,
    /// Parted by spaces.
    pub roles: Option<String>,
    pub tenant: Option<String>,
    /// The key's fingerprint.
    pub key: Option<String>,
    pub uid: Option<u64>,
    pub door: Option<String>,
    pub session: Option<String>,
    pub revision: Option<String>,
    pub client: Option<String>,
    pub remote: Option<String>,
    pub method: Option<String>,
    pub target_kind: Option<String>,
    pub target: Option<String>,
    pub provider: Option<String>,
    pub tier: Option<String>,
    /// JSON.
    pub args: Option<String>,
    /// The rule that let it pass, or that stopped it.
    pub rule: Option<String>,
    pub decision: Option<String>,
    /// `open` for a call without an end: it still runs, or died with durward.
    pub status: Option<String>,
    pub code: Option<String>,
    pub detail: Option<String>,
    pub reason: Option<String>,
    /// How long it took, in microseconds.
    pub us: Option<u64>,
    /// Size of the result.
    pub bytes: Option<u64>,
    pub sha256: Option<String>,
    pub event: Option<String>,
    /// What the program ran in that worked for the call: `box`, `home`, `host` or `off`.
    pub room: Option<String>,
    /// How it was held: `full`, `light` or `none`.
    pub level: Option<String>,
}

const COLUMNS: &str = "t, kind, chain, seq, call, caller, name, roles, tenant, key, uid, door, session, \
    revision, client, remote, method, target_kind, target, provider, tier, args, rule, decision, \
    coalesce(status, CASE kind WHEN 'call' THEN 'open' END) AS status, code, detail, reason, us, bytes, \
    sha256, event, room, level, ended";

/// What fits the filter.
pub(crate) fn select(sql: &Connection, filter: &Filter) -> rusqlite::Result<Vec<Entry>> {
    let order = match filter.order {
        Order::NewestFirst => "DESC",
        Order::OldestFirst => "ASC",
    };
    let text = format!(
        "SELECT {COLUMNS} FROM entry WHERE (:since IS NULL OR t >= :since) AND (:until IS NULL OR t < :until)
            AND (:caller IS NULL OR caller = :caller OR name = :caller)
            AND (:target IS NULL OR target GLOB :target)
            AND (:decision IS NULL OR decision = :decision)
            AND (:status IS NULL OR coalesce(entry.status, CASE kind WHEN 'call' THEN 'open' END) = :status)
            AND (:code IS NULL OR code = :code OR event = :code)
            AND (:session IS NULL OR session = :session) AND (:call IS NULL OR call = :call)
            AND (:text IS NULL OR instr(lower(coalesce(target, '') || char(10) || coalesce(args, '')
                || char(10) || coalesce(reason, '')), lower(:text)) > 0)
         ORDER BY t {order}, id {order} LIMIT :limit"
    );
    let target = filter.target.as_deref().map(glob);
    let limit = filter.limit.map_or(-1, i64::from);
    let (since, until) = (filter.since.map(time), filter.until.map(time));
    sql.prepare_cached(&text)?
        .query_map(
            &[
                (":since", &since as &dyn ToSql),
                (":until", &until),
                (":caller", &filter.caller),
                (":target", &target),
                (":decision", &filter.decision),
                (":status", &filter.status),
                (":code", &filter.code),
                (":session", &filter.session),
                (":call", &filter.call),
                (":text", &filter.text),
                (":limit", &ToSqlOutput::from(limit)),
            ],
            entry,
        )?
        .collect()
}

/// What ended after that place, in the order of its ending.
pub(crate) fn ended_after(sql: &Connection, ended: i64) -> rusqlite::Result<Vec<(i64, Entry)>> {
    sql.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM entry WHERE ended > ?1 ORDER BY ended"
    ))?
    .query_map([ended], |row| Ok((row.get("ended")?, entry(row)?)))?
    .collect()
}

/// The place that `n` entries have ended after.
pub(crate) fn ended_before_last(sql: &Connection, n: u32) -> rusqlite::Result<i64> {
    sql.query_row(
        "SELECT coalesce(min(ended), 1) - 1 FROM
            (SELECT ended FROM entry WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT ?1)",
        [n],
        |row| row.get(0),
    )
}

fn time(wall: Wall) -> i64 {
    i64::try_from(wall.0).unwrap_or(i64::MAX)
}

/// Only `*` has a meaning of its own.
fn glob(pattern: &str) -> String {
    pattern.replace('[', "[[]").replace('?', "[?]")
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let text = |name: &str| row.get::<_, Option<String>>(name);
    let number = |name: &str| {
        row.get::<_, Option<i64>>(name)
            .map(|number| number.map(|number| number as u64))
    };
    let t = number("t")?.unwrap_or_default();
    Ok(Entry {
        time: Wall(t).to_rfc3339(),
        t,
        kind: row.get("kind")?,
        chain: row.get("chain")?,
        seq: number("seq")?.unwrap_or_default(),
        call: text("call")?,
        caller: text("caller")?,
        name: text("name")?,
        roles: text("roles")?,
        tenant: text("tenant")?,
        key: text("key")?,
        uid: number("uid")?,
        door: text("door")?,
        session: text("session")?,
        revision: text("revision")?,
        client: text("client")?,
        remote: text("remote")?,
        method: text("method")?,
        target_kind: text("target_kind")?,
        target: text("target")?,
        provider: text("provider")?,
        tier: text("tier")?,
        args: text("args")?,
        rule: text("rule")?,
        decision: text("decision")?,
        status: text("status")?,
        code: text("code")?,
        detail: text("detail")?,
        reason: text("reason")?,
        us: number("us")?,
        bytes: number("bytes")?,
        sha256: text("sha256")?,
        event: text("event")?,
        room: text("room")?,
        level: text("level")?,
    })
}
