//! What the pack offers: names, schemas and what a model should know of each tool.

use durward_core::{Annotations, NameError, RawJson, Shown, Tier, Tool, ToolName, ToolText};

type Aliases = &'static [(&'static str, &'static str)];

/// A tool as it is written down here.
struct Written {
    name: &'static str,
    alias: &'static str,
    title: &'static str,
    description: &'static str,
    input: &'static str,
    output: &'static str,
    arguments: Aliases,
    does: Does,
}

/// What a tool does to files.
#[derive(Clone, Copy)]
enum Does {
    Read,
    /// Makes what was not there; a second time nothing more.
    Make,
    /// May take an old content's place; the same once more changes nothing.
    Set,
    /// May take something's place.
    Change,
    Destroy,
}

const PATH: [(&str, &str); 6] = [
    ("file_path", "path"),
    ("filename", "path"),
    ("file", "path"),
    ("directory", "path"),
    ("dir", "path"),
    ("folder", "path"),
];

const LIST: Aliases = &[
    PATH[0],
    PATH[1],
    PATH[2],
    PATH[3],
    PATH[4],
    PATH[5],
    ("show_hidden", "hidden"),
    ("include_hidden", "hidden"),
    ("max_results", "limit"),
    ("maxResults", "limit"),
];

const TREE: Aliases = &[
    PATH[0],
    PATH[1],
    PATH[2],
    PATH[3],
    PATH[4],
    PATH[5],
    ("max_depth", "depth"),
    ("maxDepth", "depth"),
    ("max_results", "limit"),
    ("maxResults", "limit"),
];

const STAT: Aliases = &PATH;

const READ: Aliases = &[
    PATH[0],
    PATH[1],
    PATH[2],
    PATH[3],
    PATH[4],
    PATH[5],
    ("start_line", "offset"),
    ("startLine", "offset"),
    ("line_offset", "offset"),
    ("lines", "limit"),
    ("line_limit", "limit"),
    ("byteOffset", "byte_offset"),
    ("byteLimit", "byte_limit"),
    ("max_bytes", "byte_limit"),
];

const SEARCH: Aliases = &[
    PATH[0],
    PATH[1],
    PATH[2],
    PATH[3],
    PATH[4],
    PATH[5],
    ("query", "pattern"),
    ("regex", "pattern"),
    ("glob", "name"),
    ("include", "name"),
    ("file_pattern", "name"),
    ("ignoreCase", "ignore_case"),
    ("case_insensitive", "ignore_case"),
    ("context_lines", "context"),
    ("contextLines", "context"),
    ("max_results", "limit"),
    ("maxResults", "limit"),
];

const READING: [Written; 5] = [
    Written {
        name: "fs_list",
        alias: "fs.list",
        title: "List a directory",
        description: "Lists what a directory holds: names, types, sizes and times. Without \
                      arguments, the root.",
        input: include_str!("schemas/list.input.json"),
        output: include_str!("schemas/list.output.json"),
        arguments: LIST,
        does: Does::Read,
    },
    Written {
        name: "fs_read",
        alias: "fs.read",
        title: "Read a file",
        description: "Reads a file. Text comes as it is, anything else as base64. A large file is \
                      read in parts: by lines (`offset`, `limit`), by bytes (`byte_offset`, \
                      `byte_limit`), or from either end (`head`, `tail`); `next` says how to go on.",
        input: include_str!("schemas/read.input.json"),
        output: include_str!("schemas/read.output.json"),
        arguments: READ,
        does: Does::Read,
    },
    Written {
        name: "fs_search",
        alias: "fs.search",
        title: "Search files",
        description: "Finds lines that match a regular expression, files by their names, or \
                      matching lines in files of those names. What `.gitignore` names and binary \
                      files are passed over; links are not followed.",
        input: include_str!("schemas/search.input.json"),
        output: include_str!("schemas/search.output.json"),
        arguments: SEARCH,
        does: Does::Read,
    },
    Written {
        name: "fs_stat",
        alias: "fs.stat",
        title: "Look at a file",
        description: "Tells type, size, time of the last change, mode, SHA-256 and media type of a \
                      file, or what of that a directory has.",
        input: include_str!("schemas/stat.input.json"),
        output: include_str!("schemas/stat.output.json"),
        arguments: STAT,
        does: Does::Read,
    },
    Written {
        name: "fs_tree",
        alias: "fs.tree",
        title: "Show a tree",
        description: "Shows what lies below a directory, some levels deep. What `.gitignore` names \
                      is left out; links are shown and not followed.",
        input: include_str!("schemas/tree.input.json"),
        output: include_str!("schemas/tree.output.json"),
        arguments: TREE,
        does: Does::Read,
    },
];

const WRITE: Aliases = &[
    PATH[0],
    PATH[1],
    PATH[2],
    ("text", "content"),
    ("contents", "content"),
    ("data", "content"),
    ("createOnly", "create_only"),
    ("ifMatch", "if_match"),
    ("makeParents", "make_parents"),
    ("create_directories", "make_parents"),
];

const EDIT: Aliases = &[
    PATH[0],
    PATH[1],
    PATH[2],
    ("dryRun", "dry_run"),
    ("ifMatch", "if_match"),
    ("edits[].oldText", "old"),
    ("edits[].newText", "new"),
    ("edits[].old_text", "old"),
    ("edits[].new_text", "new"),
    ("edits[].old_string", "old"),
    ("edits[].new_string", "new"),
    ("edits[].replace_all", "all"),
    ("edits[].replaceAll", "all"),
];

const FROM_TO: Aliases = &[
    ("source", "from"),
    ("src", "from"),
    ("source_path", "from"),
    ("old_path", "from"),
    ("destination", "to"),
    ("dest", "to"),
    ("dst", "to"),
    ("target", "to"),
    ("destination_path", "to"),
    ("new_path", "to"),
    ("force", "overwrite"),
];

const MKDIR: Aliases = &PATH;

const DELETE: Aliases = &PATH;

const WRITING: [Written; 6] = [
    Written {
        name: "fs_write",
        alias: "fs.write",
        title: "Write a file",
        description: "Writes a whole file, new or in place of the old content, which stays until the \
                      new is complete. `if_match` (the sha256 that was read) keeps what others \
                      wrote meanwhile; `create_only` keeps any file that is there.",
        input: include_str!("schemas/write.input.json"),
        output: include_str!("schemas/write.output.json"),
        arguments: WRITE,
        does: Does::Set,
    },
    Written {
        name: "fs_edit",
        alias: "fs.edit",
        title: "Edit a file",
        description: "Replaces exact pieces of a text file, in order, all or none, and gives the \
                      difference. Each `old` must occur exactly once, unless `all` is set: take \
                      enough of the lines around it.",
        input: include_str!("schemas/edit.input.json"),
        output: include_str!("schemas/edit.output.json"),
        arguments: EDIT,
        does: Does::Change,
    },
    Written {
        name: "fs_move",
        alias: "fs.move",
        title: "Move or rename",
        description: "Moves a file or a directory to another path in the same root; directories on the \
                      way are made. What is at `to` stays, unless `overwrite` is set and both are \
                      files.",
        input: include_str!("schemas/move.input.json"),
        output: include_str!("schemas/move.output.json"),
        arguments: FROM_TO,
        does: Does::Change,
    },
    Written {
        name: "fs_copy",
        alias: "fs.copy",
        title: "Copy a file",
        description: "Copies one file, also from one root to another; directories on the way are made. \
                      A file at `to` stays, unless `overwrite` is set.",
        input: include_str!("schemas/copy.input.json"),
        output: include_str!("schemas/move.output.json"),
        arguments: FROM_TO,
        does: Does::Change,
    },
    Written {
        name: "fs_mkdir",
        alias: "fs.mkdir",
        title: "Make a directory",
        description: "Makes a directory, and those on the way to it.",
        input: include_str!("schemas/mkdir.input.json"),
        output: include_str!("schemas/mkdir.output.json"),
        arguments: MKDIR,
        does: Does::Make,
    },
    Written {
        name: "fs_delete",
        alias: "fs.delete",
        title: "Delete",
        description: "Deletes a file, a link or an empty directory; with `recursive` a directory and \
                      all that is in it. There is no way back.",
        input: include_str!("schemas/delete.input.json"),
        output: include_str!("schemas/delete.output.json"),
        arguments: DELETE,
        does: Does::Destroy,
    },
];

/// The tools: those that read, and where something may be written those that write.
pub(super) fn tools(writable: bool) -> Result<Vec<Tool>, NameError> {
    let writing = WRITING.iter().filter(|_| writable);
    READING.iter().chain(writing).map(tool).collect()
}

fn tool(written: &Written) -> Result<Tool, NameError> {
    let does = written.does;
    Ok(Tool {
        name: ToolName::new(written.name)?,
        aliases: vec![ToolName::new(written.alias)?],
        shown: Shown::Own(ToolText {
            title: written.title.to_owned(),
            description: written.description.to_owned(),
            annotations: Annotations {
                read_only_hint: matches!(does, Does::Read),
                destructive_hint: matches!(does, Does::Set | Does::Change | Does::Destroy),
                idempotent_hint: matches!(does, Does::Read | Does::Make | Does::Set),
                open_world_hint: false,
            },
        }),
        tier: match does {
            Does::Read => Tier::Read,
            Does::Make | Does::Set | Does::Change => Tier::Operate,
            Does::Destroy => Tier::Danger,
        },
        raises: &[],
        input_schema: RawJson::from_static(written.input),
        output_schema: Some(RawJson::from_static(written.output)),
        argument_aliases: written.arguments,
    })
}
