//! What a dashboard with one sample in 15 s shows of every container.

use serde::{Deserialize, Serialize};

use super::figures;
use super::moves::Phase;
use crate::harvest::CpuRecord;
use crate::run::Run;

/// Length of a sample, in milliseconds.
const SAMPLE_MS: i64 = 15_000;

/// One series of a dashboard, in both phases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// Workload and container, under the names of the run.
    pub of: String,
    /// What is shown.
    pub series: Series,
    /// Lowest and highest sample before the change.
    pub quiet: (f64, f64),
    /// Lowest and highest sample with it.
    pub fault: (f64, f64),
}

/// What a series shows of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Series {
    /// CPU used, in cores.
    Cpu,
    /// Time at the CPU limit, in seconds per second.
    Throttled,
}

/// The series of all containers, in the order of the topology.
pub(super) fn of(run: &Run, quiet: Phase, fault: Phase) -> Vec<Panel> {
    let Some(cpu) = &run.records.cpu else { return Vec::new() };
    let mut panels = Vec::new();
    for entry in &run.records.containers {
        let Some(column) = cpu.containers.iter().position(|id| *id == entry.id) else { continue };
        let of = format!("{}/{}", entry.workload, entry.container);
        for series in [Series::Cpu, Series::Throttled] {
            let range = |phase| range(&samples(cpu, column, series, phase));
            panels.push(Panel { of: of.clone(), series, quiet: range(quiet), fault: range(fault) });
        }
    }
    panels
}

/// The samples that lie in a phase whole.
fn samples(cpu: &CpuRecord, column: usize, series: Series, (from, to): Phase) -> Vec<f64> {
    let count = usize::try_from((to - from) / SAMPLE_MS).unwrap_or(0);
    let mut sums = vec![(0.0_f64, 0.0_f64); count];
    for (at, row) in figures::rows(cpu, from, to) {
        let index = usize::try_from((at - from) / SAMPLE_MS).unwrap_or(usize::MAX);
        let (Some(sum), Some(cell)) = (sums.get_mut(index), row.cells.get(column)) else {
            continue;
        };
        let us = match series {
            Series::Cpu => cell.0,
            Series::Throttled => cell.1,
        };
        sum.0 += f64::from(us);
        sum.1 += f64::from(row.elapsed_us);
    }
    let mean = |(us, elapsed): (f64, f64)| if elapsed > 0.0 { us / elapsed } else { 0.0 };
    sums.into_iter().map(mean).collect()
}

/// Lowest and highest; zero without samples.
fn range(samples: &[f64]) -> (f64, f64) {
    let least = samples.iter().copied().reduce(f64::min).unwrap_or_default();
    let most = samples.iter().copied().reduce(f64::max).unwrap_or_default();
    (figures::round(least), figures::round(most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harvest::CpuRow;

    #[test]
    fn a_burst_is_a_fifteenth_of_itself_in_a_sample_of_fifteen_seconds() {
        let mut rows = Vec::new();
        for second in 1..=40_u64 {
            let busy = if second == 20 { 900_000 } else { 30_000 };
            let cells = vec![(busy, 0)];
            rows.push(CpuRow { end_us: second * 1_000_000 - 1, elapsed_us: 1_000_000, cells });
        }
        let cpu = CpuRecord { start_unix_us: 0, containers: vec!["c".to_owned()], rows };
        let samples = samples(&cpu, 0, Series::Cpu, (0, 40_000));
        // The last ten seconds are no whole sample.
        assert_eq!(samples.len(), 2);
        let (least, most) = range(&samples);
        assert!((least - 0.03).abs() < 1e-9 && (most - 0.088).abs() < 1e-9, "{samples:?}");
    }
}
