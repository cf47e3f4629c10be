//! How a route shares its requests out among pods.

use std::collections::BTreeMap;

use stilltrace_model::{Destination, Platform, Setting, WorkloadId};

use crate::in_use::{RouteInUse, target_edge, workloads_with};

/// A destination with its weight and the pods that it selects.
pub(crate) struct Share<'a> {
    /// The destination.
    pub(crate) destination: &'a Destination,
    /// Pods of each workload that it selects.
    pub(crate) workloads: BTreeMap<&'a WorkloadId, f64>,
    /// What selects them, if a subset does.
    pub(crate) labels: Option<&'a Setting<BTreeMap<String, String>>>,
}

impl Share<'_> {
    /// Its weight.
    pub(crate) fn weight(&self) -> f64 {
        f64::from(self.destination.weight.value)
    }

    /// Pods that it selects.
    pub(crate) fn pods(&self) -> f64 {
        self.workloads.values().sum()
    }
}

/// The destinations of a route, where the pods of all of them are known.
pub(crate) struct Shares<'a> {
    /// In the order of the route.
    pub(crate) all: Vec<Share<'a>>,
    /// Pods behind the services that the route names, whether or not a destination selects them; `None`
    /// if Git does not say how many there are.
    pub(crate) of_services: Option<f64>,
}

impl<'a> Shares<'a> {
    /// The shares of a route; `None` where the pods of a destination are not known.
    pub(crate) fn of(platform: &'a Platform, used: &RouteInUse<'a>) -> Option<Self> {
        let to = &used.route.destinations;
        let all = to.iter().map(|to| share(platform, used, to)).collect::<Option<_>>()?;
        Some(Self { all, of_services: pods_of_services(platform, used) })
    }

    /// Sum of the weights.
    pub(crate) fn weights(&self) -> f64 {
        self.all.iter().map(Share::weight).sum()
    }

    /// Pods that any destination selects, each counted once.
    pub(crate) fn selected(&self) -> f64 {
        let pods: BTreeMap<_, _> = self.all.iter().flat_map(|share| &share.workloads).collect();
        pods.into_values().sum()
    }

    /// The part of the route's requests that reaches each pod of a share, that of the workload which
    /// gets most; other destinations may select the same pods.
    pub(crate) fn per_pod(&self, share: &Share<'_>) -> f64 {
        let reaching = |workload: &WorkloadId| -> f64 {
            let selects = |share: &&Share<'_>| share.workloads.contains_key(workload);
            self.all.iter().filter(selects).map(|share| share.weight() / share.pods()).sum()
        };
        let loads = share.workloads.keys().map(|workload| reaching(workload));
        loads.fold(0.0, f64::max) / self.weights()
    }

    /// Whether another destination selects pods of a share too.
    pub(crate) fn overlaps(&self, share: &Share<'_>) -> bool {
        let mut others = self.all.iter().filter(|one| one.destination != share.destination);
        others.any(|one| one.workloads.keys().any(|own| share.workloads.contains_key(own)))
    }
}

fn share<'a>(
    platform: &'a Platform,
    used: &RouteInUse<'a>,
    destination: &'a Destination,
) -> Option<Share<'a>> {
    let edge = target_edge(platform, used.edge, destination)?;
    let everything = BTreeMap::new();
    let labels = match &destination.to.subset {
        Some(subset) => Some(&edge.subsets.get(subset)?.0),
        None => None,
    };
    let wanted = labels.map_or(&everything, |labels| &labels.value);
    let selected = workloads_with(platform, &destination.to.service, wanted);
    let pods = selected.map(|one| Some((&one.id, f64::from(one.replicas.value?))));
    Some(Share { destination, workloads: pods.collect::<Option<_>>()?, labels })
}

fn pods_of_services(platform: &Platform, used: &RouteInUse<'_>) -> Option<f64> {
    let everything = BTreeMap::new();
    let mut all = BTreeMap::new();
    for to in &used.route.destinations {
        for workload in workloads_with(platform, &to.to.service, &everything) {
            all.insert(&workload.id, f64::from(workload.replicas.value?));
        }
    }
    Some(all.into_values().sum())
}
