//! Talking to the kernel's network configuration, without a program for it.
//!
//! A request is a header, a fixed structure and attributes, which may nest (`man 7 netlink`, `man 7
//! rtnetlink`; numbers from `linux/netlink.h`). [`link`] makes devices and addresses, [`redirect`]
//! the packet rules of a pod.

pub(super) mod link;
pub(super) mod redirect;

use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_APPEND: u16 = 0x800;
const NLA_F_NESTED: u16 = 0x8000;
/// Size of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Size of `struct nlattr`.
const ATTRIBUTE_HEADER: usize = 4;

/// Attributes of a request, each with its length and padded to four bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Attributes(Vec<u8>);

impl Attributes {
    /// Adds an attribute.
    fn put(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let length = u16::try_from(ATTRIBUTE_HEADER + value.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Adds a text with its closing zero.
    fn text(&mut self, kind: u16, text: &str) -> &mut Self {
        self.put(kind, &[text.as_bytes(), &[0]].concat())
    }

    /// Adds attributes inside an attribute.
    fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inside = Self::default();
        fill(&mut inside);
        self.put(kind | NLA_F_NESTED, &inside.0)
    }
}

/// One message: header and content.
fn message(kind: u16, flags: u16, sequence: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + content.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER + content.len());
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend(0u32.to_ne_bytes()); // to the kernel
    message.extend(content);
    message
}

/// Sends messages of which `expected` want an acknowledgement, and reads the acknowledgements.
///
/// The kernel answers before `send` returns, so nothing is waited for.
fn exchange(family: SockProtocol, messages: &[u8], expected: usize) -> io::Result<()> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, family)?;
    send(socket.as_raw_fd(), messages, MsgFlags::empty())?;
    let mut answer = [0u8; 16_384];
    for _ in 0..expected {
        let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::MSG_DONTWAIT)?;
        acknowledged(answer.get(..length).unwrap_or_default())?;
    }
    Ok(())
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
        message(kind, 0, 1, &code.to_ne_bytes())
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
        assert!(acknowledged(&answer(16, 0)).is_err());
    }

    #[test]
    fn attributes_are_padded_but_their_length_is_not() {
        let mut attributes = Attributes::default();
        attributes.text(3, "br0").nest(18, |inside| {
            inside.put(1, b"abcde");
        });
        let (own, nested) = attributes.0.split_at(8);
        assert_eq!(own, [&8u16.to_ne_bytes()[..], &3u16.to_ne_bytes(), b"br0\0"].concat());
        assert_eq!(nested.len(), 16);
        assert_eq!(nested[..2], 16u16.to_ne_bytes());
        assert_eq!(nested[4..6], 9u16.to_ne_bytes());
    }
}
