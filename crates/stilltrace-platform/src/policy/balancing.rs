//! Load balancing: the algorithm, its table, and how new endpoints are eased in.

use stilltrace_model::{HashTable, LoadBalancer, Setting, Warmup};

use super::blocks::Layer;
use crate::defaults;
use crate::field::Field;

/// Places of Istio's ring where nobody says how many.
const RING: u64 = 1_024;

/// The line that leaves the choice to the caller, where the block does.
pub(super) fn passthrough(load_balancer: &Field<'_>) -> Option<Setting<()>> {
    let simple = load_balancer.get("simple")?;
    (simple.node().text() == Some("PASSTHROUGH")).then(|| simple.setting(()))
}

/// The algorithm that is written; a hash beats a simple one.
pub(super) fn algorithm(layer: &Layer<'_>) -> Setting<LoadBalancer> {
    if let Some(hash) = layer.at(&["consistentHash"]) {
        let mut setting = Setting::new(LoadBalancer::ConsistentHash, hash.key_origin());
        setting.overrode.extend(layer.lost(&["consistentHash"]));
        setting.overrode.extend(layer.lost(&["simple"]));
        return setting;
    }
    let read = |field: &Field<'_>| match field.text()? {
        "LEAST_REQUEST" | "LEAST_CONN" | "UNSPECIFIED" => Some(LoadBalancer::LeastRequest),
        "ROUND_ROBIN" => Some(LoadBalancer::RoundRobin),
        "RANDOM" => Some(LoadBalancer::Random),
        "PASSTHROUGH" => Some(LoadBalancer::Passthrough),
        _ => {
            field.report("LEAST_REQUEST, ROUND_ROBIN, RANDOM or PASSTHROUGH");
            None
        }
    };
    let default = || Setting::default_of(LoadBalancer::LeastRequest, defaults::ISTIO);
    let mut setting = layer.setting(&["simple"], read, default);
    setting.overrode.extend(layer.lost(&["consistentHash"]));
    setting
}

/// The table of a consistent hash. Only the older spelling without a table has a default size;
/// a size of zero leaves it to Envoy.
pub(super) fn hash_table(layer: &Layer<'_>) -> Option<Setting<HashTable>> {
    let hash = layer.at(&["consistentHash"])?;
    if let Some(maglev) = hash.get("maglev") {
        return Some(match size(&maglev, "tableSize") {
            Some((size, field)) => field.setting(HashTable::Maglev(Some(size))),
            None => Setting::new(HashTable::Maglev(None), maglev.key_origin()),
        });
    }
    if let Some(ring) = hash.get("ringHash") {
        return Some(match size(&ring, "minimumRingSize") {
            Some((size, field)) => field.setting(HashTable::Ring(Some(size))),
            None => Setting::new(HashTable::Ring(None), ring.key_origin()),
        });
    }
    Some(match size(&hash, "minimumRingSize") {
        Some((size, field)) => field.setting(HashTable::Ring(Some(size))),
        None => Setting::default_of(HashTable::Ring(Some(RING)), defaults::ISTIO),
    })
}

/// A size that is written and not zero.
fn size<'a>(block: &Field<'a>, key: &str) -> Option<(u64, Field<'a>)> {
    let field = block.get(key)?;
    Some((u64::from(field.count()?), field)).filter(|(size, _)| *size > 0)
}

/// How new endpoints are eased in. Only the two algorithms that count requests can; a hash table
/// of a given size takes the place of their settings.
pub(super) fn warmup(layer: &Layer<'_>, table: Option<&Setting<HashTable>>) -> Option<Warmup> {
    let simple = layer.at(&["simple"]);
    let simple = simple.as_ref().and_then(Field::text).filter(|_| table.is_none());
    let sized = |table: &Setting<HashTable>| {
        !matches!(table.value, HashTable::Ring(None) | HashTable::Maglev(None))
    };
    if matches!(simple, Some("RANDOM" | "PASSTHROUGH")) || table.is_some_and(sized) {
        return None;
    }
    if let Some(block) = layer.at(&["warmup"]) {
        let percent = |key: &str, default: f64| match block.get(key) {
            Some(field) => field.setting(field.node().as_f64()),
            None => Setting::default_of(Some(default), defaults::ISTIO),
        };
        let duration = block.get("duration");
        let window = duration.as_ref().and_then(|field| Some(field.setting(field.duration()?)));
        return Some(Warmup {
            window: window?,
            min_percent: percent("minimumPercent", 10.0),
            aggression: percent("aggression", 1.0),
        });
    }
    let seconds = layer.at(&["warmupDurationSecs"])?;
    Some(Warmup {
        window: seconds.setting(seconds.duration()?),
        min_percent: Setting::default_of(None, defaults::ENVOY),
        aggression: Setting::default_of(None, defaults::ENVOY),
    })
}
