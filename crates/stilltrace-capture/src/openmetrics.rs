//! Raw samples as OpenMetrics text with timestamps.
//!
//! One line per sample: `name{label="value"} 12.5 1772632930.25`, time in seconds. What a time
//! series database exports and what `promtool tsdb create-blocks-from openmetrics` imports.
//! Comments, exemplars and the closing `# EOF` are read over.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use stilltrace_model::Timestamp;

use crate::error::Fault;

/// The samples of one series as they were scraped: cumulative counters stay cumulative.
#[derive(Debug, Clone, PartialEq)]
pub struct RawSeries {
    /// Name of the metric, such as `istio_requests_total`.
    pub metric: String,
    /// Labels without the name, sorted by name, no name twice.
    pub labels: Vec<(String, String)>,
    /// Samples sorted by time, no time twice. Values may be infinite or not a number.
    pub points: Vec<(Timestamp, f64)>,
}

impl RawSeries {
    /// The value of a label; `None` where the series has no such label.
    pub fn label(&self, name: &str) -> Option<&str> {
        let at = self.labels.binary_search_by(|(label, _)| label.as_str().cmp(name)).ok()?;
        self.labels.get(at).map(|(_, value)| value.as_str())
    }
}

/// Series by metric and labels, as they are collected from one or more files.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    index: BTreeMap<(String, Vec<(String, String)>), usize>,
    series: Vec<Vec<(Timestamp, f64)>>,
    samples: usize,
}

impl Collector {
    /// Reads one file. `limit` is the budget of samples over all files.
    pub(crate) fn read(&mut self, text: &str, limit: usize) -> Result<(), Fault> {
        // Samples of one series usually follow each other: the text up to the value is then equal
        // and need not be taken apart again.
        let mut last: Option<(&str, usize)> = None;
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            self.samples += 1;
            if self.samples > limit {
                return Err(Fault::budget(line_number, "samples", limit));
            }
            let again = last.and_then(|(head, series)| {
                line.strip_prefix(head)?.strip_prefix(' ').map(|rest| (series, rest))
            });
            let (series, rest) = if let Some(found) = again {
                found
            } else {
                let (metric, labels, head_length) =
                    parse_head(line).map_err(|reason| Fault::new(line_number, reason))?;
                let (head, rest) = line.split_at(head_length);
                let series = self.series_of(metric, labels);
                last = Some((head, series));
                (series, rest)
            };
            let point = parse_point(rest).map_err(|reason| Fault::new(line_number, reason))?;
            if let Some(points) = self.series.get_mut(series) {
                points.push(point);
            }
        }
        Ok(())
    }

    /// All series, sorted by metric and labels, their samples by time. Of several samples of one
    /// series at one time the smallest stays, so that the order of lines does not matter.
    pub(crate) fn finish(mut self) -> Vec<RawSeries> {
        let mut all = Vec::with_capacity(self.index.len());
        for ((metric, labels), at) in self.index {
            let mut points = self.series.get_mut(at).map(std::mem::take).unwrap_or_default();
            let earlier = |a: &(Timestamp, f64), b: &(Timestamp, f64)| {
                a.0.cmp(&b.0).then_with(|| a.1.total_cmp(&b.1))
            };
            if !points.is_sorted_by(|a, b| earlier(a, b).is_le()) {
                points.sort_by(earlier);
            }
            points.dedup_by_key(|point| point.0);
            all.push(RawSeries { metric, labels, points });
        }
        all
    }

    fn series_of(&mut self, metric: &str, labels: Vec<(String, String)>) -> usize {
        let next = self.series.len();
        let at = *self.index.entry((metric.to_owned(), labels)).or_insert(next);
        if at == next {
            self.series.push(Vec::new());
        }
        at
    }
}

/// The text of a file of samples: series in the order given, sample by sample.
pub(crate) fn print(series: &[RawSeries]) -> String {
    let mut out = String::new();
    for one in series {
        let head = print_head(one);
        for (time, value) in &one.points {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{head} {} {}", print_value(*value), print_time(*time));
        }
    }
    out.push_str("# EOF\n");
    out
}

fn print_head(series: &RawSeries) -> String {
    let mut head = series.metric.clone();
    for (index, (name, value)) in series.labels.iter().enumerate() {
        head.push(if index == 0 { '{' } else { ',' });
        head.push_str(name);
        head.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => head.push_str("\\\\"),
                '"' => head.push_str("\\\""),
                '\n' => head.push_str("\\n"),
                other => head.push(other),
            }
        }
        head.push('"');
    }
    if !series.labels.is_empty() {
        head.push('}');
    }
    head
}

/// The shortest text that reads back as the same number.
fn print_value(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        let text = format!("{value:?}");
        text.strip_suffix(".0").map_or(text.clone(), ToOwned::to_owned)
    }
}

/// Seconds with as many decimals as needed.
fn print_time(time: Timestamp) -> String {
    let (sign, millis) =
        if time.0 < 0 { ("-", time.0.unsigned_abs()) } else { ("", time.0.unsigned_abs()) };
    let (seconds, rest) = (millis / 1_000, millis % 1_000);
    if rest == 0 {
        format!("{sign}{seconds}")
    } else {
        let text = format!("{sign}{seconds}.{rest:03}");
        text.trim_end_matches('0').to_owned()
    }
}

/// Metric, labels, and the length of the text that holds them.
type Head<'a> = (&'a str, Vec<(String, String)>, usize);

fn parse_head(line: &str) -> Result<Head<'_>, String> {
    let name_end = line.find(['{', ' ']).ok_or("a sample needs a value and a time")?;
    let metric = line.get(..name_end).unwrap_or_default();
    if !is_name(metric, true) {
        return Err(format!("{metric:?} is not the name of a metric"));
    }
    if line.as_bytes().get(name_end) == Some(&b' ') {
        return Ok((metric, Vec::new(), name_end));
    }
    let (mut labels, mut at) = (Vec::new(), name_end + 1);
    loop {
        let rest = line.get(at..).unwrap_or_default();
        if rest.starts_with('}') {
            at += 1;
            break;
        }
        let (name, value) =
            rest.split_once("=\"").ok_or("labels must be written as name=\"value\"")?;
        if !is_name(name, false) {
            return Err(format!("{name:?} is not the name of a label"));
        }
        let (text, length) = unquote(value).ok_or("the value of a label does not end")?;
        labels.push((name.to_owned(), text));
        at += name.len() + 2 + length;
        match line.as_bytes().get(at) {
            Some(b',') => at += 1,
            Some(b'}') => {}
            _ => return Err("labels must be separated by commas".to_owned()),
        }
    }
    labels.sort();
    if labels.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
        return Err("a label appears twice".to_owned());
    }
    // An empty label is the same as an absent one.
    labels.retain(|(_, value)| !value.is_empty());
    Ok((metric, labels, at))
}

/// A quoted value without escapes and the length it takes, closing quote included.
fn unquote(text: &str) -> Option<(String, usize)> {
    let plain_end = text.find(['"', '\\'])?;
    let mut value = text.get(..plain_end)?.to_owned();
    let mut characters = text.get(plain_end..)?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, plain_end + at + 1)),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

fn is_name(text: &str, colon: bool) -> bool {
    let mut bytes = text.bytes();
    let starts = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || (colon && byte == b':');
    bytes.next().is_some_and(starts) && bytes.all(|byte| starts(byte) || byte.is_ascii_digit())
}

fn parse_point(rest: &str) -> Result<(Timestamp, f64), String> {
    let rest = rest.split_once(" # ").map_or(rest, |(sample, _exemplar)| sample);
    let mut words = rest.split_ascii_whitespace();
    let (Some(value), Some(time), None) = (words.next(), words.next(), words.next()) else {
        return Err("a sample needs a value and a time in seconds".to_owned());
    };
    let number = match value {
        "+Inf" | "Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        _ => value.parse().map_err(|_| format!("{value:?} is not a number"))?,
    };
    let time = parse_time(time).ok_or_else(|| format!("{time:?} is not a time in seconds"))?;
    Ok((time, number))
}

/// Seconds with a fraction, exactly; digits beyond milliseconds are cut.
fn parse_time(text: &str) -> Option<Timestamp> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    // Twelve digits of seconds reach beyond the year 30000.
    if whole.is_empty() || whole.len() > 12 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let mut millis: i64 = whole.parse::<i64>().ok()? * 1_000;
    for (byte, scale) in fraction.bytes().zip([100, 10, 1]) {
        millis += i64::from(byte - b'0') * scale;
    }
    Some(Timestamp(sign * millis))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure is the test's result")]
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<RawSeries>, Fault> {
        let mut collector = Collector::default();
        collector.read(text, 1_000)?;
        Ok(collector.finish())
    }

    fn series() -> impl Strategy<Value = RawSeries> {
        let labels = prop::collection::btree_map(
            "[a-z_][a-z0-9_]{0,3}",
            "\\PC{1,4}|[\"\\\\\n,}=]{1,4}",
            0..4,
        );
        let points =
            prop::collection::btree_map(-5_000_i64..5_000_000_000_000, prop::num::f64::ANY, 0..5);
        ("[a-z:_][a-z0-9:_]{0,5}", labels, points).prop_map(|(metric, labels, points)| RawSeries {
            metric,
            labels: labels.into_iter().collect(),
            points: points
                .into_iter()
                .filter(|(_, value)| !value.is_nan())
                .map(|(time, value)| (Timestamp(time), value))
                .collect(),
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(all in prop::collection::vec(series(), 0..4)) {
            let mut wanted: Vec<RawSeries> = all.into_iter().filter(|one| !one.points.is_empty()).collect();
            wanted.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
            wanted.dedup_by(|a, b| (&a.metric, &a.labels) == (&b.metric, &b.labels));
            prop_assert_eq!(read(&print(&wanted)).unwrap(), wanted);
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC*|[a{}=\", 0-9.\n\\\\#+-]*") {
            let _ = read(&text);
        }
    }

    #[test]
    fn the_order_of_lines_does_not_matter() {
        let forward = "a{x=\"1\"} 1 10\na{x=\"1\"} 2 25\nb 3 10\n# EOF\n";
        let backward = "b 3 10\na{x=\"1\"} 2 25.0\na{x=\"1\",y=\"\"} 1 10\n";
        assert_eq!(read(forward), read(backward));
    }

    #[test]
    fn a_bad_line_is_named_by_number() {
        for (text, line) in [
            ("a 1 1\na{x=1} 1 1\n", 2),
            ("a 1\n", 1),
            ("# x\n1a 1 1\n", 2),
            ("a{x=\"1\",x=\"2\"} 1 1\n", 1),
            ("a one 1\n", 1),
            ("a 1 1e9\n", 1),
        ] {
            assert_eq!(read(text).err().map(|fault| fault.line), Some(line), "{text:?}");
        }
    }

    #[test]
    fn the_budget_of_samples_holds() {
        let text = "a 1 1\n".repeat(1_001);
        assert_eq!(read(&text).err(), Some(Fault::budget(1_001, "samples", 1_000)));
    }
}
