//! What clients and proxies went through, before and after the change.
//!
//! These figures are for people and for comparing a run with its control; no answer of the product
//! uses them.

use serde::Serialize;

use crate::harvest::{ClientRow, CpuRecord};
use crate::pods::ContainerEntry;
use crate::run::Run;
use stilltrace_model::ContainerId;

use super::dashboard::{self, Panel};
use super::moves::{self, Moved};
use crate::hidden;

/// Time after the change that belongs to neither phase, in milliseconds.
const SETTLING_MS: i64 = 3_000;

/// Figures of both phases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Scenario, seed and kind of run.
    pub run: String,
    /// Before the change.
    pub quiet: PhaseFigures,
    /// After it.
    pub fault: PhaseFigures,
    /// Whether no panel leaves the noise of the controls, so that a dashboard with one sample in
    /// 15 s does not show the change; absent where there was no control to tell.
    pub hidden_in_15s: Option<bool>,
    /// CPU used by everything outside the lab, in cores.
    pub noise_cores: f64,
    /// The signals that the scenario names.
    pub moves: Vec<Moved>,
    /// CPU and throttling of every container, as such a dashboard has them.
    pub panels: Vec<Panel>,
}

/// Figures of one phase.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct PhaseFigures {
    /// Requests of clients.
    pub requests: usize,
    /// Median latency from the scheduled arrival, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of the same.
    pub p99_ms: f64,
    /// Requests that did not end with status 200, in percent.
    pub failed_percent: f64,
    /// CPU of all proxies, in cores.
    pub proxy_mean_cores: f64,
    /// Highest average over 15 s of all proxies, in cores.
    pub proxy_15s_cores: f64,
    /// Highest average over 100 ms of all proxies, in cores.
    pub proxy_100ms_cores: f64,
    /// Time in which any container stood still at its limit, in seconds.
    pub throttled_s: f64,
}

/// The figures of a run.
pub(super) fn of(run: &Run, controls: &[Vec<Panel>]) -> Figures {
    let change = run.change_ms();
    let quiet_end = run.change_began_ms();
    let (before, with) = ((run.start_ms, quiet_end), (change + SETTLING_MS, run.end_ms()));
    let recovery = (!run.options.control && run.phases.recovery_s > 0).then(|| {
        let end = run.end_ms();
        (end + SETTLING_MS, end + i64::from(run.phases.recovery_s) * 1_000)
    });
    let panels = dashboard::of(run, before, with);
    let control = if run.options.control { " control" } else { "" };
    Figures {
        run: format!("{} seed {}{control}", run.incident.name, run.options.seed),
        quiet: phase(run, before.0, before.1),
        fault: phase(run, with.0, with.1),
        hidden_in_15s: hidden::seen(&panels, controls).map(|seen| seen.is_empty()),
        noise_cores: round(run.records.noise.other_cores),
        moves: moves::of(run, before, with, recovery),
        panels,
    }
}

/// The figures between two times, in milliseconds of Unix time.
fn phase(run: &Run, from_ms: i64, to_ms: i64) -> PhaseFigures {
    let mut figures = clients(run, from_ms, to_ms);
    if let Some(cpu) = &run.records.cpu {
        let proxies = columns(run, |entry| entry.container == ContainerId::SIDECAR);
        figures.proxy_mean_cores = highest(cpu, &proxies, from_ms, to_ms, to_ms - from_ms);
        figures.proxy_15s_cores = highest(cpu, &proxies, from_ms, to_ms, 15_000);
        figures.proxy_100ms_cores = highest(cpu, &proxies, from_ms, to_ms, 100);
        figures.throttled_s = round(throttled_s(run, &columns(run, |_| true), from_ms, to_ms));
    }
    figures
}

/// What clients saw between two times.
pub(super) fn clients(run: &Run, from_ms: i64, to_ms: i64) -> PhaseFigures {
    let mut figures = PhaseFigures::default();
    if let Some(clients) = &run.records.clients {
        let start = i64::try_from(clients.start_unix_us).unwrap_or(0);
        let inside = |row: &&ClientRow| {
            let at = (start + i64::try_from(row.due_us).unwrap_or(0)) / 1_000;
            (from_ms..to_ms).contains(&at)
        };
        let rows: Vec<_> = clients.rows.iter().filter(inside).collect();
        let mut latencies: Vec<_> = rows.iter().map(|row| row.latency_us).collect();
        latencies.sort_unstable();
        let failed = rows.iter().filter(|row| row.status != 200).count();
        figures.requests = rows.len();
        figures.p50_ms = quantile_ms(&latencies, 0.5);
        figures.p99_ms = quantile_ms(&latencies, 0.99);
        figures.failed_percent = round(100.0 * failed as f64 / rows.len().max(1) as f64);
    }
    figures
}

/// Columns of some containers.
pub(super) fn columns(run: &Run, wanted: impl Fn(&ContainerEntry) -> bool) -> Vec<usize> {
    let Some(cpu) = &run.records.cpu else { return Vec::new() };
    let is_wanted = |id: &String| {
        run.records.containers.iter().find(|entry| entry.id == *id).is_some_and(&wanted)
    };
    cpu.containers.iter().enumerate().filter(|(_, id)| is_wanted(id)).map(|(i, _)| i).collect()
}

/// Time in which some containers stood still at their limit, in seconds.
pub(super) fn throttled_s(run: &Run, columns: &[usize], from_ms: i64, to_ms: i64) -> f64 {
    let Some(cpu) = &run.records.cpu else { return 0.0 };
    let throttled = |row: &crate::harvest::CpuRow| -> f64 {
        columns.iter().filter_map(|column| row.cells.get(*column)).map(|c| f64::from(c.1)).sum()
    };
    rows(cpu, from_ms, to_ms).map(|(_, row)| throttled(row)).sum::<f64>() / 1e6
}

/// Rows whose window ends between two times, with that end in milliseconds of Unix time.
pub(super) fn rows(
    cpu: &CpuRecord,
    from_ms: i64,
    to_ms: i64,
) -> impl Iterator<Item = (i64, &crate::harvest::CpuRow)> {
    let start = i64::try_from(cpu.start_unix_us).unwrap_or(0);
    cpu.rows
        .iter()
        .map(move |row| ((start + i64::try_from(row.end_us).unwrap_or(0)) / 1_000, row))
        .filter(move |(at, _)| (from_ms..to_ms).contains(at))
}

/// The highest use of some columns over whole spans of `span_ms`, in cores.
pub(super) fn highest(
    cpu: &CpuRecord,
    columns: &[usize],
    from_ms: i64,
    to_ms: i64,
    span_ms: i64,
) -> f64 {
    let span_ms = span_ms.min(to_ms - from_ms).max(1);
    let spans = usize::try_from((to_ms - from_ms) / span_ms).unwrap_or(0);
    let mut used = vec![(0.0_f64, 0.0_f64); spans];
    for (at, row) in rows(cpu, from_ms, to_ms) {
        let index = usize::try_from((at - from_ms) / span_ms).unwrap_or(usize::MAX);
        if let Some((us, elapsed)) = used.get_mut(index) {
            *elapsed += f64::from(row.elapsed_us);
            *us += columns
                .iter()
                .filter_map(|c| row.cells.get(*c))
                .map(|c| f64::from(c.0))
                .sum::<f64>();
        }
    }
    let cores = |(us, elapsed): &(f64, f64)| if *elapsed > 0.0 { us / elapsed } else { 0.0 };
    round(used.iter().map(cores).fold(0.0, f64::max))
}

/// A quantile of sorted latencies, in milliseconds.
fn quantile_ms(sorted_us: &[u64], share: f64) -> f64 {
    let index = (sorted_us.len() as f64 * share) as usize;
    let last = sorted_us.len().saturating_sub(1);
    round(sorted_us.get(index.min(last)).map_or(0.0, |us| *us as f64 / 1_000.0))
}

/// Three decimals are more than a run is worth.
pub(super) fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
