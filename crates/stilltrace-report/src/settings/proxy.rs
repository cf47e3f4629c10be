//! Proxies as processes: threads, what they record, and the patches that change what is computed.
//!
//! Patches of `EnvoyFilter` objects are opaque. They are named whole under their proxy, and in short
//! beside every edge and port that they may change: what is computed there holds before the patch.

use serde_json::{Map, Value, json};
use stilltrace_model::{FilterPatch, PatchedPart, Platform, Recording, SidecarProxy};

use super::object::{self, Object, number};

/// What every proxy does beside its edges, by workload.
pub(super) fn all(platform: &Platform) -> Map<String, Value> {
    let proxies = super::described(platform);
    let all = proxies.map(|(workload, proxy)| {
        let described = describe(proxy, workload.is_gateway);
        (workload.id.to_string(), described)
    });
    all.collect()
}

fn describe(proxy: &SidecarProxy, is_gateway: bool) -> Value {
    let mut object = Object::default();
    let threads = &proxy.concurrency;
    object.always("concurrency", threads, json!(threads.value));
    let telemetry = &proxy.telemetry;
    record(&mut object, "", &telemetry.outbound);
    if !is_gateway {
        record(&mut object, "inbound_", &telemetry.inbound);
    }
    let passed = &proxy.passed_by;
    for (name, ports) in
        [("passed_by_outbound", &passed.outbound), ("passed_by_inbound", &passed.inbound)]
    {
        if let Some(ports) = ports {
            object.always(name, ports, json!(ports.value));
        }
    }
    let stats = &telemetry.extra_stats;
    object.always("extra_stats", stats, json!(stats.value));
    let mut value = object.into_value();
    if !proxy.patches.is_empty() {
        value["patches"] = proxy.patches.iter().map(whole).collect();
    }
    value
}

/// What one direction records.
fn record(object: &mut Object, prefix: &str, recording: &Recording) {
    let share = &recording.tracing_percent;
    object.always(&format!("{prefix}tracing_pct"), share, number(share.value));
    let tracer = &recording.tracer;
    object.always(&format!("{prefix}tracer"), tracer, json!(tracer.value));
    let log = &recording.access_log;
    object.always(&format!("{prefix}access_log"), log, json!(log.value));
    if let Some(filter) = &recording.access_log_filter {
        object.always(&format!("{prefix}access_log_filter"), filter, json!(filter.value));
    }
}

/// A patch with everything that it names.
fn whole(patch: &FilterPatch) -> Value {
    let mut object = Object::default();
    object.always("applies_to", &patch.applies_to, json!(patch.applies_to.value));
    object.always("context", &patch.context, json!(patch.context.value));
    object.always("operation", &patch.operation, json!(patch.operation.value));
    object.always("priority", &patch.priority, json!(patch.priority.value));
    if let Some(name) = &patch.name {
        object.always("name", name, json!(name.value));
    }
    let values: Map<String, Value> =
        patch.values.iter().map(|(path, value)| (path.clone(), json!(value.value))).collect();
    for (path, value) in &patch.values {
        object.mark(&format!("values.{path}"), &value.origin);
    }
    if !values.is_empty() {
        object.put("values", Value::Object(values));
    }
    let mut described = object.into_value();
    described["may_change"] = json!(patch.reach.part.name());
    described["touches"] = json!(patch.touches);
    add_place(&mut described, patch);
    described
}

/// The patches that may change calls to a port of a host; `None` where there are none.
pub(super) fn of_edge(proxy: &SidecarProxy, host: &str, port: u16) -> Option<Value> {
    listed(proxy.patches.iter().filter(|patch| patch.reach.concerns(host, port)))
}

/// The patches that may change what happens to requests that arrive.
pub(super) fn of_inbound(proxy: &SidecarProxy) -> Option<Value> {
    let reaches =
        |patch: &&FilterPatch| patch.reach.inbound && patch.reach.part != PatchedPart::Process;
    listed(proxy.patches.iter().filter(reaches))
}

fn listed<'a>(patches: impl Iterator<Item = &'a FilterPatch>) -> Option<Value> {
    let all: Vec<Value> = patches.map(short).collect();
    (!all.is_empty()).then_some(Value::Array(all))
}

fn short(patch: &FilterPatch) -> Value {
    let mut described = json!({
        "applies_to": patch.applies_to.value,
        "operation": patch.operation.value,
        "may_change": patch.reach.part.name(),
        "touches": patch.touches,
    });
    if let Some(subset) = &patch.reach.subset {
        described["subset"] = json!(subset);
    }
    add_place(&mut described, patch);
    described
}

fn add_place(described: &mut Value, patch: &FilterPatch) {
    let Some(fields) = described.as_object_mut() else { return };
    if let Some(at) = patch.origin.location() {
        fields.extend(object::location(at));
    }
    if let Some(named) = patch.object.object() {
        fields.insert("object".to_owned(), object::reference(named));
    }
}
