//! Access log everywhere: proxies format and write a line for every request.

use stilltrace_model::{
    Certainty, Entity, Fix, Hazard, Prediction, Recording, SidecarProxy, Workload, signal,
};

use crate::draft::Draft;
use crate::observed::on_most_proxies;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// With an access log and no filter, the proxy formats and writes one line per request at each end
/// of every call, and the node's log collector reads and ships all of it.
///
/// ## Fingerprint
/// The proxies use a little more CPU for the same number of requests, from the moment of the
/// change. The application does not, and spans are not involved: the extra work is writes to a
/// file, not an extra connection. On its own this is rarely more than a tenth.
///
/// ## Fix
/// Log what is worth reading: a `filter` expression for errors and slow requests, such as
/// `response.code >= 500`.
///
/// ## Fix safety
/// Needs review: dashboards and audits may be built on the log. No edit is proposed, because a
/// filter is a new entry and its expression a decision.
///
/// ## References
/// - Istio: `AccessLogging.filter`, `MeshConfig.accessLogFile`, issues 5816 and 31780
pub(crate) struct AccessLogEverywhere;

impl Mechanism for AccessLogEverywhere {
    fn name(&self) -> &'static str {
        "access-log-everywhere"
    }

    fn group(&self) -> &'static str {
        "telemetry"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        let mesh_wide = on_most_proxies(platform, |workload| {
            workload.sidecar.as_ref().is_some_and(|proxy| logging(proxy).is_some())
        });
        platform
            .workloads
            .values()
            .filter_map(|workload| Some((workload, workload.sidecar.as_ref()?)))
            .filter_map(|(workload, proxy)| describe(workload, proxy, mesh_wide))
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Workload(workload) = &hazard.entity else { return Vec::new() };
        let cost = if hazard.related.contains(&Entity::Mesh) {
            signal::ALL_PROXIES_CPU.of(Entity::Mesh)
        } else {
            signal::PROXY_CPU.of(workload)
        };
        vec![
            cost.rises().decisive().because("a line is formatted and written for every request"),
            signal::INBOUND_REQUESTS
                .of(workload)
                .not_rising()
                .decisive()
                .because("the cost per request grows, not the number of requests"),
            signal::APP_CPU.of(workload).not_rising().because("the lines are the proxy's work"),
        ]
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }

    fn remedy(&self, _: &Hazard) -> Option<String> {
        Some("log errors only: give the access log a filter in a Telemetry object".to_owned())
    }
}

/// The first direction whose requests are all written, and the name of its setting.
fn logging(proxy: &SidecarProxy) -> Option<(&Recording, &'static str)> {
    let all = proxy.telemetry.directions();
    all.into_iter().find(|(own, _)| own.access_log.value).map(|(own, [_, name])| (own, name))
}

fn describe(workload: &Workload, proxy: &SidecarProxy, mesh_wide: bool) -> Option<Hazard> {
    let (recording, setting) = logging(proxy)?;
    let which = match (&proxy.telemetry.outbound.access_log, &proxy.telemetry.inbound.access_log) {
        (sent, arriving) if sent.value && arriving.value => "every request",
        (sent, _) if sent.value => "every request that it sends",
        _ => "every request that arrives",
    };
    let message =
        format!("the proxy of {} writes {which} to its access log, without a filter", workload.id);
    let hazard = Draft::new("access-log-everywhere", &workload.id, Certainty::Certain, message)
        .setting(setting, &recording.access_log)
        .related_all(mesh_wide.then_some(Entity::Mesh));
    Some(hazard.done())
}
