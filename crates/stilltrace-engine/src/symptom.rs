//! What is wrong with the service, and since when.

use stilltrace_model::{
    Capture, Entity, Indicator, Question, Series, Symptom, Timestamp, Want, signal,
};

use crate::{
    measure,
    statistics::{centre, median, quantile, spread},
};

/// A latency is worse when it is half again as high; smaller steps happen by themselves.
const LATENCY_FACTOR: f64 = 1.5;

/// Share of later samples that must stay bad: an incident may come and go, a glitch does not return.
const STAYS_BAD: f64 = 0.6;

/// Samples needed on each side of an onset.
const SIDE: usize = 3;

/// When the trouble began, as exactly as the samples say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Onset {
    /// The last good sample: nothing had begun.
    pub(crate) after: Timestamp,
    /// The first bad sample: it had begun.
    pub(crate) by: Timestamp,
}

/// What can be said about the service.
pub(crate) enum Finding {
    /// It suffers.
    Suffers(Box<Symptom>, Onset),
    /// Its latency was seen and is as before, and so are its errors if they were seen.
    Healthy,
    /// Its latency was not seen, and nothing else is wrong that was.
    Unseen,
}

/// The signals that say how a service is.
pub(crate) fn indicators(question: &Question) -> [(Indicator, Want); 3] {
    let service = Entity::Service(question.service.clone());
    [
        (Indicator::LatencyP99, signal::SERVICE_P99.of(service.clone())),
        (Indicator::LatencyP50, signal::SERVICE_P50.of(service.clone())),
        (Indicator::Errors, signal::SERVICE_ERRORS.of(service)),
    ]
}

/// Looks at latency first, since "slow" is the question, then at errors.
pub(crate) fn find(question: &Question, capture: &Capture) -> Finding {
    let mut seen = false;
    for (indicator, want) in indicators(question) {
        let Some(series) = capture.series.get(&want) else { continue };
        // Few errors do not say that a service is fast.
        seen |= indicator != Indicator::Errors && series.points.len() >= 2 * SIDE;
        let Some(onset) = onset(series, indicator, &want) else { continue };
        let Some(reading) = measure::reading(capture, &want, &onset) else { continue };
        let symptom = Symptom {
            indicator,
            onset: onset.by,
            before: reading.before.unwrap_or(0.0),
            after: reading.after,
            window: capture.window,
            target: question.target_seconds.filter(|_| indicator != Indicator::Errors),
            evidence: measure::evidence(&reading),
        };
        return Finding::Suffers(Box::new(symptom), onset);
    }
    if seen { Finding::Healthy } else { Finding::Unseen }
}

/// The first sample from which on the series is bad.
///
/// The samples are split where two levels explain them best (least squares, for latencies on
/// the logarithm); the part before gives the level and its spread; the onset is the
/// first sample beyond what that spread allows that is followed by mostly bad samples.
fn onset(series: &Series, indicator: Indicator, want: &Want) -> Option<Onset> {
    let values: Vec<f64> = series.points.iter().map(|(_, value)| *value).collect();
    let split = split(&values, indicator)?;
    let limit = limit(&values[..split], indicator, want)?;
    let bad: Vec<bool> = values.iter().map(|value| *value > limit).collect();
    let first = (SIDE.min(split)..bad.len()).find(|&index| {
        let rest = &bad[index..];
        bad[index]
            && rest.len() >= SIDE
            && rest.iter().filter(|bad| **bad).count() as f64 >= STAYS_BAD * rest.len() as f64
    })?;
    let typical = centre(&values[first..])?;
    (typical > limit).then(|| Onset {
        after: series.points[first.saturating_sub(1)].0,
        by: series.points[first].0,
    })
}

/// The highest value that still counts as normal, from the samples before.
fn limit(before: &[f64], indicator: Indicator, want: &Want) -> Option<f64> {
    let level = median(before)?;
    let noise = want.signal.floor.max(4.0 * spread(before));
    Some(match indicator {
        Indicator::Errors => level + noise,
        Indicator::LatencyP50 | Indicator::LatencyP99 => {
            (level + noise).max(level * LATENCY_FACTOR).max(quantile(before, 0.95)?)
        }
    })
}

/// The index that separates two levels best, if the later one is higher.
fn split(values: &[f64], indicator: Indicator) -> Option<usize> {
    let scaled: Vec<f64> = match indicator {
        Indicator::Errors => values.to_vec(),
        _ => values.iter().map(|value| value.max(1e-6).ln()).collect(),
    };
    let mut best: Option<(usize, f64)> = None;
    for index in SIDE..=scaled.len().checked_sub(SIDE)? {
        let (left, right) = scaled.split_at(index);
        let (low, high) = (mean(left), mean(right));
        let explained = (high - low).powi(2) * (left.len() * right.len()) as f64;
        if high > low && best.is_none_or(|(_, most)| explained > most) {
            best = Some((index, explained));
        }
    }
    best.map(|(index, _)| index)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::{Indicator, Onset, onset};
    use stilltrace_model::{Entity, Series, ServiceId, Timestamp, signal};

    fn series(values: &[f64]) -> Series {
        let points =
            (0..).zip(values).map(|(index, value)| (Timestamp(index * 5_000), *value)).collect();
        Series { points, query: String::new(), source: String::new() }
    }

    fn p99(values: &[f64]) -> Option<Onset> {
        let want = signal::SERVICE_P99.of(Entity::Service(ServiceId::new("a", "b")));
        onset(&series(values), Indicator::LatencyP99, &want)
    }

    #[test]
    fn a_lasting_step_has_its_onset_at_the_first_bad_sample() {
        let found = p99(&[0.1, 0.11, 0.1, 0.12, 0.1, 0.9, 1.0, 1.1, 0.9, 1.0]);
        assert_eq!(found, Some(Onset { after: Timestamp(20_000), by: Timestamp(25_000) }));
    }

    #[test]
    fn a_single_spike_is_no_incident() {
        assert_eq!(p99(&[0.1, 0.11, 0.1, 0.12, 0.9, 0.1, 0.11, 0.1, 0.12, 0.1]), None);
    }

    #[test]
    fn recovery_from_a_cold_start_is_no_incident() {
        assert_eq!(p99(&[0.9, 0.8, 0.3, 0.1, 0.1, 0.1, 0.11, 0.1, 0.1, 0.1]), None);
    }

    #[test]
    fn drift_within_the_noise_is_no_incident() {
        assert_eq!(p99(&[0.10, 0.12, 0.09, 0.11, 0.13, 0.12, 0.13, 0.12, 0.14, 0.13]), None);
    }
}
