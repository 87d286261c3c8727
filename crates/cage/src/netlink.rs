//! Questions that the kernel answers about interfaces, routes and addresses (netlink(7)).

/// The length of a message's header.
pub(crate) const HEADER: usize = 16;

/// The kind of an answer that says how it went.
pub(crate) const NLMSG_ERROR: u16 = 2;

/// It asks for something.
pub(crate) const NLM_F_REQUEST: u16 = 0x0001;

/// A message of this kind with empty fields behind its header.
pub(crate) fn message<const N: usize>(kind: u16, flags: u16) -> [u8; N] {
    const { assert!(N >= HEADER) };
    let mut bytes = [0; N];
    bytes[..4].copy_from_slice(&(N as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    bytes[6..8].copy_from_slice(&(NLM_F_REQUEST | flags).to_ne_bytes());
    bytes
}
