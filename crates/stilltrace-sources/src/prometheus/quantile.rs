//! `histogram_quantile` of summed buckets.

/// One bucket: observations at or below `upper`, per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    /// Upper bound, possibly infinite.
    pub(super) upper: f64,
    /// Cumulative.
    pub(super) count: f64,
}

/// The quantile, interpolated linearly inside its bucket, as Prometheus' `bucketQuantile` computes
/// it. `buckets` are sorted by bound, no bound twice; `None` without an infinite bucket, with fewer
/// than two buckets, or without observations.
pub(super) fn histogram_quantile(quantile: f64, buckets: &mut [Bucket]) -> Option<f64> {
    let top = buckets.last()?;
    if top.upper != f64::INFINITY || buckets.len() < 2 {
        return None;
    }
    // Rates of buckets that were scraped at slightly different times may disagree a little.
    let mut highest = f64::NEG_INFINITY;
    for bucket in buckets.iter_mut() {
        highest = highest.max(bucket.count);
        bucket.count = highest;
    }
    let observations = buckets.last()?.count;
    if observations <= 0.0 || observations.is_nan() {
        return None;
    }
    let last_finite = buckets.len() - 2;
    let mut rank = quantile * observations;
    let at = buckets.iter().position(|bucket| bucket.count >= rank)?;
    if at > last_finite {
        return buckets.get(last_finite).map(|bucket| bucket.upper);
    }
    let Bucket { upper, mut count } = *buckets.get(at)?;
    let mut lower = 0.0;
    if let Some(below) = at.checked_sub(1).and_then(|below| buckets.get(below)) {
        lower = below.upper;
        count -= below.count;
        rank -= below.count;
    } else if upper <= 0.0 {
        return Some(upper);
    }
    let value = lower + (upper - lower) * (rank / count);
    (!value.is_nan()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantile(q: f64, buckets: &[(f64, f64)]) -> Option<f64> {
        let mut buckets: Vec<_> =
            buckets.iter().map(|(upper, count)| Bucket { upper: *upper, count: *count }).collect();
        histogram_quantile(q, &mut buckets)
    }

    #[test]
    fn a_quantile_lies_inside_its_bucket() {
        let buckets = [(10.0, 50.0), (20.0, 100.0), (f64::INFINITY, 100.0)];
        assert_eq!(quantile(0.5, &buckets), Some(10.0));
        assert_eq!(quantile(0.75, &buckets), Some(15.0));
        assert_eq!(quantile(0.25, &buckets), Some(5.0));
    }

    #[test]
    fn beyond_the_last_bound_the_bound_is_all_that_is_known() {
        assert_eq!(quantile(0.99, &[(10.0, 1.0), (f64::INFINITY, 100.0)]), Some(10.0));
    }

    #[test]
    fn without_observations_or_top_there_is_no_quantile() {
        assert_eq!(quantile(0.5, &[(10.0, 0.0), (f64::INFINITY, 0.0)]), None);
        assert_eq!(quantile(0.5, &[(10.0, 1.0), (20.0, 1.0)]), None);
        assert_eq!(quantile(0.5, &[(f64::INFINITY, 1.0)]), None);
        assert_eq!(quantile(0.5, &[]), None);
    }
}
