//! A capture of one incident: a commit raised the attempts of a route.

use std::collections::BTreeMap;

use stilltrace_capture::{Bundle, BundleWriter, Manifest, RawSeries};
use stilltrace_model::{
    Bursts, Call, Capture, CommitId, ContainerId, EdgeId, Entity, Event, EventKind, Line,
    ObjectRef, Origin, Plan, Platform, Question, ServiceId, Signal, Timestamp, Want, Window,
    WorkloadId,
};
use stilltrace_sources::Recorded;

use super::{Work, git};

/// 2026-03-04T12:30:00Z.
pub const FROM: i64 = 1_772_627_400_000;
pub const TO: i64 = FROM + 140_000;

pub const ROUTE: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: checkout
  namespace: shop
spec:
  hosts: [checkout]
  http:
  - route:
    - destination:
        host: checkout
    retries:
      attempts: 2 # enough
      perTryTimeout: 250ms
";

pub const WORKLOADS: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio-injection: enabled
---
apiVersion: v1
kind: Service
metadata:
  name: checkout
  namespace: shop
spec:
  selector:
    app: checkout
  ports:
  - name: http
    port: 8080
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  namespace: shop
spec:
  replicas: 2
  selector:
    matchLabels:
      app: checkout
  template:
    metadata:
      labels:
        app: checkout
    spec:
      containers:
      - name: app
        image: checkout:1.0.0
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: app
        image: web:1.0.0
";

/// A repository, and the commits that changed something.
pub struct Story {
    pub work: Work,
    pub guilty: String,
    pub harmless: String,
}

/// Commits from 12:01 on, so all of them within two hours before the window.
pub fn story() -> Story {
    let work = Work::new();
    work.commit("apps/shop/workloads.yaml", WORKLOADS, "add shop");
    work.commit("apps/shop/route.yaml", ROUTE, "add route");
    let guilty = work.commit(
        "apps/shop/route.yaml",
        &ROUTE.replace("attempts: 2", "attempts: 10"),
        "raise attempts",
    );
    let harmless = work.commit("README.md", "hello\n", "say hello");
    Story { work, guilty, harmless }
}

pub fn edge() -> EdgeId {
    EdgeId::new(WorkloadId::new("shop", "web"), ServiceId::new("shop", "checkout"), 8080)
}

pub fn question() -> Question {
    Question {
        service: ServiceId::new("shop", "checkout"),
        window: Window { from: Timestamp(FROM), to: Timestamp(TO) },
        target_seconds: None,
    }
}

pub fn requests(reporter: &str, per_second: f64) -> RawSeries {
    let labels = [
        ("destination_service_name", "checkout"),
        ("destination_service_namespace", "shop"),
        ("reporter", reporter),
        ("response_code", "200"),
        ("response_flags", "-"),
        ("source_workload", "web"),
        ("source_workload_namespace", "shop"),
    ];
    let points = (0..10).map(|scrape| {
        (Timestamp(FROM + scrape * 15_000 + 250), 100.0 + per_second * 15.0 * scrape as f64)
    });
    RawSeries {
        metric: "istio_requests_total".to_owned(),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        points: points.collect(),
    }
}

pub fn container() -> ContainerId {
    ContainerId {
        workload: WorkloadId::new("shop", "checkout"),
        pod: "checkout-6d4cf56db6-x7k2p".to_owned(),
        container: "istio-proxy".to_owned(),
    }
}

pub fn writer(story: &Story) -> BundleWriter {
    let mut manifest = Manifest::new(&question());
    manifest.revision = Some(git(story.work.path(), &["rev-parse", "HEAD"]).trim().to_owned());
    let mut writer = BundleWriter::new(manifest);
    writer.repository(&story.work.path().join(".git")).unwrap();
    writer.samples("prometheus", &[requests("source", 20.0), requests("destination", 60.0)]);
    writer.calls(&[Call { edge: edge(), requests: 2_800.0 }]);
    let bursts = Bursts {
        start: Timestamp(FROM),
        window_us: 10_000,
        on_cpu_us: vec![1_000; 14_000],
        throttled_us: vec![2_500; 14_000],
        waiting_us: None,
        source: "cgroup cpu.stat at 10 ms".to_owned(),
    };
    writer.bursts(&BTreeMap::from([(container(), bursts)])).unwrap();
    writer.events(&[synced(&story.guilty, FROM + 50_000)]);
    writer
}

pub fn synced(revision: &str, at: i64) -> Event {
    Event {
        time: Timestamp(at),
        kind: EventKind::Synced,
        object: ObjectRef {
            api_version: "kustomize.toolkit.fluxcd.io/v1".to_owned(),
            kind: "Kustomization".to_owned(),
            namespace: "flux-system".to_owned(),
            name: "apps".to_owned(),
        },
        revision: Some(CommitId(revision.to_owned())),
        message: String::new(),
        synthetic: true,
    }
}

pub fn open(writer: &BundleWriter) -> Recorded {
    Recorded::new(Bundle::from_bytes(&writer.pack().unwrap()).unwrap(), None).unwrap()
}

pub fn ask(recorded: &Recorded, signals: &[(Signal, Entity)], lines: &[Line]) -> Capture {
    let mut wants: Vec<Want> = signals
        .iter()
        .map(|(signal, entity)| Want { signal: *signal, entity: entity.clone() })
        .collect();
    wants.sort();
    recorded.capture(&Plan { window: question().window, wants, lines: lines.to_vec() })
}

pub fn attempts(platform: &Platform) -> (u32, Origin) {
    let setting = &platform.edges[&edge()].routes[0].retries.attempts;
    (setting.value, setting.origin.clone())
}
