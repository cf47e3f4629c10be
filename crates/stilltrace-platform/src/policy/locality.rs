//! Preference for near endpoints: how many groups a proxy tries, one after the other.
//!
//! Rules of Istio's `loadbalancer` package, release 1.31: a `DestinationRule` beats the service's
//! `trafficDistribution`, which beats the mesh; zone-aware beats locality on each level; failover needs
//! outlier detection. Zones of nodes are not in Git: only localities that are written count.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_model::{EndpointCount, Locality, Origin, Setting};

use super::Client;
use super::blocks::Layer;
use crate::endpoints::Endpoint;
use crate::field::Field;
use crate::labels::Labels;
use crate::services::Distribution;

/// The label that names the network of an endpoint.
const NETWORK: &str = "topology.istio.io/network";
const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";
const SUBZONE: &str = "topology.istio.io/subzone";
const NODE: &str = "kubernetes.io/hostname";

/// What is preferred towards one destination.
#[derive(Debug, Clone)]
pub(super) struct Preference {
    /// Where it is written.
    origin: Origin,
    zone_aware: bool,
    enabled: bool,
    /// Whether failover needs no outlier detection.
    forced: bool,
    /// Region to region.
    failover: Vec<(String, String)>,
    /// Labels that have to agree, the most important first; `label=value` compares with the value.
    priority: Vec<String>,
    /// From a locality to those that share its traffic.
    distribute: Option<Vec<(String, Vec<String>)>>,
}

impl Preference {
    /// The preference in effect; `None` where none is, or a rule switches it off.
    pub(super) fn read(
        layer: &Layer<'_>,
        distribution: Option<&Setting<Distribution>>,
        document: Option<&Field<'_>>,
    ) -> Option<Self> {
        if let Some(block) = layer.at(&["zoneAwareLbSetting"]) {
            return Some(Self::written(&block, true));
        }
        if let Some(block) = layer.at(&["localityLbSetting"]) {
            return Some(Self::written(&block, false)).filter(|own| own.enabled);
        }
        if let Some(distribution) = distribution {
            return Some(Self::of_service(distribution));
        }
        let mesh = |key: &str| document.and_then(|document| document.get(key));
        if let Some(block) = mesh("zoneAwareLbSetting") {
            return Some(Self::written(&block, true));
        }
        match mesh("localityLbSetting") {
            Some(block) => Some(Self::written(&block, false)).filter(|own| own.enabled),
            None => Some(Self::nothing(Origin::Default { of: crate::defaults::ISTIO })),
        }
    }

    fn nothing(origin: Origin) -> Self {
        Self {
            origin,
            zone_aware: false,
            enabled: true,
            forced: false,
            failover: Vec::new(),
            priority: Vec::new(),
            distribute: None,
        }
    }

    fn written(block: &Field<'_>, zone_aware: bool) -> Self {
        let text = |field: &Field<'_>, key: &str| {
            field.get(key).and_then(|f| f.text()).unwrap_or_default().to_owned()
        };
        let failover = block.list("failover");
        let distribute = block.list("distribute");
        let shares = |entry: &Field<'_>| {
            let to = entry.get("to").map(|to| to.entries()).unwrap_or_default();
            (text(entry, "from"), to.iter().map(|(name, _)| (*name).to_owned()).collect())
        };
        let priority = block.get("failoverPriority").map(|list| list.texts()).unwrap_or_default();
        Self {
            zone_aware,
            enabled: block.get("enabled").and_then(|field| field.flag()) != Some(false),
            forced: zone_aware,
            failover: failover.iter().map(|f| (text(f, "from"), text(f, "to"))).collect(),
            priority: priority.into_iter().map(str::to_owned).collect(),
            distribute: (!distribute.is_empty() && !zone_aware)
                .then(|| distribute.iter().map(shares).collect()),
            ..Self::nothing(block.key_origin())
        }
    }

    fn of_service(distribution: &Setting<Distribution>) -> Self {
        let labels: &[&str] = match distribution.value {
            Distribution::SameZone => &[NETWORK, REGION, ZONE],
            Distribution::SameNode => &[NETWORK, REGION, ZONE, SUBZONE, NODE],
        };
        Self {
            forced: true,
            priority: labels.iter().map(|label| (*label).to_owned()).collect(),
            ..Self::nothing(distribution.origin.clone())
        }
    }

    /// Whether the proxy itself weighs by locality.
    pub(super) fn weighing(&self, outlier_detection: bool) -> Option<Setting<Locality>> {
        let ordered = !self.failover.is_empty() || !self.priority.is_empty();
        let kind = match self.zone_aware {
            true => Locality::ZoneAware,
            false if self.distribute.is_some() => Locality::Weighted,
            false if ordered && (self.forced || outlier_detection) => Locality::Weighted,
            false => return None,
        };
        Some(Setting::new(kind, self.origin.clone()))
    }

    /// Whether the order of endpoints depends on the labels of the client.
    pub(super) fn compares_labels(&self) -> bool {
        !self.priority.is_empty()
    }

    /// Leaves out the label comparison, which Istio skips for subsets found by DNS.
    pub(super) fn without_labels(mut self) -> Self {
        self.priority.clear();
        self
    }
}

/// Counts endpoints and the groups in which a client tries them; `None` where a number is unknown.
pub(super) fn count(
    endpoints: &[&Endpoint],
    marked: impl Fn(&Endpoint) -> bool,
    preference: Option<&Preference>,
    outlier_detection: bool,
    client: &Client,
) -> Option<EndpointCount> {
    let mut found = EndpointCount { priorities: 1, ..EndpointCount::default() };
    let mut priorities = BTreeSet::new();
    let kept = preference.and_then(|preference| kept_localities(preference, endpoints, client));
    for endpoint in endpoints {
        let order = preference.map(|p| order(p, endpoint, outlier_detection, client));
        priorities.insert(order.unwrap_or_default());
        if kept.as_ref().is_some_and(|kept| !kept.contains(endpoint.locality.as_str())) {
            continue;
        }
        found.total = found.total.saturating_add(endpoint.count?);
        if marked(endpoint) {
            found.mutual_tls = found.mutual_tls.saturating_add(endpoint.count?);
        }
    }
    found.priorities = u32::try_from(priorities.len()).unwrap_or(u32::MAX).max(1);
    Some(found)
}

/// Localities that keep their endpoints where traffic is distributed by hand; `None` for all.
fn kept_localities<'e>(
    preference: &Preference,
    endpoints: &[&'e Endpoint],
    client: &Client,
) -> Option<BTreeSet<&'e str>> {
    let shares = preference.distribute.as_ref()?;
    let (_, to) = shares.iter().find(|(from, _)| matches_locality(&client.locality, from))?;
    let fits = |locality: &&str| to.iter().any(|wanted| matches_locality(locality, wanted));
    Some(endpoints.iter().map(|endpoint| endpoint.locality.as_str()).filter(fits).collect())
}

/// The rank of an endpoint: equal ranks are tried alike.
fn order(
    preference: &Preference,
    endpoint: &Endpoint,
    outlier_detection: bool,
    client: &Client,
) -> (usize, u8) {
    let active = if preference.zone_aware {
        preference.enabled
    } else {
        preference.distribute.is_none() && (preference.forced || outlier_detection)
    };
    if !active {
        return (0, 0);
    }
    let by_labels = disagreement(&preference.priority, endpoint, &client.labels);
    let by_place = if preference.zone_aware {
        region_rank(preference, &client.locality, &endpoint.locality)
    } else if preference.priority.is_empty() || !preference.failover.is_empty() {
        locality_rank(preference, &client.locality, &endpoint.locality)
    } else {
        0
    };
    (by_labels, by_place)
}

/// How early the labels of client and endpoint differ; 0 where they agree.
fn disagreement(wanted: &[String], endpoint: &Endpoint, client: &Labels) -> usize {
    let own = placed(endpoint);
    let lowest = wanted.len();
    let mut adjust = 0;
    for (index, entry) in wanted.iter().enumerate() {
        let (label, fixed) = match entry.split_once('=') {
            Some((label, value)) => (label, Some(value)),
            None => (entry.as_str(), None),
        };
        let mine = fixed.or_else(|| client.get(label).map(String::as_str)).unwrap_or_default();
        let theirs = own.get(label).map(String::as_str).unwrap_or_default();
        if mine == theirs {
            continue;
        }
        // Another network does not end the comparison, it comes after everything in the own one.
        if index == 0 && label == NETWORK {
            adjust = lowest;
            continue;
        }
        return lowest - index + adjust;
    }
    adjust
}

/// Labels of an endpoint with those that Istio adds from its locality.
fn placed(endpoint: &Endpoint) -> BTreeMap<String, String> {
    let mut labels = endpoint.labels.clone();
    let parts = split(&endpoint.locality);
    for (label, part) in [REGION, ZONE, SUBZONE].into_iter().zip(parts) {
        if !part.is_empty() {
            labels.insert(label.to_owned(), part.to_owned());
        }
    }
    labels
}

/// 0 same subzone, 1 same zone, 2 same region, 3 the region to fail over to, 4 anywhere else.
fn locality_rank(preference: &Preference, client: &str, endpoint: &str) -> u8 {
    let ([region, zone, subzone], theirs) = (split(client), split(endpoint));
    match [region == theirs[0], zone == theirs[1], subzone == theirs[2]] {
        [true, true, true] => 0,
        [true, true, false] => 1,
        [true, false, _] => 2,
        [false, ..] => {
            let target = preference.failover.iter().find(|(from, _)| from == region);
            if target.is_some_and(|(_, to)| to != theirs[0]) { 4 } else { 3 }
        }
    }
}

/// 0 same region, 1 the region to fail over to, 2 anywhere else.
fn region_rank(preference: &Preference, client: &str, endpoint: &str) -> u8 {
    let (region, theirs) = (split(client)[0], split(endpoint)[0]);
    if region == theirs {
        return 0;
    }
    let target = preference.failover.iter().find(|(from, _)| from == region);
    if target.is_some_and(|(_, to)| to == theirs) { 1 } else { 2 }
}

fn split(locality: &str) -> [&str; 3] {
    let mut parts = locality.split('/');
    let mut next = || parts.next().unwrap_or_default();
    [next(), next(), next()]
}

fn matches_locality(locality: &str, rule: &str) -> bool {
    let ([region, zone, subzone], rule) = (split(locality), split(rule));
    let narrower = |wanted: &str, own: &str| matches!(wanted, "*" | "") || wanted == own;
    (rule[0] == "*" || rule[0] == region) && narrower(rule[1], zone) && narrower(rule[2], subzone)
}
