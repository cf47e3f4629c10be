//! The form in which both sides are compared: every default filled in, one key per setting.
//!
//! ```text
//! clusters  {"host|port[|subset]": {setting: value}}
//! routes    {"host|port" or "gateway": [{setting: value}]}, in the order of the proxy
//! inbound   {setting: value}: the proxy towards its own application
//! ```

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::agreement::{Ours, Score};

/// Settings by name.
pub(crate) type Fields = Map<String, Value>;

/// Compares all settings of a proxy.
pub(crate) fn compare(ours: &Value, theirs: &Value, workload: &str, score: &mut Score) {
    for part in ["clusters", "routes"] {
        let keys = |side: &Value| -> Vec<String> {
            side[part].as_object().unwrap().keys().cloned().collect()
        };
        let (our_keys, their_keys) = (keys(ours), keys(theirs));
        let list = Ours::counted(json!(our_keys));
        score.compare(&format!("names of {part}"), workload, list, &json!(their_keys));
        for key in our_keys.iter().filter(|key| their_keys.contains(key)) {
            let place = format!("{workload} -> {key}");
            let (ours, theirs) = (&ours[part][key], &theirs[part][key]);
            match (ours.as_array(), theirs.as_array()) {
                (Some(ours), Some(theirs)) => compare_lists(ours, theirs, &place, score),
                _ => compare_fields("cluster", ours, theirs, &place, score),
            }
        }
    }
    compare_fields("inbound", &ours["inbound"], &theirs["inbound"], workload, score);
}

fn compare_lists(ours: &[Value], theirs: &[Value], place: &str, score: &mut Score) {
    let count = Ours::counted(json!(ours.len()));
    score.compare("number of routes", place, count, &json!(theirs.len()));
    for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        compare_fields("route", ours, theirs, &format!("{place} route {index}"), score);
    }
}

/// Compares every setting that either side has.
fn compare_fields(kind: &str, ours: &Value, theirs: &Value, place: &str, score: &mut Score) {
    let keys = |side: &Value| -> BTreeSet<String> {
        side.as_object().into_iter().flat_map(Map::keys).cloned().collect()
    };
    for key in &keys(ours) | &keys(theirs) {
        let ours = Ours::counted(ours[&key].clone());
        score.compare(&format!("{kind} {key}"), place, ours, &theirs[&key]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(cluster: &Value, routes: &Value) -> Value {
        json!({"clusters": {"a|80": cluster}, "routes": {"a|80": routes}, "inbound": {"mtls": "STRICT"}})
    }

    fn misses(ours: &Value, theirs: &Value) -> Vec<String> {
        let mut score = Score::default();
        compare(ours, theirs, "shop/front", &mut score);
        score.misses().to_vec()
    }

    #[test]
    fn equal_sides_agree() {
        let side = side(&json!({"lb": "RANDOM"}), &json!([{"to": [["a|80", 100]]}]));
        assert_eq!(misses(&side, &side), Vec::<String>::new());
    }

    #[test]
    fn a_setting_that_one_side_lacks_is_a_disagreement() {
        let full = side(&json!({"lb": "RANDOM", "max_pending": 8}), &json!([{"timeout_ms": 5}]));
        let less = side(&json!({"lb": "RANDOM"}), &json!([{}]));
        for (ours, theirs) in [(&full, &less), (&less, &full)] {
            let misses = misses(ours, theirs);
            assert!(misses[0].contains("shop/front -> a|80: cluster max_pending"), "{misses:?}");
            assert!(misses[1].contains("a|80 route 0: route timeout_ms"), "{misses:?}");
            assert_eq!(misses.len(), 2);
        }
    }

    #[test]
    fn another_inbound_setting_or_number_of_routes_is_a_disagreement() {
        let one = side(&json!({}), &json!([{}]));
        let mut other = side(&json!({}), &json!([{}, {}]));
        other["inbound"]["mtls"] = "PERMISSIVE".into();
        assert_eq!(misses(&one, &other).len(), 2);
    }
}
