//! What one call carries along its walk.

use std::sync::Arc;

use durward_core::{Answer, Call, Provider, RawJson, Refusal, RefusalCode, Target};
use durward_guard::breaker::{self, Breaker, Pass};
use durward_ledger::{Facts, Seat};
use durward_store::limits::Permit;
use durward_wire::headers::SentParams;

use crate::{
    catalogue::{Covered, ToolEntry},
    endpoint::Endpoint,
    gate::Gate,
    notifier::Outlet,
    session::Session,
    stages::outcome,
    standing::Standing,
    tasks::Part,
};

/// Judges a call on its way in.
pub(crate) type Judge = fn(&mut Walk<'_>) -> Verdict;

/// Looks at an answer on its way out.
pub(crate) type Check = fn(&mut Walk<'_>);

/// What a judge finds.
pub(crate) enum Verdict {
    /// The call goes on.
    Pass,
    /// A human is to decide; the rule says why.
    Ask {
        /// The rule that wants it.
        rule: String,
    },
    /// The call ends here.
    Refuse(Refusal),
}

/// What a call's target turned out to be.
pub(crate) enum Subject {
    /// A tool, by its place in the catalogue.
    Tool(usize),
    /// A resource or prompt that some provider lists.
    Listed(Arc<dyn Provider>),
    /// A resource that some template covers.
    Covered(Covered),
    /// The template itself, of which an argument is to be completed.
    Template(Arc<dyn Provider>),
    /// Nothing that the catalogue knows.
    Unknown,
}

/// How a call ended.
pub(crate) enum Ended {
    /// With an answer of its provider.
    Answered(Answer),
    /// Without.
    Refused(Refusal),
}

/// How far the call has come.
pub(crate) enum Progress {
    /// On its way in.
    In,
    /// Refused on its way in.
    Refused(Refusal),
    /// Back from its provider.
    Out(Ended),
}

/// A call that a tool's breaker let through; it hears how the call ended.
pub(crate) struct Admitted {
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) pass: Pass,
}

/// One call on its walk: what the stages see, change and leave.
pub(crate) struct Walk<'a> {
    pub(crate) gate: &'a Gate,
    pub(crate) standing: &'a Standing,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) session: Option<&'a Arc<Session>>,
    /// Where messages to the client go before the answer.
    pub(crate) outlet: Option<&'a Outlet>,
    /// What its headers repeat of the arguments, where its client must do that.
    pub(crate) sent_params: Option<&'a SentParams>,
    pub(crate) call: Call,
    pub(crate) subject: Subject,
    /// Places in the concurrency limits, given back when the walk ends.
    pub(crate) permits: Vec<Permit>,
    /// Taken where the tool's breaker is told.
    pub(crate) admitted: Option<Admitted>,
    /// The rule that let it pass.
    pub(crate) rule: Option<String>,
    /// The rule that wants a human asked.
    pub(crate) question: Option<String>,
    /// What the client called it, where that is another name of it.
    pub(crate) called: Option<Box<str>>,
    /// What the client answers to questions of an earlier round.
    pub(crate) answers: Option<RawJson>,
    /// What it was given to bring back with them.
    pub(crate) state: Option<String>,
    /// What it has to do with tasks.
    pub(crate) part: Part,
    /// The call's place in the journal.
    pub(crate) seat: Option<Seat>,
    pub(crate) progress: Progress,
}

impl Walk<'_> {
    /// The tool, where the call is for one that exists.
    pub(crate) fn tool(&self) -> Option<&ToolEntry> {
        match self.subject {
            Subject::Tool(place) => self.standing.house().catalogue.tools().get(place),
            _ => None,
        }
    }

    /// Who would do it.
    pub(crate) fn provider(&self) -> Option<Arc<dyn Provider>> {
        match &self.subject {
            Subject::Tool(_) => self.tool().map(|entry| Arc::clone(&entry.provider)),
            Subject::Listed(provider) | Subject::Template(provider) => Some(Arc::clone(provider)),
            Subject::Covered(covered) => Some(Arc::clone(&covered.provider)),
            Subject::Unknown => None,
        }
    }

    /// Tells the tool's breaker how the call ended; once.
    pub(crate) fn tell_breaker(&mut self, how: breaker::Ended) {
        if let Some(Admitted { breaker, pass }) = self.admitted.take() {
            let settings = &self.standing.house().settings.limits.breaker;
            breaker.ended(pass, how, self.gate.clock().monotonic(), settings);
        }
    }

    /// Takes a judge's verdict.
    pub(crate) fn take(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Pass => {}
            Verdict::Ask { rule } => self.question = Some(rule),
            Verdict::Refuse(refusal) => self.progress = Progress::Refused(refusal),
        }
    }

    pub(crate) fn is_refused_on_the_way_in(&self) -> bool {
        matches!(self.progress, Progress::Refused(_))
    }

    /// How much harm the call can do, with these arguments.
    pub(crate) fn tier(&self) -> durward_core::Tier {
        self.tool().map_or(durward_core::Tier::Read, |entry| {
            entry.tool.tier_of(&self.call.arguments)
        })
    }

    /// What the ledger holds of the call, arguments redacted.
    pub(crate) fn facts(&self) -> Facts {
        let house = self.standing.house();
        Facts {
            call: self.call.id,
            caller: Arc::clone(&self.call.caller),
            door: self.call.door,
            session: self.call.session,
            revision: self.call.client.revision,
            client: self.call.client.name.clone(),
            method: self.call.operation.method().into(),
            subject: self.call.target.clone().into(),
            provider: self.provider().map(|provider| provider.name().clone()),
            tier: self.tier(),
            arguments: Some(house.recorded_arguments(&self.call.arguments)),
            rule: self.rule.clone(),
        }
    }

    /// The end of the walk: the answer that may leave.
    pub(crate) fn end(&mut self) -> Ended {
        match std::mem::replace(&mut self.progress, Progress::In) {
            Progress::Out(ended) => ended,
            Progress::Refused(refusal) => Ended::Refused(refusal),
            Progress::In => Ended::Refused(Refusal::new(
                RefusalCode::Internal,
                "The call did not reach its tool.",
            )),
        }
    }
}

impl Drop for Walk<'_> {
    /// Whatever still works for this call on another thread stops with it. A call that a panic ends
    /// before its intent is on record, too.
    fn drop(&mut self) {
        self.call.cancel.cancel();
        self.tell_breaker(breaker::Ended::Neither);
        let held = outcome::held(self);
        if let (Some(seat), Some(held)) = (&mut self.seat, held) {
            seat.held(held);
        }
        if std::thread::panicking() && self.seat.is_some() {
            let facts = self.facts();
            if let Some(seat) = &mut self.seat {
                seat.describe(facts);
            }
        }
    }
}

/// A name that is fit for the record, made from whatever the client sent.
pub(crate) fn recordable_tool(name: &str) -> Target {
    let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let cut: String = name
        .chars()
        .take(128)
        .map(|c| if fit(c) { c } else { '_' })
        .collect();
    let cut = if cut.is_empty() { "_".to_owned() } else { cut };
    match durward_core::ToolName::new(&cut) {
        Ok(name) => Target::Tool(name),
        Err(_) => Target::Prompt(cut.into()),
    }
}

/// What an unknown target of this kind is called in a refusal.
pub(crate) fn unknown(call: &Call, called: Option<&str>) -> Refusal {
    let target = &call.target;
    if call.operation.is_of_task() {
        let sentence = "There is no such task, or no longer.";
        return Refusal::new(RefusalCode::NotFound, sentence).detail("unknown_task");
    }
    let name: String = called.unwrap_or(target.name()).chars().take(128).collect();
    let (detail, sentence) = match target {
        Target::Tool(_) => ("unknown_tool", format!("Unknown tool: {name}")),
        Target::Resource(_) => ("unknown_resource", format!("Resource not found: {name}")),
        Target::Prompt(_) => ("unknown_prompt", format!("Unknown prompt: {name}")),
    };
    Refusal::new(RefusalCode::NotFound, sentence).detail(detail)
}
