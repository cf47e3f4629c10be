//! Which `EnvoyFilter` patches a proxy gets, and what they touch.
//!
//! A patch may change anything, so it is kept as what it names and not evaluated. Selection and
//! order are those of Istio's `getEnvoyFiltersForNamespace` and `EnvoyFilters` (release 1.31): the
//! root namespace first, then the proxy's own; in each by priority, then age, then name.

mod reach;

use stilltrace_model::{FilterPatch, Setting};

use crate::defaults;
use crate::field::Field;
use crate::injection::Injected;
use crate::inventory::Inventory;
use crate::labels::selects;
use crate::source::Source;
use crate::workloads::Pods;

/// How many scalars of a patch are kept.
const MAX_VALUES: usize = 200;
/// How many characters of a scalar are kept; programs in Lua can be long.
const MAX_TEXT: usize = 200;

/// The patches of a workload's proxy, in the order in which they are applied.
pub(crate) fn patches(pods: &Pods<'_>, inventory: &Inventory<'_>, root: &str) -> Vec<FilterPatch> {
    let own = pods.id.namespace.as_str();
    let mut namespaces = vec![root];
    if own != root {
        namespaces.push(own);
    }
    let all = inventory.of("networking.istio.io", "EnvoyFilter");
    let mut found = Vec::new();
    for namespace in namespaces {
        let selected =
            all.iter().filter(|source| source.namespace() == namespace && reaches(source, pods));
        let mut of_namespace: Vec<(i32, &Source)> =
            selected.map(|source| (priority(source).value, *source)).collect();
        // The inventory is sorted by age and name already, and sorting is stable.
        of_namespace.sort_by_key(|(priority, _)| *priority);
        for (_, source) in of_namespace {
            let entries = source.spec().map(|spec| spec.list("configPatches")).unwrap_or_default();
            let own = entries.iter().filter(|entry| fits(entry, pods));
            found.extend(own.map(|entry| patch(source, entry)));
        }
    }
    found
}

/// Whether the object's selector matches; objects with `targetRefs` are for waypoints and gateways
/// of the Gateway API.
fn reaches(source: &Source, pods: &Pods<'_>) -> bool {
    let Some(spec) = source.spec() else { return false };
    let selector = spec.at(&["workloadSelector", "labels"]).map(|field| field.labels());
    spec.get("targetRefs").is_none() && selects(&selector.unwrap_or_default(), &pods.labels)
}

fn priority(source: &Source) -> Setting<i32> {
    let written = source.spec().and_then(|spec| spec.get("priority"));
    let number = |field: &Field<'_>| i32::try_from(field.node().as_i64()?).ok();
    match written.as_ref().and_then(|field| Some((field, number(field)?))) {
        Some((field, number)) => field.setting(number),
        None => Setting::default_of(0, defaults::ISTIO),
    }
}

/// Whether a patch is for this kind of proxy.
fn fits(entry: &Field<'_>, pods: &Pods<'_>) -> bool {
    let context = entry.at(&["match", "context"]).and_then(|field| field.node().text());
    match context.unwrap_or("ANY") {
        "GATEWAY" => pods.injected == Injected::Gateway,
        "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" => pods.injected == Injected::Sidecar,
        "WAYPOINT" => false,
        _ => true,
    }
}

fn patch(source: &Source, entry: &Field<'_>) -> FilterPatch {
    let text = |path: &[&str], default: &str| {
        let written = entry.at(path);
        match written.as_ref().and_then(|field| Some((field, field.node().text()?))) {
            Some((field, text)) => field.setting(text.to_owned()),
            None => Setting::default_of(default.to_owned(), defaults::ISTIO),
        }
    };
    FilterPatch {
        object: source.origin(),
        origin: entry.origin(),
        applies_to: text(&["applyTo"], "INVALID"),
        context: text(&["match", "context"], "ANY"),
        operation: text(&["patch", "operation"], "INVALID"),
        priority: priority(source),
        touches: touches(entry),
        reach: reach::of(entry),
        name: entry
            .at(&["patch", "value", "name"])
            .and_then(|field| Some(field.setting(field.node().text()?.to_owned()))),
        values: entry.at(&["patch", "value"]).map(|value| values(&value)).unwrap_or_default(),
    }
}

/// The scalars of a patch. The walk is bounded by their number and by the depth that the parser
/// allows.
fn values(value: &Field<'_>) -> Vec<(String, Setting<String>)> {
    let mut found = Vec::new();
    let mut open = vec![value.clone()];
    while let Some(field) = open.pop() {
        if let Some(text) = field.node().text() {
            let path = field.path().strip_prefix(value.path()).unwrap_or_default();
            let text = text.chars().take(MAX_TEXT).collect();
            found.push((path.trim_start_matches('.').to_owned(), field.setting(text)));
        }
        if found.len() >= MAX_VALUES {
            break;
        }
        let inner = field.entries().into_iter().map(|(_, inner)| inner);
        let inner: Vec<Field<'_>> = inner.chain(field.items()).collect();
        open.extend(inner.into_iter().rev());
    }
    found
}

/// What a match names, from the outside in: listener, chain, filter; cluster; route.
fn touches(entry: &Field<'_>) -> Vec<String> {
    const NAMED: [(&[&str], &str); 16] = [
        (&["proxy", "proxyVersion"], "proxy version"),
        (&["listener", "name"], "listener"),
        (&["listener", "portNumber"], "listener port"),
        (&["listener", "filterChain", "name"], "filter chain"),
        (&["listener", "filterChain", "sni"], "SNI"),
        (&["listener", "filterChain", "applicationProtocols"], "application protocols"),
        (&["listener", "filterChain", "filter", "name"], "filter"),
        (&["listener", "filterChain", "filter", "subFilter", "name"], "filter"),
        (&["cluster", "name"], "cluster"),
        (&["cluster", "service"], "service"),
        (&["cluster", "subset"], "subset"),
        (&["cluster", "portNumber"], "service port"),
        (&["routeConfiguration", "name"], "route configuration"),
        (&["routeConfiguration", "portNumber"], "route port"),
        (&["routeConfiguration", "vhost", "name"], "virtual host"),
        (&["routeConfiguration", "vhost", "route", "name"], "route"),
    ];
    let Some(condition) = entry.get("match") else { return Vec::new() };
    let named = NAMED
        .iter()
        .filter_map(|(path, what)| Some(format!("{what} {}", condition.at(path)?.node().text()?)));
    named.collect()
}
