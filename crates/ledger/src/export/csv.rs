//! RFC 4180.

use std::{borrow::Cow, io, io::Write};

use crate::Entry;

const NAMES: &str = "time,kind,chain,seq,call,caller,name,roles,tenant,key,uid,door,session,revision,client,\
remote,method,target_kind,target,provider,tier,args,rule,decision,status,code,detail,reason,us,bytes,sha256,\
event,room,level";

/// Writes a line of names and a line for each entry.
pub(super) fn write(entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{NAMES}\r\n")?;
    for entry in entries {
        let row = row(entry).map(|field| quoted(&field)).join(",");
        write!(out, "{row}\r\n")?;
    }
    Ok(())
}

fn row(entry: &Entry) -> [Cow<'_, str>; 34] {
    let text = |field: &'_ Option<String>| Cow::Owned(field.clone().unwrap_or_default());
    let number = |field: Option<u64>| Cow::Owned(field.map(|n| n.to_string()).unwrap_or_default());
    [
        entry.time.as_str().into(),
        entry.kind.as_str().into(),
        entry.chain.as_str().into(),
        entry.seq.to_string().into(),
        text(&entry.call),
        text(&entry.caller),
        text(&entry.name),
        text(&entry.roles),
        text(&entry.tenant),
        text(&entry.key),
        number(entry.uid),
        text(&entry.door),
        text(&entry.session),
        text(&entry.revision),
        text(&entry.client),
        text(&entry.remote),
        text(&entry.method),
        text(&entry.target_kind),
        text(&entry.target),
        text(&entry.provider),
        text(&entry.tier),
        text(&entry.args),
        text(&entry.rule),
        text(&entry.decision),
        text(&entry.status),
        text(&entry.code),
        text(&entry.detail),
        text(&entry.reason),
        number(entry.us),
        number(entry.bytes),
        text(&entry.sha256),
        text(&entry.event),
        text(&entry.room),
        text(&entry.level),
    ]
}

/// A field that a spreadsheet would take for a formula is led by an apostrophe.
fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if formula {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_kept_apart() {
        for (field, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(quoted(field), written);
        }
    }

    #[test]
    fn every_name_has_a_field() {
        assert_eq!(NAMES.split(',').count(), 34);
    }
}
