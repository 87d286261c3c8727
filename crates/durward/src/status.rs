//! `durward://status`: how the daemon and what is behind it stand. It is read by the same walk as any other
//! resource; `durward status` is a client like others.
//!
//! Whoever runs durward, as the operating system says at the socket, is told everything. Others who may
//! read the resource learn that durward is up and which version it is: names, errors and the last words of
//! servers that their roles hide from them are not theirs to read.

mod hidden;
mod report;
mod walls;

use std::sync::{Arc, OnceLock, Weak};

use arc_swap::ArcSwap;
use durward_cage::{launch::Tail, peer};
use durward_core::{
    Answer, BoxFuture, Call, Caller, Clock, Monotonic, Offer, Operation, PackName, Proof, Provider,
    RawJson, Refusal, RefusalCode, Resource, ResourceText, Secret, Shown, Wall,
};
use durward_gate::Gate;
use durward_guard::redact::Redactor;
use serde::Serialize;

use crate::plugins::Plugins;
use hidden::Hidden;
pub use report::{
    BreakerStatus, ConfigStatus, Health, Inside, PluginStatus, Report, ServerState, ServerStatus,
    Wellness,
};
pub use walls::{ItemStatus, WallsStatus};

/// Where it is read.
pub const URI: &str = "durward://status";
const MIME: &str = "application/json";
/// So many of a server's last lines are told.
const MOST_LINES: usize = 100;

/// Who knows how the servers and the breakers stand; asked at each reading, so it must not wait.
pub trait Statuses: Send + Sync {
    /// The servers, by name.
    fn servers(&self) -> Vec<ServerStatus>;

    /// The breakers that are not closed, by tool.
    fn breakers(&self, now: Monotonic) -> Vec<BreakerStatus>;
}

/// Offers the status.
pub struct Status {
    name: PackName,
    clock: Arc<dyn Clock>,
    started: Wall,
    owner: u32,
    redactor: ArcSwap<Redactor>,
    config: ArcSwap<ConfigStatus>,
    hidden: ArcSwap<Hidden>,
    gate: OnceLock<Weak<Gate>>,
    statuses: OnceLock<Arc<dyn Statuses>>,
    plugins: OnceLock<Arc<Plugins>>,
    walls: ArcSwap<WallsStatus>,
}

impl Status {
    /// The status of a durward that starts now.
    pub fn new(clock: Arc<dyn Clock>, redactor: Redactor) -> Self {
        // A literal that fits: `[a-z][a-z0-9-]{0,30}`.
        let name = PackName::new("durward").expect("`durward` is a name");
        Self {
            name,
            started: clock.wall(),
            clock,
            owner: peer::current_uid(),
            redactor: ArcSwap::from_pointee(redactor),
            config: ArcSwap::default(),
            hidden: ArcSwap::default(),
            gate: OnceLock::new(),
            statuses: OnceLock::new(),
            plugins: OnceLock::new(),
            walls: ArcSwap::default(),
        }
    }

    /// Says which gate it speaks of; the gate holds the status, not the other way round.
    pub fn stand_at(&self, gate: &Arc<Gate>) {
        let _ = self.gate.set(Arc::downgrade(gate));
    }

    /// Says who knows of the servers; without, there are none.
    pub fn ask_of(&self, statuses: Arc<dyn Statuses>) {
        let _ = self.statuses.set(statuses);
    }

    /// Says who knows of the plugins; without, there are none.
    pub fn ask_of_plugins(&self, plugins: Arc<Plugins>) {
        let _ = self.plugins.set(plugins);
    }

    /// What runs in what from now on.
    pub fn enclosed_in(&self, walls: WallsStatus) {
        self.walls.store(Arc::new(walls));
    }

    /// Another configuration, another idea of what a secret is called.
    pub fn redact_by(&self, redactor: Redactor) {
        self.redactor.store(Arc::new(redactor));
    }

    /// The configuration was read again: it holds, or why it does not.
    pub fn reloaded(&self, refused: Option<String>) {
        self.config.rcu(|before| ConfigStatus {
            reads: before.reads + 1,
            refused: refused.clone(),
        });
    }

    /// How durward does, for whoever runs it. Asked often, so it is not recorded.
    pub fn health(&self) -> Health {
        let gate = self.gate.get().and_then(Weak::upgrade);
        let records = gate.is_some_and(|gate| gate.journal().health().ok);
        let mut why = Vec::new();
        if !records {
            why.push("calls can't be recorded, so none is served".to_owned());
        }
        let config = self.config_status();
        if config.refused.is_some() {
            why.push("the configuration was changed and is wrong: the old one holds".to_owned());
        }
        let statuses = self.statuses.get();
        let servers = statuses.map(|it| it.servers()).unwrap_or_default();
        let failing = servers.iter().filter(|it| it.state == ServerState::Waiting);
        why.extend(failing.map(|it| format!("the server `{}` does not serve", it.name)));
        let plugins = self.plugins.get();
        let plugins = plugins.map(|it| it.statuses()).unwrap_or_default();
        let refused = plugins.iter().filter(|it| it.is_refused());
        why.extend(refused.map(|it| format!("the plugin `{}` is refused", it.name)));
        Health {
            state: match (records, why.is_empty()) {
                (false, _) => Wellness::Down,
                (true, false) => Wellness::Degraded,
                (true, true) => Wellness::Up,
            },
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            why,
            config,
        }
    }

    /// Says which secrets the configuration has: servers have some of them, and may repeat them.
    pub fn hide(&self, secrets: &[Secret]) {
        self.hidden.store(Arc::new(Hidden::of(secrets)));
    }

    fn report(&self, call: &Call) -> Report {
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started.to_rfc3339(),
            inside: self.is_owned_by(&call.caller).then(|| self.inside()),
        }
    }

    /// Is it the user who runs durward, by the operating system's word?
    fn is_owned_by(&self, caller: &Caller) -> bool {
        matches!(caller.proof, Proof::OsUser { uid } if uid == self.owner)
    }

    fn inside(&self) -> Inside {
        let gate = self.gate.get().and_then(Weak::upgrade);
        let statuses = self.statuses.get();
        let mut servers = statuses.map(|it| it.servers()).unwrap_or_default();
        for flaw in gate.iter().flat_map(|gate| gate.flaws()) {
            let of = |it: &&mut ServerStatus| it.name == flaw.provider.as_str();
            if let Some(server) = servers.iter_mut().find(of) {
                server.notes.push(flaw.why);
            }
        }
        Inside {
            pid: std::process::id(),
            sessions: gate.map_or(0, |gate| gate.session_count()),
            config: self.config_status(),
            walls: self.walls_status(),
            servers: servers.into_iter().map(|it| self.cleaned(it)).collect(),
            breakers: statuses
                .map(|it| it.breakers(self.clock.monotonic()))
                .unwrap_or_default(),
            plugins: self.plugins.get().map_or_else(Vec::new, |plugins| {
                let all = plugins.statuses().into_iter();
                all.map(|it| self.cleaned_plugin(it)).collect()
            }),
            plugin_notes: self.plugins.get().map_or_else(Vec::new, |plugins| {
                let mut notes = plugins.notes();
                notes.iter_mut().for_each(|line| self.clean(line));
                notes
            }),
        }
    }

    /// Without what looks like a secret: an error may quote the file.
    fn config_status(&self) -> ConfigStatus {
        let mut config = ConfigStatus::clone(&self.config.load());
        config.refused.iter_mut().for_each(|why| self.clean(why));
        config
    }

    fn walls_status(&self) -> WallsStatus {
        let mut walls = WallsStatus::clone(&self.walls.load());
        walls.lacks.iter_mut().for_each(|line| self.clean(line));
        walls
    }

    fn clean(&self, line: &mut String) {
        self.hidden.load().take_out_of(line);
        let redactor = self.redactor.load();
        let redacted = RawJson::of(&*line).map(|raw| redactor.redact(&raw));
        // What can't be judged is not shown.
        *line = redacted
            .ok()
            .and_then(|raw| raw.parse().ok())
            .unwrap_or_default();
    }

    /// A server's own words without what looks like a secret, and the last of them alone.
    fn cleaned(&self, mut server: ServerStatus) -> ServerStatus {
        server.error.iter_mut().for_each(|line| self.clean(line));
        self.clean_lines(&mut server.stderr);
        server.notes.iter_mut().for_each(|line| self.clean(line));
        server
    }

    fn cleaned_plugin(&self, mut plugin: PluginStatus) -> PluginStatus {
        plugin.error.iter_mut().for_each(|line| self.clean(line));
        self.clean_lines(&mut plugin.stderr);
        plugin
    }

    fn clean_lines(&self, lines: &mut Vec<String>) {
        let old = lines.len().saturating_sub(MOST_LINES);
        lines.drain(..old);
        lines.iter_mut().for_each(|line| self.clean(line));
    }

    fn answer(&self, call: &Call) -> Result<Answer, Refusal> {
        let unwritten = |_| Refusal::new(RefusalCode::Internal, "The status can't be written.");
        let body = match call.operation {
            Operation::ReadResource => {
                let text = serde_json::to_string(&self.report(call)).map_err(unwritten)?;
                RawJson::of(&Read {
                    contents: [Text {
                        uri: URI,
                        mime_type: MIME,
                        text,
                    }],
                })
                .map_err(unwritten)?
            }
            Operation::Subscribe => RawJson::empty_object(),
            Operation::Complete
            | Operation::CallTool
            | Operation::GetPrompt
            | Operation::GetTask
            | Operation::UpdateTask
            | Operation::CancelTask
            | Operation::AwaitTask => {
                return Err(Refusal::new(
                    RefusalCode::NotFound,
                    "There is no such thing here.",
                ));
            }
        };
        Ok(Answer::Own(body.into()))
    }
}

impl Provider for Status {
    fn name(&self) -> &PackName {
        &self.name
    }

    fn offer(&self) -> Offer {
        let status = Resource {
            uri: URI.to_owned(),
            shown: Shown::Own(ResourceText {
                name: "status".to_owned(),
                title: "How durward stands".to_owned(),
                description: "Its version, and for whoever runs it the servers and breakers."
                    .to_owned(),
                mime_type: MIME.to_owned(),
            }),
        };
        Offer {
            resources: vec![status],
            ..Offer::default()
        }
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        Box::pin(std::future::ready(self.answer(call)))
    }
}

/// The lines of a tail. What was cut at its beginning is left out: of half a secret nobody would know that it is
/// one.
pub(crate) fn whole_lines(tail: &str) -> Vec<String> {
    let is_cut = tail.len() >= Tail::KEPT;
    let lines = tail.lines().skip(usize::from(is_cut));
    lines.map(ToOwned::to_owned).collect()
}

#[derive(Serialize)]
struct Read {
    contents: [Text; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    uri: &'static str,
    mime_type: &'static str,
    text: String,
}

#[cfg(test)]
mod tests;
