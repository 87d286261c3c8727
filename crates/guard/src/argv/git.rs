//! What git runs for its caller: it has settings on its command line, helpers, hooks and pagers.

use super::{
    Hazard,
    getopt::{has_short, is_long},
};

const SETS: &str = "sets what git runs";
const RUNS: &str = "runs another program";

/// Options in front of the command that take the next word.
const TAKES: [&str; 5] = [
    "-C",
    "--work-tree",
    "--namespace",
    "--super-prefix",
    "--attr-source",
];

/// Commands that are there to run something, or to be talked to by another machine.
const COMMANDS: [&str; 24] = [
    "bugreport",
    "citool",
    "credential",
    "cvsimport",
    "cvsserver",
    "daemon",
    "diagnose",
    "difftool",
    "filter-branch",
    "gui",
    "help",
    "hook",
    "http-backend",
    "imap-send",
    "instaweb",
    "maintenance",
    "mergetool",
    "p4",
    "receive-pack",
    "send-email",
    "shell",
    "svn",
    "upload-pack",
    "web--browse",
];

/// The first argument by which git would run something of the caller's choosing.
pub(super) fn hazard(args: &[String]) -> Option<Hazard> {
    // A transport that is a command line; and a host that is an option of ssh's.
    let address =
        |word: &String| word.contains("ext::") || word.contains("fd::") || word.contains("://-");
    if let Some(at) = args.iter().position(address) {
        return Some(Hazard { at, why: RUNS });
    }
    let mut at = 0;
    while let Some(word) = args.get(at).filter(|word| word.starts_with('-')) {
        if in_front(word) {
            return Some(Hazard { at, why: SETS });
        }
        at += if TAKES.contains(&word.as_str()) { 2 } else { 1 };
    }
    let command = args.get(at)?.as_str();
    if COMMANDS.contains(&command)
        || command.starts_with("remote-")
        || command.starts_with("credential-")
    {
        return Some(Hazard { at, why: RUNS });
    }
    let first = at + 1;
    let rest = args.get(first..).unwrap_or_default();
    if command == "config" && !reads(rest) {
        return Some(Hazard { at, why: SETS });
    }
    let refused = |word: &String| behind(command, word);
    let found = rest.iter().position(refused)?;
    Some(Hazard {
        at: first + found,
        why: RUNS,
    })
}

/// In front of the command.
fn in_front(word: &str) -> bool {
    word.starts_with("-c")
        || is_long(word, &["config-env", "paginate", "git-dir"], &[])
        || word.starts_with("--exec-path=")
        || word == "-p"
}

/// Does `git config` only say what is set? Its action stands first.
fn reads(rest: &[String]) -> bool {
    let action = rest.first().map(String::as_str);
    matches!(
        action,
        Some(
            "--get"
                | "--get-all"
                | "--get-regexp"
                | "--get-urlmatch"
                | "--list"
                | "-l"
                | "get"
                | "list"
        )
    )
}

/// Behind it.
fn behind(command: &str, word: &str) -> bool {
    let long = |options: &[&str]| is_long(word, options, &[]);
    match command {
        "clone" => long(&["upload-pack", "config", "template"]) || has_short(word, "uc", "objb"),
        "init" | "init-db" => long(&["template"]),
        "fetch" | "pull" | "fetch-pack" | "ls-remote" | "archive" => long(&["upload-pack", "exec"]),
        "push" | "send-pack" => long(&["receive-pack", "exec"]),
        "rebase" => long(&["exec"]) || has_short(word, "x", "XsCS"),
        "grep" => long(&["open-files-in-pager"]) || has_short(word, "O", "efmABC"),
        "bisect" => word == "run" || word == "visualize" || word == "view",
        "submodule" => word == "foreach",
        "log" | "show" | "diff" | "whatchanged" | "format-patch" | "diff-tree" => {
            long(&["ext-diff"])
        }
        _ => false,
    }
}
