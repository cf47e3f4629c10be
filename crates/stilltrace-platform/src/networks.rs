//! Several networks of one mesh: what says that there are some, named as a gap.
//!
//! Istio replaces the endpoints of another network by the gateways that lead there, and leaves out
//! those that take no mutual TLS (`EndpointsByNetworkFilter`). Addresses of such gateways are facts of
//! the live cluster, so the number of endpoints and of those with mutual TLS is that of one network.

use stilltrace_manifest::Tree;
use stilltrace_model::Origin;

use crate::embedded;
use crate::gaps::Gaps;
use crate::inventory::Inventory;

/// The label of a service that leads into a network.
const NETWORK: &str = "topology.istio.io/network";

/// Names every place that speaks of several networks.
pub(crate) fn report(inventory: &Inventory<'_>, tree: &dyn Tree, gaps: &Gaps) {
    for source in inventory.of("", "ConfigMap") {
        let is_mesh = source.name() == "istio" || source.name().starts_with("istio-");
        let written = source.field().at(&["data", "meshNetworks"]).filter(|_| is_mesh);
        let Some(text) = written else { continue };
        let networks = embedded::read(tree, text.node());
        let any = networks.as_ref().and_then(|own| own.get("networks"));
        if any.is_some_and(|networks| !networks.entries().is_empty()) {
            add(gaps, "meshNetworks", &text.origin());
        }
    }
    let generators: [(&str, &str, &[&str]); 3] = [
        ("install.istio.io", "IstioOperator", &["spec", "values", "global", "meshNetworks"]),
        ("helm.toolkit.fluxcd.io", "HelmRelease", &["spec", "values", "global", "meshNetworks"]),
        ("sailoperator.io", "Istio", &["spec", "values", "global", "meshNetworks"]),
    ];
    for (group, kind, path) in generators {
        for source in inventory.of(group, kind) {
            if let Some(field) = source.field().at(path).filter(|field| !field.entries().is_empty())
            {
                add(gaps, "meshNetworks", &field.key_origin());
            }
        }
    }
    for source in inventory.of("", "Service") {
        if let Some(field) = source.field().at(&["metadata", "labels", NETWORK]) {
            add(gaps, &format!("{} as the gateway to a network", source.id), &field.origin());
        }
    }
}

fn add(gaps: &Gaps, what: &str, origin: &Origin) {
    gaps.add(
        format!("{origin}: {what} is not evaluated"),
        "endpoints of other networks are reached through gateways whose addresses only the live \
         cluster knows; the number of endpoints is that of one network",
        "look at the endpoints of a running proxy",
    );
}
