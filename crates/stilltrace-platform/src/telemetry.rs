//! What a proxy records about requests: traces, access logs, statistics.
//!
//! `Telemetry` objects apply from the root namespace over the namespace to the workload, later ones
//! over earlier ones (`applicableTelemetries` and `mergeLogs`, release 1.31).

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_model::{Origin, Setting, Telemetry};

use crate::defaults;
use crate::field::Field;
use crate::inventory::Inventory;
use crate::labels::selects;
use crate::proxy_config::Layers;
use crate::workloads::Pods;

/// Telemetry in effect on the proxy of these pods.
pub(crate) fn of(
    pods: &Pods<'_>,
    inventory: &Inventory<'_>,
    mesh: Option<&Field<'_>>,
    root_namespace: &str,
    config: &Layers<'_>,
) -> Telemetry {
    let levels = applicable(pods, inventory, root_namespace);
    Telemetry {
        tracing_percent: tracing(&levels, config),
        access_log: access_log(&levels, mesh),
        extra_stats: config.extra_stats(pods),
    }
}

/// Specs of the objects that apply, the broadest first.
fn applicable<'a>(
    pods: &Pods<'_>,
    inventory: &Inventory<'a>,
    root_namespace: &str,
) -> Vec<Field<'a>> {
    let objects = inventory.of("telemetry.istio.io", "Telemetry");
    let selector = |spec: &Field<'a>| {
        let labels = spec.at(&["selector", "matchLabels"]).map(|labels| labels.labels());
        labels.filter(|labels| !labels.is_empty())
    };
    let targeted =
        |spec: &Field<'a>| spec.get("targetRef").or_else(|| spec.get("targetRefs")).is_some();
    let in_namespace = |namespace: &str| -> Vec<Field<'a>> {
        let here = objects.iter().filter(|source| source.namespace() == namespace);
        here.filter_map(|source| source.spec()).filter(|spec| !targeted(spec)).collect()
    };
    let open =
        |namespace: &str| in_namespace(namespace).into_iter().find(|spec| selector(spec).is_none());
    let own = pods.id.namespace.as_str();
    let mut levels: Vec<Field<'a>> = open(root_namespace).into_iter().collect();
    if own != root_namespace {
        levels.extend(open(own));
    }
    let selecting = |spec: &Field<'a>| selector(spec).is_some_and(|s| selects(&s, &pods.labels));
    levels.extend(in_namespace(own).into_iter().filter(selecting));
    levels
}

/// The share of requests traced: the last level that says so, else the proxy's configuration.
fn tracing(levels: &[Field<'_>], config: &Layers<'_>) -> Setting<f64> {
    let mut percent = match config.find(&["tracing", "sampling"]) {
        Some((field, weaker)) => {
            let value = field.percent().unwrap_or(defaults::TRACING_PERCENT);
            let mut setting = field.setting(value);
            setting.overrode.extend(weaker);
            setting
        }
        None => Setting::default_of(defaults::TRACING_PERCENT, defaults::ISTIO),
    };
    let mut disabled: Option<(bool, Field<'_>)> = None;
    for entry in levels.iter().flat_map(|level| level.list("tracing")) {
        let sampling = entry.get("randomSamplingPercentage");
        if let Some((field, value)) =
            sampling.and_then(|field| Some((field.clone(), field.percent()?)))
        {
            percent = over(field.setting(value), percent);
        }
        if let Some(field) = entry.get("disableSpanReporting") {
            disabled = field.flag().map(|off| (off, field)).or(disabled);
        }
    }
    match disabled {
        Some((true, field)) => over(field.setting(0.0), percent),
        _ => percent,
    }
}

/// `winner`, with what it won against.
fn over<T>(mut winner: Setting<T>, loser: Setting<T>) -> Setting<T> {
    if loser.is_written() {
        winner.overrode.push(loser.origin);
    }
    winner.overrode.extend(loser.overrode);
    winner
}

/// What one logging provider does.
struct Log {
    on: bool,
    filtered: bool,
    by: Origin,
}

/// Whether any provider writes every request.
fn access_log(levels: &[Field<'_>], mesh: Option<&Field<'_>>) -> Setting<bool> {
    let logging: Vec<Vec<Field<'_>>> = levels
        .iter()
        .map(|level| level.list("accessLogging"))
        .filter(|entries| !entries.is_empty())
        .collect();
    let default_field = mesh.and_then(|mesh| mesh.at(&["defaultProviders", "accessLogging"]));
    let default: Vec<String> = default_field
        .as_ref()
        .map(|list| list.texts().into_iter().map(str::to_owned).collect())
        .unwrap_or_default();
    let file = mesh.and_then(|mesh| mesh.get("accessLogFile"));
    let file = file.filter(|field| field.node().text().is_some_and(|path| !path.is_empty()));
    if logging.is_empty() {
        return match (default_field.filter(|_| !default.is_empty()), file) {
            (Some(field), _) => Setting::new(true, field.key_origin()),
            (None, Some(field)) => field.setting(true),
            (None, None) => Setting::default_of(false, defaults::ISTIO),
        };
    }
    let known = known_providers(mesh);
    let ends = ["CLIENT", "SERVER"].map(|end| merge_logs(&logging, &default, end));
    let usable = ends.iter().flatten().filter(|(name, _)| known.contains(name.as_str()));
    let logs: Vec<&Log> = usable.map(|(_, log)| log).collect();
    let writing = logs.iter().find(|log| log.on && !log.filtered);
    let silent = logs.iter().find(|log| !log.on || log.filtered);
    let mut setting = match (writing, silent) {
        (Some(log), _) => Setting::new(true, log.by.clone()),
        (None, Some(log)) => Setting::new(false, log.by.clone()),
        (None, None) => Setting::default_of(false, defaults::ISTIO),
    };
    setting.overrode.extend(file.map(|field| field.origin()));
    setting
}

/// What each provider ends up doing at one end of requests: providers of the last level that names
/// any are in scope, and only an entry that names its providers can filter.
fn merge_logs(levels: &[Vec<Field<'_>>], default: &[String], end: &str) -> BTreeMap<String, Log> {
    let providers_of = |entry: &Field<'_>| -> Vec<String> {
        let providers = entry.list("providers");
        let names = providers.iter().filter_map(|provider| provider.get("name")?.text());
        names.map(str::to_owned).collect()
    };
    let applies = |entry: &&Field<'_>| {
        let mode = entry.at(&["match", "mode"]).and_then(|field| field.text());
        matches!(mode, None | Some("CLIENT_AND_SERVER")) || mode == Some(end)
    };
    let mut in_scope: BTreeSet<String> = default.iter().cloned().collect();
    let mut writers: BTreeMap<String, Field<'_>> = BTreeMap::new();
    for level in levels {
        let mut names = BTreeSet::new();
        for entry in level.iter().filter(applies) {
            for name in providers_of(entry) {
                writers.insert(name.clone(), entry.clone());
                names.insert(name);
            }
        }
        if !names.is_empty() {
            in_scope = names;
        }
    }
    let mut parent = default.to_vec();
    let mut logs = BTreeMap::new();
    for entry in levels.iter().flatten() {
        let own = providers_of(entry);
        if !own.is_empty() {
            parent = own;
        }
        let switch = entry.get("disabled");
        let off = switch.clone().filter(|field| field.flag() == Some(true));
        for provider in parent.iter().filter(|name| in_scope.contains(*name) && applies(&entry)) {
            let writer = writers.get(provider).unwrap_or(entry);
            let filter = writer.at(&["filter", "expression"]);
            let by =
                off.as_ref().or(filter.as_ref()).or(switch.as_ref()).unwrap_or(writer).origin();
            let log = Log { on: off.is_none(), filtered: filter.is_some(), by };
            logs.insert(provider.clone(), log);
        }
    }
    logs
}

/// Providers that the mesh defines, and those that Istio brings.
fn known_providers<'a>(mesh: Option<&Field<'a>>) -> BTreeSet<&'a str> {
    let written = mesh.map(|mesh| mesh.list("extensionProviders")).unwrap_or_default();
    let names = written.iter().filter_map(|provider| provider.get("name")?.text());
    names.chain(["envoy", "stackdriver"]).collect()
}
