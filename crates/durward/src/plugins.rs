//! The plugins of the configuration: looked at when it is read, and again when something of them changes.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use durward_cage::launch::Plan;
use durward_core::Provider;
use durward_packs::{
    PacksError,
    plugins::{self as pack, PluginState, PluginsSettings, Watching},
};
use tokio::{sync::Notify, time::timeout};

use crate::{
    config::{self, Config},
    sandbox::{Builder, Item},
    status::{ItemStatus, PluginStatus, whole_lines},
};

/// Who changes a plugin takes several steps; this long without one means that they are done.
const QUIET: Duration = Duration::from_millis(150);
/// Who never is done is not waited for.
const LONGEST: Duration = Duration::from_secs(2);

/// The plugins that are offered.
#[derive(Default)]
pub struct Plugins {
    standing: Mutex<Standing>,
    /// Told where another look is worth it.
    stirred: Arc<Notify>,
}

#[derive(Default)]
struct Standing {
    planned: Planned,
    watching: Option<Watching>,
    /// Why the last look was not taken.
    refused: Option<String>,
}

/// One look at the plugins that a configuration names; none where it names none.
#[derive(Clone, Default)]
pub struct Planned(Option<Look>);

#[derive(Clone)]
struct Look {
    plugins: Arc<pack::Plugins>,
    /// What they run in, by name, those too that were taken over.
    rooms: BTreeMap<String, ItemStatus>,
    made_from: MadeFrom,
}

/// What makes all plugins others, beside what they are made of.
#[derive(Clone, PartialEq)]
struct MadeFrom {
    plugins: config::Plugins,
    sandbox: config::Sandbox,
    egress: config::Egress,
    files: config::Files,
}

impl Planned {
    /// As the gate takes them.
    pub fn provider(&self) -> Option<Arc<dyn Provider>> {
        let look = self.0.as_ref()?;
        Some(Arc::clone(&look.plugins) as Arc<dyn Provider>)
    }

    /// Is nothing else offered, nor told, than by the other?
    fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => {
                own.made_from == other.made_from && own.plugins.is(&other.plugins)
            }
            (None, None) => true,
            _ => false,
        }
    }

    /// All that were found, by name.
    pub fn statuses(&self) -> Vec<PluginStatus> {
        let Some(look) = &self.0 else {
            return Vec::new();
        };
        look.plugins.standing().into_iter().map(status).collect()
    }

    /// The plugin that has this tool.
    pub(crate) fn of_tool(&self, tool: &str) -> Option<String> {
        let look = self.0.as_ref()?;
        let mut all = look.plugins.standing().into_iter();
        let its = all.find(|it| it.tools.iter().any(|own| own == tool))?;
        Some(its.name)
    }

    /// What those run in that are offered.
    pub(crate) fn items(&self) -> impl Iterator<Item = ItemStatus> {
        let look = self.0.iter();
        let all = look.flat_map(|look| {
            look.plugins
                .standing()
                .into_iter()
                .map(move |it| (look, it))
        });
        all.filter(|(_, it)| it.state != PluginState::Refused)
            .filter_map(|(look, it)| look.rooms.get(&it.name).cloned())
    }

    /// What whoever configures them should know: the folder can't be used, or something is said of a plugin that
    /// is not there.
    pub fn notes(&self) -> Vec<String> {
        let Some(look) = &self.0 else {
            return Vec::new();
        };
        let unread = look.plugins.unread().map(ToOwned::to_owned);
        let there = look.plugins.standing();
        let mut names: Vec<_> = look.made_from.plugins.named().collect();
        names.dedup();
        let absent = names
            .into_iter()
            .filter(|name| !there.iter().any(|it| it.name == **name))
            .map(|name| {
                format!("something is said of the plugin `{name}`, and there is no such plugin")
            });
        // Where none was looked at, that is all there is to say.
        let absent: Vec<_> = match &unread {
            Some(_) => Vec::new(),
            None => absent.collect(),
        };
        unread.into_iter().chain(absent).collect()
    }
}

impl Plugins {
    /// Looks at what this configuration wants offered. What has not changed is taken over. Nothing is begun.
    ///
    /// # Errors
    /// Two plugins can't stand side by side.
    pub fn plan(&self, config: &Config, builder: &Builder<'_>) -> Result<Planned, PacksError> {
        let Some(plugins) = &config.plugins else {
            return Ok(Planned(None));
        };
        let made_from = MadeFrom {
            plugins: plugins.clone(),
            sandbox: config.sandbox.clone(),
            egress: config.egress.clone(),
            files: config.files.clone(),
        };
        let before = self.standing().planned.0.clone();
        let before = before.filter(|before| before.made_from == made_from);
        // What is taken over is not furnished again.
        let taken_over = before.as_ref().map(|before| before.rooms.clone());
        let rooms = RefCell::new(taken_over.unwrap_or_default());
        let furnish = |name: &str, folder: &Path, plan: Plan| {
            let (room, item) = furnish(plugins, builder, name, folder, plan)?;
            rooms.borrow_mut().insert(name.to_owned(), item);
            Ok(room)
        };
        let settings = PluginsSettings {
            dir: plugins.dir.clone(),
            read: config::read_manifest,
            furnish: &furnish,
            launcher: builder.launcher(),
        };
        let look = pack::Plugins::look(&settings, before.as_ref().map(|it| it.plugins.as_ref()))?;
        let there = look.standing();
        let mut rooms = rooms.into_inner();
        rooms.retain(|name, _| there.iter().any(|it| it.name == *name));
        Ok(Planned(Some(Look {
            plugins: Arc::new(look),
            rooms,
            made_from,
        })))
    }

    /// These are offered from now on. What is wanted no more ends when its last call has.
    pub fn put(&self, planned: Planned) {
        let watching = planned.0.as_ref().and_then(|look| self.watch(look));
        *self.standing() = Standing {
            planned,
            watching,
            refused: None,
        };
    }

    fn watch(&self, look: &Look) -> Option<Watching> {
        let stirred = Arc::clone(&self.stirred);
        let watching = look
            .plugins
            .watch(Arc::new(move || stirred.notify_one()))
            .inspect_err(|fault| {
                tracing::warn!(%fault, "changes of plugins will be seen at SIGHUP alone");
            });
        // What changed between the look and the watch.
        self.stirred.notify_one();
        watching.ok()
    }

    /// Waits until another look is worth it: something changed, and whoever changes it seems to be done.
    pub async fn stirred(&self) {
        self.stirred.notified().await;
        let quiet = async { while timeout(QUIET, self.stirred.notified()).await.is_ok() {} };
        // Who is never done is looked at meanwhile.
        let _ = timeout(LONGEST, quiet).await;
    }

    /// Is this what is offered already?
    pub fn is_put(&self, planned: &Planned) -> bool {
        let standing = self.standing();
        standing.refused.is_none() && standing.planned.is(planned)
    }

    /// The last look was not taken; what was offered before still is. Is this news?
    pub fn refused(&self, why: &str) -> bool {
        let look = {
            let mut standing = self.standing();
            if standing.refused.as_deref() == Some(why) {
                return false;
            }
            standing.refused = Some(why.to_owned());
            standing.planned.0.clone()
        };
        // What is wrong may lie where nothing was before.
        let watching = look.and_then(|look| self.watch(&look));
        self.standing().watching = watching;
        true
    }

    /// How they stand.
    pub fn statuses(&self) -> Vec<PluginStatus> {
        let planned = self.standing().planned.clone();
        planned.statuses()
    }

    /// What whoever configures them should know.
    pub fn notes(&self) -> Vec<String> {
        let (planned, refused) = {
            let standing = self.standing();
            (standing.planned.clone(), standing.refused.clone())
        };
        let refused = refused
            .map(|why| format!("plugins were changed and are wrong, the old ones hold: {why}"));
        refused.into_iter().chain(planned.notes()).collect()
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a plugin into its room, with what it is given; and says which that is.
fn furnish(
    plugins: &config::Plugins,
    builder: &Builder<'_>,
    name: &str,
    folder: &Path,
    plan: Plan,
) -> Result<(pack::Room, ItemStatus), String> {
    let said = plugins.grants.get(name);
    let key = match said {
        Some(_) => format!("plugins.grants.{name}"),
        None => format!("plugins.{name}"),
    };
    let enclosure = builder
        .enclose(&Item {
            key: &key,
            said,
            usual: config::Room::Box,
            folder: None,
            shows: &[folder.to_owned()],
        })
        .map_err(|error| error.to_string())?;
    let env = plugins.env.get(name).into_iter().flatten();
    let plan = env.fold(enclosure.around(plan), |plan, (name, value)| {
        plan.env(name.as_str(), value.secret().clone())
    });
    let room = pack::Room {
        plan,
        word: enclosure.word,
        output: enclosure.output,
        reaches_out: !matches!(enclosure.walls.network, durward_cage::launch::Network::None),
    };
    let item = ItemStatus::new(key, enclosure.word, enclosure.level);
    Ok((room, item))
}

fn status(standing: pack::PluginStanding) -> PluginStatus {
    PluginStatus {
        name: standing.name,
        state: match standing.state {
            PluginState::Ready => "ready",
            PluginState::Running => "running",
            PluginState::Refused => "refused",
        }
        .to_owned(),
        version: standing.version,
        mode: standing.mode.map(ToOwned::to_owned),
        tools: standing.tools,
        sha256: standing.sha256,
        level: standing.level.map(ToOwned::to_owned),
        restarts: standing.restarts,
        junk: standing.junk,
        error: standing.error,
        stderr: whole_lines(&standing.stderr),
    }
}
