//! Two things of one name: which both are, as whoever wrote the configuration knows them.

use std::sync::Arc;

use durward_core::{Provider, ToolName};
use durward_gate::{Catalogue, CatalogueError, Gate, GateSettings, HouseSettings};
use durward_guard::names::shown;

use super::AssemblyError;
use crate::plugins;

/// The gate of this configuration.
///
/// # Errors
/// [`AssemblyError`], where two things that it is to offer can't be told apart.
pub(super) fn gate(
    settings: GateSettings,
    house: HouseSettings,
    plugins: &plugins::Planned,
) -> Result<Arc<Gate>, AssemblyError> {
    let providers = house.providers.clone();
    Gate::new(settings, house).map_err(|error| told(error, &providers, plugins))
}

/// Another configuration for the gate.
///
/// # Errors
/// [`AssemblyError`], where two things that it is to offer can't be told apart; then the old one stays.
pub fn reload(
    gate: &Gate,
    house: HouseSettings,
    plugins: &plugins::Planned,
) -> Result<(), AssemblyError> {
    let providers = house.providers.clone();
    gate.reload(house)
        .map_err(|error| told(error, &providers, plugins))
}

/// What would be offered, for those who only look.
///
/// # Errors
/// [`AssemblyError`], where two things can't be told apart.
pub fn catalogue(
    house: &HouseSettings,
    plugins: &plugins::Planned,
) -> Result<Catalogue, AssemblyError> {
    Catalogue::merge(&house.providers).map_err(|error| told(error, &house.providers, plugins))
}

fn told(
    error: CatalogueError,
    providers: &[Arc<dyn Provider>],
    plugins: &plugins::Planned,
) -> AssemblyError {
    let CatalogueError::Collision { collision, .. } = &error;
    let mut first = None;
    for provider in providers {
        let offered = provider.offer().tools;
        let has = |name: &str| {
            let mut names = offered
                .iter()
                .flat_map(|tool| std::iter::once(&tool.name).chain(&tool.aliases));
            names.any(|it: &ToolName| it.as_str() == name)
        };
        match &first {
            None if has(&collision.first) => {
                first = Some(side(provider.as_ref(), &collision.first, plugins));
            }
            Some(first) if has(&collision.second) => {
                return AssemblyError::Clash {
                    first: first.clone(),
                    second: side(provider.as_ref(), &collision.second, plugins),
                    how: collision.how,
                };
            }
            _ => {}
        }
    }
    error.into()
}

/// One of both, with its key where it has one.
fn side(provider: &dyn Provider, name: &str, plugins: &plugins::Planned) -> String {
    let shown = shown(name);
    match (provider.server(), provider.name().as_str()) {
        (Some(server), _) => format!("`{shown}` of `servers.{server}`"),
        (None, "commands") => format!("`commands.{shown}`"),
        (None, "plugins") => match plugins.of_tool(name) {
            Some(plugin) => format!("`{shown}` of the plugin `{plugin}`"),
            None => format!("`{shown}` of a plugin"),
        },
        (None, _) => format!("the built-in tool `{shown}`"),
    }
}
