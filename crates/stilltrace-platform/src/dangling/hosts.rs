//! Hosts of virtual services and destination rules that no service has.
//!
//! Istio makes a virtual host of a name that no registry knows only for port 80
//! (`buildSidecarVirtualHostsForVirtualService`, release 1.31), and nothing of a destination rule.

use std::collections::BTreeSet;

use crate::field::Field;
use crate::gaps::Gaps;
use crate::hosts;
use crate::inventory::Inventory;

const GROUP: &str = "networking.istio.io";
/// Most hosts for which services that may be meant are looked for, each of which walks all services.
const MOST: usize = 500;
/// The domain of services that several clusters share, which no object names in full.
const CLUSTER_SET: &str = ".clusterset.local";

/// Looks at every rule for calls within the mesh.
pub(super) fn report(inventory: &Inventory<'_>, gaps: &Gaps) {
    let known = known(inventory);
    let mut looked = 0;
    for rule in inventory.of(GROUP, "DestinationRule") {
        let Some(host) = rule.field().at(&["spec", "host"]) else { continue };
        let why = "it applies to no call, and nothing in the cluster says so";
        look(&host, &known, why, gaps, &mut looked);
    }
    for rule in inventory.of(GROUP, "VirtualService") {
        let Some(spec) = rule.spec() else { continue };
        let gateways = spec.list("gateways");
        let for_mesh = |gateway: &Field<'_>| gateway.node().text() == Some("mesh");
        if !gateways.is_empty() && !gateways.iter().any(for_mesh) {
            continue;
        }
        let why = "it is in effect for no service, only for calls of that very name at port 80, and \
                   nothing in the cluster says so";
        for host in spec.list("hosts") {
            look(&host, &known, why, gaps, &mut looked);
        }
    }
}

/// The names of all services.
struct Known {
    all: BTreeSet<String>,
    /// Those of them that stand for many.
    wildcards: Vec<String>,
}

fn known(inventory: &Inventory<'_>) -> Known {
    let services = inventory.of("", "Service").iter();
    let mut all: BTreeSet<String> =
        services.map(|source| hosts::service(source.name(), source.namespace())).collect();
    for entry in inventory.of(GROUP, "ServiceEntry") {
        let Some(spec) = entry.spec() else { continue };
        let written = spec.list("hosts").into_iter().filter_map(|host| host.node().text());
        all.extend(written.map(str::to_ascii_lowercase));
    }
    let wildcards = all.iter().filter(|host| hosts::is_wildcard(host)).cloned().collect();
    Known { all, wildcards }
}

fn look(field: &Field<'_>, known: &Known, why: &str, gaps: &Gaps, looked: &mut usize) {
    let source = field.source();
    let Some(written) = field.node().text() else { return };
    if written.is_empty() || written.contains("${") || written.ends_with(CLUSTER_SET) {
        return;
    }
    let full = hosts::complete(written, source.namespace()).to_ascii_lowercase();
    let is_known = if hosts::is_wildcard(&full) {
        known.all.iter().any(|host| hosts::overlap(host, &full))
    } else {
        let mut wildcards = known.wildcards.iter();
        known.all.contains(&full) || wildcards.any(|host| hosts::covers(host, &full))
    };
    if is_known || *looked == MOST {
        return;
    }
    *looked += 1;
    if *looked == MOST {
        gaps.add(
            format!("more than {MOST} hosts of rules are no services that were read"),
            "the others are not named one by one",
            "read what holds the services",
        );
    }
    let like = like(&full, &known.all);
    if like.is_empty() && !is_at_home(&full, &known.all) {
        return;
    }
    let named = if full == written { full } else { format!("{written} ({full})") };
    let remedy = match like.as_slice() {
        [] => "correct the host, or read what holds the service".to_owned(),
        found => format!("write {}, or read what holds the service", found.join(" or ")),
    };
    gaps.add(
        format!("{}: {}: no service that was read has the host {named}", field.origin(), source.id),
        why,
        remedy,
    );
}

/// Whether others like it were read: services of its namespace or, of a name that is no service of
/// Kubernetes, service entries. Else the services are likely kept elsewhere.
fn is_at_home(full: &str, known: &BTreeSet<String>) -> bool {
    let namespace = full.split('.').nth(1).unwrap_or_default();
    let is_external = hosts::service_parts(full).is_none();
    known.iter().any(|host| match hosts::service_parts(host) {
        Some((_, home)) => home == namespace,
        None => is_external,
    })
}

/// Services that may be meant: of the same name elsewhere, or with more or less at an end of the
/// name, as a `namePrefix` leaves them; at most two.
fn like(full: &str, known: &BTreeSet<String>) -> Vec<String> {
    // What is not completed is taken for `name` or `name.namespace`.
    let mut labels = full.split('.');
    let (Some(name), Some(namespace)) = (labels.next(), labels.next()) else { return Vec::new() };
    let alike = |host: &&String| {
        let Some((own, home)) = hosts::service_parts(host) else { return false };
        let longer = own.starts_with(name) || own.ends_with(name);
        let shorter = name.starts_with(own) || name.ends_with(own);
        own == name || (home == namespace && (longer || shorter))
    };
    known.iter().filter(alike).take(2).cloned().collect()
}
