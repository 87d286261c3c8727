//! `fs_read`: what a file holds, all of it or a part.

use std::{borrow::Cow, sync::Arc};

use durward_cage::files::{FileFault, OpenFile};
use durward_core::{Answer, Call, Cancel, OwnResult, Refusal};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{
    content::{self, Encoding, Spelled},
    places::{Place, Places},
    range::{Next, Part, Range, Source},
    refuse, work,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(default)]
    encoding: Wanted,
    offset: Option<u64>,
    limit: Option<u64>,
    byte_offset: Option<u64>,
    byte_limit: Option<u64>,
    head: Option<u64>,
    tail: Option<u64>,
}

/// The encoding that is asked for. What is not text comes as base64 all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    #[default]
    Auto,
    Utf8,
    Base64,
}

#[derive(Debug, Serialize)]
struct Content {
    content: String,
    #[serde(flatten)]
    about: About,
}

/// What is known of the content.
#[derive(Debug, Serialize)]
struct About {
    encoding: Encoding,
    mime: &'static str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let args: Args<'_> = refuse::arguments(call)?;
    let range = args.range()?;
    let wanted = args.encoding;
    let most = places.max_read;
    let place = places.find(&args.path)?;
    let file = place
        .area
        .root
        .open_file(place.rel()?, &|path| place.area.judge_file(path))
        .map_err(|fault| place.refuse(&fault))?;
    let size = file.meta().size;
    if range == Range::Whole && size > most {
        return Err(place.refuse(&FileFault::TooLarge { size, limit: most }));
    }
    if size <= work::INLINE {
        return read(&place, &file, range, wanted, most, &call.cancel);
    }
    work::off_thread(call, move |stop| {
        read(&place, &file, range, wanted, most, stop)
    })
    .await
}

impl Args<'_> {
    fn range(&self) -> Result<Range, Refusal> {
        let ways = [
            self.offset.or(self.limit).is_some(),
            self.byte_offset.or(self.byte_limit).is_some(),
            self.head.is_some(),
            self.tail.is_some(),
        ];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            let reason = "say the part in one way: `offset` and `limit` (lines), `byte_offset` and \
                          `byte_limit`, `head`, or `tail`";
            return Err(refuse::argument("", reason));
        }
        let counts = [
            ("/offset", self.offset),
            ("/limit", self.limit),
            ("/byte_limit", self.byte_limit),
            ("/head", self.head),
            ("/tail", self.tail),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == Some(0)) {
            return Err(refuse::argument(
                name,
                format!("`{}` must be at least 1", &name[1..]),
            ));
        }
        Ok(match *self {
            Self {
                head: Some(count), ..
            } => Range::Lines {
                first: 1,
                count: Some(count),
            },
            Self {
                tail: Some(count), ..
            } => Range::Tail(count),
            _ if ways[0] => Range::Lines {
                first: self.offset.unwrap_or(1),
                count: self.limit,
            },
            _ if ways[1] => Range::Bytes {
                offset: self.byte_offset.unwrap_or(0),
                count: self.byte_limit,
            },
            _ => Range::Whole,
        })
    }
}

fn read(
    place: &Place,
    file: &OpenFile,
    range: Range,
    wanted: Wanted,
    most: u64,
    stop: &Cancel,
) -> Result<Answer, Refusal> {
    let as_text = wanted != Wanted::Base64;
    let source = Source {
        place,
        file,
        most,
        as_text,
        stop,
    };
    let Part {
        bytes,
        whole,
        truncated,
        next,
    } = source.read(range)?;
    let sha256 = whole.then(|| content::hex(digest(&SHA256, &bytes).as_ref()));
    let Spelled {
        content,
        encoding,
        is_text,
    } = content::spell(bytes, !as_text);
    let about = About {
        encoding,
        mime: content::mime(place.path(), is_text),
        size: file.meta().size,
        sha256,
        truncated,
        next,
    };
    match encoding {
        Encoding::Utf8 => refuse::written(OwnResult::of_content(content, &about)),
        Encoding::Base64 => {
            let text = format!(
                "base64, {}, {} bytes in the file\n{content}",
                about.mime, about.size
            );
            refuse::answer(&text, &Content { content, about })
        }
    }
}
