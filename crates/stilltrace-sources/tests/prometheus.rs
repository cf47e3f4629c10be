//! Evaluation over captured samples against a real Prometheus that imported the same samples.
#![allow(clippy::unwrap_used, reason = "a failure is the test's result")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says why")]

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stilltrace_capture::{Bundle, BundleWriter, Manifest, RawSeries};
use stilltrace_model::signal::{self, Scope};
use stilltrace_model::{
    ContainerId, EdgeId, Entity, Question, ServiceId, Timestamp, Want, Window, WorkloadId,
};
use stilltrace_sources::prometheus::{Evaluation, Query, SampleStore, query, times};

/// 2026-03-04T12:00:00Z in milliseconds.
const START: i64 = 1_772_625_600_000;
const SCRAPES: i64 = 14;

#[test]
fn every_signal_has_the_value_that_prometheus_gives_its_query() {
    let series = samples();
    let containers = containers();
    let Some(server) = Prometheus::start(&series) else { return };
    let window = Window { from: Timestamp(START), to: Timestamp(START + SCRAPES * 15_000) };
    let times = times(window);
    let store = SampleStore::new(&series);
    let evaluation = Evaluation::new(&store, &times);
    let (mut compared, mut without) = (0, Vec::new());
    for want in wants() {
        let Some(query) = query(&want, &containers) else { continue };
        let ours: Vec<(i64, f64)> = times
            .iter()
            .zip(evaluation.evaluate(&query).iter())
            .filter_map(|(time, value)| Some((time.0, (*value)?)))
            .collect();
        let theirs = server.query_range(&query, &times);
        assert_same(&query, &ours, &theirs);
        compared += ours.len();
        if ours.is_empty() {
            without.push(want.signal.name);
        }
    }
    assert!(compared > 1_000, "only {compared} values were compared");
    assert!(without.is_empty(), "no values at all for {without:?}");
}

fn assert_same(query: &Query, ours: &[(i64, f64)], theirs: &[(i64, f64)]) {
    let text = query.promql();
    let instants = |all: &[(i64, f64)]| all.iter().map(|(time, _)| *time).collect::<Vec<_>>();
    assert_eq!(instants(ours), instants(theirs), "{text}");
    for ((time, ours), (_, theirs)) in ours.iter().zip(theirs) {
        let close = (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0);
        assert!(close, "{text} at {time}: {ours} here, {theirs} there");
    }
}

fn wants() -> Vec<Want> {
    let mut wants = Vec::new();
    for signal in signal::ALL {
        // Windows are no business of Prometheus.
        if signal.remedy == signal::PROXY_STALLED.remedy {
            continue;
        }
        let entity = match signal.scope {
            Scope::Service => Entity::Service(ServiceId::new("shop", "checkout")),
            Scope::Edge => Entity::Edge(EdgeId::new(
                WorkloadId::new("shop", "web"),
                ServiceId::new("shop", "checkout"),
                8080,
            )),
            Scope::Workload => Entity::Workload(WorkloadId::new("shop", "checkout")),
            Scope::Mesh => Entity::Mesh,
        };
        wants.push(Want { signal: *signal, entity });
    }
    // A workload whose pods are known by their names only.
    let by_name = Entity::Workload(WorkloadId::new("shop", "web"));
    wants.extend([
        Want { signal: signal::APP_CPU, entity: by_name.clone() },
        Want { signal: signal::PROXY_CPU, entity: by_name },
    ]);
    // Workloads that are called from the middle on, and up to the middle.
    for name in ["late", "ended"] {
        let entity = Entity::Workload(WorkloadId::new("shop", name));
        wants.push(Want { signal: signal::INBOUND_REQUESTS, entity });
    }
    wants
}

fn containers() -> Vec<ContainerId> {
    let pods = ["checkout-6d4cf56db6-x7k2p", "checkout-6d4cf56db6-q9w8z"];
    let mut all = Vec::new();
    for pod in pods {
        for container in ["app", "istio-proxy"] {
            let workload = WorkloadId::new("shop", "checkout");
            all.push(ContainerId {
                workload,
                pod: pod.to_owned(),
                container: container.to_owned(),
            });
        }
    }
    all.sort();
    all
}

/// Counters that grow unevenly, some born late, some reset, some ended early.
fn samples() -> Vec<RawSeries> {
    let mut dice = Dice(7);
    let mut all = Vec::new();
    for reporter in ["source", "destination"] {
        for (code, flags) in [
            ("200", "-"),
            ("503", "UO"),
            ("503", "UF,URX"),
            ("0", "DC"),
            ("504", "UT"),
            ("404", "NR"),
        ] {
            for destination in ["checkout", "inventory"] {
                let labels = request_labels(reporter, destination, code, flags);
                all.push(counter("istio_requests_total", &labels, &mut dice, 40.0));
                all.extend(histogram(&labels, &mut dice));
            }
        }
    }
    let pods = [
        "checkout-6d4cf56db6-x7k2p",
        "checkout-6d4cf56db6-q9w8z",
        "web-6d4cf56db6-x7k2p",
        "web-api-0",
    ];
    for pod in pods {
        for container in ["app", "istio-proxy", "POD", ""] {
            let labels = [("container", container), ("namespace", "shop"), ("pod", pod)];
            all.push(counter("container_cpu_usage_seconds_total", &labels, &mut dice, 9.0));
            all.push(counter("container_cpu_cfs_periods_total", &labels, &mut dice, 150.0));
            all.push(counter(
                "container_cpu_cfs_throttled_periods_total",
                &labels,
                &mut dice,
                50.0,
            ));
        }
        let labels = [("namespace", "shop"), ("pod", pod)];
        all.push(counter("envoy_cluster_manager_cds_update_success", &labels, &mut dice, 2.0));
        all.push(counter("envoy_listener_manager_lds_update_success", &labels, &mut dice, 2.0));
    }
    for (name, calls) in [("late", 7..SCRAPES), ("ended", 0..7)] {
        let labels = request_labels("destination", name, "200", "-");
        all.push(steady("istio_requests_total", &labels, calls));
        let labels = [("namespace", "shop"), ("pod", &*format!("{name}-6d4cf56db6-x7k2p"))];
        all.push(steady("envoy_cluster_manager_cds_update_success", &labels, 0..SCRAPES));
    }
    for mode in ["user", "system", "idle", "iowait", "steal"] {
        all.push(counter(
            "node_cpu_seconds_total",
            &[("cpu", "0"), ("mode", mode)],
            &mut dice,
            30.0,
        ));
    }
    all.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
    all
}

fn request_labels<'a>(
    reporter: &'a str,
    destination: &'a str,
    code: &'a str,
    flags: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("destination_service_name", destination),
        ("destination_service_namespace", "shop"),
        ("destination_workload", destination),
        ("destination_workload_namespace", "shop"),
        ("reporter", reporter),
        ("response_code", code),
        ("response_flags", flags),
        ("source_workload", "web"),
        ("source_workload_namespace", "shop"),
    ]
}

fn counter(metric: &str, labels: &[(&str, &str)], dice: &mut Dice, growth: f64) -> RawSeries {
    let (born, ends) = (dice.up_to(3), SCRAPES - dice.up_to(3));
    let phase = dice.up_to(30) * 500 + 250;
    let mut value = dice.fraction() * 500.0;
    let mut points = Vec::new();
    for scrape in born..ends {
        value =
            if dice.up_to(20) == 0 { dice.fraction() } else { value + dice.fraction() * growth };
        points.push((Timestamp(START + scrape * 15_000 + phase), value));
    }
    raw(metric, labels, points)
}

/// A counter that grows by the same amount at each of the scrapes.
fn steady(metric: &str, labels: &[(&str, &str)], scrapes: std::ops::Range<i64>) -> RawSeries {
    let point = |scrape: i64| (Timestamp(START + scrape * 15_000), (scrape * 30) as f64);
    raw(metric, labels, scrapes.map(point).collect())
}

#[test]
fn a_counter_was_zero_before_it_began_and_is_unknown_after_it_ended() {
    let series = samples();
    let window = Window { from: Timestamp(START), to: Timestamp(START + SCRAPES * 15_000) };
    let times = times(window);
    let store = SampleStore::new(&series);
    let evaluation = Evaluation::new(&store, &times);
    let values = |name: &str| {
        let entity = Entity::Workload(WorkloadId::new("shop", name));
        let want = Want { signal: signal::INBOUND_REQUESTS, entity };
        evaluation.evaluate(&query(&want, &[]).unwrap())
    };
    let (late, ended, never) = (values("late"), values("ended"), values("never"));
    let zeros = late.iter().filter(|value| **value == Some(0.0)).count();
    assert!(zeros >= 10 && late.last().unwrap().unwrap() > 1.0, "{late:?}");
    assert!(ended.last().unwrap().is_none(), "{ended:?}");
    assert!(!ended.contains(&Some(0.0)), "{ended:?}");
    assert!(never.iter().all(Option::is_none), "{never:?}");
}

fn raw(metric: &str, labels: &[(&str, &str)], points: Vec<(Timestamp, f64)>) -> RawSeries {
    let filled = labels.iter().filter(|(_, value)| !value.is_empty());
    let mut labels: Vec<_> =
        filled.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    labels.sort();
    RawSeries { metric: metric.to_owned(), labels, points }
}

fn histogram(labels: &[(&str, &str)], dice: &mut Dice) -> Vec<RawSeries> {
    const BOUNDS: [&str; 8] = ["0.5", "1", "5", "25", "100", "250", "1000", "+Inf"];
    let phase = dice.up_to(30) * 500 + 250;
    let mut counts = [0.0; 8];
    let (mut sum, mut buckets) = (0.0, vec![Vec::new(); 8]);
    let mut sums = Vec::new();
    for scrape in 0..SCRAPES {
        let time = Timestamp(START + scrape * 15_000 + phase);
        for (at, count) in counts.iter_mut().enumerate() {
            *count += (dice.fraction() * 20.0).floor();
            sum += *count * at as f64;
        }
        let mut cumulative = 0.0;
        for (points, count) in buckets.iter_mut().zip(counts) {
            cumulative += count;
            points.push((time, cumulative));
        }
        sums.push((time, sum));
    }
    let name = "istio_request_duration_milliseconds";
    let count = buckets[7].clone();
    let mut all = vec![
        raw(&format!("{name}_sum"), labels, sums),
        raw(&format!("{name}_count"), labels, count),
    ];
    for (points, bound) in buckets.into_iter().zip(BOUNDS) {
        let mut labels = labels.to_vec();
        labels.push(("le", bound));
        all.push(raw(&format!("{name}_bucket"), &labels, points));
    }
    all
}

/// A small generator of the same numbers every time (Knuth's MMIX constants).
struct Dice(u64);

impl Dice {
    fn fraction(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / f64::from(1_u32 << 24)
    }

    fn up_to(&mut self, limit: i64) -> i64 {
        (self.fraction() * limit as f64) as i64
    }
}

/// A Prometheus on the loopback interface with imported samples, ended when dropped.
struct Prometheus {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// `None`, with the reason printed, where it is not installed.
    fn start(series: &[RawSeries]) -> Option<Self> {
        for program in ["prometheus", "promtool"] {
            if Command::new(program).arg("--version").output().is_err() {
                eprintln!("skipped: {program} is not installed");
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let (text, data) = (folder.path().join("samples.om"), folder.path().join("data"));
        std::fs::write(&text, open_metrics(series)).unwrap();
        let import = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([&text, &data])
            .output()
            .unwrap();
        assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--storage.tsdb.retention.time=100y")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port, _folder: folder };
        for _ in 0..300 {
            if server.get("/-/ready").is_some_and(|answer| answer.starts_with("HTTP/1.0 200")) {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("prometheus did not become ready");
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Milliseconds and values, without those that are not a number.
    fn query_range(&self, query: &Query, times: &[Timestamp]) -> Vec<(i64, f64)> {
        let (first, last) = (times[0].0 / 1_000, times[times.len() - 1].0 / 1_000);
        let step = (times[1].0 - times[0].0) / 1_000;
        let text: String = query.promql().bytes().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "%{byte:02x}");
            text
        });
        let path = format!("/api/v1/query_range?query={text}&start={first}&end={last}&step={step}");
        let answer = self.get(&path).unwrap();
        assert!(answer.contains("\"status\":\"success\""), "{}: {answer}", query.promql());
        assert!(answer.matches("\"values\"").count() <= 1, "more than one series: {answer}");
        let Some((_, values)) = answer.split_once("\"values\":[[") else { return Vec::new() };
        let values = values.split_once("]]").unwrap().0;
        let pair = |pair: &str| {
            let (time, value) = pair.split_once(',').unwrap();
            (time.parse::<i64>().unwrap() * 1_000, value.trim_matches('"').parse::<f64>().unwrap())
        };
        values.split("],[").map(pair).filter(|(_, value)| !value.is_nan()).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text that a capture would hold, taken from one so that its format is tested too.
fn open_metrics(series: &[RawSeries]) -> Vec<u8> {
    let window = Window { from: Timestamp(START), to: Timestamp(START + 1_000) };
    let question =
        Question { service: ServiceId::new("shop", "web"), window, target_seconds: None };
    let mut writer = BundleWriter::new(Manifest::new(&question));
    writer.samples("prometheus", series);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("capture");
    writer.write_folder(&root).unwrap();
    assert_eq!(Bundle::open(&root).unwrap().samples(), series);
    read(&root.join("samples/prometheus.om"))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
