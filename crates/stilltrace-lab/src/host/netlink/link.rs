//! Devices and addresses: a loopback device, a bridge, and a cable from it to a pod.
//!
//! Structures from `linux/rtnetlink.h`, `linux/if_link.h`, `linux/if_addr.h` and `linux/veth.h`.
//! Devices are made in new namespaces, so their numbers are chosen and not asked for.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::RawFd;

use nix::sys::socket::SockProtocol;

use super::{Attributes, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, exchange, message};

const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const IFF_UP: u32 = 0x1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const AF_INET: u8 = 2;
/// The loopback device is the first of every new namespace.
const LOOPBACK: u32 = 1;
/// The first device that the lab makes in a namespace: the bridge, or a pod's end of its cable.
pub(in crate::host) const FIRST: u32 = 2;

/// Brings the loopback device of this thread's namespace up; the kernel gives it 127.0.0.1.
pub(in crate::host) fn loopback_up() -> io::Result<()> {
    request(RTM_NEWLINK, 0, &interface(LOOPBACK, IFF_UP))
}

/// Gives the pod's end of a cable, in this thread's namespace, its address and brings it up.
pub(in crate::host) fn connect(address: Ipv4Addr, prefix: u8) -> io::Result<()> {
    request(RTM_NEWLINK, 0, &interface(FIRST, IFF_UP))?;
    add_address(FIRST, address, prefix)
}

/// Puts `address/prefix` on the loopback device of this thread's namespace and brings it up.
///
/// On a loopback device the kernel makes the *whole* prefix local, as it does for 127.0.0.0/8, so
/// one address gives every pod one of its own.
pub(in crate::host) fn configure_loopback(address: Ipv4Addr, prefix: u8) -> io::Result<()> {
    loopback_up()?;
    add_address(LOOPBACK, address, prefix)
}

/// Puts `address/prefix` on a device of this thread's namespace.
pub(in crate::host) fn add_address(device: u32, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
    let mut content = vec![AF_INET, prefix, 0, 0]; // flags, scope: global
    content.extend(device.to_ne_bytes());
    let mut attributes = Attributes::default();
    attributes.put(IFA_LOCAL, &address.octets()).put(IFA_ADDRESS, &address.octets());
    content.extend(attributes.0);
    request(RTM_NEWADDR, NLM_F_CREATE, &content)
}

/// Makes a bridge as the [`FIRST`] device of this thread's namespace.
pub(in crate::host) fn add_bridge() -> io::Result<()> {
    let mut attributes = Attributes::default();
    attributes.text(IFLA_IFNAME, "br0").nest(IFLA_LINKINFO, |info| {
        info.text(IFLA_INFO_KIND, "bridge");
    });
    add(FIRST, &attributes)
}

/// Makes a cable from the bridge of this thread's namespace to the namespace behind `pod`, where it
/// is the [`FIRST`] device, `eth0`, and still down. `number` tells apart the cables of a bridge.
pub(in crate::host) fn add_cable(number: u32, pod: RawFd) -> io::Result<()> {
    // The far end cannot be up before it has a near end.
    let mut peer = Attributes(interface(FIRST, 0));
    peer.text(IFLA_IFNAME, "eth0").put(IFLA_NET_NS_FD, &pod.to_ne_bytes());
    let mut attributes = Attributes::default();
    attributes
        .text(IFLA_IFNAME, &format!("pod{number}"))
        .put(IFLA_MASTER, &FIRST.to_ne_bytes())
        .nest(IFLA_LINKINFO, |info| {
            info.text(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, |data| {
                data.put(VETH_INFO_PEER, &peer.0);
            });
        });
    add(FIRST.saturating_add(1).saturating_add(number), &attributes)
}

/// Makes a device that is up.
fn add(device: u32, attributes: &Attributes) -> io::Result<()> {
    let content = [interface(device, IFF_UP), attributes.0.clone()].concat();
    request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &content)
}

/// `struct ifinfomsg` of a device that shall be up, or not.
fn interface(device: u32, up: u32) -> Vec<u8> {
    let mut content = vec![0u8; 4]; // ifi_family, padding, ifi_type
    content.extend(device.to_ne_bytes());
    content.extend(up.to_ne_bytes()); // ifi_flags
    content.extend(IFF_UP.to_ne_bytes()); // ifi_change: only this flag
    content
}

/// Sends one request and reads the kernel's acknowledgement.
fn request(kind: u16, flags: u16, content: &[u8]) -> io::Result<()> {
    let message = message(kind, flags | NLM_F_REQUEST | NLM_F_ACK, 1, content);
    exchange(SockProtocol::NetlinkRoute, &message, 1)
}
