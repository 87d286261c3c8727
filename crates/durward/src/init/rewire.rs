//! How a client's file is to look once durward has its servers.

use std::collections::BTreeSet;

use super::{
    client::{Beside, Scope, Spelling},
    disk,
    edit::{Fate, New},
    gate::Gate,
    mask,
    plan::{FilePlan, Outcome, Planner, Reading, ServerPlan, Sight, text_of},
    secret::Looks,
    server::{Definition, Entry, Reach},
};

impl Planner<'_> {
    /// A file as it is to be.
    pub(super) fn rewired(
        &self,
        reading: Reading,
        gate: &Gate<'_>,
        looks: &Looks,
    ) -> Result<FilePlan, String> {
        let text = text_of(&reading.found)?;
        let document = reading.format.read(text).map_err(|it| it.to_string())?;
        let spelling = &reading.client.spelling;
        let mut file = FilePlan {
            client: reading.client.title,
            format: reading.format,
            servers: Vec::new(),
            edits: Vec::new(),
            masks: mask::masks(&document.root, looks),
            remarks: Vec::new(),
            found: reading.found.clone(),
        };
        let is_users = reading.scope == Scope::User;
        for (place, sight) in reading.sights.iter().enumerate() {
            let moved = |index: usize| reading.taken.get(&(place, index))?.as_ref().ok();
            let taken: Vec<_> = (0..sight.entries.len())
                .filter_map(|index| Some((index, moved(index)?)))
                .collect();
            let fates = self.fates(sight, &taken, gate, spelling);
            if !fates.is_empty() {
                let edits = document.rewire(&sight.path, &fates);
                file.edits.extend(edits.map_err(|fault| {
                    format!("{} can't be changed: {fault}", file.found.path.display())
                })?);
            }
            let project = sight.project.as_ref().filter(|_| is_users);
            let project = project.map(|it| it.display().to_string());
            for (index, (name, entry)) in sight.entries.iter().enumerate() {
                let outcome = match (entry, reading.taken.get(&(place, index))) {
                    (Entry::Server(..), Some(Ok(name))) => Outcome::Moved(name.clone()),
                    (Entry::Server(..), Some(Err(why))) => Outcome::Left(why.clone()),
                    (Entry::Left(why), _) if self.is_wanted(name) => Outcome::Left(why.clone()),
                    (Entry::Predecessor(known), _) => Outcome::Predecessor(known),
                    _ => continue,
                };
                file.servers.push(ServerPlan {
                    name: name.clone(),
                    project: project.clone(),
                    remarks: remarks(entry, &outcome),
                    outcome,
                });
            }
            if let Some(project) = &sight.project
                && !is_users
                && !fates.is_empty()
            {
                let mut remark = "whoever made this project chose these servers".to_owned();
                if disk::above(project, ".git").is_some() {
                    remark.push_str("; what init writes is for this machine: don't commit it");
                }
                file.remarks.push(remark);
            }
        }
        file.edits.sort_by_key(|edit| edit.span.start);
        Ok(file)
    }

    /// One entry for all, where whoever had these servers may see all that durward has; else one for
    /// each, so that nobody sees more than before.
    fn fates(
        &self,
        sight: &Sight,
        taken: &[(usize, &String)],
        gate: &Gate<'_>,
        spelling: &Spelling,
    ) -> Vec<(usize, Fate)> {
        let wholly = sight
            .entries
            .iter()
            .any(|(_, entry)| matches!(entry, Entry::Ours { whole: true }));
        let had: BTreeSet<_> = taken.iter().map(|(_, name)| name.as_str()).collect();
        let whole = gate.names().is_subset(&had);
        let is_taken = |index: usize| taken.iter().any(|(at, _)| *at == index);
        let others = sight.entries.iter().enumerate();
        let others: BTreeSet<_> = others
            .filter(|(index, _)| !is_taken(*index))
            .map(|(_, (name, _))| name.as_str())
            .collect();
        let own = ["durward", "durward-gate"]
            .into_iter()
            .find(|name| !others.contains(name));
        let mut fates = Vec::new();
        for (at, (index, name)) in taken.iter().enumerate() {
            let fate = match own {
                _ if wholly => Fate::Gone,
                Some(own) if whole && at == 0 => {
                    Fate::Entry(own.to_owned(), self.entry(spelling, own, None))
                }
                Some(_) if whole => Fate::Gone,
                _ => {
                    let old = &sight.entries[*index].0;
                    Fate::Value(self.entry(spelling, old, Some(name)))
                }
            };
            fates.push((*index, fate));
        }
        fates
    }

    /// durward's entry, as this client spells it.
    pub(super) fn entry(
        &self,
        spelling: &Spelling,
        name: &str,
        server: Option<&str>,
    ) -> Vec<(String, New)> {
        let mut arguments = vec!["connect".to_owned()];
        if let Some(server) = server {
            arguments.extend(["--server".to_owned(), server.to_owned()]);
        }
        arguments.extend(self.wish.arguments.iter().cloned());
        let program = self.wish.program.display().to_string();
        let beside = spelling.beside.iter().map(|(key, value)| {
            let value = match value {
                Beside::Text(text) => New::Text((*text).to_owned()),
                Beside::Flag(flag) => New::Flag(*flag),
                Beside::Name => New::Text(name.to_owned()),
            };
            ((*key).to_owned(), value)
        });
        let mut entry: Vec<_> = beside.collect();
        match spelling.args {
            Some(args) => {
                entry.push((spelling.command.to_owned(), New::Text(program)));
                entry.push((args.to_owned(), New::List(arguments)));
            }
            None => {
                arguments.insert(0, program);
                entry.push((spelling.command.to_owned(), New::List(arguments)));
            }
        }
        entry
    }
}

/// What the person should know of a server.
fn remarks(entry: &Entry, outcome: &Outcome) -> Vec<String> {
    let (Entry::Server(definition, unknown), Outcome::Moved(name)) = (entry, outcome) else {
        return Vec::new();
    };
    let mut remarks: Vec<_> = unknown
        .iter()
        .map(|key| format!("durward has no place for its `{key}`"))
        .collect();
    if may_want_login(definition) {
        remarks.push(format!("if it wants a login: `durward auth login {name}`"));
    }
    remarks
}

/// A site that is reached without any proof.
fn may_want_login(definition: &Definition) -> bool {
    match &definition.reach {
        Reach::Site { url, headers, .. } => {
            let https = url.text().is_none_or(|url| url.starts_with("https://"));
            headers.is_empty() && https
        }
        Reach::Program { .. } => false,
    }
}
