//! The traffic policy of a proxy towards a service port or subset, with defaults filled in.
//!
//! A policy is made of blocks, and blocks replace each other whole: a port-level entry replaces
//! all of them, a subset's block replaces the rule's, the mesh default fills what is missing
//! (`MergeTrafficPolicy`, `GetPortLevelTrafficPolicy` and `applyConnectionPool` of release 1.31).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stilltrace_model::{
    LoadBalancer, OutlierDetection, Pool, RetryBudget, Setting, Subsets, TlsMode, TrafficPolicy,
};

use crate::defaults;
use crate::destination_rule::Rule;
use crate::field::Field;

/// One block of a policy and the blocks it replaced, nearest first.
#[derive(Clone, Default)]
struct Layer<'a> {
    block: Option<Field<'a>>,
    replaced: Vec<Field<'a>>,
}

/// The blocks of a policy in effect.
#[derive(Clone, Default)]
struct Blocks<'a> {
    pool: Layer<'a>,
    outlier: Layer<'a>,
    load_balancer: Layer<'a>,
    tls: Layer<'a>,
    retry_budget: Layer<'a>,
}

/// What a policy depends on beside its rule.
pub(crate) struct Surroundings<'m> {
    /// `defaultTrafficPolicy` of the mesh.
    pub(crate) mesh_default: Option<Field<'m>>,
    /// `connectTimeout` of the mesh.
    pub(crate) connect_timeout: &'m Setting<Duration>,
    /// Transport security where no rule says.
    pub(crate) tls: Setting<TlsMode>,
    /// Whether callers dial pods directly.
    pub(crate) headless: bool,
    /// Whether there are pods behind the service and all of them have a proxy.
    pub(crate) all_proxied: bool,
}

/// A policy and the policies of the subsets by name, with their labels.
pub(crate) type Policies = (Arc<TrafficPolicy>, Arc<Subsets>);

/// The policies towards one service port.
pub(crate) fn policies(rule: Option<&Rule<'_>>, port: u16, around: &Surroundings<'_>) -> Policies {
    let top = rule.and_then(|rule| rule.policy.as_ref());
    let mut blocks = Blocks::default();
    if let Some(top) = top {
        blocks = blocks.under(top);
        if let Some(entry) = port_level(top, port) {
            blocks = blocks.replaced_by(&entry, true);
        }
    }
    let blocks = blocks.or_default(around.mesh_default.as_ref());
    let object = rule.and_then(|rule| rule.from.first()).map(|source| source.origin());
    // A policy for dialled addresses makes its subsets such, whatever balancing they ask for.
    let dialled = around.headless || is_passthrough(blocks.load_balancer.block.as_ref());
    let build = |blocks: &Blocks<'_>, written: Option<&Field<'_>>| {
        let balancer = blocks.load_balancer.block.as_ref();
        let asked = written.and_then(|policy| policy.get("loadBalancer"));
        let dial = Dial {
            original: dialled || is_passthrough(balancer),
            asked: around.headless || is_passthrough(asked.as_ref()),
        };
        TrafficPolicy {
            object: object.clone(),
            pool: pool(&blocks.pool, around),
            outlier: outlier(&blocks.outlier),
            load_balancer: load_balancer(&blocks.load_balancer, around, &dial),
            tls: tls(&blocks.tls, around, &dial),
            retry_budget: retry_budget(&blocks.retry_budget),
            ..TrafficPolicy::unset(defaults::ISTIO)
        }
    };
    let mut subsets = BTreeMap::new();
    for (name, subset) in rule.iter().flat_map(|rule| &rule.subsets) {
        let written = subset.get("trafficPolicy");
        let own = match &written {
            None => blocks.clone(),
            Some(policy) => match port_level(policy, port) {
                Some(entry) => blocks.clone().replaced_by(&entry, false),
                None => blocks.clone().under(policy),
            },
        };
        let labels = subset.get("labels").map(|labels| labels.labels()).unwrap_or_default();
        subsets.insert((*name).to_owned(), (labels, build(&own, written.as_ref())));
    }
    (Arc::new(build(&blocks, top)), Arc::new(subsets))
}

/// How far a policy leaves the choice of the endpoint to the address that the caller dialled.
struct Dial {
    /// The proxy connects to the dialled address.
    original: bool,
    /// The policy says so at its top level, where Istio looks for it when it decides about TLS.
    asked: bool,
}

fn is_passthrough(load_balancer: Option<&Field<'_>>) -> bool {
    let simple = load_balancer.and_then(|block| block.get("simple"));
    simple.is_some_and(|field| field.node().text() == Some("PASSTHROUGH"))
}

/// The entry of `portLevelSettings` for a port.
fn port_level<'a>(policy: &Field<'a>, port: u16) -> Option<Field<'a>> {
    let entries = policy.list("portLevelSettings");
    let number = |entry: &Field<'a>| entry.at(&["port", "number"])?.port();
    entries.into_iter().find(|entry| number(entry) == Some(port))
}

impl<'a> Blocks<'a> {
    /// The blocks of `policy` over these; blocks that it lacks stay.
    fn under(mut self, policy: &Field<'a>) -> Self {
        for (layer, key) in self.layers() {
            if let Some(block) = policy.block(key) {
                layer.replace(Some(block));
            }
        }
        self
    }

    /// The blocks of a port-level entry instead of these; those it lacks fall to defaults. The
    /// retry budget, which an entry cannot hold, is lost with the rule's own but not with a subset's.
    fn replaced_by(mut self, entry: &Field<'a>, with_budget: bool) -> Self {
        for (layer, key) in self.layers() {
            match key {
                "retryBudget" if with_budget => layer.replace(None),
                "retryBudget" => {}
                key => layer.replace(entry.block(key)),
            }
        }
        self
    }

    /// Pool and outlier detection of the mesh default where there are none.
    fn or_default(mut self, mesh: Option<&Field<'a>>) -> Self {
        let Some(mesh) = mesh else { return self };
        for (layer, key) in
            [(&mut self.pool, "connectionPool"), (&mut self.outlier, "outlierDetection")]
        {
            match (&layer.block, mesh.get(key)) {
                (None, block) => layer.block = block,
                (Some(_), Some(block)) => layer.replaced.push(block),
                (Some(_), None) => {}
            }
        }
        self
    }

    fn layers(&mut self) -> [(&mut Layer<'a>, &'static str); 5] {
        [
            (&mut self.pool, "connectionPool"),
            (&mut self.outlier, "outlierDetection"),
            (&mut self.load_balancer, "loadBalancer"),
            (&mut self.tls, "tls"),
            (&mut self.retry_budget, "retryBudget"),
        ]
    }
}

impl<'a> Layer<'a> {
    fn replace(&mut self, block: Option<Field<'a>>) {
        if let Some(old) = std::mem::replace(&mut self.block, block) {
            self.replaced.insert(0, old);
        }
    }

    /// The setting at `path` of the block; `read` yields `None` where the default applies.
    fn setting<T>(
        &self,
        path: &[&str],
        read: impl Fn(&Field<'a>) -> Option<T>,
        default: impl FnOnce() -> Setting<T>,
    ) -> Setting<T> {
        let written = self.block.as_ref().and_then(|block| block.at(path));
        let mut setting = match written.as_ref().and_then(|field| Some(field.setting(read(field)?)))
        {
            Some(setting) => setting,
            None => default(),
        };
        let lost = self.replaced.iter().filter_map(|block| block.at(path));
        setting.overrode.extend(lost.map(|field| field.origin()));
        setting
    }

    /// A limit of the connection pool. Zero counts as unset, but the line that says so is named.
    fn limit(&self, path: &[&str]) -> Setting<Option<u32>> {
        let read = |field: &Field<'a>| field.count().map(|limit| (limit > 0).then_some(limit));
        self.setting(path, read, || Setting::default_of(None, defaults::ISTIO))
    }
}

fn pool(layer: &Layer<'_>, around: &Surroundings<'_>) -> Pool {
    let idle = |kind: &'static str| {
        let read = |field: &Field<'_>| field.duration().map(Some);
        layer.setting(&[kind, "idleTimeout"], read, || Setting::default_of(None, defaults::ENVOY))
    };
    let http_idle = idle("http");
    Pool {
        max_connections: layer.limit(&["tcp", "maxConnections"]),
        connect_timeout: layer.setting(&["tcp", "connectTimeout"], Field::duration, || {
            around.connect_timeout.clone()
        }),
        max_pending_requests: layer.limit(&["http", "http1MaxPendingRequests"]),
        max_requests: layer.limit(&["http", "http2MaxRequests"]),
        max_requests_per_connection: layer.limit(&["http", "maxRequestsPerConnection"]),
        max_retries: layer.limit(&["http", "maxRetries"]),
        idle_timeout: if http_idle.is_written() { http_idle } else { idle("tcp") },
        ..Pool::unset(defaults::ISTIO)
    }
}

fn outlier(layer: &Layer<'_>) -> Option<OutlierDetection> {
    let block = layer.block.as_ref()?;
    let count = |key: &'static str, default: u32, zero_is_unset: bool| {
        let read = |field: &Field<'_>| field.count().filter(|n| *n > 0 || !zero_is_unset);
        layer.setting(&[key], read, || Setting::default_of(default, defaults::ENVOY))
    };
    let time = |key: &'static str, default: Duration| {
        let read = |field: &Field<'_>| field.duration();
        layer.setting(&[key], read, || Setting::default_of(default, defaults::ENVOY))
    };
    Some(OutlierDetection {
        origin: block.key_origin(),
        consecutive_5xx: count("consecutive5xxErrors", defaults::CONSECUTIVE_5XX, false),
        interval: time("interval", defaults::OUTLIER_INTERVAL),
        base_ejection_time: time("baseEjectionTime", defaults::BASE_EJECTION),
        max_ejection_percent: count("maxEjectionPercent", defaults::MAX_EJECTION_PERCENT, true),
        min_health_percent: layer.setting(&["minHealthPercent"], Field::count, || {
            Setting::default_of(0, defaults::ISTIO)
        }),
        ..OutlierDetection::unset(block.key_origin(), defaults::ENVOY)
    })
}

fn load_balancer(
    layer: &Layer<'_>,
    around: &Surroundings<'_>,
    dial: &Dial,
) -> Setting<LoadBalancer> {
    if around.headless {
        return Setting::default_of(LoadBalancer::Passthrough, defaults::HEADLESS);
    }
    let balancer = balancer(layer);
    if dial.original { balancer.map(|_| LoadBalancer::Passthrough) } else { balancer }
}

/// The algorithm that is written; a hash beats a simple one.
fn balancer(layer: &Layer<'_>) -> Setting<LoadBalancer> {
    if let Some(hash) = layer.block.as_ref().and_then(|block| block.get("consistentHash")) {
        return Setting::new(LoadBalancer::ConsistentHash, hash.key_origin());
    }
    let read = |field: &Field<'_>| match field.text()? {
        "LEAST_REQUEST" | "LEAST_CONN" | "UNSPECIFIED" => Some(LoadBalancer::LeastRequest),
        "ROUND_ROBIN" => Some(LoadBalancer::RoundRobin),
        "RANDOM" => Some(LoadBalancer::Random),
        "PASSTHROUGH" => Some(LoadBalancer::Passthrough),
        _ => {
            field.report("LEAST_REQUEST, ROUND_ROBIN, RANDOM or PASSTHROUGH");
            None
        }
    };
    let default = || Setting::default_of(LoadBalancer::LeastRequest, defaults::ISTIO);
    layer.setting(&["simple"], read, default)
}

fn tls(layer: &Layer<'_>, around: &Surroundings<'_>, dial: &Dial) -> Setting<TlsMode> {
    let Some(block) = &layer.block else {
        let mut setting = automatic(around, dial);
        let lost = layer.replaced.iter().filter_map(|block| block.get("mode"));
        setting.overrode.extend(lost.map(|field| field.origin()));
        return setting;
    };
    let read = |field: &Field<'_>| match field.text()? {
        "DISABLE" => Some(TlsMode::Disable),
        "SIMPLE" => Some(TlsMode::Simple),
        "MUTUAL" => Some(TlsMode::Mutual),
        "ISTIO_MUTUAL" => Some(TlsMode::IstioMutual),
        _ => {
            field.report("DISABLE, SIMPLE, MUTUAL or ISTIO_MUTUAL");
            None
        }
    };
    layer.setting(&["mode"], read, || match block.get("mode") {
        // A block without a mode switches TLS off.
        None => Setting::new(TlsMode::Disable, block.key_origin()),
        Some(_) => automatic(around, dial),
    })
}

/// Transport security where no rule says. A proxy that does not choose the endpoint cannot choose
/// per endpoint either: all pods have a proxy, or none counts as having one.
fn automatic(around: &Surroundings<'_>, dial: &Dial) -> Setting<TlsMode> {
    around.tls.map(|mode| match mode {
        TlsMode::Auto if dial.asked && !around.all_proxied => TlsMode::Disable,
        TlsMode::Auto if dial.original => TlsMode::IstioMutual,
        mode => *mode,
    })
}

fn retry_budget(layer: &Layer<'_>) -> Option<RetryBudget> {
    layer.block.as_ref()?;
    Some(RetryBudget {
        percent: layer.setting(
            &["percent"],
            |field| field.at(&["value"]).map_or_else(|| field.percent(), |value| value.percent()),
            || Setting::default_of(defaults::RETRY_BUDGET_PERCENT, defaults::ISTIO),
        ),
        min_concurrency: layer.setting(
            &["minRetryConcurrency"],
            |field| field.count().filter(|minimum| *minimum > 0),
            || Setting::default_of(defaults::RETRY_BUDGET_MINIMUM, defaults::ISTIO),
        ),
    })
}
