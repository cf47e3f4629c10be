//! A real mesh on this machine: it carries traffic, follows pushes, and leaves nothing behind.
//!
//! Skipped with a printed reason where the machine does not permit namespaces or has no Envoy. One
//! mesh runs at a time. Nothing here judges a latency: only counters and what remains.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

mod cluster;
mod istio;
mod leftovers;
mod settings;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use leftovers::{assert_nothing_left, processes_of};

use stilltrace_lab::defaults;
use stilltrace_lab::harvest::Records;
use stilltrace_lab::host::state;
use stilltrace_lab::mesh::{Mesh, MeshOptions};
use stilltrace_lab::pods;
use stilltrace_lab::profile::Profile;
use stilltrace_lab::topology::Topology;
use stilltrace_model::{
    AbortStatus, FaultRule, Injected, LoadBalancer, Millicores, Mirror, NamedCondition, Origin,
    OutlierDetection, PathCondition, Platform, RetryBudget, RouteMatch, ServiceId, Setting, Target,
    TextCondition, TlsMode, WorkloadId,
};

const LAB: &str = env!("CARGO_BIN_EXE_stilltrace-lab");
const SHOP: &str = "\
gateway: {calls: [frontend]}
services:
- {name: frontend, namespace: shop, cpu_us: 80, sleep_us: 500, calls: [catalog, checkout]}
- {name: checkout, namespace: shop, cpu_us: 100, sleep_us: 800, calls: [payments]}
- {name: payments, namespace: shop, replicas: 3, cpu_us: 100, sleep_us: 1500, calls: [ledger]}
- name: ledger
  namespace: shop
  cpu_us: 80
  sleep_us: 4000
  pool: 2
  slow: {every_ms: 9000, for_ms: 300, extra_us: 100000, after_ms: 4000}
- {name: catalog, namespace: shop, cpu_us: 120, sleep_us: 1500}
- {name: shadow, namespace: shop, cpu_us: 100, sleep_us: 1500}
traffic: {rate: 100, timeout_ms: 5000}
";

/// One mesh at a time: two would measure each other.
static ONE: Mutex<()> = Mutex::new(());

/// Waits until no other mesh runs.
fn one() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The options of a mesh, or `None` with the reason printed.
fn options() -> Option<MeshOptions> {
    match MeshOptions::find(1) {
        Ok(options) => Some(MeshOptions { lab: LAB.into(), scrape_seconds: 5, ..options }),
        Err(missing) => {
            eprintln!("skipped: {missing}");
            None
        }
    }
}

/// Boots the shop, or `None` with the reason printed.
fn boot(topology: &Topology, platform: &Platform) -> Option<Mesh> {
    match Mesh::boot(options()?, topology.clone(), platform) {
        Ok(mesh) => Some(mesh),
        Err(error) if error.is_not_permitted() => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Sets `perTryTimeout: 100ms` and `attempts` on the edges of payments to ledger.
fn retry(platform: &mut Platform, attempts: u32) {
    let ledger = ServiceId::new("shop", "ledger");
    for edge in platform.edges.values_mut().filter(|edge| *edge.id.destination == ledger) {
        for route in Arc::make_mut(&mut edge.routes) {
            route.retries.attempts.value = attempts;
            route.retries.per_try_timeout.value = Some(Duration::from_millis(100));
            route.retries.retry_on.value =
                ["5xx", "reset", "connect-failure"].map(str::to_owned).to_vec();
        }
    }
}

/// Sum of the last samples of the series with these labels.
fn total(records: &Records, name: &str, labels: &[(&str, &str)]) -> f64 {
    let is_meant = |series: &&stilltrace_lab::prometheus::RawSeries| {
        series.name() == name
            && labels
                .iter()
                .all(|(key, value)| series.labels.get(*key).is_some_and(|it| it == value))
    };
    records
        .series
        .iter()
        .filter(is_meant)
        .filter_map(stilltrace_lab::prometheus::RawSeries::last)
        .sum()
}

#[test]
fn a_mesh_carries_traffic_and_follows_pushes() {
    let _one = one();
    let topology = Topology::parse(SHOP).unwrap();
    let mut platform = defaults::platform(&pods::plan(&topology, 1));
    retry(&mut platform, 2);
    let Some(mut mesh) = boot(&topology, &platform) else { return };
    assert_eq!(mesh.pods().len(), 9);
    let folder = mesh.folder().to_path_buf();
    assert!(mesh.apply(&platform).unwrap().files.is_empty(), "nothing changed, nothing pushed");

    mesh.load(&topology.traffic, 24).unwrap();
    std::thread::sleep(Duration::from_secs(8));
    let tries_before = per_try_timeouts(&mesh);
    retry(&mut platform, 10);
    let checkout = WorkloadId::new("shop", "checkout");
    let proxy = platform.workloads.get_mut(&checkout).unwrap().sidecar.as_mut().unwrap();
    proxy.cpu_limit.value = Some(Millicores(100));
    let pushed = mesh.apply(&platform).unwrap();
    // Every proxy sees every service, so every proxy gets the route; nothing else changed.
    assert!(pushed.files.iter().all(|(_, kind)| *kind == "rds"), "{:?}", pushed.files);
    assert_eq!(pushed.files.len(), 8, "the gateway routes to its own callee only");
    assert_eq!(pushed.limits.len(), 1);
    assert!(pushed.restarts.is_empty());

    mesh.wait_for_load().unwrap();
    let tries = per_try_timeouts(&mesh) - tries_before;
    std::thread::sleep(Duration::from_secs(6));
    let records = mesh.records(60).unwrap();
    summarise(&records, &pushed, tries);
    check_metrics(&records);
    check_records(&records);
    assert!(tries > 200, "{tries} tries timed out after the push");
    mesh.shutdown().unwrap();
    assert_nothing_left(&folder);
}

/// Tries that ran out of time in the proxies of payments.
fn per_try_timeouts(mesh: &Mesh) -> u64 {
    let payments = mesh.pods().iter().filter(|pod| pod.service.name == "payments");
    payments
        .map(|pod| {
            let counters = mesh.proxy_counters(&pod.name, "upstream_rq_per_try_timeout$").unwrap();
            counters.values().sum::<u64>()
        })
        .sum()
}

/// Prints what a reader of a failure wants to know.
fn summarise(records: &Records, pushed: &stilltrace_lab::mesh::Applied, tries: u64) {
    let clients = records.clients.as_ref().unwrap();
    let mut seconds: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
    for row in &clients.rows {
        let second = seconds.entry(row.due_us / 1_000_000).or_default();
        second.0 += 1;
        second.1 += u32::from(row.status != 200);
    }
    eprintln!("push took {} ms; tries timed out: {tries}", pushed.settled_unix_ms - pushed.unix_ms);
    eprintln!("requests and failures by second: {:?}", seconds.values().collect::<Vec<_>>());
    eprintln!("{:?}", records.noise);
}

/// Istio's metrics of both ends of an edge, the kubelet's, and only what stock Istio shows.
fn check_metrics(records: &Records) {
    let edge = [
        ("source_workload", "frontend"),
        ("destination_workload", "checkout"),
        ("destination_service", "checkout.shop.svc.cluster.local"),
        ("destination_service_name", "checkout"),
        ("destination_service_namespace", "shop"),
    ];
    for (reporter, policy) in [("source", "unknown"), ("destination", "mutual_tls")] {
        let labels =
            [edge.as_slice(), &[("reporter", reporter), ("connection_security_policy", policy)]];
        let counted = total(records, "istio_requests_total", &labels.concat());
        assert!(counted > 500.0, "{reporter} counted {counted} requests");
        let timed = total(records, "istio_request_duration_milliseconds_count", &labels.concat());
        assert!(timed > 500.0, "{reporter} timed {timed} requests");
    }
    let is_hidden = |name: &str| name.contains("upstream_cx_length_ms");
    assert!(!records.series.iter().any(|series| is_hidden(series.name())), "neither view shows it");
    let sidecar = [("container", "istio-proxy"), ("namespace", "shop")];
    assert!(total(records, "container_cpu_usage_seconds_total", &sidecar) > 0.5);
    assert!(total(records, "container_cpu_cfs_throttled_seconds_total", &sidecar) > 0.01);
}

/// The records that the recorder needs.
fn check_records(records: &Records) {
    let clients = records.clients.as_ref().unwrap();
    assert!((2_000..2_900).contains(&clients.rows.len()), "{} requests", clients.rows.len());
    let early: Vec<_> = clients.rows.iter().filter(|row| row.due_us < 3_500_000).collect();
    let failed = early.iter().filter(|row| row.status != 200).count();
    assert!(
        failed * 50 < early.len(),
        "{failed} of {} failed before anything happened",
        early.len()
    );
    let cpu = records.cpu.as_ref().unwrap();
    assert_eq!(cpu.containers.len(), 17);
    let throttled = |row: &stilltrace_lab::harvest::CpuRow| row.cells.iter().any(|cell| cell.1 > 0);
    assert!(cpu.rows.iter().any(throttled), "the limit shows in the record");
    assert!(records.logs.iter().any(|log| log.kind.upstream_cluster == "inbound|8080||"));
    assert_eq!(records.pushes.len(), 2);
}

/// Gives the edge of frontend to catalog every kind of setting at once.
fn set_everything(platform: &mut Platform) {
    let unset = |percent| Setting::default_of(percent, "test");
    let id = platform
        .edges
        .keys()
        .find(|id| id.source.name == "frontend" && id.destination.name == "catalog");
    let id = id.unwrap().clone();
    let edge = platform.edges.get_mut(&id).unwrap();
    let labels = BTreeMap::from([("app".to_owned(), "catalog".to_owned())]);
    let labels = Setting::default_of(labels, "test");
    for (subset, balancer) in [("a", LoadBalancer::ConsistentHash), ("b", LoadBalancer::Random)] {
        let mut policy = defaults::policy();
        policy.load_balancer.value = balancer;
        policy.pool.idle_timeout.value = Some(Duration::from_mins(1));
        policy.tls.value = if subset == "a" { TlsMode::Simple } else { TlsMode::Mutual };
        Arc::make_mut(&mut edge.subsets)
            .insert(subset.to_owned(), (labels.clone(), Box::new(policy)));
    }
    let policy = Arc::make_mut(&mut edge.policy);
    policy.outlier = Some(Box::new(OutlierDetection {
        consecutive_5xx: unset(0),
        interval: Setting::default_of(Duration::from_secs(1), "test"),
        max_ejection_percent: unset(100),
        ..OutlierDetection::unset(Origin::Default { of: "test".into() }, "test")
    }));
    policy.retry_budget = Some(Box::new(RetryBudget {
        percent: Setting::default_of(20.0, "test"),
        min_concurrency: unset(3),
    }));
    policy.pool.max_requests_per_connection.value = Some(1);
    let mut narrow = edge.routes[0].clone();
    let named =
        |name: &str, inverted, value| NamedCondition { name: name.to_owned(), inverted, value };
    let exact = |text: &str| TextCondition::Exact(text.to_owned());
    narrow.matches = RouteMatch {
        path: Some(PathCondition::Prefix("/api".to_owned())),
        ignore_case: true,
        headers: vec![
            named(":method", false, exact("GET")),
            named("x-user", false, TextCondition::Prefix("a".to_owned())),
            named("x-skip", true, TextCondition::Present),
            named(":authority", false, TextCondition::Regex(".*shop.*".to_owned())),
        ],
        query: vec![named("debug", false, exact("1"))],
        claims: Vec::new(),
    };
    narrow.timeout.value = Some(Duration::from_secs(3));
    narrow.retries.retry_on.value = ["5xx", "503"].map(str::to_owned).to_vec();
    narrow.fault = Some(Box::new(FaultRule {
        delay: Some(Injected {
            fault: Setting::default_of(Duration::from_millis(400), "test"),
            percent: Setting::default_of(5.0, "test"),
        }),
        abort: Some(Injected {
            fault: Setting::default_of(AbortStatus::Http(503), "test"),
            percent: Setting::default_of(0.1, "test"),
        }),
    }));
    let shadow = ServiceId::new("shop", "shadow");
    let host = "shadow.shop.svc.cluster.local".to_owned();
    narrow.mirrors = vec![Mirror {
        to: Target::implied(shadow, host, 8080, "test"),
        percent: Setting::default_of(100.0, "test"),
    }];
    let mut second = narrow.destinations[0].clone();
    second.to.subset = Some("b".to_owned());
    narrow.destinations.push(second);
    let mut regex = edge.routes[0].clone();
    let path = |path| RouteMatch { path: Some(path), ..RouteMatch::default() };
    regex.matches = path(PathCondition::Regex("/item/[0-9]+".to_owned()));
    let mut itself = edge.routes[0].clone();
    itself.matches = path(PathCondition::Exact("/health".to_owned()));
    itself.destinations.clear();
    let all = [narrow, regex, itself].into_iter().chain(edge.routes.iter().cloned());
    edge.routes = all.collect();
}

#[test]
fn envoy_accepts_every_kind_of_setting() {
    let _one = one();
    let topology = Topology::parse(SHOP).unwrap();
    let mut platform = defaults::platform(&pods::plan(&topology, 1));
    let Some(mut mesh) = boot(&topology, &platform) else { return };
    set_everything(&mut platform);
    let frontend = platform.workloads.get_mut(&WorkloadId::new("shop", "frontend")).unwrap();
    let proxy = frontend.sidecar.as_mut().unwrap();
    for recording in [&mut proxy.telemetry.outbound, &mut proxy.telemetry.inbound] {
        recording.tracing_percent.value = 100.0;
        recording.access_log.value = false;
    }
    let pushed = mesh.apply(&platform).unwrap();
    let kinds: Vec<_> = pushed.files.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(kinds, ["cds", "rds", "lds"], "clusters before routes before listeners");
    assert!(pushed.restarts.is_empty());
    let frontend = platform.workloads.get_mut(&WorkloadId::new("shop", "frontend")).unwrap();
    frontend.sidecar.as_mut().unwrap().concurrency.value = Some(1);
    let pushed = mesh.apply(&platform).unwrap();
    assert!(pushed.files.is_empty());
    assert_eq!(pushed.restarts.len(), 1, "worker threads are read at start");
    mesh.shutdown().unwrap();
}

#[test]
fn a_killed_lab_leaves_nothing_behind() {
    let _one = one();
    let topology = Topology::parse(SHOP).unwrap();
    // A machine that does not permit a mesh is found out here.
    let Some(mesh) = boot(&topology, &defaults::platform(&pods::plan(&topology, 1))) else {
        return;
    };
    mesh.shutdown().unwrap();
    kill(Profile::Static, 18);
    match options().map(|options| options.under(Profile::Istio)) {
        Some(Ok(_)) => kill(Profile::Istio, 19),
        Some(Err(missing)) => eprintln!("skipped: {missing}"),
        None => {}
    }
}

/// Kills a lab that runs at least so many processes, and looks at what remains.
fn kill(profile: Profile, processes: usize) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), SHOP).unwrap();
    let before = state::living().unwrap();
    let mut lab = Command::new(LAB)
        .args(["up", "--load", "60", "--profile", profile.name()])
        .arg(file.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(lab.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("9 pods up"), "{line}");
    let folder = state::living().unwrap().into_iter().find(|it| !before.contains(it)).unwrap();
    assert!(processes_of(&folder).len() >= processes, "{:?}", processes_of(&folder));
    lab.kill().unwrap(); // SIGKILL: no handler runs
    lab.wait().unwrap();
    assert_nothing_left(&folder);
}
