//! What the pack offers: name, schemas and what a model should know.

use durward_core::{Annotations, NameError, RawJson, Shown, Tier, Tool, ToolName, ToolText};

use super::programs::Programs;

const ARGUMENTS: &[(&str, &str)] = &[
    ("cmd", "command"),
    ("program", "command"),
    ("executable", "command"),
    ("arguments", "args"),
    ("argv", "args"),
    ("working_directory", "cwd"),
    ("workingDirectory", "cwd"),
    ("workdir", "cwd"),
    ("directory", "cwd"),
    ("input", "stdin"),
    ("timeoutMs", "timeout_ms"),
];

/// `shell_exec`.
pub(super) fn exec(programs: &Programs) -> Result<Tool, NameError> {
    Ok(Tool {
        name: ToolName::new("shell_exec")?,
        aliases: vec![ToolName::new("shell.exec")?],
        shown: Shown::Own(ToolText {
            title: "Run a program".to_owned(),
            description: format!(
                "Runs a program and gives what it prints. {} `command` is its name alone and `args` \
                 its arguments, one item each: no shell reads them, so quotes, `;`, `|`, `>`, `$X` \
                 and `*` are plain text. It begins in the root or in `cwd`, has a small environment \
                 and its limits, and is ended with all that it started when `timeout_ms` is over or \
                 when it prints more than is kept. An exit code other than 0 is flagged as an error.",
                may_be_run(programs)
            ),
            annotations: Annotations {
                read_only_hint: false,
                destructive_hint: true,
                idempotent_hint: false,
                open_world_hint: true,
            },
        }),
        tier: Tier::Operate,
        raises: &[],
        input_schema: RawJson::from_static(include_str!("schemas/exec.input.json")),
        output_schema: Some(RawJson::from_static(include_str!("../run/ran.output.json"))),
        argument_aliases: ARGUMENTS,
    })
}

/// For models, in the tool and in the guide.
pub(super) fn may_be_run(programs: &Programs) -> String {
    let names: Vec<_> = programs.names().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "No program may be run.".to_owned(),
        names => format!("Programs that may be run: {}.", names.join(", ")),
    }
}
