//! What a program puts on itself, between clone and exec. Nothing here allocates.

use std::os::fd::AsFd;

use libc::sock_filter;
use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{
        CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities,
        clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
        set_capabilities_secure_bits, set_no_new_privs,
    },
};

use super::{
    Level,
    flaws::Flaws,
    kernel::{install_filter, landlock_restrict},
    raise::Raised,
    step::{Failed, at},
};
use crate::launch::report::Step;

/// The last that the kernel may know of: they are bits of a word.
const MOST_CAPABILITIES: u32 = 64;

/// Lowers a limit; it is never raised.
pub(in crate::launch) fn limit(resource: Resource, most: u64) -> Result<(), Failed> {
    let most = getrlimit(resource)
        .maximum
        .map_or(most, |known| known.min(most));
    let both = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(resource, both).map_err(at(Step::Limits))
}

/// Limits for each process; those for all together are the keeper's.
pub(in crate::launch) fn limit_all(raised: &Raised) -> Result<(), Failed> {
    let limits = &raised.limits;
    limit(Resource::Nofile, limits.files)?;
    limit(Resource::Cpu, limits.cpu.as_secs())?;
    if let Some(size) = limits.file_size {
        limit(Resource::Fsize, size)?;
    }
    if raised.flaws.has(Flaws::MEMORY_APART) {
        limit(Resource::Data, limits.memory)?;
    }
    if raised.level == Level::Full {
        // In a user namespace of its own nobody is counted but the box: it, and its keeper.
        limit(Resource::Nproc, limits.processes.saturating_add(1))?;
    }
    Ok(())
}

/// Takes away every right beyond those of its user, for ever.
pub(in crate::launch) fn give_up_rights() -> Result<(), Failed> {
    let failed = at(Step::Rights);
    let has = capabilities(None).map_err(failed)?.effective;
    if has.contains(CapabilitySet::SETPCAP) {
        let bits = CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
        set_capabilities_secure_bits(bits).map_err(failed)?;
        for number in 0..MOST_CAPABILITIES {
            let one = CapabilitySet::from_bits_retain(1 << number);
            match remove_capability_from_bounding_set(one) {
                Ok(()) => {}
                // The kernel knows no more.
                Err(Errno::INVAL) => break,
                Err(errno) => return Err(failed(errno)),
            }
        }
    }
    clear_ambient_capability_set().map_err(failed)?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).map_err(failed)?;
    set_no_new_privs(true).map_err(failed)
}

/// Landlock, where there is a ruleset.
pub(in crate::launch) fn hold_files(raised: &Raised) -> Result<(), Failed> {
    match &raised.ruleset {
        Some(ruleset) => landlock_restrict(ruleset.as_fd()).map_err(at(Step::Landlock)),
        None => Ok(()),
    }
}

/// The last: from here on only what the filter lets through can be done.
pub(in crate::launch) fn filter_calls(filter: &[sock_filter]) -> Result<(), Failed> {
    install_filter(filter).map_err(at(Step::Filter))
}
