//! What callers are told when something is not done. No sentence names a path of the host: paths
//! are given as they lie below the root.

use durward_cage::files::FileFault;
use durward_core::{Answer, Call, OwnResult, Refusal, RefusalCode};
use durward_guard::path::PathFault;
use serde::{Deserialize, Serialize};

/// Of a path or a message no more than this is repeated.
const LONGEST_ECHO: usize = 200;

/// Reads the arguments. The gate has held them against the schema; what it let through and we can't
/// read is refused all the same.
pub(super) fn arguments<'a, T: Deserialize<'a>>(call: &'a Call) -> Result<T, Refusal> {
    call.arguments.parse().map_err(|error: serde_json::Error| {
        Refusal::new(
            RefusalCode::InvalidArguments,
            format!("the arguments don't fit: {}", short(&error.to_string())),
        )
    })
}

/// One argument is wrong, in a way that no schema says.
pub(super) fn argument(pointer: &str, reason: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::InvalidArguments, reason.into()).path(pointer)
}

/// The answer of a tool.
pub(super) fn answer<T: Serialize>(text: &str, structured: &T) -> Result<Answer, Refusal> {
    written(OwnResult::of_tool(text, structured))
}

/// An answer that was written, if it could be.
pub(super) fn written(result: Result<OwnResult, serde_json::Error>) -> Result<Answer, Refusal> {
    result
        .map(Answer::Own)
        .map_err(|_| Refusal::new(RefusalCode::Internal, "the answer could not be written"))
}

/// The path leads out.
pub(crate) fn outside() -> Refusal {
    Refusal::new(
        RefusalCode::PathOutsideRoot,
        "the path lies outside what is shared; give a path relative to the root, such as `.`",
    )
}

/// The work was stopped.
pub(super) fn cancelled() -> Refusal {
    Refusal::new(RefusalCode::Cancelled, "the call was cancelled")
}

/// Why cage did not reach `path`.
pub(crate) fn file(fault: &FileFault, path: &str) -> Refusal {
    let path = short(path);
    let refusal = |code, reason: String| Refusal::new(code, reason);
    match fault {
        FileFault::OutsideRoot => outside(),
        FileFault::Stopped => cancelled(),
        FileFault::NotShared => refusal(
            RefusalCode::Denied,
            format!("`{path}` is not among the paths that may be read"),
        )
        .detail("not_shared")
        .rule("files.read"),
        FileFault::Denied { pattern } => refusal(
            RefusalCode::DenylistHit,
            format!("`{path}` is on the deny list and can't be touched"),
        )
        .rule(format!("files.deny: {pattern}")),
        FileFault::NotFound => refusal(
            RefusalCode::NotFound,
            format!("there is no `{path}`; `fs_list` shows what is there"),
        ),
        FileFault::NotARegularFile => refusal(
            RefusalCode::NotARegularFile,
            format!("`{path}` is not a regular file, so it can't be read"),
        ),
        FileFault::NotADirectory => refusal(
            RefusalCode::NotFound,
            format!("`{path}` is not a directory, or a name on the way to it is not one"),
        )
        .detail("not_a_directory"),
        FileFault::TooLarge { size, limit } => refusal(
            RefusalCode::TooLarge,
            format!(
                "`{path}` has {size} bytes, and at most {limit} can be read at once; read it in \
                 ranges, with `offset` and `limit` (lines), `byte_offset` and `byte_limit`, `head` \
                 or `tail`"
            ),
        ),
        FileFault::NameTooLong => {
            argument("/path", "the path, or a name in it, is too long").detail("name_too_long")
        }
        FileFault::Malformed(why) => argument("/path", format!("the path can't be used: {why}")),
        FileFault::LinkLoop => refusal(
            RefusalCode::NotFound,
            format!("the symbolic links of `{path}` lead in a circle"),
        )
        .detail("symlink_loop"),
        FileFault::PermissionDenied => refusal(
            RefusalCode::Denied,
            format!("the system's permissions don't let durward read `{path}`"),
        )
        .detail("permission_denied"),
        FileFault::RootItself => refusal(
            RefusalCode::Denied,
            "the root itself can't be moved or deleted; name something in it".to_owned(),
        )
        .detail("root_itself"),
        FileFault::Exists => refusal(RefusalCode::Exists, format!("there is a `{path}` already")),
        FileFault::Conflict => refusal(
            RefusalCode::Conflict,
            format!("`{path}` is not what it was, or not what `if_match` says; read it again"),
        ),
        FileFault::HardLinked => refusal(
            RefusalCode::Denied,
            format!(
                "`{path}` is a file that has other names (hard links), so that writing to it could \
                 change something elsewhere; write to a new file instead"
            ),
        )
        .detail("hard_linked"),
        FileFault::NotEmpty => refusal(
            RefusalCode::ConfirmRequired,
            format!(
                "`{path}` is a directory that is not empty; `recursive: true` deletes it with all \
                 that is in it"
            ),
        )
        .detail("not_empty"),
        FileFault::TooMany { entries, depth } => refusal(
            RefusalCode::TooLarge,
            format!(
                "more lies below `{path}` than is moved or deleted at once, {entries} entries and \
                 {depth} levels; go by parts"
            ),
        )
        .detail("too_many"),
        FileFault::AcrossFileSystems => across(),
        FileFault::NoSpace => refusal(
            RefusalCode::NoSpace,
            format!("the disk is full, or a quota reached; `{path}` is as it was"),
        ),
        FileFault::OverQuota { limit } => refusal(
            RefusalCode::NoSpace,
            format!(
                "the files here may have {limit} bytes in all, and this is more; `{path}` is as it \
                 was, and what is deleted makes room"
            ),
        )
        .detail("quota")
        .rule("files.quota"),
        FileFault::Io(_) => refusal(
            RefusalCode::Unavailable,
            format!("`{path}` can't be read now"),
        )
        .detail("io_error"),
    }
}

/// Why cage did not change `path`.
pub(super) fn change(fault: &FileFault, path: &str) -> Refusal {
    let path = short(path);
    let refusal = |code, reason: String| Refusal::new(code, reason);
    match fault {
        FileFault::NotShared => refusal(
            RefusalCode::Denied,
            format!("`{path}` is not among the paths that may be written"),
        )
        .detail("not_shared")
        .rule("files.write"),
        FileFault::NotARegularFile => refusal(
            RefusalCode::NotARegularFile,
            format!("`{path}` is not a regular file, so it can't be written"),
        ),
        FileFault::NotFound => refusal(
            RefusalCode::NotFound,
            format!("there is no `{path}`, or no directory that would hold it"),
        ),
        FileFault::TooLarge { size, limit } => too_large(&path, *size, *limit),
        FileFault::PermissionDenied => refusal(
            RefusalCode::Denied,
            format!("the system's permissions don't let durward change `{path}`"),
        )
        .detail("permission_denied"),
        FileFault::Io(_) => refusal(
            RefusalCode::Unavailable,
            format!("`{path}` can't be changed now"),
        )
        .detail("io_error"),
        other => file(other, &path),
    }
}

/// It has more bytes than may be written.
pub(super) fn too_large(path: &str, size: u64, limit: u64) -> Refusal {
    let reason = format!(
        "`{}` would have {size} bytes, and at most {limit} are written to one file",
        short(path)
    );
    Refusal::new(RefusalCode::TooLarge, reason).rule("files.max_write")
}

/// Nothing is moved from one file system, or one root, to another.
pub(super) fn across() -> Refusal {
    Refusal::new(
        RefusalCode::Denied,
        "`from` and `to` lie in different roots or on different disks, and nothing is moved from one \
         to the other; use `fs_copy`, then `fs_delete`",
    )
    .detail("across_roots")
}

/// The same refusal, of an argument that is not called `path`.
pub(super) fn at(pointer: &str, mut refusal: Refusal) -> Refusal {
    if refusal.path.is_some() {
        refusal.path = Some(pointer.into());
    }
    refusal
}

/// Why a path can't be one.
pub(super) fn path(fault: PathFault) -> Refusal {
    Refusal::from(fault).path("/path")
}

/// No more than fits a sentence.
fn short(text: &str) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(LONGEST_ECHO) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}
