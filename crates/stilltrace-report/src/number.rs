//! Numbers as people say them: `1.94 s`, `212 ms`, `31 %`, `38x`.

/// A value in a unit of [`stilltrace_model::signal::Unit::symbol`], as people say it.
///
/// Unknown units follow the number; a value that is not finite is `unknown`.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    match unit {
        "s" => seconds(value),
        "share" => percent(value),
        "1/s" => format!("{}/s", figure(value)),
        "1" | "count" | "" => figure(value),
        "cores" => cores(value),
        _ => format!("{} {unit}", figure(value)),
    }
}

/// How many times larger `after` is than `before`, such as `38x`; `None` where that says nothing.
pub(crate) fn times(before: f64, after: f64) -> Option<String> {
    let factor = after / before;
    (before > 0.0 && factor.is_finite() && factor >= 1.1).then(|| format!("{}x", figure(factor)))
}

/// A span of time for which something lasts, such as `98 s` or `18 min`.
pub(crate) fn lasting(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown".to_owned();
    }
    match seconds.max(0.0) {
        short if short < 120.0 => format!("{short:.0} s"),
        medium if medium < 7_200.0 => format!("{:.0} min", medium / 60.0),
        long if long < 172_800.0 => format!("{:.0} h", long / 3_600.0),
        longer => format!("{:.0} days", longer / 86_400.0),
    }
}

fn seconds(value: f64) -> String {
    let millis = value * 1_000.0;
    if value == 0.0 {
        "0 s".to_owned()
    } else if millis.abs() < 9.95 {
        format!("{} ms", trimmed(millis, if millis.abs() < 0.995 { 2 } else { 1 }))
    } else if millis.abs() < 999.5 {
        format!("{millis:.0} ms")
    } else {
        let decimals = usize::from(value.abs() < 99.95) + usize::from(value.abs() < 9.995);
        format!("{value:.decimals$} s")
    }
}

/// Limits are written with two figures: `1.25 cores`, `0.095 cores`.
fn cores(value: f64) -> String {
    let figures =
        if (0.995..9.95).contains(&value.abs()) { trimmed(value, 2) } else { figure(value) };
    if figures == "1" { "1 core".to_owned() } else { format!("{figures} cores") }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = match percent.abs() {
        large if large >= 9.95 => 0,
        middle if middle >= 0.095 => 1,
        _ => 3,
    };
    format!("{} %", trimmed(percent, decimals))
}

/// No figure after the point from 10 on, one from 1 on, then two or three significant ones.
fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 9.95 => format!("{value:.0}"),
        middle if middle >= 0.995 => trimmed(value, 1),
        middle if middle >= 0.0995 => trimmed(value, 2),
        small if small >= 0.000_995 || small == 0.0 => trimmed(value, 3),
        _ => trimmed(value, 4),
    }
}

fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    if text == "-0" { "0".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::{lasting, quantity, times};

    #[test]
    fn values_read_as_people_say_them() {
        for (value, unit, said) in [
            (1.94, "s", "1.94 s"),
            (0.212, "s", "212 ms"),
            (0.0024, "s", "2.4 ms"),
            (0.00012, "s", "0.12 ms"),
            (0.9999, "s", "1.00 s"),
            (12.34, "s", "12.3 s"),
            (118.2, "s", "118 s"),
            (0.0, "s", "0 s"),
            (0.31, "share", "31 %"),
            (0.02, "share", "2 %"),
            (0.024, "share", "2.4 %"),
            (0.0004, "share", "0.04 %"),
            (0.0, "share", "0 %"),
            (1.0, "share", "100 %"),
            (2.94, "1", "2.9"),
            (1.0, "1", "1"),
            (105.3, "1/s", "105/s"),
            (0.21, "cores", "0.21 cores"),
            (0.095, "cores", "0.095 cores"),
            (1.0, "cores", "1 core"),
            (1.25, "cores", "1.25 cores"),
            (412.0, "count", "412"),
            (-0.0001, "1/s", "-0.0001/s"),
            (f64::NAN, "s", "unknown"),
            (f64::INFINITY, "share", "unknown"),
        ] {
            assert_eq!(quantity(value, unit), said);
        }
    }

    #[test]
    fn a_factor_is_named_only_where_it_says_something() {
        assert_eq!(times(0.05, 1.9).as_deref(), Some("38x"));
        assert_eq!(times(0.2, 0.58).as_deref(), Some("2.9x"));
        assert_eq!(times(0.2, 0.2), None);
        assert_eq!(times(0.0, 1.0), None);
        assert_eq!(times(f64::NAN, 1.0), None);
    }

    #[test]
    fn spans_grow_with_their_unit() {
        assert_eq!(
            [98.0, 1_080.0, 18_000.0, 300_000.0, -5.0].map(lasting),
            ["98 s", "18 min", "5 h", "3 days", "0 s"]
        );
    }
}
