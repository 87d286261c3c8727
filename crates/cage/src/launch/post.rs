//! Datagrams with descriptors, over a UNIX socket (unix(7), `SCM_RIGHTS`).

use std::{
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    io::{Errno, Result},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
        SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
        sendmsg, socketpair,
    },
};

use super::{Door, order::DESCRIPTORS};

/// In what a keeper begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// In the machine's own namespaces, and nothing is held.
    Open = b'O' as isize,
    /// The same, but something is held: by filters, or by limits alone.
    Held = b'H' as isize,
    /// In its own, but for the network.
    Networked = b'N' as isize,
    /// In its own.
    Alone = b'A' as isize,
}

/// Sends an order; `Errno::AGAIN` where there is no room for it now.
pub(super) fn send(
    socket: impl AsFd,
    kind: Kind,
    descriptors: [BorrowedFd<'_>; DESCRIPTORS],
) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(&[kind as u8])], &mut control, flags).map(drop)
}

/// The sockets of a box's door, as they are handed out.
pub(super) type Sockets = [OwnedFd; Door::SOCKETS];

/// Sends a report with a door.
pub(super) fn send_with(socket: impl AsFd, bytes: &[u8], door: &Sockets) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(Door::SOCKETS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let door = door.each_ref().map(AsFd::as_fd);
    control.push(SendAncillaryMessage::ScmRights(&door));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags).map(drop)
}

/// Receives a report, and the door that came with it; how long it is.
pub(super) fn receive_with(socket: impl AsFd, bytes: &mut [u8]) -> Result<(usize, Option<Door>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(Door::SOCKETS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let got = recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, flags)?;
    let mut door = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(sent) = message {
            // One that is not whole, for want of descriptors, is none.
            door = Sockets::try_from(sent.collect::<Vec<_>>()).ok();
        }
    }
    Ok((got.bytes, door.map(Door::from)))
}

/// Receives an order; none where the other side is gone.
pub(super) fn receive(socket: impl AsFd) -> Result<Option<(Kind, [OwnedFd; DESCRIPTORS])>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let got = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
    )?;
    if got.bytes == 0 {
        return Ok(None);
    }
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(sent) = message {
            descriptors.extend(sent);
        }
    }
    if got.flags.contains(ReturnFlags::CTRUNC) {
        return Err(Errno::MFILE);
    }
    // The only sender is durward, which sends no other number.
    let kind = [Kind::Open, Kind::Held, Kind::Networked, Kind::Alone]
        .into_iter()
        .find(|kind| *kind as u8 == byte[0])
        .ok_or(Errno::INVAL)?;
    let descriptors = descriptors.try_into().map_err(|_| Errno::INVAL)?;
    Ok(Some((kind, descriptors)))
}

/// Two ends, over which whole messages go, and that hang up.
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd)> {
    socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
}
