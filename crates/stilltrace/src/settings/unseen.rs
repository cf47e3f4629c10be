//! Which line keeps a service from a proxy.

use std::collections::BTreeSet;

use stilltrace_model::{Platform, Service, ServiceId, WorkloadId};

/// Says why the workloads that are left call none of these services: the `Sidecar` of a caller that
/// leaves them out, or else their own `exportTo`, each with its line.
pub(super) fn of(
    platform: &Platform,
    called: &BTreeSet<ServiceId>,
    source: Option<&str>,
) -> String {
    let ids: Vec<String> = called.iter().map(ToString::to_string).collect();
    let who = source.filter(|source| *source != "*").unwrap_or("every proxy");
    let services = called.iter().filter_map(|id| platform.services.get(id));
    let aliases: Vec<String> =
        services.clone().filter_map(|service| alias(platform, service)).collect();
    if aliases.len() == called.len() && !aliases.is_empty() {
        return aliases.join("; ");
    }
    let mut reasons: BTreeSet<String> = BTreeSet::new();
    for service in services {
        let proxies = platform.workloads.iter().filter(|(_, one)| one.sidecar.is_some());
        for (caller, workload) in proxies {
            let scope = workload.sidecar.as_ref().map(|proxy| &proxy.scope);
            let hosts = scope.filter(|scope| scope.object.is_some()).map(|scope| &scope.hosts);
            reasons.insert(match hosts {
                Some(hosts) if !hosts.value.iter().any(|host| lists(host, caller, service)) => {
                    format!(
                        "the Sidecar of {}/{} does not list it ({}: {})",
                        caller.namespace,
                        caller.name,
                        hosts.origin,
                        hosts.value.join(", ")
                    )
                }
                _ => format!(
                    "it is not exported to the namespace {} (see {})",
                    caller.namespace, service.origin
                ),
            });
        }
    }
    if reasons.is_empty() {
        return format!(
            "{} is called through no proxy: no workload that may call has a sidecar or is in ambient \
             mode",
            ids.join(", ")
        );
    }
    let reasons: Vec<String> = reasons.into_iter().take(MOST).collect();
    format!("{} is invisible to {who}: {}", ids.join(", "), reasons.join("; "))
}

/// What to ask about in place of a name that is only another one.
fn alias(platform: &Platform, service: &Service) -> Option<String> {
    let other = service.alias_of.as_ref()?;
    let (id, host, place) = (&service.id, &other.value, &other.origin);
    let meant = platform.services.values().find(|one| one.host == *host);
    Some(match meant {
        Some(one) => {
            format!("{id} is only another name for {host} ({place}); ask about {}", one.id)
        }
        None => format!(
            "{id} is only another name for {host} ({place}), which no service has: such calls are \
             those to an unknown host (the row `unknown hosts` of the caller)"
        ),
    })
}

/// How many reasons are told.
const MOST: usize = 4;

/// Whether an egress host of a `Sidecar` names the service, as Istio matches it.
fn lists(egress: &str, caller: &WorkloadId, service: &Service) -> bool {
    let Some((namespace, host)) = egress.split_once('/') else { return false };
    let inside = match namespace {
        "*" => true,
        "." => caller.namespace == service.id.namespace,
        "~" => false,
        named => named == service.id.namespace,
    };
    let named = match host.strip_prefix('*') {
        Some(end) => service.host.ends_with(end),
        None => host == service.host,
    };
    inside && named
}
