//! CPU use of every container in windows of exactly 10 ms.
//!
//! The sampler's windows are as long as they happen to be: it may be late. What was used in each
//! is spread evenly over the time it covers, so no window of the capture holds more than its share.

use std::collections::BTreeMap;

use stilltrace_model::{Bursts, ContainerId, Timestamp};

use crate::harvest::CpuRecord;
use crate::run::Run;

/// Length of a window, in microseconds.
const WINDOW_US: u32 = 10_000;

/// The windows of all containers inside the recording.
pub(super) fn of(run: &Run) -> BTreeMap<ContainerId, Bursts> {
    let Some(record) = &run.records.cpu else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    for (column, id) in record.containers.iter().enumerate() {
        let Some(entry) = run.records.containers.iter().find(|entry| entry.id == *id) else {
            continue;
        };
        let pick =
            |throttled: bool| resample(record, column, throttled, run.start_ms, run.end_ms());
        let bursts = Bursts {
            start: Timestamp(run.start_ms),
            window_us: WINDOW_US,
            on_cpu_us: pick(false),
            throttled_us: pick(true),
            waiting_us: None,
            source: "cgroup cpuacct.usage and cpu.stat every 10 ms".to_owned(),
        };
        all.insert(entry.model_id(), bursts);
    }
    all
}

/// One column as windows of equal length from `from_ms` to `to_ms`.
fn resample(
    record: &CpuRecord,
    column: usize,
    throttled: bool,
    from_ms: i64,
    to_ms: i64,
) -> Vec<u32> {
    let length = usize::try_from((to_ms - from_ms) * 1_000 / i64::from(WINDOW_US)).unwrap_or(0);
    let mut windows = vec![0.0_f64; length];
    let offset = i64::try_from(record.start_unix_us).unwrap_or(0) - from_ms * 1_000;
    for row in &record.rows {
        let Some((on_cpu, stopped)) = row.cells.get(column) else { continue };
        let value = f64::from(if throttled { *stopped } else { *on_cpu });
        if value == 0.0 {
            continue;
        }
        let end = (offset + i64::try_from(row.end_us).unwrap_or(0)) as f64;
        spread(&mut windows, end - f64::from(row.elapsed_us), end, value);
    }
    windows.into_iter().map(|value| value.round() as u32).collect()
}

/// Spreads a value over the windows between two times, in microseconds after the first window.
fn spread(windows: &mut [f64], from: f64, to: f64, value: f64) {
    let width = f64::from(WINDOW_US);
    let length = (to - from).max(1.0);
    let first = (from / width).floor().max(0.0) as usize;
    for (index, window) in windows.iter_mut().enumerate().skip(first) {
        let start = index as f64 * width;
        if start >= to {
            break;
        }
        let overlap = (to.min(start + width) - from.max(start)).max(0.0);
        *window += value * overlap / length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harvest::CpuRow;

    #[test]
    fn a_late_sample_is_spread_over_the_time_it_covers() {
        let rows = vec![
            CpuRow { end_us: 10_000, elapsed_us: 10_000, cells: vec![(4_000, 0)] },
            CpuRow { end_us: 40_000, elapsed_us: 30_000, cells: vec![(9_000, 600)] },
        ];
        let record = CpuRecord { start_unix_us: 1_000_000, containers: vec!["a".into()], rows };
        assert_eq!(resample(&record, 0, false, 1_000, 1_050), [4_000, 3_000, 3_000, 3_000, 0]);
        assert_eq!(resample(&record, 0, true, 1_000, 1_050), [0, 200, 200, 200, 0]);
        // A recording that starts inside the record keeps only its own part.
        assert_eq!(resample(&record, 0, false, 1_020, 1_040), [3_000, 3_000]);
    }
}
