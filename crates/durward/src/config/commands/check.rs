//! What is wrong with a template, where it stands.

use durward_guard::template::TemplateFault;

use crate::config::{
    Config,
    fault::Fault,
    node::{Node, Value},
    sandbox::{self, Room},
    semantic::place_of,
};

/// Adds what is wrong with any template, and what its writer may have meant otherwise.
pub(in crate::config) fn check(
    config: &Config,
    root: &Node,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    for (name, command) in &config.commands {
        let name = name.to_string();
        if name.contains("__") {
            let fault = Fault::new(format!(
                "`commands.{name}`: `__` stands between a server's name and its tool's"
            ));
            let place = place_of(root, &["commands", &name]);
            faults.push(fault.place(place).hint("use one `_`"));
        }
        let written = root.at(&["commands", &name]);
        let has_keys = written.is_some_and(|node| matches!(node.value, Value::Map(_)));
        let place = |fault: Option<&TemplateFault>| match fault.and_then(param_of) {
            Some(param) if command.params.contains_key(param) => {
                place_of(root, &["commands", &name, "params", param])
            }
            _ if has_keys => place_of(root, &["commands", &name, "run"]),
            _ => place_of(root, &["commands", &name]),
        };
        match command.template() {
            Ok(template) => warnings.extend(template.doubts().iter().map(|doubt| {
                let fault = Fault::new(format!("`commands.{name}`: {doubt}"));
                fault.place(place(None))
            })),
            Err(fault) => {
                let at = place(Some(&fault));
                faults.push(Fault::new(format!("`commands.{name}`: {fault}")).place(at));
            }
        }
        let walls = ["commands", &name, "sandbox"];
        sandbox::check(command.sandbox.as_ref(), Room::Box, &walls, root, faults);
        if command.timeout.is_some_and(|it| it.duration().is_zero()) {
            let at = place_of(root, &["commands", &name, "timeout"]);
            faults.push(Fault::new(format!("`commands.{name}.timeout` must be above 0")).place(at));
        }
    }
}

/// The placeholder whose `params` are at fault.
fn param_of(fault: &TemplateFault) -> Option<&str> {
    match fault {
        TemplateFault::NoSuchSlot(name, _)
        | TemplateFault::Unfit(_, name, _)
        | TemplateFault::BadBound(_, name)
        | TemplateFault::BadPattern(name, _)
        | TemplateFault::BadItem(_, name)
        | TemplateFault::NotAFlag(_, name)
        | TemplateFault::OptionInEnum(_, name)
        | TemplateFault::NothingListed(name, _) => Some(name),
        _ => None,
    }
}
