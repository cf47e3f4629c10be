//! The packet rules that bring a pod's traffic to its proxy, as Istio's init container sets them.
//!
//! Same rules as `istio-iptables` writes for capture mode REDIRECT (istio/istio
//! `tools/istio-iptables/pkg/capture`), as nftables rules of the kernel's own interface
//! (`linux/netfilter/nf_tables.h`, `linux/netfilter/nfnetlink.h`), so that no program is needed. The
//! rules belong to a namespace and end with it.

use std::io;
use std::net::Ipv4Addr;

use nix::sys::socket::SockProtocol;

use super::{Attributes, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, exchange, message};

/// User and group of proxies, whose own traffic is left alone.
pub const PROXY_ID: u32 = 1337;
/// Port of a proxy's listener for what its pod sends.
const OUTBOUND: u16 = 15001;
/// Port of a proxy's listener for what its pod receives.
const INBOUND: u16 = 15006;
/// Ports of a pod that are the proxy's own: agent, health, statistics.
const OWN_PORTS: [u16; 3] = [15020, 15021, 15090];
/// Address that a proxy's connections to its own application come from.
const PASSTHROUGH: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 6);

const TABLE: &str = "istio";
const NFT_MSG_NEWTABLE: u16 = 0;
const NFT_MSG_NEWCHAIN: u16 = 3;
const NFT_MSG_NEWRULE: u16 = 6;
const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const NFPROTO_IPV4: u8 = 2;
const NFTA_LIST_ELEM: u16 = 1;
const REGISTER: u32 = 1;
const VERDICT_REGISTER: u32 = 0;
const NF_ACCEPT: u32 = 1;
const META_OIF: u32 = 5;
const META_SKUID: u32 = 10;
const META_SKGID: u32 = 11;
const META_L4PROTO: u32 = 16;
const LOOPBACK: u32 = 1;
/// Priority of destination translation: before routing decisions (`NF_IP_PRI_NAT_DST`).
const PRIORITY: i32 = -100;

/// Where a packet is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chain {
    /// As it arrives.
    Prerouting,
    /// As a process of the pod sends it.
    Output,
}

impl Chain {
    fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "prerouting",
            Self::Output => "output",
        }
    }

    /// Number of the hook (`linux/netfilter.h`).
    fn hook(self) -> u32 {
        match self {
            Self::Prerouting => 0,
            Self::Output => 3,
        }
    }
}

/// A condition on a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// TCP.
    Tcp,
    /// To this port.
    Port(u16),
    /// From this address.
    From(Ipv4Addr),
    /// To this address.
    To(Ipv4Addr),
    /// To any other address.
    NotTo(Ipv4Addr),
    /// Leaving by the loopback device.
    Loopback,
    /// Sent by this user.
    User(u32),
    /// Sent by another user.
    NotUser(u32),
    /// Sent by this group.
    Group(u32),
}

/// What becomes of a packet for which all conditions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It goes where it was going.
    Leave,
    /// It goes to this port of the pod.
    Redirect(u16),
}

/// The rules, in the order in which they are tried; the first that holds decides.
fn rules() -> Vec<(Chain, Vec<Condition>, Verdict)> {
    use Condition::{From, Group, Loopback, NotTo, NotUser, Port, Tcp, To, User};
    let own = OWN_PORTS.map(|port| (Chain::Prerouting, vec![Tcp, Port(port)], Verdict::Leave));
    let out = |conditions, verdict| (Chain::Output, conditions, verdict);
    let home = Ipv4Addr::LOCALHOST;
    let mut all = Vec::from(own);
    all.extend([
        (Chain::Prerouting, vec![Tcp], Verdict::Redirect(INBOUND)),
        out(vec![From(PASSTHROUGH), Loopback], Verdict::Leave),
        // A proxy that calls its own pod enters by the front door.
        out(vec![Tcp, NotTo(home), Loopback, User(PROXY_ID)], Verdict::Redirect(INBOUND)),
        out(vec![Loopback, NotUser(PROXY_ID)], Verdict::Leave),
        out(vec![User(PROXY_ID)], Verdict::Leave),
        out(vec![Group(PROXY_ID)], Verdict::Leave),
        out(vec![To(home)], Verdict::Leave),
        out(vec![Tcp], Verdict::Redirect(OUTBOUND)),
    ]);
    all
}

/// Sets the rules in this thread's namespace, all or none.
pub(in crate::host) fn install() -> io::Result<()> {
    let mut batch = message(BATCH_BEGIN, NLM_F_REQUEST, 0, &generic(0, SUBSYSTEM));
    let mut wanted = 0_usize;
    let mut add = |kind: u16, flags: u16, attributes: &Attributes| {
        let content = [generic(NFPROTO_IPV4, 0), attributes.0.clone()].concat();
        wanted += 1;
        let sequence = u32::try_from(wanted).unwrap_or(u32::MAX);
        let flags = flags | NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
        batch.extend(message((SUBSYSTEM << 8) | kind, flags, sequence, &content));
    };
    let mut table = Attributes::default();
    table.text(1, TABLE);
    add(NFT_MSG_NEWTABLE, 0, &table);
    for chain in [Chain::Prerouting, Chain::Output] {
        add(NFT_MSG_NEWCHAIN, 0, &chain_attributes(chain));
    }
    for (chain, conditions, verdict) in rules() {
        add(NFT_MSG_NEWRULE, NLM_F_APPEND, &rule_attributes(chain, &conditions, verdict));
    }
    batch.extend(message(BATCH_END, NLM_F_REQUEST, 0, &generic(0, SUBSYSTEM)));
    exchange(SockProtocol::NetlinkNetFilter, &batch, wanted)
}

/// `struct nfgenmsg`.
fn generic(family: u8, resource: u16) -> Vec<u8> {
    let [high, low] = resource.to_be_bytes();
    vec![family, 0, high, low]
}

/// A chain of type `nat` at its hook.
fn chain_attributes(chain: Chain) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.text(1, TABLE).text(3, chain.name());
    attributes.nest(4, |hook| {
        hook.put(1, &chain.hook().to_be_bytes()).put(2, &PRIORITY.to_be_bytes());
    });
    attributes.text(7, "nat");
    attributes
}

/// A rule: its conditions in order, then its verdict.
fn rule_attributes(chain: Chain, conditions: &[Condition], verdict: Verdict) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.text(1, TABLE).text(2, chain.name());
    attributes.nest(4, |list| {
        for condition in conditions {
            put_condition(list, *condition);
        }
        put_verdict(list, verdict);
    });
    attributes
}

/// Loads what a condition is about and compares it.
fn put_condition(list: &mut Attributes, condition: Condition) {
    use Condition::{From, Group, Loopback, NotTo, NotUser, Port, Tcp, To, User};
    match condition {
        Tcp => load_meta(list, META_L4PROTO),
        Loopback => load_meta(list, META_OIF),
        User(_) | NotUser(_) => load_meta(list, META_SKUID),
        Group(_) => load_meta(list, META_SKGID),
        // Base, offset and length in the packet: IPv4 source and destination, TCP destination port.
        From(_) => load_packet(list, [1, 12, 4]),
        To(_) | NotTo(_) => load_packet(list, [1, 16, 4]),
        Port(_) => load_packet(list, [2, 2, 2]),
    }
    let unequal = u32::from(matches!(condition, NotTo(_) | NotUser(_)));
    let value = match condition {
        Tcp => vec![6],
        Loopback => LOOPBACK.to_ne_bytes().to_vec(),
        User(id) | NotUser(id) | Group(id) => id.to_ne_bytes().to_vec(),
        From(address) | To(address) | NotTo(address) => address.octets().to_vec(),
        Port(port) => port.to_be_bytes().to_vec(),
    };
    expression(list, "cmp", |compare| {
        compare.put(1, &REGISTER.to_be_bytes()).put(2, &unequal.to_be_bytes());
        compare.nest(3, |data| {
            data.put(1, &value);
        });
    });
}

/// Loads a property of the packet.
fn load_meta(list: &mut Attributes, key: u32) {
    expression(list, "meta", |meta| {
        meta.put(2, &key.to_be_bytes()).put(1, &REGISTER.to_be_bytes());
    });
}

/// Loads bytes of the packet: base, offset, length.
fn load_packet(list: &mut Attributes, place: [u32; 3]) {
    expression(list, "payload", |payload| {
        payload.put(1, &REGISTER.to_be_bytes());
        for (kind, number) in (2..).zip(place) {
            payload.put(kind, &number.to_be_bytes());
        }
    });
}

/// The end of a rule.
fn put_verdict(list: &mut Attributes, verdict: Verdict) {
    let register = match verdict {
        Verdict::Leave => VERDICT_REGISTER,
        Verdict::Redirect(_) => REGISTER,
    };
    expression(list, "immediate", |immediate| {
        immediate.put(1, &register.to_be_bytes());
        immediate.nest(2, |data| match verdict {
            Verdict::Leave => {
                data.nest(2, |code| {
                    code.put(1, &NF_ACCEPT.to_be_bytes());
                });
            }
            Verdict::Redirect(port) => {
                data.put(1, &port.to_be_bytes());
            }
        });
    });
    if let Verdict::Redirect(_) = verdict {
        expression(list, "redir", |redirect| {
            redirect.put(1, &REGISTER.to_be_bytes());
        });
    }
}

/// One expression of a rule: its name and what it needs.
fn expression(list: &mut Attributes, name: &str, fill: impl FnOnce(&mut Attributes)) {
    list.nest(NFTA_LIST_ELEM, |element| {
        element.text(1, name).nest(2, fill);
    });
}
