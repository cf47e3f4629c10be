//! Which evidence would tell the hypotheses apart.

use std::collections::BTreeSet;

use stilltrace_model::{Entity, Line, Plan, Platform, Question, Want, signal};

use crate::{hypothesis::Hypothesis, reach::Reach, symptom};

/// The union of what all hypotheses predict, plus a baseline for every frame of the answer, so
/// that a cause that nobody thought of still leaves a useful trace.
pub fn plan(question: &Question, platform: &Platform, hypotheses: &[Hypothesis]) -> Plan {
    let mut wants: BTreeSet<Want> = BTreeSet::new();
    wants.extend(symptom::indicators(question).map(|(_, want)| want));
    wants.insert(signal::SERVICE_REQUESTS.of(Entity::Service(question.service.clone())));
    let reach = Reach::of(&question.service, platform);
    for edge in &reach.edges {
        let baseline = [
            signal::EDGE_REQUESTS,
            signal::EDGE_ATTEMPTS,
            signal::EDGE_LATENCY,
            signal::EDGE_SERVER_LATENCY,
            signal::EDGE_ERRORS,
            signal::EDGE_SERVER_ERRORS,
            signal::EDGE_P99,
            signal::ATTEMPT_RATIO,
            signal::EDGE_GAP,
            signal::OVERFLOW,
            signal::TIMED_OUT,
            signal::CONNECTION_FAILED,
            signal::NO_HEALTHY_UPSTREAM,
        ];
        wants.extend(baseline.map(|signal| signal.of(edge)));
    }
    for workload in &reach.workloads {
        let baseline = [
            signal::APP_CPU,
            signal::PROXY_CPU,
            signal::APP_THROTTLED,
            signal::PROXY_THROTTLED,
            signal::PROXY_STALLED,
            signal::APP_STALLED,
            signal::PROXY_CPU_PEAK,
            signal::INBOUND_REQUESTS,
        ];
        wants.extend(baseline.map(|signal| signal.of(workload)));
    }
    let mut lines: BTreeSet<Line> = BTreeSet::new();
    for hypothesis in hypotheses {
        wants.extend(hypothesis.predictions.iter().map(|prediction| prediction.want.clone()));
        lines.extend(crate::chain::cause_line(hypothesis, platform));
    }
    Plan {
        window: question.window,
        wants: wants.into_iter().collect(),
        lines: lines.into_iter().collect(),
    }
}
