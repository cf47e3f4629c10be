//! Where only the ages of objects decide: every object that could win, with what it would set.

use serde_json::Value;

use super::{Fields, items, value};
use crate::page::{Page, Span, Tone};

/// Fields that name a winner or stand elsewhere, and are no values that it sets.
const BESIDE: &[&str] =
    &["origins", "depends_on_age", "routes", "vs", "dr", "name", "subsets", "patched_by"];

/// Says which objects compete, what each would set, and how Istio decides.
pub(super) fn undecided(page: &mut Page, fields: &Fields) {
    let all = match fields.get("depends_on_age") {
        None | Some(Value::Null) => return,
        Some(Value::Array(several)) => several.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let others: Vec<&Fields> = all.iter().filter_map(winner).collect();
    let mut differing: Vec<&String> = Vec::new();
    for other in &others {
        for name in fields.keys().chain(other.keys()) {
            let differs = fields.get(name) != other.get(name);
            if differs && !BESIDE.contains(&name.as_str()) && !differing.contains(&name) {
                differing.push(name);
            }
        }
    }
    let mut claims: Vec<String> = Vec::new();
    for one in std::iter::once(&fields).chain(&others) {
        let claim = claim(one, &differing);
        if !claims.contains(&claim) {
            claims.push(claim);
        }
    }
    claims.sort_by_key(|claim| claim.starts_with(OTHERWISE));
    let named = all.iter().filter(|one| winner(one).is_none());
    claims.extend(named.map(|one| match value::place(one) {
        Some(place) => format!("{} ({place})", value::object_name(one)),
        None => value::object_name(one),
    }));
    let text =
        format!("{}; {}, and Git does not know their ages", claims.join(", or "), who_wins(fields));
    page.paragraph(&[Span::new(Tone::Unsure, "  depends on age  ")], 18, &[Span::plain(text)]);
}

/// The fields that would be in effect; `None` for the mere name of an object.
fn winner(alternative: &Value) -> Option<&Fields> {
    let fields = alternative.as_object().filter(|fields| !fields.contains_key("kind"))?;
    items(fields.get("routes")).first().and_then(Value::as_object).or(Some(fields))
}

/// How Istio decides. Destination rules for one host are merged where their `exportTo` is the same,
/// and a policy of the oldest stays; of rules that are not merged, a proxy takes the last in order
/// of age (`mergeDestinationRule` and `destinationRule` of the push context, release 1.31).
fn who_wins(fields: &Fields) -> &'static str {
    if fields.contains_key("dr") {
        "DestinationRules with the same exportTo are merged and the oldest one's policy stays, of \
         others the newest is taken"
    } else {
        "the oldest wins"
    }
}

/// The name of what holds where none of the objects that are named wins.
const OTHERWISE: &str = "otherwise";

/// The policy behind one of these fields or a part of them, which neither a rule nor a route names.
fn peer_authentication<'o>(origins: &'o Value, differing: &[&String]) -> Option<&'o Value> {
    let parts = origins.as_object()?.iter().filter(|(field, _)| {
        let whole = field.split(['[', '.']).next().unwrap_or_default();
        differing.iter().any(|name| *name == whole)
    });
    let mut objects = parts.map(|(_, origin)| origin);
    objects.find(|origin| {
        origin.get("object").and_then(|object| object.get("kind")?.as_str())
            == Some("PeerAuthentication")
    })
}

/// `namespace/name (path:line): what it sets`.
fn claim(fields: &Fields, differing: &[&String]) -> String {
    let rule = ["vs", "dr"].iter().find_map(|name| fields.get(*name)?.as_str());
    let origins = fields.get("origins");
    let origin = |name: &str| value::place(origins?.get(name)?);
    let place = differing.iter().find_map(|name| origin(name));
    let place = place.or_else(|| ["vs", "dr"].iter().find_map(|name| origin(name)));
    let policy = origins.and_then(|origins| peer_authentication(origins, differing));
    let (name, place) = match (rule, policy) {
        (Some(rule), _) => (rule.to_owned(), place),
        (None, Some(policy)) => {
            (value::object_name(policy.get("object").unwrap_or(&Value::Null)), value::place(policy))
        }
        // What is counted or derived names a service, which decides nothing.
        (None, None) => (OTHERWISE.to_owned(), None),
    };
    let mut text = name;
    if let Some(place) = place {
        text.extend([format!(" ({place})")]);
    }
    let value = |name: &&String| {
        if let Some(found) = fields.get(*name) {
            let (word, value) = value::with_unit(name, found);
            return format!("{} {value}", word.replace('_', " "));
        }
        let (word, _) = value::with_unit(name, &Value::Null);
        format!("{} by default", word.trim_end_matches("_ms").replace('_', " "))
    };
    let values: Vec<String> = differing.iter().map(value).collect();
    if !values.is_empty() {
        text.extend([format!(": {}", values.join(", "))]);
    }
    text
}
