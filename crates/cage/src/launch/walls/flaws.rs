//! What holds less than it could.

/// What holds less than it could on this machine, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::launch) struct Flaws(pub(in crate::launch) u8);

impl Flaws {
    /// A box has an empty `/proc`, since no view of its own processes can be had.
    pub(super) const PROCESSES_UNSEEN: Self = Self(1);
    /// Memory is limited for each process and not for all together.
    pub(super) const MEMORY_APART: Self = Self(1 << 1);
    /// The number of processes is not limited.
    pub(super) const PROCESSES_UNLIMITED: Self = Self(1 << 2);
    /// Abstract sockets and signals to others of the same user are not held.
    pub(super) const UNSCOPED: Self = Self(1 << 3);
    /// Files are held by mounts alone.
    pub(super) const NO_LANDLOCK: Self = Self(1 << 4);

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}
