//! The signals that a scenario names, measured in each phase of a run.

use serde::{Deserialize, Serialize};
use stilltrace_model::ContainerId;

use super::{calls, figures};
use crate::harvest::LOG_PERIOD_MS;
use crate::run::Run;
use crate::scenario::{Move, Signal};

/// A signal with its values in the phases of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// What the scenario asks for.
    pub wanted: Move,
    /// Before the change.
    pub quiet: f64,
    /// With it.
    pub fault: f64,
    /// After it was taken back; absent in a run without that phase.
    pub recovered: Option<f64>,
}

/// A phase: from and to in milliseconds of Unix time.
pub(super) type Phase = (i64, i64);

/// Every signal of the scenario, measured.
pub(super) fn of(run: &Run, quiet: Phase, fault: Phase, recovery: Option<Phase>) -> Vec<Moved> {
    let measured = |wanted: &Move| Moved {
        wanted: wanted.clone(),
        quiet: measure(run, wanted, quiet),
        fault: measure(run, wanted, fault),
        recovered: recovery.map(|phase| measure(run, wanted, phase)),
    };
    run.incident.scenario.moves.iter().map(measured).collect()
}

fn measure(run: &Run, wanted: &Move, phase: Phase) -> f64 {
    let seconds = ((phase.1 - phase.0) as f64 / 1e3).max(0.001);
    let of = wanted.of.as_deref();
    let clients = || figures::clients(run, phase.0, phase.1);
    let value = match wanted.signal {
        Signal::ClientRate => clients().requests as f64 / seconds,
        Signal::ClientP50 => clients().p50_ms,
        Signal::ClientP99 => clients().p99_ms,
        Signal::ClientErrors => clients().failed_percent,
        Signal::ProxyCpu => cores(run, of, true, phase, phase.1 - phase.0),
        Signal::ProxyCpu15s => cores(run, of, true, phase, 15_000),
        Signal::ProxyCpu100ms => cores(run, of, true, phase, 100),
        Signal::AppCpu => cores(run, of, false, phase, phase.1 - phase.0),
        Signal::AppCpu100ms => cores(run, of, false, phase, 100),
        Signal::ProxyThrottled => {
            figures::throttled_s(run, &columns(run, of, true), phase.0, phase.1) / seconds
        }
        Signal::AppThrottled => {
            figures::throttled_s(run, &columns(run, of, false), phase.0, phase.1) / seconds
        }
        Signal::ServerRate => {
            lines(run, of, phase, |kind| kind.upstream_cluster.starts_with("inbound|"))
        }
        Signal::Flagged => lines(run, of, phase, |kind| {
            let flag = wanted.flag.as_deref().unwrap_or_default();
            kind.response_flags.split(',').any(|found| found == flag)
        }),
        Signal::Pushes => {
            let inside =
                |at: u64| i64::try_from(at).is_ok_and(|at| (phase.0..phase.1).contains(&at));
            let pushes = run.records.pushes.iter().filter(|push| inside(push.unix_ms));
            pushes.map(|push| push.files.len()).sum::<usize>() as f64 / seconds
        }
        Signal::Counter => counter(run, wanted, phase),
    };
    (value * 1e4).round() / 1e4
}

/// Whether a workload or pod belongs to what a scenario calls `of`.
fn belongs(name: &str, of: Option<&str>) -> bool {
    of.is_none_or(|of| {
        name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

fn columns(run: &Run, of: Option<&str>, proxies: bool) -> Vec<usize> {
    let gateway = &run.incident.topology.gateway.name;
    let of = of.map(|of| if of == "gateway" { gateway.as_str() } else { of });
    figures::columns(run, |entry| {
        (entry.container == ContainerId::SIDECAR) == proxies && belongs(&entry.workload, of)
    })
}

fn cores(run: &Run, of: Option<&str>, proxies: bool, phase: Phase, span_ms: i64) -> f64 {
    run.records.cpu.as_ref().map_or(0.0, |cpu| {
        figures::highest(cpu, &columns(run, of, proxies), phase.0, phase.1, span_ms)
    })
}

/// Access log lines per second. Lines are counted in periods, so only those that lie inside the
/// phase count.
fn lines(
    run: &Run,
    of: Option<&str>,
    phase: Phase,
    wanted: impl Fn(&crate::harvest::LogKind) -> bool,
) -> f64 {
    let period = i64::try_from(LOG_PERIOD_MS).unwrap_or(i64::MAX);
    let first = phase.0.div_euclid(period) + i64::from(phase.0.rem_euclid(period) > 0);
    let periods = (phase.1.div_euclid(period) - first).max(0);
    let inside = |at: u64| {
        let index = i64::try_from(at).unwrap_or(0).div_euclid(period);
        (first..first + periods).contains(&index)
    };
    let all = run.records.logs.iter().filter(|count| inside(count.period_unix_ms));
    let ours = all.filter(|count| belongs(&count.kind.pod, of) && wanted(&count.kind));
    let count: u64 = ours.map(|count| count.count).sum();
    count as f64 * 1e3 / (periods.max(1) * period) as f64
}

/// Increase of the counter per second, between the first and the last scrape of the phase: what a
/// scrape finds of the time before its phase is not the phase's.
fn counter(run: &Run, wanted: &Move, phase: Phase) -> f64 {
    let fits = |series: &&crate::prometheus::RawSeries| {
        Some(series.name()) == wanted.metric.as_deref()
            && wanted.labels.iter().all(|(key, value)| series.labels.get(key) == Some(value))
            && belongs(series.labels.get("pod").map_or("", String::as_str), wanted.of.as_deref())
    };
    let all = run.records.series.iter().filter(fits);
    all.map(|series| {
        let (from, to) = scrapes(series, phase).unwrap_or(phase);
        calls::increase(series, from, to) * 1e3 / ((to - from) as f64).max(1.0)
    })
    .sum()
}

/// Times just behind the first and the last scrape of a phase; nothing if it has only one.
fn scrapes(series: &crate::prometheus::RawSeries, phase: Phase) -> Option<Phase> {
    let times = series.samples.iter().map(|(seconds, _)| (seconds * 1e3).round() as i64);
    let mut inside = times.filter(|at| (phase.0..phase.1).contains(at));
    let first = inside.next()?;
    let last = inside.next_back()?;
    Some((first + 1, last + 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::prometheus::RawSeries;

    #[test]
    fn a_counter_is_measured_between_the_scrapes_of_its_phase() {
        let samples = [(0.0, 0), (15.0, 9), (30.0, 9), (45.0, 12)];
        let samples = samples.map(|(at, value)| (at, value.to_string())).to_vec();
        let series = RawSeries { labels: BTreeMap::new(), samples };
        assert_eq!(scrapes(&series, (10_000, 50_000)), Some((15_001, 45_001)));
        let (from, to) = scrapes(&series, (10_000, 50_000)).unwrap_or_default();
        assert!((calls::increase(&series, from, to) - 3.0).abs() < 1e-9);
        assert_eq!(scrapes(&series, (10_000, 20_000)), None);
    }
}
