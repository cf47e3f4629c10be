//! What a run leaves for the recorder: CPU rows, client latencies, samples, log counts, noise.
//!
//! Nothing here decides anything; the recorder turns it into a capture.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

use crate::pods::ContainerEntry;
use crate::prometheus::RawSeries;

/// Length of the periods in which log lines are counted, in milliseconds: phases of any length hold
/// whole ones.
pub const LOG_PERIOD_MS: u64 = 1_000;
/// Most different kinds of log lines and periods that are counted; the rest is left out.
const MAX_KINDS: usize = 200_000;
/// Longest line of a record or log that is read, in bytes.
const MAX_LINE: usize = 1 << 20;

/// Everything a run recorded.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// The containers, in the order of the columns of `cpu`.
    pub containers: Vec<ContainerEntry>,
    /// CPU use and throttling in short windows; absent if nothing was sampled.
    pub cpu: Option<CpuRecord>,
    /// What clients saw; absent if there was no load.
    pub clients: Option<ClientRecord>,
    /// Raw samples of Prometheus, sorted by labels.
    pub series: Vec<RawSeries>,
    /// Access log lines counted by kind and period, sorted.
    pub logs: Vec<LogCount>,
    /// What else happened on the machine.
    pub noise: Noise,
    /// Pushes of configuration, in order of time.
    pub pushes: Vec<crate::mesh::Applied>,
    /// Who configured the proxies.
    pub profile: crate::profile::Profile,
    /// Versions of the programs that ran, by name.
    pub versions: BTreeMap<String, String>,
    /// Length of a scrape interval in seconds.
    pub scrape_seconds: u64,
    /// What the API server held and wrote down, where there was one.
    pub(crate) cluster: Option<crate::cluster::Evidence>,
}

/// CPU use of all containers in short windows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CpuRecord {
    /// Start of the first window in microseconds of Unix time.
    pub start_unix_us: u64,
    /// Container ids, one per column.
    pub containers: Vec<String>,
    /// One row per window, in order of time.
    pub rows: Vec<CpuRow>,
}

/// One window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuRow {
    /// End of the window in microseconds after the start of the record.
    pub end_us: u64,
    /// Real length of the window in microseconds: divide by this, not by the nominal tick.
    pub elapsed_us: u32,
    /// Per container: microseconds on CPU and microseconds throttled.
    pub cells: Vec<(u32, u32)>,
}

/// Requests as the clients saw them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientRecord {
    /// Start of the load in microseconds of Unix time.
    pub start_unix_us: u64,
    /// Requests in order of their scheduled arrival.
    pub rows: Vec<ClientRow>,
}

/// One request of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientRow {
    /// Scheduled arrival in microseconds after the start of the load.
    pub due_us: u64,
    /// Time from the scheduled arrival to the end of the answer, in microseconds.
    pub latency_us: u64,
    /// HTTP status, or below 100 the client's own ([`crate::roles::load`]).
    pub status: u16,
}

/// Access log lines of one kind in one period.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogCount {
    /// Start of the period in milliseconds of Unix time, a multiple of [`LOG_PERIOD_MS`].
    pub period_unix_ms: u64,
    /// What the lines have in common.
    pub kind: LogKind,
    /// Number of lines.
    pub count: u64,
    /// Sum of the durations in milliseconds.
    pub duration_ms: u64,
    /// Longest duration in milliseconds.
    pub longest_ms: u64,
    /// The line with the longest duration, as the proxy wrote it.
    pub exemplar: String,
}

/// What access log lines of a kind have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogKind {
    /// Kubernetes namespace of the pod whose proxy wrote it.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The cluster the request went to: `inbound|…` at the server, `outbound|…` at the client.
    pub upstream_cluster: String,
    /// Status of the answer.
    pub response_code: u16,
    /// Envoy's flags, `-` for none.
    pub response_flags: String,
    /// Envoy's words for the outcome.
    pub response_code_details: String,
}

/// What else happened on the machine while the load ran.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Noise {
    /// CPU used by everything outside the lab, in cores.
    pub other_cores: f64,
    /// Time stolen by the hypervisor, in cores.
    pub steal_cores: f64,
    /// CPU used by the lab's own processes, tools included, in cores.
    pub lab_cores: f64,
    /// Number of CPUs of the machine.
    pub cpus: usize,
    /// Load average over the last minute at the end.
    pub load_average: f64,
    /// Whether clients and sampler had real-time priority. Without it latencies mean little.
    pub realtime: bool,
}

/// CPU time of the machine since boot, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MachineCpu {
    /// Everything but idle and stolen time.
    pub busy: f64,
    /// Time stolen by the hypervisor.
    pub steal: f64,
}

impl MachineCpu {
    /// Reads `/proc/stat`.
    pub fn now() -> io::Result<Self> {
        Ok(Self::parse(&std::fs::read_to_string("/proc/stat")?))
    }

    /// Reads the first line: user nice system idle iowait irq softirq steal (`man 5 proc`).
    fn parse(stat: &str) -> Self {
        let fields: Vec<f64> = stat
            .lines()
            .next()
            .unwrap_or_default()
            .split_ascii_whitespace()
            .skip(1)
            .map(|field| field.parse::<f64>().unwrap_or(0.0) / 100.0)
            .collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or(0.0);
        Self { busy: [0, 1, 2, 5, 6].map(field).iter().sum(), steal: field(7) }
    }
}

/// Reads the record of the `sample` role.
pub fn read_cpu(path: &Path) -> io::Result<CpuRecord> {
    let mut record = CpuRecord::default();
    each_line(path, |line| {
        if let Some(start) = line.strip_prefix("# start_unix_us ") {
            record.start_unix_us = start.parse().ok()?;
        } else if let Some(header) = line.strip_prefix("t_us,elapsed_us") {
            record.containers = header.split(',').skip(1).map(str::to_owned).collect();
        } else {
            let mut fields = line.split(',');
            let end_us = fields.next()?.parse().ok()?;
            let elapsed_us = fields.next()?.parse().ok()?;
            let cells = fields.map(cell).collect::<Option<Vec<_>>>()?;
            (cells.len() == record.containers.len()).then_some(())?;
            record.rows.push(CpuRow { end_us, elapsed_us, cells });
        }
        Some(())
    })?;
    Ok(record)
}

/// One cell: empty, `USAGE` or `USAGE/THROTTLED`.
fn cell(text: &str) -> Option<(u32, u32)> {
    match text.split_once('/') {
        None if text.is_empty() => Some((0, 0)),
        None => Some((text.parse().ok()?, 0)),
        Some((usage, throttled)) => Some((usage.parse().ok()?, throttled.parse().ok()?)),
    }
}

/// Reads the record of the `load` role.
pub fn read_clients(path: &Path) -> io::Result<ClientRecord> {
    let mut record = ClientRecord::default();
    each_line(path, |line| {
        if let Some(start) = line.strip_prefix("# start_unix_us ") {
            record.start_unix_us = start.parse().ok()?;
            return Some(());
        }
        let mut fields = line.split(',');
        let mut number = || fields.next()?.parse::<u64>().ok();
        let (due_us, latency_us, status) = (number()?, number()?, number()?);
        let status = u16::try_from(status).ok()?;
        record.rows.push(ClientRow { due_us, latency_us, status });
        Some(())
    })?;
    Ok(record)
}

/// Calls `take` with each line; a line it refuses is an error, but for a last one that was cut.
fn each_line(path: &Path, mut take: impl FnMut(&str) -> Option<()>) -> io::Result<()> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = String::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        if io::Read::take(&mut reader, MAX_LINE as u64).read_line(&mut line)? == 0 {
            return Ok(());
        }
        number += 1;
        let Some(whole) = line.strip_suffix('\n') else { return Ok(()) };
        if take(whole).is_none() {
            let message = format!("{}:{number}: not a line of this record", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
    }
}

/// The fields of an access log line that are counted by.
#[derive(Deserialize)]
struct LogLine {
    #[serde(default)]
    start_time: String,
    #[serde(default)]
    upstream_cluster: Option<String>,
    #[serde(default)]
    response_code: u16,
    #[serde(default)]
    response_flags: Option<String>,
    #[serde(default)]
    response_code_details: Option<String>,
    #[serde(default)]
    duration: u64,
}

/// Counts the access log of one pod into `counts`. Lines that are not JSON are passed over: the
/// last one may be half written.
pub fn count_log(
    path: &Path,
    namespace: &str,
    pod: &str,
    counts: &mut BTreeMap<(u64, LogKind), LogCount>,
) -> io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    each_line(path, |text| {
        let Ok(line) = serde_json::from_str::<LogLine>(text) else { return Some(()) };
        let Some(at) = unix_ms(&line.start_time) else { return Some(()) };
        let period_unix_ms = at - at % LOG_PERIOD_MS;
        let kind = LogKind {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            upstream_cluster: line.upstream_cluster.unwrap_or_else(|| "-".to_owned()),
            response_code: line.response_code,
            response_flags: line.response_flags.unwrap_or_else(|| "-".to_owned()),
            response_code_details: line.response_code_details.unwrap_or_else(|| "-".to_owned()),
        };
        let key = (period_unix_ms, kind);
        if counts.len() >= MAX_KINDS && !counts.contains_key(&key) {
            return Some(());
        }
        let count = counts.entry(key.clone()).or_insert_with(|| LogCount {
            period_unix_ms,
            kind: key.1,
            count: 0,
            duration_ms: 0,
            longest_ms: 0,
            exemplar: String::new(),
        });
        count.count += 1;
        count.duration_ms += line.duration;
        if count.exemplar.is_empty() || line.duration > count.longest_ms {
            count.longest_ms = line.duration;
            text.clone_into(&mut count.exemplar);
        }
        Some(())
    })
}

/// Milliseconds of Unix time of Envoy's `%START_TIME%`, such as `2026-03-04T05:06:07.089Z`.
///
/// Days since 1970 by the civil calendar (Hinnant, "chrono-compatible low-level date algorithms").
fn unix_ms(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, milli) =
        (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    u64::try_from(seconds * 1_000 + milli).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed read is a failed test")]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_cpu_record_keeps_real_lengths_and_elided_zeros() {
        let text =
            "# start_unix_us 5\nt_us,elapsed_us,aa,bb\n10000,10000,,7\n25000,15000,3/4,\n2600";
        let record = read_cpu(file(text).path()).unwrap();
        assert_eq!(record.containers, ["aa", "bb"]);
        assert_eq!(record.rows[0].cells, [(0, 0), (7, 0)]);
        assert_eq!(record.rows[1].elapsed_us, 15_000);
        assert_eq!(record.rows[1].cells, [(3, 4), (0, 0)]);
        assert_eq!(record.rows.len(), 2, "a cut last line is left out");
    }

    #[test]
    fn a_foreign_line_is_named() {
        let file = file("# start_unix_us 5\nt_us,elapsed_us,aa\nhello\n");
        let error = read_cpu(file.path()).unwrap_err().to_string();
        assert!(error.contains(":3: "), "{error}");
    }

    #[test]
    fn start_times_become_unix_time() {
        assert_eq!(unix_ms("1970-01-01T00:00:00.001Z"), Some(1));
        assert_eq!(unix_ms("2024-02-29T12:00:00.000Z"), Some(1_709_208_000_000));
        assert_eq!(unix_ms("yesterday"), None);
    }

    #[test]
    fn log_lines_are_counted_by_kind_and_period() {
        let line = |second: u32, code: u16, duration: u32| {
            format!(
                "{{\"start_time\":\"2024-02-29T12:00:{second:02}.000Z\",\"response_code\":{code},\
                 \"response_flags\":\"-\",\"duration\":{duration},\"upstream_cluster\":\"c\"}}\n"
            )
        };
        let text = [line(1, 200, 5), line(1, 200, 9), line(2, 200, 1), line(1, 503, 2)].concat();
        let mut counts = BTreeMap::new();
        count_log(file(&text).path(), "shop", "front-1", &mut counts).unwrap();
        let all: Vec<_> = counts.values().collect();
        assert_eq!(all.len(), 3);
        let ok = all.iter().find(|count| count.count == 2).unwrap();
        assert_eq!((ok.duration_ms, ok.longest_ms, ok.kind.response_code), (14, 9, 200));
        assert!(ok.exemplar.contains("\"duration\":9"));
    }

    #[test]
    fn busy_time_leaves_out_idle_and_steal() {
        let cpu = MachineCpu::parse("cpu  100 0 100 5000 300 0 0 700 0 0\n");
        assert_eq!(cpu, MachineCpu { busy: 2.0, steal: 7.0 });
    }
}
