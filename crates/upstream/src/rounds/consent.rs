//! Links that a person agreed to open. To agree is not to be done: the same answer is given for as long as the
//! server asks the same, and then the client is told that it is over (protocol.md, section 6.3).

use std::{collections::BTreeSet, time::Duration};

use durward_core::{Ask, RawJson};
use durward_wire::{
    edit::{self, Change},
    encode, members,
};

use super::Asked;
use crate::client_exchange::ClientExchange;

/// The first pause before the server is asked whether it is done, and the longest.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(30);
/// How long a person may take to do what was agreed to.
const PATIENCE: Duration = Duration::from_secs(600);

/// What was agreed to in one call.
pub(super) struct Consents<'a> {
    ask: Option<&'a dyn Ask>,
    /// Our name for each, as the client knows it.
    open: Vec<String>,
    /// All that was asked last, and the answers, where links alone were asked and all were agreed to.
    last: Option<(BTreeSet<String>, RawJson)>,
    pause: Duration,
    waited: Duration,
}

impl<'a> Consents<'a> {
    pub(super) fn new(exchange: &ClientExchange<'a>) -> Self {
        Self {
            ask: exchange.call.ask.as_deref(),
            open: Vec::new(),
            last: None,
            pause: FIRST,
            waited: Duration::ZERO,
        }
    }

    /// The questions' params, those with links under names of ours.
    pub(super) fn named(&mut self, questions: &[Asked]) -> Vec<RawJson> {
        self.complete();
        let mut named = Vec::new();
        for asked in questions {
            let id = link(asked).and_then(|_| self.ask?.new_elicitation());
            let id = id.map(|id| {
                let quoted = encode::string(&id);
                self.open.push(id);
                quoted
            });
            named.push(match id {
                Some(id) => edit::changed(&asked.params, &[("elicitationId", Change::Set(&id))]),
                None => asked.params.clone(),
            });
        }
        named
    }

    /// Keeps answers that may have to be given again.
    pub(super) fn keep(&mut self, questions: &[Asked], answers: &RawJson) {
        let links: Option<BTreeSet<_>> = questions.iter().map(link).collect();
        let is_agreed = members(answers)
            .iter()
            .all(|(_, answer)| members(answer).iter().any(is_accept));
        self.last = links
            .filter(|_| is_agreed)
            .map(|links| (links, answers.clone()));
        if self.last.is_none() {
            // What nobody agreed to is not waited for.
            self.open.clear();
        }
    }

    /// The same answers, after a while, where the server asks for the same links.
    pub(super) async fn given(&mut self, questions: &[Asked]) -> Option<RawJson> {
        let (links, answers) = self.last.as_ref()?;
        let again: Option<BTreeSet<_>> = questions.iter().map(link).collect();
        if again.as_ref() != Some(links) {
            return None;
        }
        if self.waited >= PATIENCE {
            return None;
        }
        let _held = self.ask.and_then(Ask::held);
        tokio::time::sleep(self.pause).await;
        self.waited += self.pause;
        self.pause = (self.pause * 2).min(LONGEST);
        // Under the keys that it asks by now.
        let answer = members(answers)
            .into_iter()
            .next()
            .map(|(_, answer)| answer)?;
        let named: Vec<_> = questions
            .iter()
            .map(|asked| (asked.key.as_str(), &answer))
            .collect();
        Some(encode::object(&named))
    }

    /// What was agreed to is over.
    pub(super) fn complete(&mut self) {
        for id in self.open.drain(..) {
            if let Some(ask) = self.ask {
                ask.completed(&id);
            }
        }
        self.last = None;
        (self.pause, self.waited) = (FIRST, Duration::ZERO);
    }
}

/// The URL that a person is to open, where that is the question.
fn link(asked: &Asked) -> Option<String> {
    let (mut is_link, mut url) = (false, None);
    for (key, value) in members(&asked.params) {
        match key.as_ref() {
            "mode" => is_link = value.parse::<String>().is_ok_and(|mode| mode == "url"),
            "url" => url = value.parse::<String>().ok(),
            _ => {}
        }
    }
    url.filter(|_| is_link && asked.method == "elicitation/create")
}

fn is_accept((key, value): &(std::borrow::Cow<'_, str>, RawJson)) -> bool {
    key == "action"
        && value
            .parse::<String>()
            .is_ok_and(|action| action == "accept")
}
