//! Workloads as Kubernetes runs them: how many pods, under which limits, and who answers for them.
//!
//! Quantities are in the notation of Kubernetes (`500m` of a core, `512Mi`). What nobody wrote is
//! absent, except where the default matters in an incident: the number of pods, a CPU limit that is
//! not there (`null`), and the time that a probe gives.

use std::fmt::Display;

use serde_json::{Map, Value, json};
use stilltrace_model::{
    AppContainer, Autoscaler, DisruptionBudget, InboundPort, MutualTls, Origin, Owner, Platform,
    Probe, ProbeKind, ProbeQuestion, Reconciler, Setting, SidecarProxy, TopologySpread, Workload,
    WorkloadId,
};

use super::object::{self, Object, millis};

/// The pods of every workload that has a proxy, by workload.
pub(super) fn all(platform: &Platform) -> Map<String, Value> {
    let workloads = super::described(platform);
    workloads.map(|(workload, _)| (workload.id.to_string(), describe(platform, workload))).collect()
}

/// The pods of one workload.
pub(super) fn describe(platform: &Platform, workload: &Workload) -> Value {
    let mut object = Object::default();
    object.put_from("kind", json!(workload.kind), &workload.origin);
    object.always("replicas", &workload.replicas, json!(workload.replicas.value));
    let rules = &workload.pod_rules;
    let grace = &rules.termination_grace;
    written(&mut object, "termination_grace_ms", grace, millis(grace.value));
    let together = &rules.resources;
    let limits = amounts(&together.cpu_limit, &together.memory_limit);
    let requests = amounts(&together.cpu_request, &together.memory_request);
    for (name, amounts) in [("limits", limits), ("requests", requests)] {
        if amounts.len() > 0 {
            object.nest(name, amounts);
        }
    }
    if let Some(scaler) = &rules.autoscaler {
        object.put("autoscaler", autoscaler(scaler));
    }
    list(&mut object, "disruption_budgets", &rules.disruption_budgets, budget);
    list(&mut object, "spread", &rules.spread, spread);
    let containers = workload.containers.iter();
    let containers: Map<String, Value> =
        containers.map(|one| (one.name.clone(), container(one))).collect();
    if !containers.is_empty() {
        object.put("containers", Value::Object(containers));
    }
    if let Some(sidecar) = &workload.sidecar {
        object.put("proxy", proxy(sidecar));
        let served = serves(platform, &workload.id, sidecar);
        if !served.is_empty() {
            object.put("serves", Value::Object(served));
        }
    }
    if let Some(label) = platform.ambient.workloads.get(&workload.id) {
        object.put_from("ambient", json!(true), label);
    }
    list(&mut object, "owners", &workload.owners, owner);
    if let Some(reconciler) = &workload.reconciler {
        object.put("applied_by", applied_by(reconciler));
    }
    object.into_value()
}

/// The service ports that lead to the pods, by `host|port`, and whether the proxy there takes
/// mutual TLS.
fn serves(platform: &Platform, id: &WorkloadId, proxy: &SidecarProxy) -> Map<String, Value> {
    let mut all = Map::new();
    for (number, inbound) in &proxy.inbound {
        for (service, port) in &inbound.services {
            let Some(service) = platform.services.get(service) else { continue };
            let mut object = Object::default();
            if let InboundPort::Port(own) = number
                && let Some(line) = proxy.passed_by.calls_to(*own)
            {
                object.put_from("passed_by", json!(true), line);
            }
            if let Some(mode) = &inbound.mutual_tls {
                object.set("mtls", mode, Some(json!(mode.value.to_string())));
                let others = modes_under_other_ages(platform, id, *number, mode);
                if !others.is_empty() {
                    object.put("depends_on_age", Value::Array(others));
                }
            }
            all.insert(format!("{}|{port}", service.host), object.into_value());
        }
    }
    all
}

/// The modes that a port would have if other objects were older, each once.
fn modes_under_other_ages(
    platform: &Platform,
    id: &WorkloadId,
    port: InboundPort,
    known: &Setting<MutualTls>,
) -> Vec<Value> {
    let mut found: Vec<&Setting<MutualTls>> = Vec::new();
    for other in &platform.under_other_ages {
        let proxy = other.workloads.get(id).and_then(|workload| workload.sidecar.as_ref());
        let inbound = proxy.and_then(|proxy| proxy.inbound.get(&port));
        let mode = inbound.and_then(|inbound| inbound.mutual_tls.as_ref());
        found.extend(mode.filter(|mode| *mode != known && !found.contains(mode)));
    }
    let describe = |mode: &Setting<MutualTls>| {
        let mut object = Object::default();
        object.set("mtls", mode, Some(json!(mode.value.to_string())));
        object.into_value()
    };
    found.into_iter().map(describe).collect()
}

/// A list that is absent when it is empty.
fn list<T>(object: &mut Object, name: &str, items: &[T], describe: fn(&T) -> Value) {
    if !items.is_empty() {
        object.put(name, items.iter().map(describe).collect());
    }
}

/// A setting that is absent where nobody wrote it.
fn written<T>(object: &mut Object, name: &str, setting: &Setting<T>, value: Value) {
    let by_default = matches!(setting.origin, Origin::Default { .. });
    object.set(name, setting, (!by_default).then_some(value));
}

fn autoscaler(scaler: &Autoscaler) -> Value {
    let mut object = Object::default();
    let kind = scaler.origin.object().map(|object| object.kind.clone());
    object.put_from("kind", json!(kind), &scaler.origin);
    object.always("min", &scaler.min, json!(scaler.min.value));
    object.always("max", &scaler.max, json!(scaler.max.value));
    let mut targets = Object::default();
    for (metric, target) in &scaler.targets {
        targets.always(metric, target, json!(target.value));
    }
    if targets.len() > 0 {
        object.nest("targets", targets);
    }
    object.into_value()
}

fn budget(budget: &DisruptionBudget) -> Value {
    let mut object = Object::default();
    let name = budget.origin.object().map(|object| object.name.clone());
    object.put_from("name", json!(name), &budget.origin);
    let figures =
        [("min_available", &budget.min_available), ("max_unavailable", &budget.max_unavailable)];
    for (name, figure) in figures {
        if let Some(figure) = figure {
            object.always(name, figure, json!(figure.value));
        }
    }
    object.into_value()
}

fn spread(spread: &TopologySpread) -> Value {
    let mut object = Object::default();
    object.always("key", &spread.key, json!(spread.key.value));
    object.always("max_skew", &spread.max_skew, json!(spread.max_skew.value));
    object.always("strict", &spread.strict, json!(spread.strict.value));
    object.into_value()
}

fn container(container: &AppContainer) -> Value {
    let mut object = Object::default();
    let mut limits = Object::default();
    let cpu = &container.cpu_limit;
    limits.always("cpu", cpu, quantity(cpu));
    quantities(&mut limits, "memory", &container.memory_limit);
    object.nest("limits", limits);
    let requests = amounts(&container.cpu_request, &container.memory_request);
    if requests.len() > 0 {
        object.nest("requests", requests);
    }
    for (kind, described) in &container.probes {
        object.put(name(*kind), probe(described));
    }
    object.into_value()
}

fn proxy(proxy: &SidecarProxy) -> Value {
    let mut object = Object::default();
    let mut limits = Object::default();
    limits.always("cpu", &proxy.cpu_limit, quantity(&proxy.cpu_limit));
    quantities(&mut limits, "memory", &proxy.memory_limit);
    object.nest("limits", limits);
    let requests = amounts(&proxy.cpu_request, &proxy.memory_request);
    if requests.len() > 0 {
        object.nest("requests", requests);
    }
    object.into_value()
}

/// CPU and memory, each absent when there is none.
fn amounts<C: Display, M: Display>(
    cpu: &Setting<Option<C>>,
    memory: &Setting<Option<M>>,
) -> Object {
    let mut object = Object::default();
    quantities(&mut object, "cpu", cpu);
    quantities(&mut object, "memory", memory);
    object
}

/// An amount that is absent when there is none.
fn quantities<T: Display>(object: &mut Object, name: &str, setting: &Setting<Option<T>>) {
    if setting.value.is_some() {
        object.always(name, setting, quantity(setting));
    }
}

fn quantity<T: Display>(setting: &Setting<Option<T>>) -> Value {
    json!(setting.value.as_ref().map(ToString::to_string))
}

fn name(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Readiness => "readiness",
        ProbeKind::Liveness => "liveness",
        ProbeKind::Startup => "startup",
    }
}

fn probe(probe: &Probe) -> Value {
    let mut object = Object::default();
    if let Some(asks) = &probe.asks {
        object.nest("asks", question(asks));
    }
    if let Some(agent) = &probe.agent {
        object.always("through_agent", &agent.asked, json!(agent.asked.value));
        if agent.asked.value {
            object.always("agent_port", &agent.port, json!(agent.port.value));
        }
    }
    // Too short for many an application, and rarely known.
    object.always("timeout_ms", &probe.timeout, millis(probe.timeout.value));
    written(&mut object, "period_ms", &probe.period, millis(probe.period.value));
    let threshold = &probe.failure_threshold;
    written(&mut object, "failure_threshold", threshold, json!(threshold.value));
    let delay = &probe.initial_delay;
    written(&mut object, "initial_delay_ms", delay, millis(delay.value));
    object.into_value()
}

/// What a probe asks: the field of the manifest, and what is written below it.
fn question(asks: &ProbeQuestion) -> Object {
    let mut object = Object::default();
    object.always("way", &asks.way, json!(asks.way.value.to_string()));
    if let Some(port) = &asks.port {
        object.always("port", port, json!(port.value));
    }
    if let Some(path) = &asks.path {
        object.always("path", path, json!(path.value));
    }
    if let Some(tls) = &asks.tls {
        written(&mut object, "tls", tls, json!(tls.value));
    }
    object
}

/// Who answers for a workload, and the line that says so.
fn owner(owner: &Owner) -> Value {
    let mut described = object::location(&owner.source);
    described.insert("name".to_owned(), json!(owner.name));
    if let Some(component) = &owner.component {
        described.insert("component".to_owned(), json!(component));
    }
    Value::Object(described)
}

/// Who applies a workload to the cluster, and whether it does at the moment.
fn applied_by(reconciler: &Reconciler) -> Value {
    let mut described = object::location(&reconciler.at);
    described.insert("kind".to_owned(), json!(reconciler.kind.to_string()));
    described.insert("object".to_owned(), object::reference(&reconciler.object));
    described.insert("folder".to_owned(), json!(reconciler.path));
    if let Some(line) = &reconciler.suspended {
        described.insert("suspended".to_owned(), Value::Object(object::location(line)));
    }
    if !reconciler.depends_on.is_empty() {
        let others = reconciler.depends_on.iter().map(object::reference);
        described.insert("depends_on".to_owned(), others.collect());
    }
    Value::Object(described)
}
