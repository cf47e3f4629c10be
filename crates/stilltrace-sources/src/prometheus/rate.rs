//! `rate(…[1m])` of one counter.

use stilltrace_model::Timestamp;

/// Length of the window in milliseconds: what dashboards with 15 s scrapes use, four samples.
pub(super) const WINDOW_MS: i64 = 60_000;

/// The rate per second over the minute that ends at `at`, as Prometheus' `extrapolatedRate`
/// computes it: the increase between the first and last sample of the window, resets added up,
/// extended to the ends of the window where the samples reach close to them, but never to before
/// the counter was zero. `None` with fewer than two samples.
pub(super) fn rate(points: &[(Timestamp, f64)], at: Timestamp) -> Option<f64> {
    let start = at.0.checked_sub(WINDOW_MS)?;
    let from = points.partition_point(|(time, _)| time.0 < start);
    let to = points.partition_point(|(time, _)| time.0 <= at.0);
    let inside = points.get(from..to)?;
    let [first, .., last] = inside else { return None };

    let mut increase = last.1 - first.1;
    for pair in inside.windows(2) {
        if let [(_, before), (_, after)] = pair
            && after < before
        {
            increase += before;
        }
    }

    let sampled = last.0.seconds_since(first.0);
    let between_samples = sampled / (inside.len() - 1) as f64;
    let mut to_start = first.0.seconds_since(Timestamp(start));
    let to_end = at.seconds_since(last.0);
    if increase > 0.0 && first.1 >= 0.0 {
        to_start = to_start.min(sampled * (first.1 / increase));
    }
    // Samples that end further from the border than this end because the series does.
    let threshold = between_samples * 1.1;
    let mut extended = sampled;
    for gap in [to_start, to_end] {
        extended += if gap < threshold { gap } else { between_samples / 2.0 };
    }
    let rate = increase * (extended / sampled) / (WINDOW_MS as f64 / 1_000.0);
    (!rate.is_nan()).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(all: &[(i64, f64)]) -> Vec<(Timestamp, f64)> {
        all.iter().map(|(seconds, value)| (Timestamp(seconds * 1_000), *value)).collect()
    }

    #[test]
    fn a_steady_counter_has_its_slope() {
        let steady = points(&[(100, 1_000.0), (115, 1_150.0), (130, 1_300.0), (145, 1_450.0)]);
        assert_eq!(rate(&steady, Timestamp(150_000)), Some(10.0));
    }

    #[test]
    fn a_reset_counts_from_zero() {
        let reset = points(&[(100, 1_000.0), (115, 1_150.0), (130, 150.0), (145, 300.0)]);
        assert_eq!(rate(&reset, Timestamp(150_000)), Some(10.0));
    }

    #[test]
    fn one_sample_is_no_rate() {
        assert_eq!(rate(&points(&[(100, 1.0)]), Timestamp(110_000)), None);
        assert_eq!(rate(&[], Timestamp(i64::MIN)), None);
    }
}
