//! `fs_write`: a whole file, new or in place of the old one.

use std::{borrow::Cow, sync::Arc};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use durward_cage::files::{FileFault, LastLink, OpenFile, Writing};
use durward_core::{Answer, Call, Cancel, Refusal, RefusalCode};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{
    content::{self, Encoding},
    places::{Place, Places},
    refuse, work,
};

/// Base64 as RFC 4648 has it; that padding is missing is forgiven.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow)]
    content: Cow<'a, str>,
    #[serde(default = "utf8")]
    encoding: Encoding,
    #[serde(default)]
    create_only: bool,
    if_match: Option<String>,
    #[serde(default = "yes")]
    make_parents: bool,
}

fn utf8() -> Encoding {
    Encoding::Utf8
}

fn yes() -> bool {
    true
}

#[derive(Debug, Serialize)]
struct Written {
    bytes_written: usize,
    sha256: String,
    created: bool,
}

/// What is to be done, apart from the content.
struct Task {
    place: Place,
    create_only: bool,
    if_match: Option<String>,
    make_parents: bool,
    durable: bool,
}

pub(super) async fn run(places: &Arc<Places>, call: &Call) -> Result<Answer, Refusal> {
    let args: Args<'_> = refuse::arguments(call)?;
    let place = places.find(&args.path)?;
    let content = bytes(&args, &place, places.max_write)?;
    if args.create_only && args.if_match.is_some() {
        let reason = "`create_only` wants no file and `if_match` one; say one of them";
        return Err(refuse::argument("/create_only", reason));
    }
    let task = Task {
        place,
        create_only: args.create_only,
        if_match: args.if_match,
        make_parents: args.make_parents,
        durable: places.durable,
    };
    work::off_thread(call, move |stop| task.run(&content, stop)).await
}

/// The content as bytes, if they are not too many.
fn bytes(args: &Args<'_>, place: &Place, most: u64) -> Result<Vec<u8>, Refusal> {
    let spelled = args.content.as_bytes();
    let fits = |size: usize| match size as u64 {
        size if size > most => Err(refuse::too_large(&place.spell(place.path()), size, most)),
        _ => Ok(()),
    };
    match args.encoding {
        Encoding::Utf8 => {
            fits(spelled.len())?;
            Ok(spelled.to_vec())
        }
        Encoding::Base64 => {
            // What can't fit is not decoded: three bytes are spelled as four.
            fits((spelled.len() / 4 * 3).saturating_sub(3))?;
            let bytes = BASE64.decode(spelled).map_err(|_| {
                refuse::argument(
                    "/content",
                    "`content` is not base64, so nothing was written",
                )
                .detail("invalid_base64")
            })?;
            fits(bytes.len())?;
            Ok(bytes)
        }
    }
}

impl Task {
    fn run(&self, content: &[u8], stop: &Cancel) -> Result<Answer, Refusal> {
        let place = &self.place;
        let created =
            self.put(content, stop)
                .map_err(|fault| match (&fault, self.create_only) {
                    // What is written is a file, and the root is none.
                    (FileFault::RootItself, _) => place.refuse_change(&FileFault::NotARegularFile),
                    (FileFault::Exists, true) => Refusal::new(
                        RefusalCode::Exists,
                        format!(
                            "there is a `{}` already; leave out `create_only` to replace it",
                            place.spell(place.path())
                        ),
                    ),
                    _ => place.refuse_change(&fault),
                })?;
        let written = Written {
            bytes_written: content.len(),
            sha256: content::hex(digest(&SHA256, content).as_ref()),
            created,
        };
        let text = format!(
            "{} `{}`: {} bytes, sha256 {}",
            if created { "Created" } else { "Replaced" },
            place.spell(place.path()),
            written.bytes_written,
            written.sha256
        );
        refuse::answer(&text, &written)
    }

    fn put(&self, content: &[u8], stop: &Cancel) -> Result<bool, FileFault> {
        let area = &self.place.area;
        let judge = |path: &str| area.judge_write(path);
        let path = self.place.rel_path()?;
        let spot = match self.make_parents && self.if_match.is_none() {
            true => area.root.spot_with_parents(path, self.durable, &judge)?,
            false => area.root.spot(path, LastLink::Follow, &judge)?,
        };
        let wanted = self.if_match.as_deref();
        let unchanged = |file: &OpenFile| {
            let found = content::sha256_of(file, stop)?;
            Ok(wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(&found)))
        };
        let how = Writing {
            create_only: self.create_only,
            durable: self.durable,
            unchanged: wanted.is_some().then_some(&unchanged),
            is_cancelled: &|| stop.is_cancelled(),
            ..Writing::default()
        };
        area.root.write(&spot, content, &how)
    }
}
