//! Takes the journal's records into the tables.

use std::{fs, path::Path};

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use crate::{
    LedgerError, folder,
    frame::{Found, Frames, HEADER},
    line::{Line, OriginLine},
};

/// What a refresh did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// It took in what was new.
    On,
    /// The journal is not the one that was read before: all must be read anew.
    Anew,
}

/// How far a chain was read.
struct Progress {
    segment: u32,
    offset: u64,
}

/// Takes in what is new, in one transaction.
pub(super) fn refresh(
    connection: &mut Connection,
    index: &Path,
    journal: &Path,
) -> Result<Filled, LedgerError> {
    let wrong = |source| LedgerError::Index {
        path: index.to_owned(),
        source,
    };
    let chains = folder::chains(journal)?;
    let transaction = connection.transaction().map_err(wrong)?;
    let mut fill = Fill {
        transaction: &transaction,
        index,
    };
    for (name, dir) in chains {
        if fill.chain(&name, &dir)? == Filled::Anew {
            return Ok(Filled::Anew);
        }
    }
    transaction.commit().map_err(wrong)?;
    Ok(Filled::On)
}

struct Fill<'a> {
    transaction: &'a Transaction<'a>,
    index: &'a Path,
}

impl Fill<'_> {
    fn chain(&mut self, name: &str, dir: &Path) -> Result<Filled, LedgerError> {
        let numbers = folder::segments(dir)?;
        let Some(&first) = numbers.first() else {
            return Ok(Filled::On);
        };
        let Some(id) = chain_id(dir, first)? else {
            return Ok(Filled::On);
        };
        let mut progress = match self.sql(|sql| progress(sql, name, &id))? {
            Known::Not => Progress {
                segment: first,
                offset: 0,
            },
            Known::At(progress) => progress,
            Known::Other => return Ok(Filled::Anew),
        };
        if numbers.contains(&progress.segment) && shorter(dir, &progress)? {
            return Ok(Filled::Anew);
        }
        self.sql(|sql| forget_before(sql, name, first))?;
        let read = progress.segment;
        for &number in numbers.iter().filter(|number| **number >= read) {
            let from = if number == progress.segment {
                progress.offset
            } else {
                0
            };
            let offset = self.segment(name, dir, number, from)?;
            progress = Progress {
                segment: number,
                offset,
            };
        }
        self.sql(|sql| remember(sql, name, &id, &progress))?;
        Ok(Filled::On)
    }

    /// Takes in a segment and says how far it got. What is damaged is passed over: `verify` tells of it.
    fn segment(
        &mut self,
        chain: &str,
        dir: &Path,
        number: u32,
        from: u64,
    ) -> Result<u64, LedgerError> {
        let path = folder::segment(dir, number);
        let mut frames = Frames::open(&path, from)?;
        let mut offset = from;
        while let Some(found) = frames.next().map_err(LedgerError::io("read", &path))? {
            let Found::Record { offset: at, record } = found else {
                continue;
            };
            if let Ok(line) = serde_json::from_slice::<Line<'_>>(record) {
                self.sql(|sql| take(sql, chain, number, &line))?;
            }
            offset = at + (HEADER + record.len()) as u64;
        }
        Ok(offset)
    }

    fn sql<T>(
        &self,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let wrong = |source| LedgerError::Index {
            path: self.index.to_owned(),
            source,
        };
        run(self.transaction).map_err(wrong)
    }
}

enum Known {
    /// Never read.
    Not,
    /// Read so far.
    At(Progress),
    /// Another chain had this name.
    Other,
}

fn progress(sql: &Connection, name: &str, id: &str) -> rusqlite::Result<Known> {
    let mut found = sql.prepare_cached("SELECT id, segment, offset FROM chain WHERE chain = ?1")?;
    let row = found.query_row([name], |row| {
        let progress = Progress {
            segment: row.get(1)?,
            offset: row.get::<_, i64>(2)? as u64,
        };
        Ok((row.get::<_, String>(0)?, progress))
    });
    Ok(match row.optional()? {
        None => Known::Not,
        Some((known, progress)) if known == id => Known::At(progress),
        Some(_) => Known::Other,
    })
}

fn remember(sql: &Connection, name: &str, id: &str, progress: &Progress) -> rusqlite::Result<()> {
    sql.prepare_cached(
        "INSERT OR REPLACE INTO chain (chain, id, segment, offset) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((name, id, progress.segment, progress.offset as i64))
    .map(drop)
}

/// Retention has dropped these segments.
fn forget_before(sql: &Connection, name: &str, segment: u32) -> rusqlite::Result<()> {
    sql.prepare_cached("DELETE FROM entry WHERE chain = ?1 AND segment < ?2")?
        .execute((name, segment))
        .map(drop)
}

fn take(sql: &Connection, chain: &str, segment: u32, line: &Line<'_>) -> rusqlite::Result<()> {
    match line.kind {
        "intent" => insert(sql, chain, segment, "call", false, line),
        "refusal" => insert(sql, chain, segment, "call", true, line),
        "event" => insert(sql, chain, segment, "event", true, line),
        "outcome" => complete(sql, chain, line),
        _ => Ok(()),
    }
}

const NEXT_END: &str = "(SELECT coalesce(max(ended), 0) + 1 FROM entry)";

fn insert(
    sql: &Connection,
    chain: &str,
    segment: u32,
    kind: &str,
    ended: bool,
    line: &Line<'_>,
) -> rusqlite::Result<()> {
    let end = if ended { NEXT_END } else { "NULL" };
    let text = format!(
        "INSERT OR IGNORE INTO entry (chain, seq, segment, ended, kind, t, call, caller, name, roles, tenant,
            key, uid, door, session, revision, client, remote, method, target_kind, target, provider, tier,
            args, rule, decision, status, code, detail, reason, us, event)
         VALUES (:chain, :seq, :segment, {end}, :kind, :t, :call, :caller, :name, :roles, :tenant,
            :key, :uid, :door, :session, :revision, :client, :remote, :method, :on, :target, :provider, :tier,
            :args, :rule, :decision, :status, :code, :detail, :reason, :us, :event)"
    );
    sql.prepare_cached(&text)?
        .execute(named_params! {
            ":chain": chain, ":seq": line.seq as i64, ":segment": segment, ":kind": kind, ":t": line.t as i64,
            ":call": line.call, ":caller": line.caller, ":name": line.name,
            ":roles": line.roles.as_ref().map(|roles| roles.join(" ")), ":tenant": line.tenant,
            ":key": line.key, ":uid": line.uid.map(|uid| uid as i64), ":door": line.door,
            ":session": line.session, ":revision": line.revision, ":client": line.client,
            ":remote": line.remote, ":method": line.method, ":on": line.on, ":target": line.target,
            ":provider": line.provider, ":tier": line.tier, ":args": line.args.map(|args| args.get()),
            ":rule": line.denied_by.as_ref().or(line.rule.as_ref()), ":decision": line.decision,
            ":status": line.status, ":code": line.code, ":detail": line.detail,
            ":reason": line.reason.as_ref().or(line.why.as_ref()),
            ":us": line.us.map(|us| us as i64), ":event": line.event,
        })
        .map(drop)
}

fn complete(sql: &Connection, chain: &str, line: &Line<'_>) -> rusqlite::Result<()> {
    let text = format!(
        "UPDATE entry SET ended = {NEXT_END}, decision = :decision, status = :status, code = :code,
            detail = :detail, reason = :reason, rule = coalesce(:rule, rule), us = :us, bytes = :bytes,
            sha256 = :sha256, room = :room, level = :level
         WHERE chain = :chain AND seq = :intent AND ended IS NULL"
    );
    sql.prepare_cached(&text)?
        .execute(named_params! {
            ":chain": chain, ":intent": line.intent.map(|seq| seq as i64), ":decision": line.decision,
            ":status": line.status, ":code": line.code, ":detail": line.detail, ":reason": line.reason,
            ":rule": line.rule, ":us": line.us.map(|us| us as i64),
            ":bytes": line.bytes.map(|bytes| bytes as i64), ":sha256": line.sha256,
            ":room": line.room, ":level": line.level,
        })
        .map(drop)
}

fn chain_id(dir: &Path, first: u32) -> Result<Option<String>, LedgerError> {
    let path = folder::segment(dir, first);
    let mut frames = Frames::open(&path, 0)?;
    let found = frames.next().map_err(LedgerError::io("read", &path))?;
    let Some(Found::Record { record, .. }) = found else {
        return Ok(None);
    };
    Ok(serde_json::from_slice::<OriginLine>(record)
        .ok()
        .map(|origin| origin.chain.to_string()))
}

fn shorter(dir: &Path, progress: &Progress) -> Result<bool, LedgerError> {
    let path = folder::segment(dir, progress.segment);
    let length = fs::metadata(&path)
        .map_err(LedgerError::io("read", path))?
        .len();
    Ok(length < progress.offset)
}
