//! The two route-netlink requests that a lab needs: an address on the loopback device, and up.
//!
//! Layout of the messages: `man 7 rtnetlink` (`struct nlmsghdr`, `ifinfomsg`, `ifaddrmsg`,
//! `rtattr`), numbers from `linux/rtnetlink.h`, `linux/if_addr.h` and `linux/netlink.h`.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_CREATE: u16 = 0x400;
const IFF_UP: u32 = 0x1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const AF_INET: u8 = 2;
/// The loopback device is the first of every new namespace.
const LOOPBACK: u32 = 1;
/// Size of `struct nlmsghdr`.
const HEADER: usize = 16;

/// Puts `address/prefix` on the loopback device of this thread's namespace and brings it up.
///
/// On a loopback device the kernel makes the *whole* prefix local, as it does for 127.0.0.0/8, so
/// one address gives every pod one of its own.
pub(super) fn configure_loopback(address: Ipv4Addr, prefix: u8) -> io::Result<()> {
    let mut link = Vec::new();
    link.extend([0u8; 4]); // ifi_family, padding, ifi_type
    link.extend(LOOPBACK.to_ne_bytes());
    link.extend(IFF_UP.to_ne_bytes()); // ifi_flags
    link.extend(IFF_UP.to_ne_bytes()); // ifi_change: only this flag
    request(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, &link)?;

    let mut added = vec![AF_INET, prefix, 0, 0]; // flags, scope: global
    added.extend(LOOPBACK.to_ne_bytes());
    for kind in [IFA_LOCAL, IFA_ADDRESS] {
        added.extend(8u16.to_ne_bytes()); // rta_len: header and four bytes
        added.extend(kind.to_ne_bytes());
        added.extend(address.octets());
    }
    request(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, &added)
}

/// Sends one request and waits for the kernel's acknowledgement.
fn request(kind: u16, flags: u16, payload: &[u8]) -> io::Result<()> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    let length = u32::try_from(HEADER + payload.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER + payload.len());
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(1u32.to_ne_bytes()); // sequence number
    message.extend(0u32.to_ne_bytes()); // to the kernel
    message.extend(payload);
    send(socket.as_raw_fd(), &message, MsgFlags::empty())?;
    let mut answer = [0u8; 1024];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    acknowledged(&answer[..length.min(answer.len())])
}

/// Reads the error code of an acknowledgement: 0, or a negative errno.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let code = answer
        .get(HEADER..HEADER + 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map(i32::from_ne_bytes);
    match (kind, code) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(code)) => {
            Err(io::Error::from_raw_os_error(code.checked_neg().unwrap_or(0)))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "netlink: no acknowledgement")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: u16, code: i32) -> Vec<u8> {
        let mut bytes = vec![0u8; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes.extend(code.to_ne_bytes());
        bytes
    }

    #[test]
    fn a_refusal_carries_the_errno() {
        let refused = acknowledged(&answer(NLMSG_ERROR, -1)).map_err(|error| error.raw_os_error());
        assert_eq!(refused, Err(Some(1)));
        assert!(acknowledged(&answer(NLMSG_ERROR, 0)).is_ok());
    }

    #[test]
    fn a_truncated_answer_is_an_error() {
        assert!(acknowledged(&[]).is_err());
        assert!(acknowledged(&answer(NLMSG_ERROR, 0)[..HEADER]).is_err());
        assert!(acknowledged(&answer(RTM_NEWLINK, 0)).is_err());
    }
}
