//! Probes of a container.

use std::collections::BTreeMap;

use stilltrace_model::{Probe, ProbeKind};

use super::{number, seconds};
use crate::field::Field;

/// The probes that a container writes.
pub(crate) fn probes(container: &Field<'_>) -> BTreeMap<ProbeKind, Box<Probe>> {
    let kinds = [
        (ProbeKind::Readiness, "readinessProbe"),
        (ProbeKind::Liveness, "livenessProbe"),
        (ProbeKind::Startup, "startupProbe"),
    ];
    let written = kinds
        .iter()
        .filter_map(|(kind, key)| Some((*kind, Box::new(probe(&container.block(key)?)))));
    written.collect()
}

fn probe(block: &Field<'_>) -> Probe {
    Probe {
        origin: block.key_origin(),
        period: seconds(block, &["periodSeconds"], 10),
        timeout: seconds(block, &["timeoutSeconds"], 1),
        failure_threshold: number(block, &["failureThreshold"], 3),
        initial_delay: seconds(block, &["initialDelaySeconds"], 0),
    }
}
