//! Full tracing: proxies build and send a span for every request.

use stilltrace_model::{
    Certainty, Entity, Fix, Hazard, Platform, Prediction, Recording, SidecarProxy, Workload, signal,
};

use crate::draft::{self, Draft};
use crate::observed::{busiest_edge_into, on_most_proxies};
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Each traced request makes the proxy build a span, serialise it and send it to the collector.
/// At Istio's default of 1 % this costs nothing that can be seen; at 100 % it costs as much CPU as
/// a good part of the proxy's real work, on every hop.
///
/// ## Fingerprint
/// The proxies use more CPU for the same number of requests, from the moment of the change. The
/// application does not, no request carries an error flag, and no configuration is pushed over and
/// over.
///
/// ## Fix
/// Sample 1 %, Istio's default; where whole traces are needed, decide about them in the collector.
///
/// ## Fix safety
/// Needs review: people who search for the trace of one particular request will miss most of them.
///
/// ## References
/// - Istio: `Tracing.randomSamplingPercentage`, issues 8993, 9798 and 8275
pub(crate) struct FullTracing;

/// From here on the cost shows. Measured in a lab: tracing everything raises the CPU of all
/// proxies by 30 %, so half of that is 15 %, about what a no-fault run varies by.
const COSTLY_PERCENT: f64 = 50.0;

/// Istio's default sampling, in percent.
const DEFAULT_PERCENT: &str = "1";
/// Fields that hold a share of requests.
const SHARES: [&str; 2] = ["randomSamplingPercentage", "sampling"];

impl Mechanism for FullTracing {
    fn name(&self) -> &'static str {
        "full-tracing"
    }

    fn group(&self) -> &'static str {
        "telemetry"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        let mesh_wide = on_most_proxies(platform, |workload| {
            workload.sidecar.as_ref().is_some_and(traces_most)
        });
        platform
            .workloads
            .values()
            .filter_map(|workload| Some((workload, workload.sidecar.as_ref()?)))
            .filter(|(_, proxy)| traces_most(proxy))
            .map(|(workload, proxy)| describe(platform, workload, proxy, mesh_wide))
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Workload(workload) = &hazard.entity else { return Vec::new() };
        let cost = if hazard.related.contains(&Entity::Mesh) {
            signal::ALL_PROXIES_CPU.of(Entity::Mesh)
        } else {
            signal::PROXY_CPU.of(workload)
        };
        let mut all = vec![
            cost.rises().decisive().because("a span is built and sent for every request"),
            signal::INBOUND_REQUESTS
                .of(workload)
                .not_rising()
                .decisive()
                .because("the cost per request grows, not the number of requests"),
            signal::APP_CPU.of(workload).not_rising().because("the spans are the proxy's work"),
        ];
        for entity in &hazard.related {
            if let Entity::Edge(edge) = entity {
                all.push(
                    signal::CONNECTION_FAILED
                        .of(edge)
                        .not_rising()
                        .because("tracing makes no request fail"),
                );
            }
        }
        all
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let mut names = ["telemetry.tracing", "telemetry.inboundTracing"].into_iter();
        let line = names.find_map(|name| draft::line_of(hazard, name))?;
        // A provider's own sampler is a block, which no share can stand in for.
        line.field().filter(|field| SHARES.iter().any(|share| field.ends_with(share)))?;
        let why =
            format!("{DEFAULT_PERCENT}% of the requests are traced, which is Istio's default");
        Some(draft::set(line, DEFAULT_PERCENT, why))
    }

    fn remedy(&self, hazard: &Hazard) -> Option<String> {
        let edit = self.fix(hazard).map(|fix| draft::clause(&fix));
        Some(
            edit.unwrap_or_else(|| {
                "let the sampler of the provider choose fewer requests".to_owned()
            }),
        )
    }
}

fn traces_most(proxy: &SidecarProxy) -> bool {
    most_traced(proxy).0.span_percent() >= COSTLY_PERCENT
}

/// The direction with the larger share of spans, and the name of its setting.
fn most_traced(proxy: &SidecarProxy) -> (&Recording, &'static str) {
    let [(outbound, [sent, _]), (inbound, [arriving, _])] = proxy.telemetry.directions();
    if inbound.span_percent() > outbound.span_percent() {
        (inbound, arriving)
    } else {
        (outbound, sent)
    }
}

fn describe(
    platform: &Platform,
    workload: &Workload,
    proxy: &SidecarProxy,
    mesh_wide: bool,
) -> Hazard {
    let (recording, setting) = most_traced(proxy);
    let tracing = &recording.tracing_percent;
    let [(outbound, _), (inbound, _)] = proxy.telemetry.directions();
    let which = match (outbound.span_percent(), inbound.span_percent()) {
        (sent, arriving) if sent >= COSTLY_PERCENT && arriving >= COSTLY_PERCENT => "its requests",
        (sent, _) if sent >= COSTLY_PERCENT => "the requests that it sends",
        _ => "the requests that arrive",
    };
    let message = format!(
        "the proxy of {} traces {}% of {which}: it builds, serialises and sends a span for each",
        workload.id, tracing.value,
    );
    Draft::new("full-tracing", &workload.id, Certainty::Certain, message)
        .setting(setting, tracing)
        .related_all(mesh_wide.then_some(Entity::Mesh))
        .related_all(busiest_edge_into(platform, &workload.id))
        .done()
}
