//! Short clauses of the report: numbers with their unit, and why a prediction did not hold.

use stilltrace_model::{EdgeId, Entity, Expect, Prediction, Reading, signal::Unit};

/// A value in its unit as people write it: `1.94 s`, `212 ms`, `31 %`, `2.9`.
pub(crate) fn quantity(value: f64, unit: Unit) -> String {
    match unit {
        _ if value.abs() >= 1e9 => format!("{value:.1e} {}", unit.symbol()),
        Unit::Seconds if value.abs() >= 0.9995 => format!("{value:.2} s"),
        Unit::Seconds if value.abs() >= 0.01 => format!("{:.0} ms", value * 1e3),
        Unit::Seconds => format!("{:.1} ms", value * 1e3),
        Unit::Share if value.abs() >= 0.1 || value == 0.0 => format!("{:.0} %", value * 100.0),
        Unit::Share => format!("{:.1} %", value * 100.0),
        Unit::PerSecond => format!("{value:.0}/s"),
        Unit::Cores if value.abs() < 0.1 => format!("{value:.3} cores"),
        Unit::Cores => format!("{value:.2} cores"),
        Unit::Ratio => format!("{value:.1}"),
        Unit::Count => format!("{value:.0}"),
    }
}

/// `before -> after`, or the value alone where nothing is known of before.
pub(crate) fn moved(reading: &Reading) -> String {
    let unit = reading.want.signal.unit;
    match reading.before {
        Some(before) => format!("{} -> {}", quantity(before, unit), quantity(reading.after, unit)),
        None => quantity(reading.after, unit),
    }
}

/// A configured value before and after. Of two image references that differ in the tag alone the
/// second is cut to its tag.
pub(crate) fn values(before: &str, after: &str) -> String {
    match (before.rsplit_once(':'), after.rsplit_once(':')) {
        (Some((one, _)), Some((other, tag))) if one == other && one.contains('/') => {
            format!("{before} -> {tag}")
        }
        _ => format!("{before} -> {after}"),
    }
}

/// The value before a change, as short as the value after allows: of two image references that
/// differ in the tag alone only the tag.
pub(crate) fn earlier<'a>(before: &'a str, after: &str) -> &'a str {
    match (before.rsplit_once(':'), after.rsplit_once(':')) {
        (Some((one, tag)), Some((other, _))) if one == other && one.contains('/') => tag,
        _ => before,
    }
}

/// Why a prediction did not hold: `attempts per request had to rise: 1.0 -> 1.0`.
pub(crate) fn refuted(prediction: &Prediction, reading: &Reading) -> String {
    let unit = prediction.want.signal.unit;
    let had_to = match prediction.expect {
        Expect::Rises => "had to rise".to_owned(),
        Expect::Falls => "had to fall".to_owned(),
        Expect::Steady => "had to stay".to_owned(),
        Expect::NotRising => "must not rise".to_owned(),
        Expect::Exceeds(limit) => format!("had to reach {}", quantity(limit, unit)),
        Expect::Below(limit) => format!("had to stay below {}", quantity(limit, unit)),
    };
    format!("{} {had_to}: {}", prediction.want.signal.meaning, moved(reading))
}

/// An entity in few words: an edge without its port.
pub(crate) fn entity(entity: &Entity) -> String {
    match entity {
        Entity::Edge(edge) => self::edge(edge),
        other => other.to_string(),
    }
}

/// An edge in few words: names only where both ends share the namespace.
pub(crate) fn edge(edge: &EdgeId) -> String {
    if edge.source.namespace == edge.destination.namespace {
        format!("{} -> {}", edge.source.name, edge.destination.name)
    } else {
        format!("{} -> {}", edge.source, edge.destination)
    }
}

#[cfg(test)]
mod tests {
    use super::{quantity, values};
    use stilltrace_model::signal::Unit;

    #[test]
    fn images_that_differ_in_the_tag_are_said_once() {
        assert_eq!(
            values("registry.example/a:1", "registry.example/a:2"),
            "registry.example/a:1 -> 2"
        );
        assert_eq!(
            values("registry.example/a:1", "registry.example/b:2"),
            "registry.example/a:1 -> registry.example/b:2"
        );
        assert_eq!(values("2", "10"), "2 -> 10");
    }

    #[test]
    fn quantities_read_as_people_write_them() {
        assert_eq!(quantity(1.94, Unit::Seconds), "1.94 s");
        assert_eq!(quantity(0.212, Unit::Seconds), "212 ms");
        assert_eq!(quantity(0.0042, Unit::Seconds), "4.2 ms");
        assert_eq!(quantity(0.314, Unit::Share), "31 %");
        assert_eq!(quantity(2.94, Unit::Ratio), "2.9");
        assert_eq!(quantity(3e300, Unit::Cores), "3.0e300 cores");
    }
}
