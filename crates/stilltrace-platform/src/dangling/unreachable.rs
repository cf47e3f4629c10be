//! Routes of a virtual service behind one that takes every request.

use crate::field::Field;
use crate::gaps::Gaps;
use crate::inventory::Inventory;

/// Names the first route that no request reaches, object by object.
pub(super) fn report(inventory: &Inventory<'_>, gaps: &Gaps) {
    for source in inventory.of("networking.istio.io", "VirtualService") {
        let rules = source.spec().map(|spec| spec.list("http")).unwrap_or_default();
        let Some(first) = rules.iter().position(takes_everything) else { continue };
        let behind = rules.get(first + 1..).unwrap_or_default();
        let (Some(all), Some(next)) = (rules.get(first), behind.first()) else { continue };
        let (subject, them) = match behind.len() {
            1 => ("the route".to_owned(), "it"),
            more => (format!("{more} routes from here on"), "them"),
        };
        gaps.add(
            format!(
                "{}: {}: no request reaches {subject}: `{}` ({}) takes every request before {them}",
                next.origin(),
                source.id,
                all.path(),
                all.origin()
            ),
            "what is written there has no effect",
            "put the route that takes everything last, or give it a match",
        );
    }
}

/// Whether a rule has no condition, or one alternative of it is none: an empty one, or every path.
fn takes_everything(rule: &Field<'_>) -> bool {
    if rule.get("delegate").is_some() {
        return false; // The routes of a delegate have conditions of their own.
    }
    let alternatives = rule.list("match");
    alternatives.is_empty() || alternatives.iter().any(is_no_condition)
}

fn is_no_condition(alternative: &Field<'_>) -> bool {
    alternative.entries().iter().all(|(key, value)| match *key {
        "name" => true,
        "uri" => value.get("prefix").is_some_and(|prefix| prefix.node().text() == Some("/")),
        _ => false,
    })
}
