//! Whose is it? What a server says out of turn is brought to the call that it belongs to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use durward_core::{ProtocolError, RawJson};
use durward_wire::{Malformed, Notification, Params, Request, RequestId, code, members};
use tokio::time::Instant;

use crate::{
    counts::Tally,
    exchange::{Outcome, nobody},
    fault::{FaultKind, LinkFault, protocol},
    mailbox::{Event, Mailbox},
    said::Said,
};

/// A server may go on with a call that was cancelled, and speak for it: for so long, at most, it is not taken
/// for another caller's.
const LEFT: Duration = Duration::from_secs(60);
/// So many of them are remembered.
const MOST_LEFT: usize = 1024;
/// So many questions of one server wait for an answer at most.
const QUESTIONS: usize = 256;

/// The calls in flight on one link.
pub(crate) struct Switchboard {
    next: AtomicU64,
    limit: usize,
    /// Are the callers several?
    shared: bool,
    is_modern: AtomicBool,
    lines: Mutex<Lines>,
    pub(crate) tally: Tally,
}

#[derive(Default)]
struct Lines {
    calls: BTreeMap<u64, Line>,
    /// Calls of which the server may not know yet that nobody waits for them.
    left: BTreeMap<u64, Left>,
    /// Which call was asked what.
    questions: HashMap<RequestId, u64>,
    /// Why there are no more calls.
    closed: Option<FaultKind>,
}

struct Left {
    caller: u64,
    until: Instant,
}

struct Line {
    mailbox: Arc<Mailbox>,
    caller: Option<u64>,
    task: Option<String>,
}

/// A call's place. Dropping it frees the place.
pub(crate) struct Seat {
    board: Arc<Switchboard>,
    pub(crate) number: u64,
    pub(crate) mailbox: Arc<Mailbox>,
}

/// What belongs to no call.
#[derive(Debug)]
pub(crate) enum Rest {
    /// For whoever listens.
    Told(Notification),
    /// For whoever can be asked outside of calls.
    Question(Request),
    /// To be answered so.
    Reply(RequestId, Result<RawJson, ProtocolError>),
    /// Put to nobody, for this reason, and to be answered so.
    Blocked(Request, &'static str, ProtocolError),
}

impl Switchboard {
    pub(crate) fn new(limit: usize, shared: bool) -> Arc<Self> {
        Arc::new(Self {
            next: AtomicU64::new(1),
            limit,
            shared,
            is_modern: AtomicBool::new(false),
            lines: Mutex::default(),
            tally: Tally::default(),
        })
    }

    /// A place for a call with these params.
    ///
    /// # Errors
    /// [`FaultKind::Busy`], or why there are no more calls.
    pub(crate) fn enter(
        self: &Arc<Self>,
        caller: Option<u64>,
        method: &str,
        params: &RawJson,
    ) -> Result<Seat, LinkFault> {
        // Whoever only looks at a task in the meantime does not wait for its questions.
        let waits = method == "tasks/result";
        let task = waits.then(|| task_id(params)).flatten();
        let mailbox = Arc::new(Mailbox::default());
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut lines = self.lock();
        if let Some(fault) = &lines.closed {
            return Err(fault.clone().before());
        }
        if lines.calls.len() >= self.limit {
            return Err(FaultKind::Busy.before());
        }
        let line = Line {
            mailbox: Arc::clone(&mailbox),
            caller,
            task,
        };
        lines.calls.insert(number, line);
        drop(lines);
        Ok(Seat {
            board: Arc::clone(self),
            number,
            mailbox,
        })
    }

    /// Ends all calls. Those that were written may have run.
    pub(crate) fn close(&self, fault: &FaultKind) {
        let mut lines = self.lock();
        if lines.closed.is_none() {
            lines.closed = Some(fault.clone());
        }
        lines.questions.clear();
        lines.left.clear();
        let calls: Vec<_> = lines
            .calls
            .values()
            .map(|line| Arc::clone(&line.mailbox))
            .collect();
        drop(lines);
        for mailbox in calls {
            mailbox.answer(Err(LinkFault {
                kind: fault.clone(),
                ran: mailbox.is_written(),
            }));
        }
    }

    /// The server speaks 2026-07-28, and may not ask by requests.
    pub(crate) fn set_modern(&self) {
        self.is_modern.store(true, Ordering::Relaxed);
    }

    /// There are calls again: the server was started anew while it was being opened.
    pub(crate) fn reopen(&self) {
        self.lock().closed = None;
    }

    /// Brings a message that came on no call's own stream to its call; gives back what has none.
    pub(crate) fn route(&self, said: Said) -> Option<Rest> {
        match said {
            Said::Answer(id, outcome) => {
                self.answer(&id, Ok(outcome));
                None
            }
            Said::Told(told) => self.told(told),
            Said::Question(question) => self.asked(question),
        }
    }

    /// A message that is none: an error of the call that it answers, if it says which. False if it does not.
    pub(crate) fn malformed(&self, bad: &Malformed) -> bool {
        let Some(id) = &bad.id else {
            return false;
        };
        let fault = protocol(format!("an answer can't be read: {}", bad.reason));
        self.answer(id, Err(fault.after()))
    }

    /// The question is answered, or nobody waits any more.
    pub(crate) fn forget(&self, question: &RequestId) {
        self.lock().questions.remove(question);
    }

    /// Nobody waits for this call any more, though it was sent and not answered.
    pub(crate) fn leave(&self, number: u64) {
        let mut lines = self.lock();
        let caller = lines.calls.get(&number).and_then(|line| line.caller);
        let (Some(caller), true) = (caller, self.shared) else {
            return;
        };
        if lines.left.len() >= MOST_LEFT {
            lines.left.pop_first();
        }
        let until = Instant::now() + LEFT;
        lines.left.insert(number, Left { caller, until });
    }

    fn answer(&self, id: &RequestId, answer: Result<Outcome, LinkFault>) -> bool {
        let mailbox = id.as_u64().and_then(|number| self.mailbox(number));
        // What was never sent can't be answered.
        let taken = mailbox.is_some_and(|mailbox| mailbox.is_written() && mailbox.answer(answer));
        if !taken {
            if let Some(number) = id.as_u64() {
                self.lock().left.remove(&number);
            }
            self.tally.stray();
        }
        taken
    }

    fn told(&self, told: Notification) -> Option<Rest> {
        let bytes = told.params.raw().len();
        let owner = match told.method.as_str() {
            "notifications/progress" => self.by_token(&told.params),
            "notifications/message" => match self.owner(&told.params) {
                Owner::Call(_, mailbox) => Some(mailbox),
                Owner::Nobody if !self.shared => return Some(Rest::Told(told)),
                Owner::Nobody | Owner::Unknown => None,
            },
            "notifications/cancelled" => {
                self.withdrawn(&told.params);
                return None;
            }
            _ => return Some(Rest::Told(told)),
        };
        match owner {
            None => self.tally.unattributed(),
            Some(mailbox) => {
                if !mailbox.put(Event::Told(told), bytes) {
                    self.tally.dropped();
                }
            }
        }
        None
    }

    fn asked(&self, question: Request) -> Option<Rest> {
        let id = question.id.clone();
        if self.is_modern.load(Ordering::Relaxed) {
            self.tally.unattributed();
            return Some(Rest::Blocked(question, "not_of_the_era", no_questions()));
        }
        if question.method.as_str() == "ping" {
            return Some(Rest::Reply(id, Ok(RawJson::empty_object())));
        }
        match self.owner(&question.params) {
            Owner::Nobody if !self.shared => Some(Rest::Question(question)),
            Owner::Nobody | Owner::Unknown => {
                self.tally.unattributed();
                Some(Rest::Blocked(question, "no_call", nobody()))
            }
            Owner::Call(number, mailbox) => {
                if self.expect(&id, number) {
                    let bytes = question.params.raw().len();
                    if mailbox.put(Event::Question(question.clone()), bytes) {
                        return None;
                    }
                    self.forget(&id);
                }
                self.tally.dropped();
                Some(Rest::Blocked(question, "too_many", too_many()))
            }
        }
    }

    /// Notes that a call was asked this. False if too many questions wait, or one of this id does.
    pub(crate) fn expect(&self, question: &RequestId, number: u64) -> bool {
        let mut lines = self.lock();
        let fits = lines.questions.len() < QUESTIONS && !lines.questions.contains_key(question);
        if fits {
            lines.questions.insert(question.clone(), number);
        }
        fits
    }

    fn withdrawn(&self, params: &Params) {
        let id = params.get("requestId").map(RequestId::try_from);
        let Some(Ok(id)) = id else { return };
        let mut lines = self.lock();
        let Some(number) = lines.questions.remove(&id) else {
            return;
        };
        let mailbox = lines
            .calls
            .get(&number)
            .map(|line| Arc::clone(&line.mailbox));
        drop(lines);
        if let Some(mailbox) = mailbox {
            mailbox.put(Event::Withdrawn(id), 0);
        }
    }

    /// §6.1 (3).
    fn by_token(&self, params: &Params) -> Option<Arc<Mailbox>> {
        let token = RequestId::try_from(params.get("progressToken")?).ok()?;
        self.mailbox(token.as_u64()?)
    }

    /// §6.1 (2), (4), (5).
    fn owner(&self, params: &Params) -> Owner {
        let mut lines = self.lock();
        if !lines.left.is_empty() {
            let now = Instant::now();
            lines.left.retain(|_, left| left.until > now);
        }
        if let Some(task) = related_task(params) {
            let found = lines
                .calls
                .iter()
                .rev()
                .find(|(_, line)| line.task.as_ref() == Some(&task));
            if let Some((number, line)) = found {
                return Owner::Call(*number, Arc::clone(&line.mailbox));
            }
        }
        // durward's own requests are nobody's whom one could ask.
        let mut callers = lines
            .calls
            .iter()
            .rev()
            .filter(|(_, line)| line.caller.is_some());
        let Some((number, newest)) = callers.next() else {
            return Owner::Nobody;
        };
        let is_others = |caller| Some(caller) != newest.caller;
        if lines.left.values().any(|left| is_others(left.caller)) {
            return Owner::Unknown;
        }
        if self.shared && callers.any(|(_, line)| line.caller != newest.caller) {
            return Owner::Unknown;
        }
        Owner::Call(*number, Arc::clone(&newest.mailbox))
    }

    fn mailbox(&self, number: u64) -> Option<Arc<Mailbox>> {
        let lines = self.lock();
        lines
            .calls
            .get(&number)
            .map(|line| Arc::clone(&line.mailbox))
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Owner {
    Call(u64, Arc<Mailbox>),
    /// No caller's call is in flight.
    Nobody,
    /// It could be one of several callers'.
    Unknown,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut lines = self.board.lock();
        lines.calls.remove(&self.number);
        if !lines.questions.is_empty() {
            lines.questions.retain(|_, number| *number != self.number);
        }
    }
}

fn too_many() -> ProtocolError {
    code::error(
        code::INTERNAL_ERROR,
        "too many questions wait for an answer, or this one does already",
    )
}

fn no_questions() -> ProtocolError {
    code::error(
        code::METHOD_NOT_FOUND,
        "2026-07-28 has no requests from servers",
    )
}

fn task_id(params: &RawJson) -> Option<String> {
    let task = members(params).into_iter().find(|(key, _)| key == "taskId");
    task?.1.parse().ok()
}

fn related_task(params: &Params) -> Option<String> {
    let meta = params.object("_meta").ok()??;
    let related = members(&meta)
        .into_iter()
        .find(|(key, _)| key == "io.modelcontextprotocol/related-task")?;
    task_id(&related.1)
}
