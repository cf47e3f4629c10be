//! Unscoped endpoint churn: every change of any service makes every proxy work.

use stilltrace_model::{
    Certainty, Entity, Fix, Hazard, Platform, Prediction, SidecarProxy, Workload, signal,
};

use crate::draft::Draft;
use crate::observed::busiest_edge_into;
use crate::wording::count;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A proxy without a `Sidecar` scope is told about every service of the mesh. When endpoints come
/// and go - an autoscaler, jobs, crash loops, probes that flap - each change reaches every proxy,
/// and its main thread rebuilds what it holds. The more services, the longer; all proxies do it in
/// the same second, those without traffic too.
///
/// ## Fingerprint
/// Proxies accept more configuration updates than before, and their CPU peaks while the averages
/// hardly move. The requests do not grow. If CPU peaks without updates, look at traffic bursts or
/// at the scrape of statistics instead.
///
/// ## Fix
/// A `Sidecar` per namespace that lists the services which are called. It is a new object, so no
/// edit of a line is proposed.
///
/// ## Fix safety
/// Needs review: a call to a service that the list forgets loses its retries, timeouts and names in
/// telemetry, or fails.
///
/// ## References
/// - Istio: `Sidecar.egress.hosts`, `discoverySelectors`, issues 14605, 36827, 34203 and 23031
/// - Envoy: `cluster_manager.cds.update_success`
pub(crate) struct UnscopedEndpointChurn;

/// From this many services on a push is felt. Measured in a lab: with 300 services a push takes
/// about 110 ms of CPU in each proxy, a good third of a millisecond per service; 25 services
/// make 10 ms, the time a busy proxy has for some dozens of requests.
const MANY_SERVICES: usize = 25;

impl Mechanism for UnscopedEndpointChurn {
    fn name(&self) -> &'static str {
        "unscoped-endpoint-churn"
    }

    fn group(&self) -> &'static str {
        "control_plane"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform
            .workloads
            .values()
            .filter_map(|workload| Some((workload, workload.sidecar.as_ref()?)))
            .filter(|(workload, proxy)| !workload.is_gateway && hears_everything(proxy))
            .map(|(workload, proxy)| describe(platform, workload, proxy))
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Workload(workload) = &hazard.entity else { return Vec::new() };
        let mut all = vec![
            signal::ALL_CONFIG_UPDATES
                .of(Entity::Mesh)
                .rises()
                .decisive()
                .because("services come and go, and every proxy is told"),
            signal::PROXY_CPU_PEAK
                .of(workload)
                .rises()
                .because("the main thread rebuilds its configuration in one go"),
            signal::INBOUND_REQUESTS
                .of(workload)
                .not_rising()
                .because("the work comes from the control plane, not from requests"),
        ];
        for entity in &hazard.related {
            if let Entity::Edge(edge) = entity {
                all.push(
                    signal::EDGE_SERVER_ERRORS
                        .of(edge)
                        .not_rising()
                        .because("a push delays requests, it does not fail them"),
                );
            }
        }
        all
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }
}

/// Whether the proxy is told about all of a mesh that is not small.
///
/// Gateways ignore `Sidecar` objects and are told what their routes need, so they are left out.
fn hears_everything(proxy: &SidecarProxy) -> bool {
    proxy.scope.visible_services >= MANY_SERVICES
        && proxy.scope.hosts.value.iter().any(|host| host == "*/*")
}

fn describe(platform: &Platform, workload: &Workload, proxy: &SidecarProxy) -> Hazard {
    let services = u32::try_from(proxy.scope.visible_services).unwrap_or(u32::MAX);
    let message = format!(
        "the proxy of {} is told about {}: whenever pods of any of them come or go, it rebuilds its \
         configuration, as do all others in the same second",
        workload.id,
        count(services, "service"),
    );
    Draft::new("unscoped-endpoint-churn", &workload.id, Certainty::NeedsLiveData, message)
        .setting("proxy.scope", &proxy.scope.hosts)
        .value("visible_services", f64::from(services))
        .related_all(busiest_edge_into(platform, &workload.id))
        .done()
}
