//! `bursts.csv`: CPU use per container in short windows.
//!
//! One row per container, second and measure: the values of that second in units of 10 µs, one per
//! window, with `0*7` for seven zeros in a row. A row without any value above zero is left out, so
//! an idle second takes no space; the first row of a container is always there because it says
//! where its windows begin, and so is the last, because it says where they end. Comment lines
//! `# window_us 10000` and `# source …` hold for all rows below them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use stilltrace_model::{Bursts, ContainerId, Timestamp, WorkloadId};

use crate::csv;
use crate::error::Fault;

/// What the values count, in microseconds.
pub(crate) const UNIT_US: u32 = 10;

const COLUMNS: &[&str] =
    &["namespace", "workload", "pod", "container", "from", "measure", "values"];
const MEASURES: [&str; 3] = ["on_cpu", "throttled", "waiting"];

/// Windows of one container while they are read, by index from the first row.
struct Reading {
    start: Timestamp,
    window_us: u32,
    source: String,
    measures: [Option<Vec<u32>>; 3],
    end: usize,
}

/// Windows by container. `limit` is the budget of windows over all containers and measures.
pub(crate) fn parse(text: &str, limit: usize) -> Result<BTreeMap<ContainerId, Bursts>, Fault> {
    let settings = comments(text);
    let mut readings: BTreeMap<ContainerId, Reading> = BTreeMap::new();
    let mut windows = 0;
    // Rows are taken in the order of time, so that shuffled rows mean the same.
    let mut rows = Vec::new();
    for record in csv::parse(text, COLUMNS)? {
        let [namespace, workload, pod, container, from, measure, values] = record.fields.as_slice()
        else {
            continue;
        };
        let from = Timestamp::parse(from)
            .ok_or_else(|| Fault::new(record.line, "`from` must be RFC 3339"))?;
        let measure = MEASURES.iter().position(|name| name == measure).ok_or_else(|| {
            Fault::new(record.line, "`measure` must be on_cpu, throttled or waiting")
        })?;
        let id = ContainerId {
            workload: WorkloadId::new(namespace, workload),
            pod: pod.clone(),
            container: container.clone(),
        };
        rows.push((id, from, measure, record.line, values.clone()));
    }
    rows.sort();
    for (id, from, measure, line, values) in rows {
        let (window_us, source) = settings_at(&settings, line);
        let reading = readings.entry(id).or_insert_with(|| Reading {
            start: from,
            window_us,
            source: source.to_owned(),
            measures: [None, None, None],
            end: 0,
        });
        if reading.window_us != window_us {
            return Err(Fault::new(line, "`window_us` changes within one container"));
        }
        let at = index_of(reading, from).ok_or_else(|| {
            Fault::new(
                line,
                "`from` must be a whole number of windows after the container's first row",
            )
        })?;
        let room = limit.saturating_sub(windows);
        windows += fill(reading, measure, at, &values, room, limit, line)?;
    }
    Ok(readings.into_iter().map(|(id, reading)| (id, finish(reading))).collect())
}

/// Index of the window that begins at `from`.
fn index_of(reading: &Reading, from: Timestamp) -> Option<usize> {
    let micros = from.0.checked_sub(reading.start.0)?.checked_mul(1_000)?;
    let window = i64::from(reading.window_us);
    (micros % window == 0).then(|| usize::try_from(micros / window).ok())?
}

/// Puts the values of one row in place; returns how many windows that added.
fn fill(
    reading: &mut Reading,
    measure: usize,
    at: usize,
    text: &str,
    room: usize,
    limit: usize,
    line: usize,
) -> Result<usize, Fault> {
    let too_many = || Fault::budget(line, "windows", limit);
    let Some(slot) = reading.measures.get_mut(measure) else { return Ok(0) };
    let values = slot.get_or_insert_with(Vec::new);
    let before = values.len();
    if at < before {
        return Err(Fault::new(line, "two rows give values for the same windows"));
    }
    if at - before > room {
        return Err(too_many());
    }
    values.resize(at, 0);
    for word in text.split_ascii_whitespace() {
        let (value, count) = word.split_once('*').unwrap_or((word, "1"));
        let (Ok(value), Ok(count)) = (value.parse::<u32>(), count.parse::<usize>()) else {
            return Err(Fault::new(line, format!("{word:?} is not a value or value*count")));
        };
        let micros = value
            .checked_mul(UNIT_US)
            .ok_or_else(|| Fault::new(line, format!("{word:?} is too large")))?;
        if count > room.saturating_sub(values.len() - before) {
            return Err(too_many());
        }
        values.resize(values.len() + count, micros);
    }
    reading.end = reading.end.max(values.len());
    Ok(values.len() - before)
}

fn finish(reading: Reading) -> Bursts {
    let Reading { start, window_us, source, measures: [on_cpu, throttled, waiting], end } = reading;
    let full = |values: Option<Vec<u32>>| {
        let mut values = values.unwrap_or_default();
        values.resize(end, 0);
        values
    };
    Bursts {
        start,
        window_us,
        on_cpu_us: full(on_cpu),
        throttled_us: full(throttled),
        waiting_us: waiting.map(|waiting| full(Some(waiting))),
        source,
    }
}

/// Comment lines `# name value` with their line numbers.
fn comments(text: &str) -> Vec<(usize, &str, &str)> {
    let mut all = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some((name, value)) = line.strip_prefix("# ").and_then(|rest| rest.split_once(' ')) {
            all.push((index + 1, name, value.trim_end()));
        }
    }
    all
}

/// Window length and source that hold at a line.
fn settings_at<'a>(comments: &[(usize, &str, &'a str)], line: usize) -> (u32, &'a str) {
    let last = |wanted: &str| {
        comments
            .iter()
            .rev()
            .find(|(at, name, _)| *at < line && *name == wanted)
            .map(|(_, _, value)| *value)
    };
    // Starts have a resolution of one millisecond.
    let window_us = last("window_us")
        .and_then(|value| value.parse().ok())
        .filter(|us: &u32| *us >= 1_000 && us.is_multiple_of(1_000));
    (window_us.unwrap_or(10_000), last("source").unwrap_or("bursts.csv"))
}

/// The text of `bursts.csv`. Values are rounded to 10 µs; starts are taken to the millisecond.
pub(crate) fn print(bursts: &BTreeMap<ContainerId, Bursts>) -> String {
    let mut out = format!("# unit_us {UNIT_US}\n");
    let mut settings: Option<(u32, &str)> = None;
    let mut header = String::new();
    csv::print(COLUMNS, &mut header);
    for (id, one) in bursts {
        if settings != Some((one.window_us, &one.source)) {
            let source = one.source.replace(['\n', '\r'], " ");
            let _ = write!(out, "# window_us {}\n# source {source}\n", one.window_us);
            settings = Some((one.window_us, &one.source));
        }
        // The header follows the first comments, where a person looks for it.
        out.push_str(&std::mem::take(&mut header));
        print_container(id, one, &mut out);
    }
    out.push_str(&header);
    out
}

fn print_container(id: &ContainerId, one: &Bursts, out: &mut String) {
    // A row is a second, or one window where windows are longer.
    let row = usize::try_from(1_000_000 / one.window_us.max(1)).unwrap_or(1).max(1);
    let length = one.on_cpu_us.len();
    let measures = [Some(&one.on_cpu_us), Some(&one.throttled_us), one.waiting_us.as_ref()];
    let mut at = 0;
    while at < length {
        let is_edge = at == 0 || at + row >= length;
        for (index, (values, name)) in measures.iter().zip(MEASURES).enumerate() {
            let Some(values) = values else { continue };
            let values = values.get(at..(at + row).min(values.len())).unwrap_or_default();
            let needed = is_edge && index != 1;
            if values.iter().any(|value| rounded(*value) > 0) || needed {
                let millis = i64::try_from(at)
                    .unwrap_or(i64::MAX)
                    .saturating_mul(i64::from(one.window_us / 1_000));
                let from = Timestamp(one.start.0.saturating_add(millis)).to_string();
                let fields = [
                    &id.workload.namespace,
                    &id.workload.name,
                    &id.pod,
                    &id.container,
                    &from,
                    name,
                    &print_values(values),
                ];
                csv::print(&fields, out);
            }
        }
        at += row;
    }
}

fn rounded(micros: u32) -> u32 {
    micros.saturating_add(UNIT_US / 2) / UNIT_US
}

fn print_values(values: &[u32]) -> String {
    let mut out = String::new();
    let mut rest = values;
    while let Some(first) = rest.first() {
        let value = rounded(*first);
        let run = rest.iter().take_while(|other| rounded(**other) == value).count();
        let _ = if run > 2 { write!(out, "{value}*{run} ") } else { write!(out, "{value} ") };
        rest = rest.get(if run > 2 { run } else { 1 }..).unwrap_or_default();
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure is the test's result")]
    use proptest::prelude::*;

    use super::*;

    fn values(length: usize) -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(
            prop_oneof![3 => Just(0_u32), 1 => (0_u32..2_000).prop_map(|x| x * 10)],
            length,
        )
    }

    fn bursts() -> impl Strategy<Value = Bursts> {
        (1_usize..450, 0_i64..10_000_000).prop_flat_map(|(length, start)| {
            (values(length), values(length), prop::option::of(values(length))).prop_map(
                move |(on_cpu_us, throttled_us, waiting_us)| Bursts {
                    start: Timestamp(start),
                    window_us: 10_000,
                    on_cpu_us,
                    throttled_us,
                    waiting_us,
                    source: "cgroup cpu.stat at 10 ms".to_owned(),
                },
            )
        })
    }

    fn id(name: &str) -> ContainerId {
        ContainerId {
            workload: WorkloadId::new("shop", name),
            pod: format!("{name}-0"),
            container: "istio-proxy".to_owned(),
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(first in bursts(), second in bursts()) {
            let all = BTreeMap::from([(id("a"), first), (id("b"), second)]);
            prop_assert_eq!(parse(&print(&all), 10_000).unwrap(), all);
        }

        #[test]
        fn arbitrary_values_never_panic(values in "[0-9* a]*", from in "[0-9]{4}") {
            let text = format!("{}\nn,w,p,c,{from}-01-01T00:00:00Z,on_cpu,{values}\n", COLUMNS.join(","));
            let _ = parse(&text, 10_000);
        }
    }

    #[test]
    fn an_idle_second_takes_no_space() {
        let mut on_cpu_us = vec![0; 1_000];
        on_cpu_us[550] = 40;
        let one = Bursts {
            start: Timestamp(0),
            window_us: 10_000,
            throttled_us: vec![0; 1_000],
            on_cpu_us,
            waiting_us: None,
            source: "test".to_owned(),
        };
        let text = print(&BTreeMap::from([(id("a"), one)]));
        expect_test::expect![[r"
            # unit_us 10
            # window_us 10000
            # source test
            namespace,workload,pod,container,from,measure,values
            shop,a,a-0,istio-proxy,1970-01-01T00:00:00Z,on_cpu,0*100
            shop,a,a-0,istio-proxy,1970-01-01T00:00:05Z,on_cpu,0*50 4 0*49
            shop,a,a-0,istio-proxy,1970-01-01T00:00:09Z,on_cpu,0*100
        "]]
        .assert_eq(&text);
    }

    #[test]
    fn a_row_of_zeros_cannot_exhaust_memory() {
        let header = COLUMNS.join(",");
        for row in [
            "n,w,p,c,1970-01-01T00:00:00Z,on_cpu,0*99999999999",
            "n,w,p,c,1970-01-01T00:00:00Z,on_cpu,0\nn,w,p,c,2970-01-01T00:00:00Z,on_cpu,1",
        ] {
            let fault = parse(&format!("{header}\n{row}\n"), 10_000).err().unwrap();
            assert!(matches!(fault.reason, crate::error::FaultReason::Budget { .. }), "{row}");
        }
    }
}
