//! The traffic policy of a proxy towards a service port or subset, with defaults filled in.
//!
//! One module per block of Istio's `TrafficPolicy`; [`policies`] puts them together in the order of
//! Istio's `ClusterBuilder`, release 1.31, in which a block may change what a later one does.

mod balancing;
mod blocks;
mod locality;
mod outlier;
mod pool;
mod tls;

use std::sync::Arc;

use stilltrace_model::{
    Discovery, LoadBalancer, MutualTls, Origin, Pool, RetryBudget, Setting, Subsets, TlsMode,
    TrafficPolicy,
};

use crate::defaults;
use crate::destination_rule::Rule;
use crate::endpoints::Endpoint;
use crate::field::Field;
use crate::labels::{Labels, selects};
use crate::mesh_config::MeshConfig;
use crate::peer_authentication::PeerPolicies;
use crate::services::{Callee, Resolution};

use balancing::passthrough;
use blocks::Blocks;
use locality::Preference;
use pool::Side;

/// What clusters depend on in the whole mesh.
pub(crate) struct Around<'m> {
    /// Mesh-wide values.
    pub(crate) mesh: &'m MeshConfig,
    /// The mesh configuration as written.
    pub(crate) document: Option<&'m Field<'m>>,
    /// Who demands mutual TLS.
    pub(crate) peers: &'m PeerPolicies<'m>,
}

impl<'m> Around<'m> {
    fn default_policy(&self) -> Option<Field<'m>> {
        self.document.and_then(|document| document.get("defaultTrafficPolicy"))
    }
}

/// What clusters depend on in the calling proxy.
pub(crate) struct Client {
    /// A sidecar, or else a gateway.
    pub(crate) sidecar: bool,
    /// Labels of its pods.
    pub(crate) labels: Labels,
    /// `region/zone/subzone` of its pods, or empty.
    pub(crate) locality: String,
}

/// The policies towards one service port.
pub(crate) struct Policies {
    /// The policy of the port; `None` where the proxy has no cluster for it.
    pub(crate) policy: Option<Arc<TrafficPolicy>>,
    /// The policies of the subsets.
    pub(crate) subsets: Arc<Subsets>,
    /// Whether they hold for this client only.
    pub(crate) for_one_client: bool,
}

/// The policies towards one service port.
pub(crate) fn policies(
    rule: Option<&Rule<'_>>,
    callee: &Callee,
    port: u16,
    client: &Client,
    around: &Around<'_>,
) -> Policies {
    let top = rule.and_then(|rule| rule.policy.as_ref());
    let own = Blocks::of_rule(rule, port);
    let blocks = own.clone().or_default(around.default_policy().as_ref());
    let builder = Builder::new(rule, callee, port, client, around);
    let main = Part {
        written: top,
        pushed_outlier: own.outlier.block.is_some(),
        labels: None,
        dialled: None,
        blocks: &blocks,
    };
    let (main, mut specific) = builder.build(&main);
    let Some(main) = main else {
        return Policies { policy: None, subsets: Arc::default(), for_one_client: specific };
    };
    // A policy for dialled addresses makes its subsets such, whatever balancing they ask for.
    let dialled = (main.discovery.value == Discovery::Dialled)
        .then_some((&main.discovery, &main.load_balancer));
    let mut subsets = Subsets::new();
    let listed = if builder.has_subsets() { rule } else { None };
    for (name, subset) in listed.iter().flat_map(|rule| &rule.subsets) {
        let written = subset.get("trafficPolicy");
        let labels = match subset.get("labels") {
            Some(labels) => Setting::new(labels.labels(), labels.key_origin()),
            None => Setting::default_of(Labels::new(), defaults::ISTIO),
        };
        let narrowed = Part {
            written: written.as_ref(),
            pushed_outlier: own.of_subset(written.as_ref(), port).outlier.block.is_some(),
            labels: Some(&labels.value),
            dialled,
            blocks: &blocks.of_subset(written.as_ref(), port),
        };
        let (built, own) = builder.build(&narrowed);
        specific |= own;
        if let Some(built) = built {
            subsets.insert((*name).to_owned(), (labels, Box::new(built)));
        }
    }
    Policies { policy: Some(Arc::new(main)), subsets: Arc::new(subsets), for_one_client: specific }
}

/// How a server's own proxy treats its application on one port: the top-level or port-level pool
/// and budget of the rule that the server itself sees, with a `Sidecar`'s pool in their place.
pub(crate) fn inbound(
    rule: Option<&Rule<'_>>,
    service_port: (u16, &str, &Origin),
    sidecar_pool: Option<&Field<'_>>,
    around: &Around<'_>,
) -> (Pool, Option<RetryBudget>) {
    let (port, protocol, named_by) = service_port;
    let blocks = Blocks::of_rule(rule, port);
    let mut blocks = blocks.or_default(around.default_policy().as_ref());
    if let Some(pool) = sidecar_pool {
        blocks.pool.replace(Some(pool.clone()));
    }
    let side = Side { protocol, named_by: named_by.clone(), outbound: false, sidecar: true };
    let pool = pool::read(&blocks.pool, around.mesh, around.document, &side);
    (pool, pool::retry_budget(&blocks.retry_budget))
}

/// How far a policy leaves the choice of the endpoint to the address that the caller dialled.
struct Dial {
    /// The proxy connects to the dialled address.
    original: bool,
    /// The policy says so at its top level, where Istio looks for it when it decides about TLS.
    asked: bool,
    /// Whether there are endpoints and all of them have a proxy.
    all_proxied: bool,
}

/// One cluster: the port itself or a subset of it.
struct Part<'p, 'a> {
    /// The policy as written at its own level.
    written: Option<&'p Field<'a>>,
    /// Whether outlier detection is on where endpoints are ordered; the mesh default does not count.
    pushed_outlier: bool,
    /// Labels that endpoints must have.
    labels: Option<&'p Labels>,
    /// That the port's own policy connects to dialled addresses, and how it balances, where it does.
    dialled: Option<(&'p Setting<Discovery>, &'p Setting<LoadBalancer>)>,
    blocks: &'p Blocks<'a>,
}

/// Builds the clusters of one port for one kind of client.
struct Builder<'b, 'r> {
    rule: Option<&'b Rule<'r>>,
    callee: &'b Callee,
    port: u16,
    client: &'b Client,
    around: &'b Around<'b>,
    /// The policy that applies, named by its oldest object.
    object: Option<Origin>,
    /// Its name to Istio, where Istio makes it of another kind of object.
    live_name: Option<Arc<str>>,
    discovery: Discovery,
    automatic: Setting<TlsMode>,
    all_proxied: bool,
}

impl<'b, 'r> Builder<'b, 'r> {
    fn new(
        rule: Option<&'b Rule<'r>>,
        callee: &'b Callee,
        port: u16,
        client: &'b Client,
        around: &'b Around<'b>,
    ) -> Self {
        let endpoints = callee.endpoints_of(port);
        let discovery = match callee.resolution {
            Resolution::Dns => Discovery::StrictDns,
            Resolution::DnsRoundRobin => Discovery::LogicalDns,
            Resolution::DynamicDns => Discovery::Static,
            // A gateway has no dialled address, so it is told the endpoints.
            Resolution::Dialled if client.sidecar => Discovery::Dialled,
            Resolution::Dialled | Resolution::Pushed | Resolution::Alias(_) => Discovery::Pushed,
        };
        let first = rule.and_then(|rule| rule.from.first());
        Self {
            rule,
            callee,
            port,
            client,
            around,
            object: first.map(|source| source.origin()),
            live_name: first
                .filter(|source| !source.made_of.is_empty())
                .map(|source| Arc::from(format!("{}/{}", source.namespace(), source.name()))),
            discovery,
            automatic: automatic(callee, around),
            all_proxied: !endpoints.is_empty()
                && endpoints.iter().all(|own| own.tls_mode != "disabled"),
        }
    }

    /// Names below a wildcard share one cluster without subsets.
    fn has_subsets(&self) -> bool {
        self.callee.resolution != Resolution::DynamicDns
    }

    /// The policy of a part, and whether it holds for this client only. `None` for a host found by
    /// DNS without any endpoint: Istio leaves its cluster out.
    fn build(&self, part: &Part<'_, '_>) -> (Option<TrafficPolicy>, bool) {
        let blocks = part.blocks;
        let asked = part.written.and_then(|policy| policy.get("loadBalancer"));
        let asks = asked.as_ref().and_then(passthrough);
        let born = match (part.dialled, &asks) {
            (Some((above, _)), _) => above.clone(),
            (None, Some(line)) if part.labels.is_some() => line.map(|()| Discovery::Dialled),
            _ => Setting::new(self.discovery, self.callee.resolved_by.clone()),
        };
        let endpoints = self.endpoints(part.labels);
        let by_dns = matches!(born.value, Discovery::StrictDns | Discovery::LogicalDns);
        if by_dns && endpoints.is_empty() {
            return (None, false);
        }
        let dynamic = self.callee.resolution == Resolution::DynamicDns;
        let passes = blocks.load_balancer.block.as_ref().and_then(passthrough);
        let (preference, specific) = self.preference(part, by_dns, &endpoints);
        let discovery = match passes {
            Some(line) if !dynamic && born.value != Discovery::Dialled => {
                line.map(|()| Discovery::Dialled)
            }
            _ => born,
        };
        let original = discovery.value == Discovery::Dialled;
        let dial = Dial {
            original,
            asked: self.callee.resolution == Resolution::Dialled || asks.is_some(),
            all_proxied: self.all_proxied,
        };
        let outlier = outlier::read(&blocks.outlier, self.callee.distribution.as_ref());
        let failover = if by_dns { outlier.is_some() } else { part.pushed_outlier };
        let marks = tls::marks(self.rule, part.written, self.port);
        let selective = self.rule.is_some_and(Rule::is_selective);
        let mode = tls::mode(blocks, self.client, selective, &self.automatic, &dial);
        let balances = !original && !dynamic;
        let hash_table = balancing::hash_table(&blocks.load_balancer).filter(|_| balances);
        let count = if original {
            None
        } else {
            let marked = |endpoint: &Endpoint| self.is_marked(endpoint, marks);
            locality::count(&endpoints, marked, preference.as_ref(), failover, self.client)
        };
        let policy = TrafficPolicy {
            object: self.object.clone(),
            live_name: self.live_name.clone(),
            discovery,
            plaintext_by: count
                .filter(|count| count.mutual_tls < count.total)
                .and_then(|_| self.plaintext_by(&endpoints, marks)),
            endpoints: count,
            pool: self.pool(blocks),
            warmup: balancing::warmup(&blocks.load_balancer, hash_table.as_ref())
                .filter(|_| balances)
                .map(Box::new),
            load_balancer: self.load_balancer(part, &dial),
            hash_table,
            locality: preference.and_then(|own| own.weighing(outlier.is_some())),
            outlier: outlier.map(Box::new),
            sni: tls::sni(blocks, mode.value),
            tls: mode,
            retry_budget: pool::retry_budget(&blocks.retry_budget).map(Box::new),
        };
        (Some(policy), specific)
    }

    /// What is preferred, and whether that depends on the client.
    fn preference(
        &self,
        part: &Part<'_, '_>,
        by_dns: bool,
        endpoints: &[&Endpoint],
    ) -> (Option<Preference>, bool) {
        if self.callee.resolution == Resolution::DynamicDns {
            return (None, false);
        }
        let layer = &part.blocks.load_balancer;
        let distribution = self.callee.distribution.as_ref();
        let mut preference = Preference::read(layer, distribution, self.around.document);
        if by_dns && part.labels.is_some() {
            preference = preference.map(Preference::without_labels);
        }
        let placed = endpoints.iter().any(|endpoint| !endpoint.locality.is_empty());
        let compares = preference.as_ref().is_some_and(Preference::compares_labels);
        (preference, placed || compares || !self.client.locality.is_empty())
    }

    /// Endpoints of the port that have the labels of a subset and an address to send to.
    fn endpoints(&self, labels: Option<&Labels>) -> Vec<&'b Endpoint> {
        let by_dns = matches!(self.discovery, Discovery::StrictDns | Discovery::LogicalDns);
        if self.callee.resolution == Resolution::DynamicDns {
            return Vec::new();
        }
        let all = self.callee.endpoints_of(self.port).iter();
        all.filter(|own| by_dns || !own.is_name)
            .filter(|own| labels.is_none_or(|labels| selects(labels, &own.labels)))
            .collect()
    }

    /// Whether the control plane marks an endpoint for mutual TLS.
    fn is_marked(&self, endpoint: &Endpoint, by_rule: Option<bool>) -> bool {
        endpoint.is_proxied()
            && by_rule.unwrap_or_else(|| self.demanded(endpoint).value != MutualTls::Disable)
    }

    /// What the proxy of an endpoint demands from callers.
    fn demanded(&self, endpoint: &Endpoint) -> Setting<MutualTls> {
        let peers = self.around.peers.of_workload(&endpoint.namespace, &endpoint.labels);
        peers.of_port(endpoint.port).clone()
    }

    /// The policy that takes the mark of mutual TLS from endpoints with a proxy; `by_rule` says
    /// whether a rule decides about that instead.
    fn plaintext_by(&self, endpoints: &[&Endpoint], by_rule: Option<bool>) -> Option<Origin> {
        let mut proxied = endpoints.iter().filter(|endpoint| endpoint.is_proxied());
        if by_rule.is_some() {
            return None;
        }
        let refusing = proxied.find(|endpoint| !self.is_marked(endpoint, None))?;
        Some(self.demanded(refusing).origin)
    }

    fn pool(&self, blocks: &Blocks<'_>) -> Pool {
        let declared = self
            .callee
            .declared
            .iter()
            .find(|own| own.number == self.port && own.protocol != "udp");
        let side = Side {
            protocol: declared.map_or("auto", |port| port.protocol.as_str()),
            named_by: declared.map_or(self.callee.origin.clone(), |port| port.origin.clone()),
            outbound: true,
            sidecar: self.client.sidecar,
        };
        pool::read(&blocks.pool, self.around.mesh, self.around.document, &side)
    }

    fn load_balancer(&self, part: &Part<'_, '_>, dial: &Dial) -> Setting<LoadBalancer> {
        if self.discovery == Discovery::Dialled {
            return Setting::default_of(LoadBalancer::Passthrough, defaults::HEADLESS);
        }
        if self.callee.resolution == Resolution::DynamicDns {
            return Setting::default_of(LoadBalancer::Passthrough, defaults::DYNAMIC);
        }
        let balancer = balancing::algorithm(&part.blocks.load_balancer);
        match part.dialled {
            // What a subset asks for is no choice among addresses that callers dial.
            Some((_, above)) if balancer.value != LoadBalancer::Passthrough => {
                let mut above = above.clone();
                let own = balancer.is_written() && balancer.origin != above.origin;
                above.overrode.extend(own.then_some(balancer.origin));
                above
            }
            _ if dial.original => balancer.map(|_| LoadBalancer::Passthrough),
            _ => balancer,
        }
    }
}

/// Transport security towards a service where no rule says.
fn automatic(callee: &Callee, around: &Around<'_>) -> Setting<TlsMode> {
    if callee.external {
        return tls::outside();
    }
    if !around.mesh.auto_mtls.value {
        return around.mesh.auto_mtls.map(|_| TlsMode::Disable);
    }
    match around.peers.of_namespace(&callee.id.namespace) {
        Some(mode) if mode.value == MutualTls::Disable => mode.map(|_| TlsMode::Disable),
        _ => Setting::default_of(TlsMode::Auto, defaults::ISTIO),
    }
}
