//! What the keys of one item's walls say together.

use super::{ItemSandbox, NetworkWord, Room};
use crate::config::{fault::Fault, node::Node, semantic::place_of};

/// Adds what is wrong with the walls of an item: keys that would say nothing. `path` leads to them, and
/// `usual` is the item's room where nothing is said.
pub(in crate::config) fn check(
    said: Option<&ItemSandbox>,
    usual: Room,
    path: &[&str],
    root: &Node,
    faults: &mut Vec<Fault>,
) {
    let Some(ItemSandbox::Own(own)) = said else {
        return;
    };
    let room = own.room.unwrap_or(usual);
    let mut note = |key: &str, sentence: &str, hint: &str| {
        let path: Vec<_> = path.iter().copied().chain([key]).collect();
        faults.push(Fault::new(sentence).place(place_of(root, &path)).hint(hint));
    };
    if room == Room::Host {
        let said = [
            ("read", !own.read.is_empty()),
            ("write", !own.write.is_empty()),
            (
                "network",
                own.network.is_some_and(|it| it != NetworkWord::Host),
            ),
            ("egress", own.egress.is_some()),
        ];
        for (key, _) in said.iter().filter(|(_, said)| *said) {
            let sentence = format!("a `host` has no walls, so `{key}` would say nothing");
            note(key, &sentence, "take it out, or choose another `room`");
        }
        return;
    }
    if own.egress.is_some() && own.network.is_some_and(|it| it != NetworkWord::Egress) {
        note(
            "egress",
            "`egress` says what `network: egress` reaches, and this network is another one",
            "write `network: egress`, or take it out",
        );
    }
}
