//! Whether a proxy writes every request to an access log.
//!
//! Providers of `Telemetry` objects and of `defaultProviders` come first; where none of them is left
//! that can log, `accessLogFile` and `enableEnvoyAccessLogService` decide (`mergeLogs` and
//! `AccessLogBuilder`, release 1.31).

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_model::{Origin, Setting};

use super::End;
use super::providers::{Provider, Providers};
use crate::defaults;
use crate::edges::Mesh;
use crate::field::Field;

/// What one logging provider does.
struct Log {
    on: bool,
    /// Where only some requests are written: the condition.
    filter: Option<Setting<String>>,
    by: Origin,
}

/// Whether any provider writes every request at one end, and if none does, which it writes.
pub(super) fn of(
    levels: &[Field<'_>],
    end: End,
    providers: &Providers<'_>,
    mesh: &Mesh<'_>,
) -> (Setting<bool>, Option<Setting<String>>) {
    let document = mesh.document.as_ref();
    let logging: Vec<Vec<Field<'_>>> = levels
        .iter()
        .map(|level| level.list("accessLogging"))
        .filter(|entries| !entries.is_empty())
        .collect();
    let default_field = document.and_then(|mesh| mesh.at(&["defaultProviders", "accessLogging"]));
    let default: Vec<String> = default_field
        .as_ref()
        .map(|list| list.texts().into_iter().map(str::to_owned).collect())
        .unwrap_or_default();
    let logs = |provider: &Provider<'_>| provider.logs() && provider.broken().is_none();
    let can_log = |name: &str| providers.find(name).is_some_and(logs);
    let old = of_mesh(mesh);
    if logging.is_empty() {
        let log = match default_field.filter(|_| default.iter().any(|name| can_log(name))) {
            Some(field) => above(Setting::new(true, field.key_origin()), old),
            None => old.unwrap_or_else(|| Setting::default_of(false, defaults::ISTIO)),
        };
        return (log, None);
    }
    let logs = merge(&logging, &default, end);
    let logs: Vec<&Log> =
        logs.iter().filter(|(name, _)| can_log(name)).map(|(_, log)| log).collect();
    let writing = logs.iter().find(|log| log.on && log.filter.is_none());
    let some = logs.iter().filter(|log| log.on && writing.is_none());
    let filter = some.clone().find_map(|log| log.filter.clone());
    let partly = some.min_by_key(|log| log.filter.is_none()).or(logs.first());
    let log = match (writing, partly) {
        (Some(log), _) => above(Setting::new(true, log.by.clone()), old),
        (None, Some(log)) => above(Setting::new(false, log.by.clone()), old),
        (None, None) => old.unwrap_or_else(|| Setting::default_of(false, defaults::ISTIO)),
    };
    (log, filter)
}

/// A setting of providers, over the mesh's older settings.
fn above(mut winner: Setting<bool>, old: Option<Setting<bool>>) -> Setting<bool> {
    winner.overrode.extend(old.map(|old| old.origin));
    winner
}

/// The mesh's settings that know no providers.
fn of_mesh(mesh: &Mesh<'_>) -> Option<Setting<bool>> {
    let document = mesh.document.as_ref();
    let path = document.and_then(|mesh| mesh.get("accessLogFile"));
    // What the charts made of the profile is in the ConfigMap.
    let rendered = document.is_some_and(|mesh| mesh.source().id.kind == "ConfigMap");
    if path.is_none() && !rendered && mesh.installation.is_demo() {
        return Some(Setting::default_of(true, defaults::DEMO));
    }
    let file = path.filter(|field| field.node().text().is_some_and(|path| !path.is_empty()));
    let service = || {
        let switch = document?.get("enableEnvoyAccessLogService")?;
        (switch.flag() == Some(true)).then_some(switch)
    };
    Some(file.or_else(service)?.setting(true))
}

/// What each provider ends up doing at one end of requests: providers of the last level that names
/// any are in scope, and only an entry that names its providers can filter.
fn merge(levels: &[Vec<Field<'_>>], default: &[String], end: End) -> BTreeMap<String, Log> {
    let providers_of = |entry: &Field<'_>| -> Vec<String> {
        let providers = entry.list("providers");
        let names = providers.iter().filter_map(|provider| provider.get("name")?.text());
        names.map(str::to_owned).collect()
    };
    let applies = |entry: &&Field<'_>| {
        end.is_meant(entry.at(&["match", "mode"]).and_then(|field| field.text()))
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
            let writer = writers.get(provider);
            let filter = writer.and_then(|writer| writer.get("filter"));
            let filter = filter.map(|filter| filter.get("expression").unwrap_or(filter));
            let last = writer.unwrap_or(entry);
            let by = off.as_ref().or(filter.as_ref()).or(switch.as_ref()).unwrap_or(last).origin();
            let filter = filter
                .map(|filter| filter.setting(filter.node().text().unwrap_or_default().to_owned()));
            let log = Log { on: off.is_none(), filter, by };
            logs.insert(provider.clone(), log);
        }
    }
    logs
}
