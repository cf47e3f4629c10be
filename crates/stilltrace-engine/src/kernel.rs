//! CPU time below the scrape interval: what the dashboard does not show.

use stilltrace_model::{Bursts, Capture, ContainerId, Picture, Platform, Timestamp, WorkloadId};

use crate::symptom::Onset;

/// What a dashboard averages over: the usual scrape interval.
const DASHBOARD_SECONDS: f64 = 15.0;

/// A peak is the highest CPU use over this long, the CFS period: a quota is handed out per period.
const PEAK_MICROS: u64 = 100_000;

/// CPU behaviour of one container before and after the onset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Behaviour {
    pub(crate) container: ContainerId,
    /// CPU limit in cores.
    pub(crate) limit: Option<f64>,
    pub(crate) before: Summary,
    pub(crate) after: Summary,
}

/// CPU behaviour over a span.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Summary {
    /// Mean use in cores.
    pub(crate) mean: f64,
    /// Highest 15 s average in cores.
    pub(crate) dashboard_peak: f64,
    /// Highest 100 ms average in cores.
    pub(crate) peak: f64,
    /// Time stopped by the quota, as a share of the span.
    pub(crate) stalled: f64,
}

/// The container of the given workloads whose short-term behaviour changed most.
///
/// Standing still at a limit counts most, since nothing else shows it; then the CPU it uses, on
/// average and in peaks. Ties break by the container's name.
pub(crate) fn most_changed(
    workloads: &[WorkloadId],
    platform: &Platform,
    capture: &Capture,
    onset: &Onset,
) -> Option<Behaviour> {
    let mut best: Option<(f64, Behaviour)> = None;
    for (container, bursts) in &capture.bursts {
        if !workloads.contains(&container.workload) {
            continue;
        }
        let behaviour = behaviour(container, bursts, platform, onset);
        let change = 10.0 * (behaviour.after.stalled - behaviour.before.stalled).abs()
            + (behaviour.after.mean - behaviour.before.mean).abs()
            + 0.25 * (behaviour.after.peak - behaviour.before.peak).abs();
        if best.as_ref().is_none_or(|(most, _)| change > *most) {
            best = Some((change, behaviour));
        }
    }
    best.map(|(_, behaviour)| behaviour)
}

fn behaviour(
    container: &ContainerId,
    bursts: &Bursts,
    platform: &Platform,
    onset: &Onset,
) -> Behaviour {
    let limit = limit(container, platform);
    // A sample speaks of the scrape interval before it, so the trouble may be older than the last
    // good sample by as much.
    let split = index_of(bursts, onset.after.plus_seconds(-DASHBOARD_SECONDS));
    let resume = index_of(bursts, onset.by);
    Behaviour {
        container: container.clone(),
        limit,
        before: summary(bursts, 0, split),
        after: summary(bursts, resume, bursts.on_cpu_us.len()),
    }
}

/// The limit in effect at the end of the window.
fn limit(container: &ContainerId, platform: &Platform) -> Option<f64> {
    let workload = platform.workloads.get(&container.workload)?;
    if container.is_sidecar() {
        return workload.sidecar.as_ref()?.cpu_limit.value.map(stilltrace_model::Millicores::cores);
    }
    let app = workload.containers.iter().find(|app| app.name == container.container)?;
    app.cpu_limit.value.map(stilltrace_model::Millicores::cores)
}

fn summary(bursts: &Bursts, from: usize, to: usize) -> Summary {
    let on_cpu = bursts.on_cpu_us.get(from..to.max(from)).unwrap_or_default();
    let throttled = bursts.throttled_us.get(from..to.max(from)).unwrap_or_default();
    if on_cpu.is_empty() {
        return Summary::default();
    }
    let window = f64::from(bursts.window_us.max(1));
    let span = window * on_cpu.len() as f64;
    let total = |values: &[u32]| values.iter().map(|value| f64::from(*value)).sum::<f64>();
    Summary {
        mean: total(on_cpu) / span,
        dashboard_peak: highest(on_cpu, (DASHBOARD_SECONDS * 1e6 / window) as usize, window),
        peak: highest(on_cpu, per_peak(bursts), window),
        stalled: share(total(throttled), span),
    }
}

/// Stopped time as a share of a span. Linux books a stop when it ends and once per CPU, so the sum
/// may exceed the span that it is booked in.
fn share(stopped: f64, span: f64) -> f64 {
    (stopped / span).min(1.0)
}

/// The highest average over `length` windows in a row, in cores.
fn highest(on_cpu: &[u32], length: usize, window: f64) -> f64 {
    let length = length.clamp(1, on_cpu.len().max(1));
    let mut sum: u64 = on_cpu.iter().take(length).map(|value| u64::from(*value)).sum();
    let mut most = sum;
    for index in length..on_cpu.len() {
        sum = sum + u64::from(on_cpu[index]) - u64::from(on_cpu[index - length]);
        most = most.max(sum);
    }
    most as f64 / (window * length as f64)
}

/// The picture of a container over the whole window, one column per second.
pub(crate) fn picture(behaviour: &Behaviour, capture: &Capture, onset: &Onset) -> Option<Picture> {
    let bursts = capture.bursts.get(&behaviour.container)?;
    let column_seconds = 1.0;
    let per_column = ((column_seconds * 1e6) / f64::from(bursts.window_us.max(1))) as usize;
    let window = f64::from(bursts.window_us.max(1));
    let columns = bursts.on_cpu_us.chunks(per_column.max(1));
    let peaks: Vec<f64> = columns.map(|chunk| highest(chunk, per_peak(bursts), window)).collect();
    let stalled = bursts.throttled_us.chunks(per_column.max(1)).map(|chunk| {
        chunk.iter().map(|value| f64::from(*value)).sum::<f64>() / (window * chunk.len() as f64)
    });
    let per_scrape = ((DASHBOARD_SECONDS * 1e6 / window) as usize).max(1);
    let dashboard = bursts.on_cpu_us.chunks(per_scrape).map(|chunk| {
        chunk.iter().map(|value| f64::from(*value)).sum::<f64>() / (window * chunk.len() as f64)
    });
    Some(Picture {
        container: behaviour.container.clone(),
        start: bursts.start,
        column_seconds,
        stalled: stalled.collect(),
        dashboard: dashboard.collect(),
        limit: behaviour.limit,
        onset_column: Some(
            (index_of(bursts, onset.by) / per_column.max(1)).min(peaks.len().saturating_sub(1)),
        ),
        peaks,
    })
}

fn per_peak(bursts: &Bursts) -> usize {
    (PEAK_MICROS / u64::from(bursts.window_us.max(1))).max(1) as usize
}

/// The window that holds an instant, clamped to what was recorded.
fn index_of(bursts: &Bursts, at: Timestamp) -> usize {
    let micros = (at.seconds_since(bursts.start) * 1e6).max(0.0);
    ((micros / f64::from(bursts.window_us.max(1))) as usize).min(bursts.on_cpu_us.len())
}
