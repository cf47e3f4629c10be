//! Durations and quantities as manifests write them.

use std::time::Duration;

use stilltrace_model::{Bytes, Millicores};

/// 10,000 years in seconds, the longest duration of protobuf.
const LONGEST: f64 = 315_576_000_000.0;

/// Reads a duration as Go's `time.ParseDuration` and protobuf JSON write it: `500ms`, `1m30s`,
/// `0.1s`, `1h`. A bare `0` is zero.
///
/// `None` for negative values, unknown units, missing digits, and for anything beyond the
/// 10,000 years of a protobuf duration.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += number * seconds_per_unit(rest.get(..unit_end)?)?;
        rest = rest.get(unit_end..)?;
    }
    if text.is_empty() || total > LONGEST {
        return None;
    }
    // Whole nanoseconds, so that `0.1s` and `100ms` are the same value.
    let nanos = (total.fract() * 1e9).round() as u32;
    let seconds = total.trunc() as u64;
    Some(Duration::from_secs(seconds) + Duration::from_nanos(u64::from(nanos)))
}

fn seconds_per_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    })
}

/// Reads a CPU quantity of Kubernetes: `500m`, `2`, `0.5`, `1e-1`. Fractions of a millicore round up, as
/// Kubernetes does.
///
/// `None` for negative values, unknown suffixes and more than a million cores.
pub(crate) fn cpu(text: &str) -> Option<Millicores> {
    let (number, scale) = match text.chars().last()? {
        'n' => (text.get(..text.len() - 1)?, 1e-6),
        'u' => (text.get(..text.len() - 1)?, 1e-3),
        'm' => (text.get(..text.len() - 1)?, 1.0),
        'k' => (text.get(..text.len() - 1)?, 1e6),
        _ => (text, 1e3),
    };
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    if !plain {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    let millis = (number * scale - 1e-6).ceil().max(0.0);
    (number >= 0.0 && millis <= 1e9).then_some(Millicores(millis as u32))
}

/// Reads an amount of memory of Kubernetes: `512Mi`, `1G`, `1e9`, `128974848`. Fractions of a byte
/// round up, as Kubernetes does.
///
/// `None` for negative values, unknown suffixes and more than an exbibyte.
pub(crate) fn memory(text: &str) -> Option<Bytes> {
    const SUFFIXES: [(&str, f64); 13] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let suffix = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix));
    let (number, scale) = match suffix {
        Some((suffix, scale)) => (text.strip_suffix(suffix)?, *scale),
        None => (text, 1.0),
    };
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    let bytes = plain.then(|| number.parse::<f64>().ok())?? * scale;
    (bytes >= 0.0 && bytes <= 2_f64.powi(60)).then(|| Bytes(bytes.ceil() as u64))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn durations_of_both_notations_are_the_same() {
        let millis = |text| duration(text).unwrap().as_millis();
        assert_eq!(duration("0.1s"), duration("100ms"));
        assert_eq!(millis("1m30s"), 90_000);
        assert_eq!(millis("1.5h"), 5_400_000);
        assert_eq!(millis("0"), 0);
        assert_eq!(duration("2500us").unwrap().as_micros(), 2_500);
    }

    #[test]
    fn nonsense_is_no_duration() {
        for text in ["", "-1s", "5", "s", "1x", "1..2s", "1e9s", "99999999999999h", "1s ", "é"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn memory_quantities_follow_kubernetes() {
        let memory = |text| memory(text).map(|bytes| bytes.0);
        assert_eq!(memory("512Mi"), Some(512 << 20));
        assert_eq!(memory("1G"), Some(1_000_000_000));
        assert_eq!(memory("1e3"), Some(1_000));
        assert_eq!(memory("1500m"), Some(2));
        assert_eq!(memory("0.5Gi"), Some(1 << 29));
        for text in ["", "-1", "Mi", "1Xi", "1 Mi", "nan", "2000Pi"] {
            assert_eq!(memory(text), None, "{text}");
        }
    }

    #[test]
    fn cpu_quantities_follow_kubernetes() {
        let cpu = |text| cpu(text).map(|cpu| cpu.0);
        assert_eq!(cpu("500m"), Some(500));
        assert_eq!(cpu("2"), Some(2_000));
        assert_eq!(cpu("0.1"), Some(100));
        assert_eq!(cpu("1.5"), Some(1_500));
        assert_eq!(cpu("100u"), Some(1));
        for text in ["", "-1", "m", "2Gi", "nan", "inf", "1e99", "é"] {
            assert_eq!(cpu(text), None, "{text}");
        }
    }
}
