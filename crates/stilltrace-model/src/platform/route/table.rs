//! Everything that one proxy routes, in the shape in which Istio delivers it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Destination, Route};
use crate::{Origin, Setting};

/// The routes of a proxy. Proxies that are told the same share one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RouteTable {
    /// Virtual hosts by the port that callers dial; for gateways by Istio's route name, such as
    /// `http.8080`.
    pub http: BTreeMap<String, Vec<VirtualHost>>,
    /// Connections that are forwarded without looking at requests.
    pub tcp: Vec<TcpRoute>,
}

/// Host names that are routed together.
#[derive(Debug, Clone, PartialEq)]
pub struct VirtualHost {
    /// Full names, sorted; a service has several with aliases. Short forms are left out.
    pub names: Vec<String>,
    /// Istio's name for the list of virtual hosts it is in: the port, or `host:port` where the
    /// protocol is sniffed.
    pub listed_in: String,
    /// Routes in the order in which the proxy tries them.
    pub routes: Arc<[Route]>,
    /// The line that sends plaintext requests to HTTPS first.
    pub https_redirect: Option<Origin>,
    /// Other objects that claim the host where only their age, which is not known, decides.
    pub depends_on_age: Vec<Alternative>,
}

/// What a virtual host would do if another object were the older one.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// The object.
    pub object: Origin,
    /// Its routes.
    pub routes: Arc<[Route]>,
}

/// Where a proxy forwards connections to.
#[derive(Debug, Clone, PartialEq)]
pub struct TcpRoute {
    /// Address that callers dial: a service's host, an address, or `*` for any.
    pub listen: String,
    /// What sets the address: a line that writes it, or the object that is dialled by it.
    pub listen_origin: Origin,
    /// Port that callers dial.
    pub port: u16,
    /// What sets the port; for a gateway the server's, which its service may translate.
    pub port_origin: Origin,
    /// Names in the TLS greeting, sorted; empty is any.
    pub sni: Vec<String>,
    /// What lists the names, where there are any.
    pub sni_origin: Option<Origin>,
    /// Ranges of destination addresses, sorted; empty is any.
    pub subnets: Vec<String>,
    /// What lists the ranges, where there are any.
    pub subnets_origin: Option<Origin>,
    /// Where connections go.
    pub destinations: Vec<Destination>,
    /// The `VirtualService` or Gateway API route that it comes from; `None` for the route a service gets by itself.
    pub object: Option<Origin>,
    /// How the proxy's metadata names it where Git holds no such object, as in [`Route`].
    pub live_name: Option<Arc<str>>,
    /// Whether the proxy's metadata names the object; it does not for ranges and on gateways.
    pub named: bool,
    /// Time after which an idle connection is closed; `None` is the proxy's default of 1 h.
    pub idle_timeout: Option<Setting<Duration>>,
}
