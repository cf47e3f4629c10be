//! Routes: where a proxy sends a request, how often it tries, and what it changes on the way.

use std::{fmt, sync::Arc, time::Duration};

use crate::{NamedDefault, Origin, ServiceId, Setting};

mod condition;
mod table;

pub use condition::{NamedCondition, PathCondition, RouteMatch, TextCondition};
pub use table::{Alternative, RouteTable, TcpRoute, VirtualHost};

/// One route of a proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The `VirtualService` or Gateway API route that it comes from; `None` for the route a service gets by itself.
    /// With a delegate this is the root, as in the proxy's metadata.
    pub object: Option<Origin>,
    /// `namespace/name` by which the proxy's metadata names the object, where that is none of Git:
    /// Istio makes a virtual service of several routes of the Gateway API and names it itself.
    pub live_name: Option<Arc<str>>,
    /// The entry of `http` that it is made of: the delegate's where the root hands over.
    pub rule: Option<Origin>,
    /// The entries of `match` that the conditions come from: the delegate's, then that of the root
    /// which it narrows; empty for a rule that has none.
    pub conditions: Vec<Origin>,
    /// Name in the `VirtualService`, or empty.
    pub name: String,
    /// What names it: the line of the name, or the rule that Istio makes a name for.
    pub name_origin: Option<Origin>,
    /// Which requests it is for.
    pub matches: RouteMatch,
    /// What the proxy answers by itself; such a route has no destinations.
    pub answer: Option<Setting<Answer>>,
    /// Where requests go, with weights that add up to the whole.
    pub destinations: Vec<Destination>,
    /// Time for the whole request with all tries; `None` is no limit.
    pub timeout: Setting<Option<Duration>>,
    /// Retry policy.
    pub retries: Retries,
    /// Injected faults.
    pub fault: Option<Box<FaultRule>>,
    /// Mirrored copies.
    pub mirrors: Vec<Mirror>,
    /// What requests are hashed by, one entry for every destination with a hash.
    pub hash: Vec<Setting<HashKey>>,
    /// Change of the path.
    pub rewrite: Option<Setting<Rewrite>>,
    /// Change of the host.
    pub rewrite_host: Option<Setting<String>>,
    /// Where a CORS policy is written.
    pub cors: Option<Origin>,
    /// The lines that change headers, one for every header.
    pub header_changes: Vec<Origin>,
}

impl Route {
    /// A route that sends everything to these destinations and changes nothing.
    pub fn towards(
        destinations: Vec<Destination>,
        timeout: Setting<Option<Duration>>,
        retries: Retries,
    ) -> Self {
        Self {
            object: None,
            live_name: None,
            rule: None,
            conditions: Vec::new(),
            name: String::new(),
            name_origin: None,
            matches: RouteMatch::default(),
            answer: None,
            destinations,
            timeout,
            retries,
            fault: None,
            mirrors: Vec::new(),
            hash: Vec::new(),
            rewrite: None,
            rewrite_host: None,
            cors: None,
            header_changes: Vec::new(),
        }
    }

    /// The status of the proxy's answer, with flag `NC`, where a request goes to a target that has no
    /// cluster: Istio writes 500 into every route of the Gateway API (`applyHTTPRouteDestination`);
    /// otherwise Envoy's 503 stands.
    pub fn status_without_cluster(&self) -> u16 {
        if self.live_name.is_some() { 500 } else { 503 }
    }

    /// Targets of requests and of copies that the proxy has no cluster for, in order. Requests are
    /// answered with [`Self::status_without_cluster`], copies are lost.
    pub fn without_cluster(&self) -> impl Iterator<Item = &Target> {
        let sent = self.destinations.iter().map(|destination| &destination.to);
        let copied = self.mirrors.iter().map(|mirror| &mirror.to);
        sent.chain(copied).filter(|target| !target.has_cluster)
    }
}

/// A service port, or a subset of its pods, as a route names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The service.
    pub service: ServiceId,
    /// The host name by which the proxy knows it.
    pub host: String,
    /// The service port.
    pub port: u16,
    /// The subset, if one is named.
    pub subset: Option<String>,
    /// Whether the proxy has a cluster of this name.
    pub has_cluster: bool,
    /// What names the host.
    pub host_origin: Origin,
    /// What names the port.
    pub port_origin: Origin,
    /// What names the subset.
    pub subset_origin: Option<Origin>,
}

impl Target {
    /// Istio's name for where references to backends that may not be used lead: a cluster that no
    /// proxy has.
    pub const UNKNOWN: &'static str = "UnknownService";

    /// A service port that nobody wrote down: `of` says why it is meant.
    pub fn implied(
        service: ServiceId,
        host: String,
        port: u16,
        of: impl Into<NamedDefault>,
    ) -> Self {
        let of = of.into();
        Self {
            service,
            host,
            port,
            subset: None,
            has_cluster: true,
            host_origin: Origin::Default { of },
            port_origin: Origin::Default { of },
            subset_origin: None,
        }
    }
}

/// A weighted target of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// Where requests go.
    pub to: Target,
    /// Relative weight; 100 for a single target.
    pub weight: Setting<u32>,
}

/// What a proxy answers without asking anyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Sends the client elsewhere.
    Redirect {
        /// HTTP status.
        status: u16,
        /// Host in the new address, if it changes.
        host: Option<String>,
        /// Path in the new address, if it changes.
        path: Option<String>,
    },
    /// A fixed HTTP status.
    Direct(u16),
}

/// When and how often a request is sent again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retries {
    /// Tries after the first; 0 is none.
    pub attempts: Setting<u32>,
    /// Time for one try; `None`: a try may use the whole timeout.
    pub per_try_timeout: Setting<Option<Duration>>,
    /// Conditions, such as `5xx`, `reset`, `connect-failure`, then HTTP statuses.
    pub retry_on: Setting<Vec<String>>,
    /// The text of conditions that Envoy gets, without the statuses. Where only statuses are
    /// written it starts with a comma.
    pub envoy_retry_on: String,
    /// HTTP statuses among the conditions.
    pub status_codes: Vec<u16>,
    /// Shortest wait before a try; `None` is Envoy's 25 ms.
    pub backoff: Setting<Option<Duration>>,
    /// Whether a try prefers hosts that were not tried yet.
    pub other_hosts: Setting<bool>,
    /// Whether a try may leave the locality.
    pub remote_localities: Setting<bool>,
}

impl Retries {
    /// These tries, conditions and time, and for the rest what `of` defines.
    pub fn new(
        attempts: Setting<u32>,
        per_try_timeout: Setting<Option<Duration>>,
        retry_on: Setting<Vec<String>>,
        of: impl Into<NamedDefault>,
    ) -> Self {
        let of = of.into();
        Self {
            attempts,
            per_try_timeout,
            envoy_retry_on: retry_on.value.join(","),
            retry_on,
            status_codes: Vec::new(),
            backoff: Setting::default_of(None, of),
            other_hosts: Setting::default_of(true, of),
            remote_localities: Setting::default_of(false, of),
        }
    }
}

/// An injected delay or abort.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// Added delay.
    pub delay: Option<Injected<Duration>>,
    /// Status answered instead of asking the destination.
    pub abort: Option<Injected<AbortStatus>>,
}

/// A fault and how often it is injected.
#[derive(Debug, Clone, PartialEq)]
pub struct Injected<T> {
    /// What is injected.
    pub fault: Setting<T>,
    /// Share of requests in percent.
    pub percent: Setting<f64>,
}

/// The status of an injected abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortStatus {
    /// An HTTP status.
    Http(u16),
    /// A gRPC status code.
    Grpc(u8),
}

/// A copy of requests sent elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Mirror {
    /// Where copies go.
    pub to: Target,
    /// Share of requests in percent.
    pub percent: Setting<f64>,
}

/// What a request is hashed by, so that equal ones reach the same pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    /// A request header.
    Header(String),
    /// A cookie, set by the proxy where it is missing.
    Cookie(String),
    /// The caller's address.
    SourceAddress,
    /// A query parameter.
    Query(String),
}

/// How a path is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewrite {
    /// What the route matched is replaced.
    Prefix(String),
    /// Every match of a regular expression is replaced.
    Regex {
        /// The expression.
        pattern: String,
        /// The replacement, with `\1` for groups.
        substitution: String,
    },
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redirect { status, host, path } => {
                let (host, path) = (host.as_deref(), path.as_deref());
                write!(f, "{status} to {}{}", host.unwrap_or("*"), path.unwrap_or("/*"))
            }
            Self::Direct(status) => status.fmt(f),
        }
    }
}

impl fmt::Display for AbortStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => status.fmt(f),
            Self::Grpc(code) => write!(f, "grpc {code}"),
        }
    }
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header={name}"),
            Self::Cookie(name) => write!(f, "cookie={name}"),
            Self::SourceAddress => f.write_str("source_ip"),
            Self::Query(name) => write!(f, "query={name}"),
        }
    }
}

impl fmt::Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => f.write_str(prefix),
            Self::Regex { pattern, substitution } => write!(f, "{pattern} to {substitution}"),
        }
    }
}
