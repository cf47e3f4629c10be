//! Statistics scrape cost: every scrape makes every proxy print everything it counts.

use stilltrace_model::{
    Certainty, Entity, Fix, Hazard, Prediction, SidecarProxy, Workload, signal,
};

use crate::draft::Draft;
use crate::wording::count;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Istio hides most of Envoy's statistics. Switched on without restriction there are dozens for
/// each service that the proxy is told about, and each scrape prints them all on the proxy's main
/// thread. The load comes with the very scrape that should show it, so the dashboard averages it
/// away.
///
/// ## Fingerprint
/// The 100 ms CPU peak of the proxies rises, those without traffic included, while requests do not
/// grow and no configuration is pushed.
///
/// ## Fix
/// List the few statistics that are read, such as `upstream_rq_retry` and
/// `upstream_rq_pending_overflow`. Which ones is a decision, so no edit is proposed.
///
/// ## Fix safety
/// Needs review: dashboards that read the others will be empty.
///
/// ## References
/// - Istio: `ProxyConfig.proxyStatsMatcher`, issues 29110 and 45548
pub(crate) struct StatsScrapeCost;

/// From this many services on a scrape is felt. Measured in a lab: with 1,000 services and all
/// statistics one scrape takes 2.2 s of the main thread, so with 25 about 55 ms.
const MANY_SERVICES: usize = 25;

impl Mechanism for StatsScrapeCost {
    fn name(&self) -> &'static str {
        "stats-scrape-cost"
    }

    fn group(&self) -> &'static str {
        "telemetry"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform
            .workloads
            .values()
            .filter_map(|workload| Some((workload, workload.sidecar.as_ref()?)))
            .filter(|(_, proxy)| proxy.scope.visible_services >= MANY_SERVICES)
            .filter_map(|(workload, proxy)| describe(workload, proxy))
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Workload(workload) = &hazard.entity else { return Vec::new() };
        vec![
            signal::PROXY_CPU_PEAK
                .of(workload)
                .rises()
                .decisive()
                .because("each scrape makes the proxy print everything it counts"),
            signal::INBOUND_REQUESTS
                .of(workload)
                .not_rising()
                .because("the work comes from the scrape, not from requests"),
            signal::CONFIG_UPDATES.of(workload).not_rising().because("no configuration is pushed"),
            signal::PROXY_THROTTLED
                .of(workload)
                .not_rising()
                .because("the proxy is busy, not stopped"),
        ]
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }

    fn remedy(&self, _: &Hazard) -> Option<String> {
        Some("list only the statistics that something reads".to_owned())
    }
}

/// Whether a pattern keeps the statistics of every cluster: it matches everything, or all names
/// that begin with `cluster`.
fn keeps_every_cluster(pattern: &str) -> bool {
    let kept = pattern.trim_start_matches('^').trim_end_matches('$');
    let kept = kept.trim_end_matches(".*").trim_end_matches(".+").trim_end_matches(['.', '\\']);
    kept.is_empty() || kept == "cluster"
}

fn describe(workload: &Workload, proxy: &SidecarProxy) -> Option<Hazard> {
    let stats = &proxy.telemetry.extra_stats;
    let pattern = stats.value.iter().find(|pattern| keeps_every_cluster(pattern))?;
    let services = u32::try_from(proxy.scope.visible_services).unwrap_or(u32::MAX);
    let message = format!(
        "the proxy of {} keeps all statistics that match `{pattern}`, for {}: each scrape prints them \
         all on its main thread",
        workload.id,
        count(services, "service"),
    );
    let hazard = Draft::new("stats-scrape-cost", &workload.id, Certainty::Certain, message)
        .setting("telemetry.stats", stats)
        .setting("proxy.scope", &proxy.scope.hosts);
    Some(hazard.done())
}

#[cfg(test)]
mod tests {
    use super::keeps_every_cluster;

    #[test]
    fn only_patterns_that_grow_with_the_mesh_count() {
        for pattern in [".*", ".+", "^.*$", "", "cluster", "cluster.", "cluster\\..*"] {
            assert!(keeps_every_cluster(pattern), "{pattern}");
        }
        for pattern in ["cluster.outbound|8080||a.b", "upstream_rq_retry", ".*upstream_rq_retry.*"]
        {
            assert!(!keeps_every_cluster(pattern), "{pattern}");
        }
    }
}
