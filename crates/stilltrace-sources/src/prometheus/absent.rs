//! Which signals have no samples although they should, told once per kind.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_model::{Call, Capture, EdgeId, Entity, Gap, Reporter, Signal, Want, signal};

use super::catalog::edge_requests;
use super::store::SampleStore;

/// Signals and entities named in one gap; more are counted.
const NAMED: usize = 3;

/// Wants without a sample, by the change that would bring them.
#[derive(Default)]
pub(super) struct Absent {
    by_remedy: BTreeMap<&'static str, Vec<Want>>,
}

impl Absent {
    /// Takes note of a want that has no sample.
    pub(super) fn note(&mut self, want: &Want) {
        self.by_remedy.entry(want.signal.remedy).or_default().push(want.clone());
    }

    /// One gap per kind of evidence. What cannot have samples is no gap: an edge that nobody used,
    /// the throttling of a container without a limit.
    pub(super) fn gaps(
        &self,
        calls: &[Call],
        capture: &Capture,
        store: &SampleStore<'_>,
    ) -> Vec<Gap> {
        let used: BTreeSet<&EdgeId> =
            calls.iter().filter(|call| call.requests > 0.0).map(|call| &call.edge).collect();
        let counted = |edge: &EdgeId, side| !store.select(&edge_requests(edge, side)).is_empty();
        let expected = |want: &Want| match &want.entity {
            Entity::Edge(edge) => {
                used.contains(edge)
                    || counted(edge, Reporter::Source)
                    || counted(edge, Reporter::Destination)
            }
            Entity::Service(service) => {
                // Where calls were not recorded, a service that is asked about has callers.
                calls.is_empty() || used.iter().any(|edge| *edge.destination == *service)
            }
            Entity::Workload(_) => expected_of_workload(want, capture),
            Entity::Mesh => true,
        };
        let mut gaps = Vec::new();
        for (remedy, wants) in &self.by_remedy {
            let wants: Vec<&Want> = wants.iter().filter(|want| expected(want)).collect();
            if !wants.is_empty() {
                gaps.push(gap(remedy, &wants));
            }
        }
        gaps
    }
}

/// Whether a workload's signal should have samples, given the others that it has.
fn expected_of_workload(want: &Want, capture: &Capture) -> bool {
    let has =
        |signal: Signal| capture.series.contains_key(&Want { signal, entity: want.entity.clone() });
    // Only containers with a limit are throttled. A gateway has no application, a workload outside
    // the mesh no proxy: CPU of one of the two shows that the kubelet is scraped. Nothing need call
    // a workload, and then nothing is counted.
    let shown_by: &[(Signal, &[Signal])] = &[
        (signal::APP_THROTTLED, &[signal::APP_CPU, signal::PROXY_CPU]),
        (signal::PROXY_THROTTLED, &[signal::PROXY_CPU, signal::APP_CPU]),
        (signal::APP_CPU, &[signal::PROXY_CPU]),
        (signal::PROXY_CPU, &[signal::APP_CPU]),
    ];
    let need_not_be = [signal::INBOUND_REQUESTS, signal::APP_CPU_PER_REQUEST];
    let others = shown_by.iter().find(|(known, _)| *known == want.signal);
    let shown = others.is_some_and(|(_, others)| others.iter().any(|other| has(*other)));
    !shown && !need_not_be.contains(&want.signal)
}

fn gap(remedy: &'static str, wants: &[&Want]) -> Gap {
    let signals: BTreeSet<&str> = wants.iter().map(|want| want.signal.meaning).collect();
    let entities: BTreeSet<&Entity> = wants.iter().map(|want| &want.entity).collect();
    let of = match entities.iter().next() {
        Some(Entity::Mesh) if entities.len() == 1 => String::new(),
        _ => format!(" of {}", list(entities.iter().map(ToString::to_string))),
    };
    Gap {
        what: format!("no samples for {}{of}", list(signals.iter().map(ToString::to_string))),
        why: why(remedy).to_owned(),
        remedy: remedy.to_owned(),
        ..Gap::default()
    }
}

/// What cannot be told without a kind of evidence, recognised by one signal of the kind.
fn why(remedy: &str) -> &'static str {
    let of = |signal: Signal| signal.remedy == remedy;
    if of(signal::EDGE_ATTEMPTS) {
        "without the callee's own view, a slow callee, a slow network and repeated attempts look the same"
    } else if of(signal::EDGE_REQUESTS) {
        "without the callers' view, what their requests met cannot be told"
    } else if of(signal::APP_CPU) {
        "without container CPU, work and throttling cannot be told from waiting"
    } else if of(signal::NEIGHBOUR_CPU) {
        "without node CPU, a noisy neighbour cannot be ruled out"
    } else {
        "without it, configuration churn cannot be told from a single change"
    }
}

/// The first few in words, the rest as a number.
fn list(all: impl ExactSizeIterator<Item = String>) -> String {
    let count = all.len();
    let named: Vec<String> = all.take(NAMED).collect();
    match count.checked_sub(NAMED) {
        None | Some(0) => named.join(", "),
        Some(more) => format!("{} and {more} more", named.join(", ")),
    }
}
