//! Why a program did not start, as callers are told: without a path of the host. The log has the rest.

use durward_cage::launch::LaunchFault;
use durward_core::{Refusal, RefusalCode};

/// The launcher's fault.
pub(super) fn launch(fault: &LaunchFault) -> Refusal {
    tracing::warn!(%fault, "a program was not started");
    let refusal = |code, reason: &'static str, detail| Refusal::new(code, reason).detail(detail);
    match fault {
        LaunchFault::Nothing
        | LaunchFault::NotInPath(_)
        | LaunchFault::NotThere(_)
        | LaunchFault::NoInterpreter(_) => refusal(
            RefusalCode::NotFound,
            "the program is not installed on this machine",
            "program_missing",
        ),
        LaunchFault::NotExecutable(_) | LaunchFault::NotAProgram(_) => refusal(
            RefusalCode::Denied,
            "the program is there, and this machine can't run it or durward may not",
            "program_not_runnable",
        ),
        LaunchFault::Replaced(_) => refusal(
            RefusalCode::DefinitionChanged,
            "the program was replaced since durward looked for it, and what stands there now is not run; \
             whoever runs durward can accept it by a reload",
            "program_replaced",
        ),
        LaunchFault::ZeroByte(_) => refusal(
            RefusalCode::InvalidArguments,
            "a zero byte can't be passed to a program",
            "null_byte",
        ),
        LaunchFault::TooLong(_) => refusal(
            RefusalCode::TooLarge,
            "the arguments are longer than the system passes to a program; give them on stdin or in a file",
            "arguments_too_long",
        ),
        LaunchFault::Folder { .. } => refusal(
            RefusalCode::NotFound,
            "the working folder is not there any more, or can't be entered",
            "cwd_not_found",
        ),
        LaunchFault::OutOfReach(_) => refusal(
            RefusalCode::Denied,
            "the program lies outside of what it may read itself; whoever runs durward can add its folder, and \
             that of its interpreter, to `sandbox.read`",
            "program_out_of_reach",
        ),
        LaunchFault::FolderOutOfReach(_) => refusal(
            RefusalCode::PathOutsideRoot,
            "the working folder lies outside of what the program may read; whoever runs durward can add it to \
             `sandbox.read`",
            "cwd_out_of_reach",
        ),
        LaunchFault::LinkInTheWay(_) => refusal(
            RefusalCode::Unavailable,
            "among what others execute later (`.git/hooks`, settings of editors and agents) is a link, which can't be \
             closed to the program, so nothing was run; `durward check` names it",
            "link_in_the_way",
        ),
        LaunchFault::NoWayOut(_) | LaunchFault::Walls { .. } => refusal(
            RefusalCode::Unavailable,
            "the walls around the program can't be put up on this machine, so nothing was run; `durward check` \
             says what is missing, and how to get it",
            "walls",
        ),
        LaunchFault::Slow { .. } => refusal(
            RefusalCode::Timeout,
            "the program did not begin in time and was ended",
            "slow_start",
        ),
        LaunchFault::System { .. } => refusal(
            RefusalCode::Unavailable,
            "the system has no room for another process just now; try again later",
            "no_process",
        ),
        _ => refusal(
            RefusalCode::Unavailable,
            "durward can't start programs just now; try again, and if that does not help, its log says why",
            "launcher",
        ),
    }
}

/// It had not begun when its time was over.
pub(super) fn no_time() -> Refusal {
    Refusal::new(
        RefusalCode::Timeout,
        "the program had not begun when its time was over",
    )
    .detail(Refusal::NOT_BEGUN)
}
