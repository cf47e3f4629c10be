//! A workload and what is in effect on its own containers and proxy.

use std::collections::BTreeMap;

use crate::{
    Bytes, ContainerId, FilterPatch, Inbound, InboundPort, Origin, Owner, PodRules, Probe,
    ProbeKind, Reconciler, Setting, WorkloadId,
};

/// Thousandths of a CPU core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millicores(pub u32);

impl Millicores {
    /// The same in cores.
    pub fn cores(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }
}

impl std::fmt::Display for Millicores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}m", self.0)
    }
}

/// A workload with its proxy and its application containers.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// `namespace/name`.
    pub id: WorkloadId,
    /// Kubernetes kind, such as `Deployment`.
    pub kind: String,
    /// Where the object starts in Git.
    pub origin: Origin,
    /// Labels of the pod template.
    pub labels: BTreeMap<String, String>,
    /// Service account of the pods; `default` where none is named.
    pub service_account: String,
    /// Number of pods; `None` where Git does not say (an autoscaler decides).
    pub replicas: Setting<Option<u32>>,
    /// Placement and life of the pods.
    pub pod_rules: PodRules,
    /// Application containers, in the order of the manifest.
    pub containers: Vec<AppContainer>,
    /// The injected proxy, or `None` outside the mesh. A gateway has only this.
    pub sidecar: Option<SidecarProxy>,
    /// Whether the pods are a gateway: a proxy without an application.
    pub is_gateway: bool,
    /// Who answers for it: one owner from the catalog, or all of the last `CODEOWNERS` line that
    /// covers its file; empty where the repository does not say.
    pub owners: Vec<Owner>,
    /// Who applies it to the cluster.
    pub reconciler: Option<Reconciler>,
}

/// An application container.
#[derive(Debug, Clone, PartialEq)]
pub struct AppContainer {
    /// Container name.
    pub name: String,
    /// Image reference with tag or digest.
    pub image: Setting<String>,
    /// CPU limit; `None` is no limit.
    pub cpu_limit: Setting<Option<Millicores>>,
    /// CPU request.
    pub cpu_request: Setting<Option<Millicores>>,
    /// Memory limit; `None` is no limit.
    pub memory_limit: Setting<Option<Bytes>>,
    /// Memory request.
    pub memory_request: Setting<Option<Bytes>>,
    /// Probes that are written.
    pub probes: BTreeMap<ProbeKind, Box<Probe>>,
    /// Environment variables that are plain values, by name. Values from Secrets are never kept.
    pub env: BTreeMap<String, Setting<String>>,
}

/// What is in effect on a workload's proxy as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct SidecarProxy {
    /// The revision of istiod that configures it.
    pub revision: Setting<String>,
    /// CPU limit of the proxy container; `None` is no limit.
    pub cpu_limit: Setting<Option<Millicores>>,
    /// CPU request of the proxy container.
    pub cpu_request: Setting<Option<Millicores>>,
    /// Memory limit of the proxy container; `None` is no limit.
    pub memory_limit: Setting<Option<Bytes>>,
    /// Memory request of the proxy container.
    pub memory_request: Setting<Option<Bytes>>,
    /// Worker threads, also those derived from the CPU limit, whose line is then their origin;
    /// `None`: one per core of the node.
    pub concurrency: Setting<Option<u32>>,
    /// Which services the proxy is told about.
    pub scope: Scope,
    /// What happens to requests for unknown hosts; `None` for gateways, which have no such requests.
    pub outbound_policy: Option<Setting<OutboundPolicy>>,
    /// What it does with requests for its own application; empty for gateways.
    pub inbound: BTreeMap<InboundPort, Inbound>,
    /// Connections that the pod's redirection leads past it.
    pub passed_by: PassedBy,
    /// Patches of `EnvoyFilter` objects, in the order in which they are applied.
    pub patches: Vec<FilterPatch>,
    /// What it records.
    pub telemetry: Telemetry,
}

/// Ports whose connections never reach the proxy, each list with the annotation that says so.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PassedBy {
    /// Ports that the pod calls.
    pub outbound: Option<Setting<Vec<u16>>>,
    /// Ports of the pod that others call.
    pub inbound: Option<Setting<Vec<u16>>>,
}

impl PassedBy {
    /// The line that leads calls of a port past the caller's proxy.
    pub fn calls_of(&self, port: u16) -> Option<&Origin> {
        Self::line(self.outbound.as_ref(), port)
    }

    /// The line that leads connections to a port of the pod past its proxy.
    pub fn calls_to(&self, port: u16) -> Option<&Origin> {
        Self::line(self.inbound.as_ref(), port)
    }

    fn line(list: Option<&Setting<Vec<u16>>>, port: u16) -> Option<&Origin> {
        list.filter(|list| list.value.contains(&port)).map(|list| &list.origin)
    }
}

/// The part of the mesh that a proxy is told about (Istio `Sidecar` egress hosts).
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// Egress hosts as written, `namespace/host`; `*/*` where no `Sidecar` applies.
    pub hosts: Setting<Vec<String>>,
    /// The `Sidecar` that applies, if any.
    pub object: Option<Origin>,
    /// How many services the proxy is told about because of it.
    pub visible_services: usize,
}

/// What a proxy does with requests for hosts that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboundPolicy {
    /// Lets them through.
    AllowAny,
    /// Refuses them.
    RegistryOnly,
}

impl std::fmt::Display for OutboundPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AllowAny => "ALLOW_ANY",
            Self::RegistryOnly => "REGISTRY_ONLY",
        })
    }
}

/// What a proxy records about requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// Of the requests that it sends; of a gateway, of all requests.
    pub outbound: Recording,
    /// Of the requests that arrive for its own application; of a gateway, the same as `outbound`.
    pub inbound: Recording,
    /// Prefixes, suffixes and expressions of Envoy statistics kept beyond Istio's own list.
    pub extra_stats: Setting<Vec<String>>,
}

/// What a proxy records about the requests of one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Share of requests traced, in percent.
    pub tracing_percent: Setting<f64>,
    /// Who takes the spans: a tracing provider by name, or a tracer of the proxy's own
    /// configuration by kind; `None` where no span is built whatever the share is.
    pub tracer: Setting<Option<String>>,
    /// Whether every request is written to an access log without a filter.
    pub access_log: Setting<bool>,
    /// Where not every request is written: the condition of those that are.
    pub access_log_filter: Option<Setting<String>>,
}

impl Recording {
    /// The share of requests for which a span is built, in percent.
    pub fn span_percent(&self) -> f64 {
        if self.tracer.value.is_some() { self.tracing_percent.value } else { 0.0 }
    }
}

impl Telemetry {
    /// Both directions, with the names under which [`Workload::settings`] lists their share of
    /// traces and their access log.
    pub fn directions(&self) -> [(&Recording, [&'static str; 2]); 2] {
        [
            (&self.outbound, ["telemetry.tracing", "telemetry.accessLog"]),
            (&self.inbound, ["telemetry.inboundTracing", "telemetry.inboundAccessLog"]),
        ]
    }
}

impl Workload {
    /// The CPU that a pod reserves: the requests of all containers, the proxy's included. What an
    /// autoscaler's percentage is of; `None` where a container has no request.
    pub fn cpu_request(&self) -> Option<Millicores> {
        let mut all = self.requests(|app| &app.cpu_request, |proxy| &proxy.cpu_request);
        let sum = all.try_fold(0_u32, |sum, (_, own)| Some(sum.saturating_add((*own)?.0)));
        sum.map(Millicores)
    }

    /// The memory that a pod reserves, as [`Workload::cpu_request`] says of CPU.
    pub fn memory_request(&self) -> Option<Bytes> {
        let mut all = self.requests(|app| &app.memory_request, |proxy| &proxy.memory_request);
        let sum = all.try_fold(0_u64, |sum, (_, own)| Some(sum.saturating_add((*own)?.0)));
        sum.map(Bytes)
    }

    /// Containers without a request for CPU.
    pub fn without_cpu_request(&self) -> Vec<&str> {
        let all = self.requests(|app| &app.cpu_request, |proxy| &proxy.cpu_request);
        all.filter(|(_, own)| own.is_none()).map(|(name, _)| name).collect()
    }

    /// Containers without a request for memory.
    pub fn without_memory_request(&self) -> Vec<&str> {
        let all = self.requests(|app| &app.memory_request, |proxy| &proxy.memory_request);
        all.filter(|(_, own)| own.is_none()).map(|(name, _)| name).collect()
    }

    fn requests<'w, T: 'w>(
        &'w self,
        of_app: impl Fn(&'w AppContainer) -> &'w Setting<Option<T>> + 'w,
        of_proxy: impl Fn(&'w SidecarProxy) -> &'w Setting<Option<T>> + 'w,
    ) -> impl Iterator<Item = (&'w str, &'w Option<T>)> {
        let apps = self.containers.iter();
        let apps = apps.map(move |app| (app.name.as_str(), &of_app(app).value));
        let proxy = self.sidecar.iter();
        apps.chain(proxy.map(move |proxy| (ContainerId::SIDECAR, &of_proxy(proxy).value)))
    }

    /// Every setting that can differ between revisions: name, printed value, origin.
    pub fn settings(&self) -> Vec<(String, String, &Origin)> {
        let mut all = vec![named("replicas", &self.replicas, optional)];
        for container in &self.containers {
            let prefix = format!("containers[{}]", container.name);
            all.push(named(&format!("{prefix}.image"), &container.image, Clone::clone));
            all.push(named(
                &format!("{prefix}.resources.limits.cpu"),
                &container.cpu_limit,
                optional,
            ));
            all.push(named(
                &format!("{prefix}.resources.requests.cpu"),
                &container.cpu_request,
                optional,
            ));
            all.push(named(
                &format!("{prefix}.resources.limits.memory"),
                &container.memory_limit,
                optional,
            ));
            all.push(named(
                &format!("{prefix}.resources.requests.memory"),
                &container.memory_request,
                optional,
            ));
            for (kind, probe) in &container.probes {
                list_probe(&format!("{prefix}.{kind}Probe"), probe, &mut all);
            }
            for (name, value) in &container.env {
                all.push(named(&format!("{prefix}.env[{name}]"), value, Clone::clone));
            }
        }
        list_rules(&self.pod_rules, &mut all);
        if let Some(proxy) = &self.sidecar {
            all.push(named("proxy.revision", &proxy.revision, Clone::clone));
            all.push(named("proxy.cpuLimit", &proxy.cpu_limit, optional));
            all.push(named("proxy.cpuRequest", &proxy.cpu_request, optional));
            all.push(named("proxy.memoryLimit", &proxy.memory_limit, optional));
            all.push(named("proxy.memoryRequest", &proxy.memory_request, optional));
            all.push(named("proxy.concurrency", &proxy.concurrency, optional));
            all.push(named("proxy.scope", &proxy.scope.hosts, |hosts| hosts.join(", ")));
            let passed =
                [("outbound", &proxy.passed_by.outbound), ("inbound", &proxy.passed_by.inbound)];
            for (direction, list) in passed {
                if let Some(list) = list {
                    let name = format!("proxy.passedBy.{direction}");
                    all.push(named(&name, list, |ports| format!("{ports:?}")));
                }
            }
            proxy.patches.iter().for_each(|patch| list_patch(patch, &mut all));
            let telemetry = &proxy.telemetry;
            let directions = telemetry.directions();
            let shown = if self.is_gateway { &directions[..1] } else { &directions[..] };
            for (recording, [tracing, log]) in shown {
                all.push(named(tracing, &recording.tracing_percent, |share| format!("{share}%")));
                match &recording.access_log_filter {
                    Some(filter) => all.push(named(log, filter, |filter| format!("if {filter}"))),
                    None => all.push(named(log, &recording.access_log, |on| {
                        if *on { "on" } else { "off" }.to_owned()
                    })),
                }
            }
            all.push(named("telemetry.stats", &telemetry.extra_stats, |list| {
                if list.is_empty() { "default".to_owned() } else { list.join(", ") }
            }));
        }
        all
    }
}

type Listed<'a> = (String, String, &'a Origin);

fn list_probe<'a>(prefix: &str, probe: &'a Probe, all: &mut Vec<Listed<'a>>) {
    let seconds = |time: &std::time::Duration| format!("{}s", time.as_secs());
    if let Some(asks) = &probe.asks {
        all.push((format!("{prefix}.asks"), asks.to_string(), &asks.way.origin));
    }
    if let Some(agent) = &probe.agent {
        all.push(named(&format!("{prefix}.throughAgent"), &agent.asked, ToString::to_string));
        all.push(named(&format!("{prefix}.agentPort"), &agent.port, ToString::to_string));
    }
    all.push(named(&format!("{prefix}.period"), &probe.period, seconds));
    all.push(named(&format!("{prefix}.timeout"), &probe.timeout, seconds));
    all.push(named(&format!("{prefix}.initialDelay"), &probe.initial_delay, seconds));
    let threshold = &probe.failure_threshold;
    all.push(named(&format!("{prefix}.failureThreshold"), threshold, ToString::to_string));
}

fn list_patch<'a>(patch: &'a FilterPatch, all: &mut Vec<Listed<'a>>) {
    let object = patch.object.object().map(|id| format!("{}/{}", id.namespace, id.name));
    let entry = patch.origin.field().and_then(|field| field.rsplit_once('[')).map(|(_, rest)| rest);
    let index = entry.map_or("", |entry| entry.trim_end_matches(']'));
    let prefix = format!("envoyFilter[{}][{index}]", object.unwrap_or_default());
    all.push(named(&format!("{prefix}.applyTo"), &patch.applies_to, Clone::clone));
    all.push(named(&format!("{prefix}.context"), &patch.context, Clone::clone));
    all.push(named(&format!("{prefix}.operation"), &patch.operation, Clone::clone));
    all.push(named(&format!("{prefix}.priority"), &patch.priority, ToString::to_string));
    let touches = if patch.touches.is_empty() {
        "everything of its kind".to_owned()
    } else {
        patch.touches.join(", ")
    };
    all.push((format!("{prefix}.touches"), touches, &patch.origin));
    for (path, value) in &patch.values {
        all.push(named(&format!("{prefix}.value.{path}"), value, Clone::clone));
    }
}

fn list_rules<'a>(rules: &'a PodRules, all: &mut Vec<Listed<'a>>) {
    let grace = &rules.termination_grace;
    all.push(named("terminationGracePeriod", grace, |time| format!("{}s", time.as_secs())));
    let shared = &rules.resources;
    for (name, cpu) in [("cpuLimit", &shared.cpu_limit), ("cpuRequest", &shared.cpu_request)] {
        list_amount(&format!("pod.{name}"), cpu, all);
    }
    let memory = [("memoryLimit", &shared.memory_limit), ("memoryRequest", &shared.memory_request)];
    for (name, memory) in memory {
        list_amount(&format!("pod.{name}"), memory, all);
    }
    if let Some(scaler) = &rules.autoscaler {
        all.push(named("autoscaler.min", &scaler.min, ToString::to_string));
        all.push(named("autoscaler.max", &scaler.max, ToString::to_string));
        for (metric, target) in &scaler.targets {
            all.push(named(&format!("autoscaler.target[{metric}]"), target, Clone::clone));
        }
    }
    for budget in &rules.disruption_budgets {
        if let Some(least) = &budget.min_available {
            all.push(named("disruptionBudget.minAvailable", least, Clone::clone));
        }
        if let Some(most) = &budget.max_unavailable {
            all.push(named("disruptionBudget.maxUnavailable", most, Clone::clone));
        }
    }
    for spread in &rules.spread {
        let name = format!("topologySpread[{}]", spread.key.value);
        all.push(named(&format!("{name}.maxSkew"), &spread.max_skew, ToString::to_string));
        all.push(named(&format!("{name}.strict"), &spread.strict, ToString::to_string));
    }
}

/// An amount that somebody wrote.
fn list_amount<'a, T: ToString>(
    name: &str,
    amount: &'a Setting<Option<T>>,
    all: &mut Vec<Listed<'a>>,
) {
    if amount.is_written() {
        let show = |amount: &Option<T>| amount.as_ref().map_or(String::new(), ToString::to_string);
        all.push(named(name, amount, show));
    }
}

fn named<'a, T>(
    name: &str,
    setting: &'a Setting<T>,
    show: impl Fn(&T) -> String,
) -> (String, String, &'a Origin) {
    (name.to_owned(), show(&setting.value), &setting.origin)
}

fn optional<T: std::fmt::Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "unset".to_owned(), ToString::to_string)
}
