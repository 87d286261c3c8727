//! What the pack offers: names, schemas and what a model should know of each tool.

use durward_core::{Annotations, NameError, RawJson, Tier, Tool, ToolName};

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

const TOOLS: [Written; 5] = [
    Written {
        name: "fs_list",
        alias: "fs.list",
        title: "List a directory",
        description: "Lists what a directory holds: names, types, sizes and times. Without \
                      arguments, the root.",
        input: include_str!("schemas/list.input.json"),
        output: include_str!("schemas/list.output.json"),
        arguments: LIST,
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
    },
];

/// The tools, by name.
pub(super) fn tools() -> Result<Vec<Tool>, NameError> {
    TOOLS.iter().map(tool).collect()
}

fn tool(written: &Written) -> Result<Tool, NameError> {
    Ok(Tool {
        name: ToolName::new(written.name)?,
        aliases: vec![ToolName::new(written.alias)?],
        title: written.title.to_owned(),
        description: written.description.to_owned(),
        tier: Tier::Read,
        raises: &[],
        input_schema: RawJson::from_static(written.input),
        output_schema: Some(RawJson::from_static(written.output)),
        annotations: Annotations {
            read_only_hint: true,
            destructive_hint: false,
            idempotent_hint: true,
            open_world_hint: false,
        },
        argument_aliases: written.arguments,
    })
}
