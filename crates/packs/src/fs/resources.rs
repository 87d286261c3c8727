//! Files and folders as resources: read by URI, completed name by name, watched.

use std::{fmt::Write, sync::Arc};

use durward_cage::files::{FileFault, Kind};
use durward_core::{
    Answer, Call, Cancel, Operation, RawJson, Refusal, RefusalCode, Resource, ResourceText, Shown,
    Template, TemplateText,
};
use serde::{Deserialize, Serialize};

use super::{
    content::{self, Encoding},
    list,
    places::Places,
    refuse,
    uris::{self, Spelled},
    work,
};

/// A folder's listing: one URI a line (RFC 2483, section 5).
const LISTING: &str = "text/uri-list";
/// Most URIs of one listing.
const MOST_LISTED: usize = 1000;
/// Most values of one completion (MCP 2025-11-25, server/utilities/completion).
const MOST_COMPLETED: usize = 100;

/// What `resources/list` has: each root's top folder. Files are found from there, and by the
/// templates; a list of all of them would be as long as the disk is large.
pub(super) fn listed(places: &Places) -> Vec<Resource> {
    let root = |area| Resource {
        uri: uris::uri_of(area, "", true),
        shown: Shown::Own(ResourceText {
            name: named(area.root.name()),
            title: "Shared files".to_owned(),
            description: "The URIs of what lies in this folder, one a line; folders end with `/`."
                .to_owned(),
            mime_type: LISTING.to_owned(),
        }),
    };
    places.areas().iter().map(root).collect()
}

/// What `resources/templates/list` has: one for each root.
pub(super) fn templates(places: &Places) -> Vec<Template> {
    let root = |area| Template {
        uri_template: format!("{}{{+path}}", uris::uri_of(area, "", true)),
        shown: Shown::Own(TemplateText {
            name: named(area.root.name()),
            description: "A file, by its path below what is shared; a folder, where the path ends \
                          with `/`."
                .to_owned(),
        }),
    };
    places.areas().iter().map(root).collect()
}

fn named(root: &str) -> String {
    match root {
        "" => "files".to_owned(),
        name => format!("files-{name}"),
    }
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let uri = call.target.name();
    let spelled = uris::find(places, uri).unwrap_or_else(|| Err(missing(uri)))?;
    match call.operation {
        Operation::ReadResource if spelled.is_folder => {
            work::off_thread(call, move |stop| list(&spelled, stop)).await
        }
        Operation::ReadResource => read(spelled, places.max_read, call).await,
        Operation::Subscribe => {
            spelled.judge_there()?;
            Ok(Answer::Own(RawJson::empty_object().into()))
        }
        Operation::Complete => {
            let argument: Argument = refuse::arguments(call)?;
            work::off_thread(call, move |stop| complete(&spelled, &argument, stop)).await
        }
        Operation::CallTool
        | Operation::GetPrompt
        | Operation::GetTask
        | Operation::UpdateTask
        | Operation::CancelTask
        | Operation::AwaitTask => Err(missing(uri)),
    }
}

/// There is nothing of that name, in the words that the gate knows.
fn missing(uri: &str) -> Refusal {
    let uri: String = uri.chars().take(128).collect();
    Refusal::new(RefusalCode::NotFound, format!("Resource not found: {uri}"))
        .detail("unknown_resource")
}

impl Spelled {
    fn refuse(&self, fault: &FileFault) -> Refusal {
        let name = self.place.spell(self.place.path());
        match fault {
            FileFault::NotFound | FileFault::NotADirectory => missing(&self.uri()),
            FileFault::NotARegularFile => Refusal::new(
                RefusalCode::NotARegularFile,
                format!("`{name}` is not a regular file; the URI of a folder ends with `/`"),
            ),
            FileFault::TooLarge { size, limit } => Refusal::new(
                RefusalCode::TooLarge,
                format!(
                    "`{name}` has {size} bytes, and at most {limit} can be read as a resource; \
                     `fs_read` reads it in ranges"
                ),
            ),
            other => self.place.refuse(other),
        }
    }

    /// The path that links lead to, where it may be read.
    pub(super) fn leads_to(&self) -> Option<String> {
        let area = &self.place.area;
        let rel = self.place.rel().ok()?;
        if self.is_folder {
            let dir = area.root.open_dir(rel, &|path| area.judge_dir(path)).ok()?;
            return Some(dir.path().to_owned());
        }
        let file = area
            .root
            .open_file(rel, &|path| area.judge_file(path))
            .ok()?;
        file.resolved().map(str::to_owned)
    }

    /// May it be read as it lies there now, links and all? What is not there yet may be.
    pub(super) fn judge_there(&self) -> Result<(), Refusal> {
        let area = &self.place.area;
        let rel = self.place.rel()?;
        let opened = match self.is_folder {
            true => area
                .root
                .open_dir(rel, &|path| area.judge_dir(path))
                .map(drop),
            false => area
                .root
                .open_file(rel, &|path| area.judge_file(path))
                .map(drop),
        };
        match opened {
            Err(FileFault::NotFound) => self.judge(),
            other => other.map_err(|fault| self.refuse(&fault)),
        }
    }
}

#[derive(Serialize)]
struct Read {
    contents: [Content; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    uri: String,
    mime_type: &'static str,
    #[serde(flatten)]
    body: Body,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    Text(String),
    Blob(String),
}

fn answer<T: Serialize>(result: &T) -> Result<Answer, Refusal> {
    refuse::written(RawJson::of(result).map(Into::into))
}

async fn read(spelled: Spelled, most: u64, call: &Call) -> Result<Answer, Refusal> {
    let area = &spelled.place.area;
    let file = area
        .root
        .open_file(spelled.place.rel()?, &|path| area.judge_file(path))
        .map_err(|fault| spelled.refuse(&fault))?;
    let size = file.meta().size;
    let read = move |_: &Cancel| {
        let mut bytes = Vec::new();
        file.read_all(most, &mut bytes)
            .map_err(|fault| spelled.refuse(&fault))?;
        let read = content::spell(bytes, false);
        answer(&Read {
            contents: [Content {
                uri: spelled.uri(),
                mime_type: content::mime(spelled.place.path(), read.is_text),
                body: match read.encoding {
                    Encoding::Utf8 => Body::Text(read.content),
                    Encoding::Base64 => Body::Blob(read.content),
                },
            }],
        })
    };
    match size <= work::INLINE {
        true => read(&call.cancel),
        false => work::off_thread(call, read).await,
    }
}

/// What lies in a folder, by URI.
fn list(spelled: &Spelled, stop: &Cancel) -> Result<Answer, Refusal> {
    let page = names(spelled, MOST_LISTED, stop, &|_| true)?;
    let area = &spelled.place.area;
    let mut text = String::new();
    for (path, _, is_folder) in &page.names {
        // Writing to a string can't fail; lines of the type end with CRLF.
        let _ = write!(text, "{}\r\n", uris::uri_of(area, path, *is_folder));
    }
    if page.more {
        text.push_str("# There are more; `fs_list` shows all of them.\r\n");
    }
    answer(&Read {
        contents: [Content {
            uri: spelled.uri(),
            mime_type: LISTING,
            body: Body::Text(text),
        }],
    })
}

struct Names {
    /// The path below the root, the name, and whether it is a folder.
    names: Vec<(String, String, bool)>,
    more: bool,
}

/// What may be shown of a folder. Of a link only reading tells where it leads.
fn names(
    spelled: &Spelled,
    most: usize,
    stop: &Cancel,
    keep: &dyn Fn(&str) -> bool,
) -> Result<Names, Refusal> {
    let area = &spelled.place.area;
    let dir = area
        .root
        .open_dir(spelled.place.rel()?, &|path| area.judge_dir(path))
        .map_err(|fault| spelled.refuse(&fault))?;
    let page = dir
        .page(None, most, &mut |entry| {
            if stop.is_cancelled() {
                return Err(FileFault::Stopped);
            }
            let is_kept = entry.utf8().is_some_and(keep) && entry.kind() != Kind::Other;
            Ok(is_kept && list::is_shown(area, &dir, entry))
        })
        .map_err(|fault| spelled.refuse(&fault))?;
    // As it was asked for: over a link, if the folder is one.
    let above = spelled.place.path();
    let named = |entry: &durward_cage::files::Entry| {
        let name = entry.name().into_owned();
        let path = match above {
            "" => name.clone(),
            above => format!("{above}/{name}"),
        };
        (path, name, entry.kind() == Kind::Directory)
    };
    Ok(Names {
        names: page.entries.iter().map(named).collect(),
        more: page.more,
    })
}

#[derive(Deserialize)]
struct Argument {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct Completed {
    completion: Completion,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Completion {
    values: Vec<String>,
    has_more: bool,
}

/// Names in the folder typed so far that begin with the rest of what was typed.
fn complete(spelled: &Spelled, argument: &Argument, stop: &Cancel) -> Result<Answer, Refusal> {
    let typed = &argument.value;
    let (folder, begun) = typed.split_at(typed.rfind('/').map_or(0, |at| at + 1));
    if argument.name != "path" {
        return answer(&Completed {
            completion: Completion::default(),
        });
    }
    let keep = |name: &str| {
        (!name.starts_with('.') || begun.starts_with('.')) && as_value(name).starts_with(begun)
    };
    let completion = match names(spelled, MOST_COMPLETED, stop, &keep) {
        Ok(page) => Completion {
            values: page
                .names
                .iter()
                .map(|(_, name, is_folder)| {
                    let last = if *is_folder { "/" } else { "" };
                    format!("{folder}{}{last}", as_value(name))
                })
                .collect(),
            has_more: page.more,
        },
        Err(refusal) if refusal.code == RefusalCode::NotFound => Completion::default(),
        Err(refusal) => return Err(refusal),
    };
    answer(&Completed { completion })
}

/// A name as a value for `{+path}`, which leaves these characters as they are (RFC 6570, 3.2.3).
fn as_value(name: &str) -> String {
    name.replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23")
}
