//! The block `localityLbSetting` of a load balancer.

use std::collections::BTreeSet;

use super::check::Check;
use super::values;
use crate::field::Field;

/// Judges the locality settings of a load balancer.
pub(super) fn judge(balancer: &Field<'_>, check: &mut Check<'_>) {
    let Some(setting) = balancer.block("localityLbSetting") else { return };
    if balancer.get("zoneAwareLbSetting").is_some() {
        check.refuse(&setting, "only one of localityLbSetting and zoneAwareLbSetting can be given");
    }
    let (distribute, failover) = (setting.list("distribute"), setting.list("failover"));
    if !distribute.is_empty() && !failover.is_empty() {
        check.refuse(&setting, "`distribute` cannot stand beside `failover`");
        return;
    }
    let priorities = setting.get("failoverPriority").map(|list| list.texts()).unwrap_or_default();
    let by_place = |label: &&&str| {
        matches!(
            **label,
            "topology.kubernetes.io/region"
                | "topology.kubernetes.io/zone"
                | "topology.istio.io/subzone"
        )
    };
    if let (false, Some(label)) = (failover.is_empty(), priorities.iter().find(by_place)) {
        check.refuse(
            &setting,
            format!("`failover` cannot stand beside the label {label} in failoverPriority"),
        );
        return;
    }
    let mut sources = Vec::new();
    for entry in &distribute {
        sources.push(values::text(entry, "from"));
        targets(entry, check);
    }
    if let Some(reason) = overlap(&sources) {
        check.refuse(&setting, reason);
    }
    for entry in &failover {
        let (from, to) = (values::text(entry, "from"), values::text(entry, "to"));
        if from == to {
            check.refuse(entry, "a region cannot fail over to itself");
        }
        if [from, to].iter().any(|region| region.contains(['/', '*'])) {
            check.refuse(entry, "failover names regions only, without zones or wildcards");
        }
    }
}

/// Weights from 1 to 100 that add up to 100.
fn targets(entry: &Field<'_>, check: &mut Check<'_>) {
    let to = entry.get("to").map(|map| map.entries()).unwrap_or_default();
    let mut total = 0;
    for (_, weight) in &to {
        let number = values::number(weight).unwrap_or(0);
        if !(1..=100).contains(&number) {
            check.refuse(weight, "the weight of a locality must lie between 1 and 100");
            return;
        }
        total += number;
    }
    if total != 100 {
        check.refuse(entry, format!("the weights of the localities add up to {total}, not 100"));
        return;
    }
    // A mapping has no order; the most specific first overlaps least.
    let mut names: Vec<&str> = to.iter().map(|(name, _)| *name).collect();
    names.sort_by_key(|name| {
        (name.ends_with('*'), std::cmp::Reverse(name.matches('/').count()), *name)
    });
    if let Some(reason) = overlap(&names) {
        check.refuse(entry, reason);
    }
}

/// The reason why localities of one list are malformed or overlap an earlier one of the list.
///
/// A locality overlaps an earlier one that says less (`a` before `a/b`) or the same; `*` is an
/// ordinary part, so that `a/b` may stand before `a/*` but not behind it.
fn overlap(names: &[&str]) -> Option<String> {
    let mut seen: BTreeSet<Vec<&str>> = BTreeSet::new();
    for name in names {
        let stars = name.matches('*').count();
        if stars > 1 || stars == 1 && !name.ends_with('*') {
            return Some(format!("in `{name}` the wildcard must be the end"));
        }
        let parts: Vec<&str> = name.splitn(3, '/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Some(format!("`{name}` must be region/zone/subzone without empty parts"));
        }
        if seen.iter().any(|earlier| hides(earlier, &parts)) {
            return Some(format!("`{name}` overlaps with an earlier locality of the list"));
        }
        seen.insert(parts);
    }
    None
}

/// Whether an earlier locality leaves nothing for a later one.
fn hides(earlier: &[&str], later: &[&str]) -> bool {
    let all = |part: &&&str| **part == "*";
    match (earlier, later) {
        ([region], _) => all(&region) || later.first() == Some(region),
        (_, [region]) => earlier.first() == Some(region),
        ([a, zone], [b, other, ..]) => a == b && (all(&zone) || zone == other),
        ([a, zone, ..], [b, other]) => a == b && zone == other,
        ([a, zone, subzone], [b, other, inner]) => {
            a == b && (all(&zone) || zone == other && (all(&subzone) || subzone == inner))
        }
        _ => false,
    }
}
