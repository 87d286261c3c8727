//! A name server that lies, each name by what it begins with, at a time to live of 0.

use std::{
    net::{Ipv4Addr, Ipv6Addr, UdpSocket},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::network::{PUBLIC, PUBLIC_V6};

const PRIVATE: [Ipv4Addr; 4] = [
    Ipv4Addr::LOCALHOST,
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(192, 168, 1, 1),
];

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

/// Answers for ever.
pub(crate) fn serve(socket: &UdpSocket, asked: &AtomicUsize) {
    let mut buffer = [0; 1500];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            return;
        };
        let number = asked.fetch_add(1, Ordering::SeqCst);
        if let Some(reply) = reply(&buffer[..length], number) {
            let _ = socket.send_to(&reply, from);
        }
    }
}

/// One answer: a type and its data.
type Record = (u16, Vec<u8>);

fn reply(query: &[u8], number: usize) -> Option<Vec<u8>> {
    let (name, end) = read_name(query)?;
    let kind = u16::from_be_bytes(query.get(end..end + 2)?.try_into().ok()?);
    let (code, records) = records(&name, kind, number)?;
    let mut reply = query[..2].to_vec();
    reply.extend([0x81, 0x80 | code, 0, 1]);
    reply.extend(u16::try_from(records.len()).ok()?.to_be_bytes());
    reply.extend([0, 0, 0, 0]);
    reply.extend(&query[12..end + 4]);
    // Each record is of the name that the one before led to, the first of the question's.
    let mut owner = vec![0xc0, 12];
    for (kind, data) in records {
        reply.extend(&owner);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 0]);
        reply.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        reply.extend(&data);
        if kind == CNAME {
            owner = data;
        }
    }
    Some(reply)
}

/// What is answered to this name and kind: a code and records, or nothing at all.
fn records(name: &str, kind: u16, number: usize) -> Option<(u8, Vec<Record>)> {
    let v4 = |address: Ipv4Addr| (A, address.octets().to_vec());
    let v6 = |address: Ipv6Addr| (AAAA, address.octets().to_vec());
    let private = PRIVATE[number / 2 % PRIVATE.len()];
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    if let Some(length) = first.strip_prefix("chain") {
        let (code, last) = records(rest, kind, number)?;
        let links =
            (0..length.parse().ok()?).map(|n: u32| (CNAME, write_name(&format!("c{n}.{rest}"))));
        return Some((code, links.chain(last).collect()));
    }
    let answers = match (first, kind) {
        ("none", _) => return Some((3, Vec::new())),
        ("broken", _) => return Some((2, Vec::new())),
        ("stall", _) => return None,
        ("good", A) => vec![v4(PUBLIC)],
        ("six", AAAA) => vec![v6(PUBLIC_V6)],
        ("many", A) => (0..20).map(|n| v4(Ipv4Addr::new(9, 9, 9, n))).collect(),
        ("private", A) => vec![v4(private)],
        ("metadata", A) => vec![v4(Ipv4Addr::new(169, 254, 169, 254))],
        ("own", A) => vec![v4(Ipv4Addr::new(9, 9, 7, 1))],
        ("neighbour", A) => vec![v4(Ipv4Addr::new(9, 9, 7, 77))],
        ("mixed", A) => vec![v4(PUBLIC), v4(private)],
        ("families", A) => vec![v4(PUBLIC)],
        ("families", AAAA) => vec![v6(Ipv6Addr::LOCALHOST)],
        ("mapped", AAAA) => vec![v6(private.to_ipv6_mapped())],
        ("nat64", AAAA) => vec![v6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0xa9fe, 0xa9fe))],
        // glibc asks for both kinds at once: every other pair of questions is answered otherwise.
        ("flip" | "again", A) if (number / 2).is_multiple_of(2) => vec![v4(PUBLIC)],
        ("flip" | "again", A) => vec![v4(private)],
        // Where a redirect from `again` leads: the same name, one label longer.
        (first, A) if first.starts_with("again") => vec![v4(private)],
        _ => Vec::new(),
    };
    Some((0, answers))
}

fn read_name(query: &[u8]) -> Option<(String, usize)> {
    let (mut name, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        if length == 0 {
            return Some((name.join("."), at + 1));
        }
        let label = query.get(at + 1..at + 1 + length)?;
        name.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += 1 + length;
    }
}

fn write_name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).expect("a short label"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
