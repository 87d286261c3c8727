//! Where walls could not be put up.

use rustix::io::Errno;

use crate::launch::report::Step;

/// What failed, and why.
pub(in crate::launch) type Failed = (Step, Errno);

/// Says at which step a call failed.
pub(super) fn at(step: Step) -> impl Fn(Errno) -> Failed + Copy {
    move |errno| (step, errno)
}
