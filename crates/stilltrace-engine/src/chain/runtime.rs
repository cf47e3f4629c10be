//! Frames of what ran: slo, workload, kernel, mesh.

use stilltrace_model::{
    Entity, Evidence, Frame, Indicator, Layer, Measure, Reading, Signal, Want, WorkloadId, signal,
};

use super::Scene;
use crate::{
    kernel::{self, Behaviour},
    measure::{self, evidence, movement},
    say,
    weigh::Weighed,
};

/// Signals that say what requests between proxies went through, most telling first.
const MESH: &[Signal] = &[
    signal::ATTEMPT_RATIO,
    signal::OVERFLOW,
    signal::RETRIES_EXHAUSTED,
    signal::TIMED_OUT,
    signal::NO_HEALTHY_UPSTREAM,
    signal::NO_ROUTE,
    signal::CONNECTION_FAILED,
    signal::FAULT_INJECTED,
    signal::EDGE_ABANDONED,
    signal::EDGE_GAP,
    signal::EDGE_SERVER_LATENCY,
    signal::EDGE_LATENCY,
];

/// What users see.
pub(super) fn slo(scene: &Scene<'_>) -> Frame {
    let symptom = scene.symptom;
    let (name, unit) = match symptom.indicator {
        Indicator::LatencyP99 => ("p99", signal::Unit::Seconds),
        Indicator::LatencyP50 => ("p50", signal::Unit::Seconds),
        Indicator::Errors => ("errors", signal::Unit::Share),
    };
    let mut statement = format!(
        "{name} {} -> {}",
        say::quantity(symptom.before, unit),
        say::quantity(symptom.after, unit)
    );
    let mut others = Vec::new();
    for (signal, word) in
        [(signal::SERVICE_ERRORS, "errors"), (signal::SERVICE_REQUESTS, "requests")]
    {
        let shown_already =
            signal == signal::SERVICE_ERRORS && symptom.indicator == Indicator::Errors;
        let want = signal.of(scene.service);
        if let (false, Some(reading)) = (shown_already, read(scene, &want)) {
            statement.push_str("; ");
            statement.push_str(word);
            statement.push(' ');
            statement.push_str(&say::moved(&reading));
            others.push(evidence(&reading));
        }
    }
    let frame = Frame::new(Layer::Slo, statement, symptom.evidence.clone()).at(symptom.onset);
    others.into_iter().fold(frame, Frame::and)
}

/// The pods: CPU and throttling of the workload that moved most.
pub(super) fn workload(scene: &Scene<'_>, workloads: &[WorkloadId]) -> Option<Frame> {
    const SIGNALS: &[Signal] = &[
        signal::PROXY_THROTTLED,
        signal::APP_THROTTLED,
        signal::PROXY_CPU,
        signal::APP_CPU,
        signal::INBOUND_REQUESTS,
    ];
    let mut candidates: Vec<(f64, &WorkloadId, Vec<Reading>)> = Vec::new();
    for workload in workloads {
        let readings: Vec<Reading> =
            SIGNALS.iter().filter_map(|signal| read(scene, &signal.of(workload))).collect();
        let most = readings
            .iter()
            .filter_map(|reading| movement(reading).map(f64::abs))
            .fold(0.0, f64::max);
        if !readings.is_empty() {
            candidates.push((most, workload, readings));
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (_, workload, mut readings) = candidates.into_iter().next()?;
    readings.sort_by(|a, b| far(b).total_cmp(&far(a)));
    let pods = scene.platform.workloads.get(workload).and_then(|workload| workload.replicas.value);
    let pods = pods.map_or_else(String::new, |pods| {
        if pods == 1 { " (1 pod)".to_owned() } else { format!(" ({pods} pods)") }
    });
    let shown: Vec<String> = readings
        .iter()
        .take(2)
        .map(|reading| format!("{} {}", reading.want.signal.meaning, say::moved(reading)))
        .collect();
    let statement = format!("{}{pods}: {}", workload.name, shown.join("; "));
    from_readings(Layer::Workload, statement, &readings)
}

/// CPU time below the scrape interval.
pub(super) fn kernel(scene: &Scene<'_>, workloads: &[WorkloadId]) -> Option<Frame> {
    let behaviour = kernel::most_changed(workloads, scene.platform, scene.capture, scene.onset)?;
    let source = scene.capture.bursts.get(&behaviour.container)?.source.clone();
    let (before, after) = (behaviour.before, behaviour.after);
    let mut frame = Frame::new(
        Layer::Kernel,
        kernel_statement(&behaviour),
        burst_evidence(
            "highest CPU over 100 ms",
            after.peak,
            before.peak,
            "cores",
            &behaviour,
            &source,
        ),
    )
    .and(burst_evidence(
        "highest 15 s average, as a dashboard shows it",
        after.dashboard_peak,
        before.dashboard_peak,
        "cores",
        &behaviour,
        &source,
    ))
    .and(burst_evidence("mean CPU", after.mean, before.mean, "cores", &behaviour, &source))
    .and(burst_evidence(
        "time stopped by the CPU limit",
        after.stalled,
        before.stalled,
        "share",
        &behaviour,
        &source,
    ));
    if let Some(picture) = kernel::picture(&behaviour, scene.capture, scene.onset) {
        frame = frame.drawn(picture);
    }
    Some(frame)
}

fn kernel_statement(behaviour: &Behaviour) -> String {
    use signal::Unit::{Cores, Share};
    let (before, after) = (behaviour.before, behaviour.after);
    let container = format!("{} of {}", behaviour.container.container, behaviour.container.pod);
    if after.stalled > before.stalled + signal::PROXY_STALLED.floor {
        let limit = behaviour
            .limit
            .map_or_else(String::new, |limit| format!(" of {}", say::quantity(limit, Cores)));
        return format!(
            "{container} stood still at its CPU limit{limit} {} of the time (was {}); 15 s average {} -> {}",
            say::quantity(after.stalled, Share),
            say::quantity(before.stalled, Share),
            say::quantity(before.dashboard_peak, Cores),
            say::quantity(after.dashboard_peak, Cores),
        );
    }
    format!(
        "{container}: mean CPU {} -> {}; 100 ms peaks {} -> {}; highest 15 s average {} -> {}",
        say::quantity(before.mean, Cores),
        say::quantity(after.mean, Cores),
        say::quantity(before.peak, Cores),
        say::quantity(after.peak, Cores),
        say::quantity(before.dashboard_peak, Cores),
        say::quantity(after.dashboard_peak, Cores),
    )
}

fn burst_evidence(
    what: &str,
    value: f64,
    baseline: f64,
    unit: &'static str,
    behaviour: &Behaviour,
    source: &str,
) -> Evidence {
    Evidence {
        what: format!("{what}, {}", behaviour.container),
        value: Measure::Number(value),
        baseline: Some(Measure::Number(baseline)),
        unit,
        query: format!("bursts.csv: rows of {}", behaviour.container),
        source: source.to_owned(),
    }
}

/// Requests between proxies: what the leading hypothesis is supported by, else what moved most at
/// the place of the excess.
pub(super) fn mesh(scene: &Scene<'_>, best: Option<&Weighed<'_>>) -> Option<Frame> {
    let mut readings: Vec<Reading> = best.map(supporting).unwrap_or_default();
    if readings.is_empty() {
        readings = at_the_excess(scene);
    }
    readings.truncate(4);
    let place = readings.first().map(|reading| say::entity(&reading.want.entity))?;
    let shown: Vec<String> = readings
        .iter()
        .filter(|reading| say::entity(&reading.want.entity) == place)
        .take(2)
        .map(|reading| format!("{} {}", reading.want.signal.meaning, say::moved(reading)))
        .collect();
    let mut statement = format!("{place}: {}", shown.join("; "));
    if let (Some(share), true) = (best.and_then(|best| best.share), scene.location.total() > 0.0) {
        statement.push_str("; ");
        statement.push_str(&say::quantity(share, signal::Unit::Share));
        statement.push_str(" of the added time sits here");
    }
    from_readings(Layer::Mesh, statement, &readings)
}

fn supporting(best: &Weighed<'_>) -> Vec<Reading> {
    let mut found = Vec::new();
    for signal in MESH {
        let of_signal =
            best.supported.iter().filter(|(prediction, _)| prediction.want.signal == *signal);
        found.extend(
            of_signal
                .filter(|(_, reading)| moved_clearly(reading))
                .map(|(_, reading)| reading.clone()),
        );
    }
    found
}

fn at_the_excess(scene: &Scene<'_>) -> Vec<Reading> {
    let edges: Vec<Entity> = match scene.location.top() {
        Some((Entity::Edge(edge), _)) => vec![Entity::Edge(edge)],
        Some((Entity::Workload(workload), _)) => scene
            .location
            .edges
            .keys()
            .filter(|edge| {
                crate::reach::workloads_behind(&edge.destination, scene.platform)
                    .contains(&workload)
            })
            .map(|edge| Entity::Edge(edge.clone()))
            .collect(),
        _ => return Vec::new(),
    };
    let wants = edges.iter().flat_map(|edge| MESH.iter().map(|signal| signal.of(edge.clone())));
    let mut readings: Vec<Reading> =
        wants.filter_map(|want| read(scene, &want)).filter(moved_clearly).collect();
    readings.sort_by(|a, b| far(b).total_cmp(&far(a)));
    readings
}

fn moved_clearly(reading: &Reading) -> bool {
    movement(reading).is_some_and(|z| z.abs() >= 1.0)
}

fn far(reading: &Reading) -> f64 {
    movement(reading).unwrap_or(0.0).abs()
}

fn read(scene: &Scene<'_>, want: &Want) -> Option<Reading> {
    measure::reading(scene.capture, want, scene.onset)
}

fn from_readings(layer: Layer, statement: String, readings: &[Reading]) -> Option<Frame> {
    let (first, rest) = readings.split_first()?;
    Some(rest.iter().map(evidence).fold(Frame::new(layer, statement, evidence(first)), Frame::and))
}
