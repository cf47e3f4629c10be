//! Robust statistics of short series.

/// The value below which a share `q` of the values lies, interpolated; `None` without values.
pub(crate) fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if sorted.is_empty() {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let position = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (position.floor() as usize, position.ceil() as usize);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (position - position.floor()))
}

/// The median; `None` without values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Spread as the standard deviation of a normal distribution with the same median absolute
/// deviation (factor 1.4826); 0 for fewer than two values.
pub(crate) fn spread(values: &[f64]) -> f64 {
    let Some(centre) = median(values) else { return 0.0 };
    let deviations: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    1.4826 * median(&deviations).unwrap_or(0.0)
}

/// The mean after values beyond the 10th and 90th percentile were drawn in to them.
///
/// Unlike the median it sees an effect that comes and goes (a burst every few seconds), and unlike
/// the mean it does not follow one outlier.
pub(crate) fn centre(values: &[f64]) -> Option<f64> {
    let (low, high) = (quantile(values, 0.1)?, quantile(values, 0.9)?);
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    Some(finite.iter().map(|value| value.clamp(low, high)).sum::<f64>() / finite.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::{centre, median, quantile, spread};

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[f64::NAN, 7.0]), Some(7.0));
    }

    #[test]
    fn one_outlier_moves_neither_centre_nor_spread() {
        let calm: Vec<f64> = (0..40).map(|i| 10.0 + f64::from(i % 3)).collect();
        let mut wild = calm.clone();
        wild[7] = 1e6;
        assert!((centre(&calm).unwrap_or(0.0) - centre(&wild).unwrap_or(0.0)).abs() < 0.1);
        assert!((spread(&calm) - spread(&wild)).abs() < 1.0);
    }

    #[test]
    fn an_effect_that_comes_and_goes_moves_the_centre() {
        let bursts: Vec<f64> = (0..40).map(|i| if i % 4 == 0 { 1.0 } else { 0.0 }).collect();
        assert!(centre(&bursts).unwrap_or(0.0) > 0.2);
        assert_eq!(median(&bursts), Some(0.0));
    }
}
