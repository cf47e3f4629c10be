//! Values as people write them in manifests and say them in sentences.

use std::time::Duration;

/// A duration as in manifests: `100ms`, `2s`, `1.5s`.
pub(crate) fn duration(value: Duration) -> String {
    let millis = value.as_millis();
    if millis < 1_000 { format!("{millis}ms") } else { format!("{}s", value.as_secs_f64()) }
}

/// Reads what [`duration`] writes; `None` for anything else, such as `unset`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s')?, 1.0),
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

/// `1 pod`, `3 pods`.
pub(crate) fn count(number: u32, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The first names of a list and how many more there are: `a, b and 3 more`.
pub(crate) fn some<T: std::fmt::Display>(names: &[T]) -> String {
    const SHOWN: usize = 3;
    let first: Vec<String> = names.iter().take(SHOWN).map(ToString::to_string).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_manifests() {
        let written = [(100, "100ms"), (2_000, "2s"), (1_500, "1.5s"), (0, "0ms")];
        for (millis, text) in written {
            assert_eq!(duration(Duration::from_millis(millis)), text);
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)));
        }
        for text in ["unset", "", "s", "-1s", "NaNs", "1h", "1e99s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
