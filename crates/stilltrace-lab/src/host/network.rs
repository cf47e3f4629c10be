//! The network of a lab: where its tools and its pods have their addresses.
//!
//! Either all of them share one namespace, each with an address of its own on its loopback device;
//! or every pod has a namespace as in a cluster, joined by a bridge that the tools sit at, with
//! packet rules that bring its traffic to its proxy.
//!
//! Addresses come from 198.18.0.0/15, the block of RFC 2544 for benchmarks, which no real network
//! uses: 198.18 for pods and tools, 198.19 for the cluster addresses of services, which lead to no
//! device and exist for the rules only.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;

use super::netlink::{link, redirect};
use super::netns::Namespace;

pub use super::netlink::redirect::PROXY_ID;

/// Address of a shared loopback device; pods have others of the same block.
const OWN_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// Length of the block's prefix.
const PREFIX: u8 = 15;
/// Most namespaces of one lab.
const MAX_PODS: usize = 64;

/// Whether a pod's traffic goes through its proxy unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Packets go where they are addressed to: gateways, which are proxies themselves.
    Plain,
    /// Packets go through the pod's proxy.
    Redirected,
}

/// The namespaces of a lab.
#[derive(Debug)]
pub struct Network {
    /// Where the tools are, and the pods that have no namespace of their own.
    hub: Namespace,
    /// Namespaces of pods by name.
    pods: BTreeMap<String, Namespace>,
}

impl Network {
    /// One namespace for everything.
    pub fn shared() -> io::Result<Self> {
        let hub = Namespace::create(|| link::configure_loopback(OWN_ADDRESS, PREFIX))?;
        Ok(Self { hub, pods: BTreeMap::new() })
    }

    /// A bridge with the addresses of the tools, to which pods are added.
    pub fn bridged(tools: &[Ipv4Addr]) -> io::Result<Self> {
        let hub = Namespace::create(|| {
            link::loopback_up()?;
            link::add_bridge()?;
            tools.iter().try_for_each(|address| link::add_address(link::FIRST, *address, PREFIX))
        })?;
        Ok(Self { hub, pods: BTreeMap::new() })
    }

    /// Gives the pod `name` a namespace with `address` at the bridge.
    pub fn add(&mut self, name: &str, address: Ipv4Addr, traffic: Traffic) -> io::Result<()> {
        if self.pods.len() >= MAX_PODS {
            return Err(io::Error::other(format!("more than {MAX_PODS} pods")));
        }
        let pod = Namespace::create(link::loopback_up)?;
        let number = u32::try_from(self.pods.len()).map_err(io::Error::other)?;
        let raw = pod.raw();
        self.hub.inside(|| link::add_cable(number, raw))??;
        pod.inside(|| {
            link::connect(address, PREFIX)?;
            if traffic == Traffic::Redirected { redirect::install() } else { Ok(()) }
        })??;
        self.pods.insert(name.to_owned(), pod);
        Ok(())
    }

    /// Where the tools are.
    pub fn hub(&self) -> &Namespace {
        &self.hub
    }

    /// Whether the pod `name` has a namespace of its own.
    pub fn has(&self, name: &str) -> bool {
        self.pods.contains_key(name)
    }

    /// Where the pod `name` is.
    pub fn of(&self, name: &str) -> &Namespace {
        self.pods.get(name).unwrap_or(&self.hub)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    const TOOLS: Ipv4Addr = Ipv4Addr::new(198, 18, 255, 1);
    const FIRST: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
    const SECOND: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 3);

    /// A network with a redirected and a plain pod; `None` with the reason printed.
    fn network() -> Option<Network> {
        let made = Network::bridged(&[TOOLS]).and_then(|mut network| {
            network.add("first", FIRST, Traffic::Redirected)?;
            network.add("second", SECOND, Traffic::Plain)?;
            Ok(network)
        });
        match made {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                eprintln!("skipped: network namespaces are not permitted here ({error})");
                None
            }
            made => Some(made.unwrap()),
        }
    }

    /// Listens in a namespace; whoever connects is told `word`.
    fn answer(namespace: &Namespace, port: u16, word: &'static str) {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let listener = namespace.inside(|| TcpListener::bind(address)).unwrap().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = (&stream).write_all(word.as_bytes());
            }
        });
    }

    /// What a connection from a namespace to an address is told.
    fn hear(namespace: &Namespace, address: Ipv4Addr, port: u16) -> String {
        let peer = SocketAddr::from((address, port));
        let mut text = String::new();
        let heard = namespace
            .inside(|| {
                TcpStream::connect_timeout(&peer, Duration::from_secs(2))?.read_to_string(&mut text)
            })
            .unwrap();
        heard.map_or_else(|error| error.to_string(), |_| text)
    }

    #[test]
    fn traffic_of_a_redirected_pod_goes_to_its_proxy() {
        let Some(network) = network() else { return };
        answer(network.of("first"), 15006, "inbound");
        answer(network.of("first"), 15001, "outbound");
        answer(network.of("first"), 15090, "statistics");
        answer(network.of("first"), 8080, "application");
        answer(network.of("second"), 8080, "gateway");
        assert_eq!(hear(network.hub(), FIRST, 8080), "inbound");
        assert_eq!(hear(network.of("second"), FIRST, 9), "inbound", "whatever listens there");
        assert_eq!(hear(network.hub(), FIRST, 15090), "statistics");
        assert_eq!(hear(network.hub(), SECOND, 8080), "gateway");
        assert_eq!(hear(network.of("first"), SECOND, 8080), "outbound");
        let service = Ipv4Addr::new(198, 19, 0, 7);
        assert_eq!(hear(network.of("first"), service, 80), "outbound");
        assert_eq!(hear(network.of("first"), Ipv4Addr::LOCALHOST, 8080), "application");
    }

    #[test]
    fn traffic_of_the_proxy_itself_is_left_alone() {
        let Some(network) = network() else { return };
        answer(network.of("first"), 15001, "outbound");
        answer(network.of("second"), 8080, "gateway");
        // The user of a thread's sockets is the user that files are opened as.
        let as_proxy = || nix::unistd::setfsuid(nix::unistd::Uid::from_raw(PROXY_ID));
        let first = network.of("first");
        let heard = first.inside(|| {
            as_proxy();
            let peer = SocketAddr::from((SECOND, 8080));
            let mut text = String::new();
            TcpStream::connect_timeout(&peer, Duration::from_secs(2))?.read_to_string(&mut text)?;
            io::Result::Ok(text)
        });
        assert_eq!(heard.unwrap().unwrap(), "gateway");
    }
}
