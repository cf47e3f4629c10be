//! One signal before and after the onset.

use stilltrace_model::{Capture, Evidence, Measure, Reading, Series, Want};

use crate::{
    statistics::{centre, spread},
    symptom::Onset,
};

/// Samples are averages over the last minute, so for half of it after the onset they still mix
/// before with after; they are left out where enough others remain.
const SETTLE_SECONDS: f64 = 30.0;

/// Fewer samples than this on a side say nothing about that side.
const MIN_SAMPLES: usize = 3;

/// A relative change below this is noise whatever the spread says: two one-minute averages of an
/// unchanged service differ by as much.
const RELATIVE_NOISE: f64 = 0.15;

/// The reading of a wanted signal, or `None` where there are too few samples after the onset.
pub(crate) fn reading(capture: &Capture, want: &Want, onset: &Onset) -> Option<Reading> {
    let series = capture.series.get(want)?;
    let before = before(series, onset);
    let settled: Vec<f64> = values_from(series, onset.by.plus_seconds(SETTLE_SECONDS));
    let after = if settled.len() >= MIN_SAMPLES { settled } else { values_from(series, onset.by) };
    if after.len() < MIN_SAMPLES {
        return None;
    }
    Some(Reading {
        want: want.clone(),
        before: (before.len() >= MIN_SAMPLES).then(|| centre(&before)).flatten(),
        after: centre(&after)?,
        spread: spread(&before),
        query: series.query.clone(),
        source: series.source.clone(),
    })
}

/// How far a signal moved in units of what would be noise: 1 is the smallest clear rise, -1 the
/// smallest clear fall. A signal that did not exist before the onset starts from zero if it is a
/// share (no request had that flag) and is `None` otherwise.
pub(crate) fn movement(reading: &Reading) -> Option<f64> {
    use stilltrace_model::signal::Unit;
    let before = match (reading.before, reading.want.signal.unit) {
        (Some(before), _) => before,
        (None, Unit::Share) => 0.0,
        (None, _) => return None,
    };
    let noise =
        reading.want.signal.floor.max(3.0 * reading.spread).max(RELATIVE_NOISE * before.abs());
    Some((reading.after - before) / noise)
}

/// The reading as evidence.
pub(crate) fn evidence(reading: &Reading) -> Evidence {
    let signal = reading.want.signal;
    Evidence {
        what: format!("{}, {}", signal.meaning, reading.want.entity),
        value: Measure::Number(reading.after),
        baseline: reading.before.map(Measure::Number),
        unit: signal.unit.symbol(),
        query: reading.query.clone(),
        source: reading.source.clone(),
    }
}

fn before(series: &Series, onset: &Onset) -> Vec<f64> {
    series.points.iter().filter(|(at, _)| *at <= onset.after).map(|(_, value)| *value).collect()
}

fn values_from(series: &Series, from: stilltrace_model::Timestamp) -> Vec<f64> {
    series.points.iter().filter(|(at, _)| *at >= from).map(|(_, value)| *value).collect()
}
