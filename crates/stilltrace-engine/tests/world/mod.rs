//! A small made-up mesh for tests of the engine: front -> middle -> back, quiet for a minute, then
//! whatever a test says. Only this file touches the constructors of the model.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use stilltrace_model::{
    AppContainer, Call, Capture, Change, CommitId, CommitInfo, Destination, Edge, EdgeId, Entity,
    Location, ObjectRef, Origin, Platform, PodRules, Question, Recording, Retries, Route, Scope,
    Series, Service, ServiceId, Setting, SettingChange, SidecarProxy, Signal, Target, Telemetry,
    Timestamp, TrafficPolicy, Window, Workload, WorkloadId, signal,
};

const NOBODY: &str = "default";

/// Sample times: every 5 s for 150 s; the trouble begins at 75 s.
pub(crate) const ONSET: i64 = 75_000;
const END: i64 = 150_000;

pub(crate) struct World {
    pub(crate) names: [String; 3],
    pub(crate) platform: Platform,
    pub(crate) capture: Capture,
}

impl World {
    /// The usual names.
    pub(crate) fn new() -> Self {
        Self::named(["front", "middle", "back"])
    }

    /// The same world under other names.
    pub(crate) fn named(names: [&str; 3]) -> Self {
        let window = Window { from: Timestamp(0), to: Timestamp(END) };
        let names = names.map(str::to_owned);
        let mut platform = Platform::default();
        for name in &names {
            let id = WorkloadId::new("ns", name);
            platform.workloads.insert(id.clone(), workload(&id));
            let service = Service {
                id: ServiceId::new("ns", name),
                host: format!("{name}.ns.svc.cluster.local"),
                origin: Origin::Default { of: NOBODY.into() },
                ports: BTreeMap::from([(80, Setting::default_of("http".to_owned(), NOBODY))]),
                alias_of: None,
                workloads: vec![id],
            };
            platform.services.insert(service.id.clone(), service);
        }
        for pair in [(0, 1), (1, 2)] {
            let id = edge_id(&names, pair);
            platform.calls.push(Call { edge: id.clone(), requests: 1e4 });
            platform.edges.insert(id.clone(), edge(id));
        }
        let capture = Capture {
            window,
            series: BTreeMap::new(),
            bursts: BTreeMap::new(),
            events: Vec::new(),
            lines: BTreeMap::new(),
            gaps: Vec::new(),
        };
        let mut world = Self { names, platform, capture };
        world.quiet();
        world
    }

    pub(crate) fn question(&self) -> Question {
        Question {
            service: ServiceId::new("ns", &self.names[1]),
            window: self.capture.window,
            target_seconds: None,
        }
    }

    pub(crate) fn edge(&self, from: usize, to: usize) -> EdgeId {
        edge_id(&self.names, (from, to))
    }

    pub(crate) fn workload(&self, index: usize) -> WorkloadId {
        WorkloadId::new("ns", &self.names[index])
    }

    pub(crate) fn service(&self) -> Entity {
        Entity::Service(ServiceId::new("ns", &self.names[1]))
    }

    /// A signal that steps from one level to another at the onset, with a little ripple.
    pub(crate) fn step(
        &mut self,
        signal: Signal,
        entity: impl Into<Entity>,
        before: f64,
        after: f64,
    ) {
        let points = (0..=END / 5_000).map(|index| {
            let level = if index * 5_000 < ONSET { before } else { after };
            (Timestamp(index * 5_000), level * (1.0 + 0.01 * f64::from((index % 3) as i32 - 1)))
        });
        let series = Series {
            points: points.collect(),
            query: format!("{}{{…}}", signal.name),
            source: "test".into(),
        };
        self.capture.series.insert(signal.of(entity), series);
    }

    pub(crate) fn forget(&mut self, signal: Signal) {
        self.capture.series.retain(|want, _| want.signal != signal);
    }

    /// A commit that changed one setting and was synced at that time.
    pub(crate) fn commit(&mut self, synced_ms: i64, digit: char, setting: SettingChange) {
        self.platform.changes.push(Change {
            commit: CommitInfo {
                id: CommitId(digit.to_string().repeat(40)),
                author: "Ada".into(),
                time: Timestamp(synced_ms - 20_000),
                summary: format!("change {digit}"),
            },
            synced: Some(Timestamp(synced_ms)),
            synced_by: Some("Flux Kustomization flux-system/apps".into()),
            synthetic: false,
            paths: Vec::new(),
            settings: vec![setting],
        });
    }

    /// Everything as it was, on every signal.
    fn quiet(&mut self) {
        let service = self.service();
        for (signal, level) in [
            (signal::SERVICE_P99, 0.1),
            (signal::SERVICE_P50, 0.02),
            (signal::SERVICE_LATENCY, 0.03),
            (signal::SERVICE_ERRORS, 0.0),
            (signal::SERVICE_REQUESTS, 100.0),
        ] {
            self.step(signal, service.clone(), level, level);
        }
        for edge in [self.edge(0, 1), self.edge(1, 2)] {
            for (signal, level) in [
                (signal::EDGE_REQUESTS, 100.0),
                (signal::EDGE_ATTEMPTS, 100.0),
                (signal::ATTEMPT_RATIO, 1.0),
                (signal::EDGE_LATENCY, 0.03),
                (signal::EDGE_SERVER_LATENCY, 0.029),
                (signal::EDGE_P99, 0.1),
                (signal::EDGE_SERVER_P99, 0.099),
                (signal::EDGE_GAP, 0.001),
                (signal::EDGE_ERRORS, 0.0),
                (signal::EDGE_SERVER_ERRORS, 0.0),
                (signal::EDGE_ABANDONED, 0.0),
                (signal::RETRIES_EXHAUSTED, 0.0),
                (signal::TIMED_OUT, 0.0),
                (signal::OVERFLOW, 0.0),
            ] {
                self.step(signal, &edge, level, level);
            }
        }
        for index in 0..3 {
            let workload = self.workload(index);
            for (signal, level) in [
                (signal::APP_CPU, 0.1),
                (signal::APP_CPU_PER_REQUEST, 0.001),
                (signal::PROXY_CPU, 0.1),
                (signal::PROXY_THROTTLED, 0.0),
                (signal::PROXY_STALLED, 0.0),
                (signal::APP_THROTTLED, 0.0),
                (signal::APP_STALLED, 0.0),
                (signal::INBOUND_REQUESTS, 100.0),
            ] {
                self.step(signal, &workload, level, level);
            }
        }
        self.step(signal::NEIGHBOUR_CPU, Entity::Mesh, 0.1, 0.1);
    }
}

/// A line of a made-up file.
pub(crate) fn line(path: &str, number: u32, field: &str) -> Origin {
    Origin::Git {
        at: Location { path: path.into(), line: number, column: 3, start: 0, end: 1 },
        object: Arc::new(ObjectRef {
            api_version: "v1".into(),
            kind: "Thing".into(),
            namespace: "ns".into(),
            name: path.into(),
        }),
        field: field.into(),
    }
}

fn edge_id(names: &[String; 3], (from, to): (usize, usize)) -> EdgeId {
    EdgeId::new(WorkloadId::new("ns", &names[from]), ServiceId::new("ns", &names[to]), 80)
}

fn unset<T>(value: T) -> Setting<T> {
    Setting::default_of(value, NOBODY)
}

fn recording() -> Recording {
    Recording {
        tracing_percent: unset(1.0),
        tracer: unset(Some("otel".to_owned())),
        access_log: unset(false),
        access_log_filter: None,
    }
}

fn workload(id: &WorkloadId) -> Workload {
    Workload {
        id: id.clone(),
        kind: "Deployment".into(),
        origin: Origin::Default { of: NOBODY.into() },
        labels: BTreeMap::new(),
        service_account: "default".into(),
        replicas: unset(Some(2)),
        pod_rules: PodRules::default(),
        containers: vec![AppContainer {
            name: "app".into(),
            image: unset("image:1".into()),
            cpu_limit: unset(None),
            cpu_request: unset(None),
            memory_limit: unset(None),
            memory_request: unset(None),
            probes: BTreeMap::new(),
            env: BTreeMap::new(),
        }],
        sidecar: Some(SidecarProxy {
            revision: unset("default".to_owned()),
            cpu_limit: unset(None),
            cpu_request: unset(None),
            memory_limit: unset(None),
            memory_request: unset(None),
            concurrency: unset(Some(2)),
            scope: Scope { hosts: unset(vec!["./*".into()]), object: None, visible_services: 3 },
            outbound_policy: None,
            inbound: BTreeMap::new(),
            passed_by: stilltrace_model::PassedBy::default(),
            patches: Vec::new(),
            telemetry: Telemetry {
                outbound: recording(),
                inbound: recording(),
                extra_stats: unset(Vec::new()),
            },
        }),
        is_gateway: false,
        owners: Vec::new(),
        reconciler: None,
    }
}

fn route(id: &EdgeId) -> Route {
    let service = ServiceId::clone(&id.destination);
    let host = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
    let on = ["connect-failure", "refused-stream"].map(str::to_owned).to_vec();
    Route::towards(
        vec![Destination { to: Target::implied(service, host, 80, NOBODY), weight: unset(100) }],
        unset(Some(Duration::from_secs(5))),
        Retries::new(unset(2), unset(None), unset(on), NOBODY),
    )
}

fn edge(id: EdgeId) -> Edge {
    Edge {
        routes: Arc::from([route(&id)]),
        policy: Arc::new(TrafficPolicy::unset("test")),
        subsets: Arc::default(),
        endpoints: Some(2),
        protocol: None,
        id,
    }
}
