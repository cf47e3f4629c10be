//! What strategic merge patches amount to.

#![allow(clippy::unwrap_used, reason = "a failed lookup is the test's failure")]

use super::*;
use crate::yaml::{Budget, parse};

fn node(path: &str, text: &str) -> Node {
    let parsed = parse(path, text.as_bytes(), &Budget::default());
    (*parsed.documents[0].root).clone()
}

/// Merges into an object of a kind, whose type is left out of the texts.
fn merged(kind: &str, old: &str, patch: &str) -> Result<Option<Node>, Problem> {
    let mut old = node("base", old);
    let mark = old.mark.clone();
    let (version, kind) = kind.rsplit_once(' ').unwrap();
    old.set("apiVersion", &mark, Node::string(version, mark.clone()));
    old.set("kind", &mark, Node::string(kind, mark.clone()));
    let mut found = merge(&Schemas::default(), old, &node("patch", patch))?;
    for key in ["apiVersion", "kind"] {
        if let Some(found) = &mut found {
            found.remove(key);
        }
    }
    Ok(found)
}

fn assert_merged(kind: &str, old: &str, patch: &str, wanted: &str) {
    let found = merged(kind, old, patch).unwrap().unwrap();
    assert!(found.same_value(&node("wanted", wanted)), "{found:#?}");
}

#[test]
fn containers_are_merged_by_name_and_patched_ones_come_first() {
    assert_merged(
        "v1 Pod",
        "spec: {containers: [{name: a, image: x}, {name: b, env: [{name: E, value: '1'}]}]}",
        "spec: {containers: [{name: b, env: [{name: F}, {name: E, value: '2'}]}, {name: c}]}",
        "spec: {containers: [{name: b, env: [{name: F}, {name: E, value: '2'}]}, {name: c}, \
         {name: a, image: x}]}",
    );
}

#[test]
fn with_several_keys_old_items_keep_their_order_behind_new_ones() {
    assert_merged(
        "v1 Service",
        "spec: {ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}, {port: 9}]}",
        "spec: {ports: [{port: 53, protocol: TCP, name: t}, {port: 9, name: n}, {port: 1}]}",
        "spec: {ports: [{port: 1}, {port: 53, protocol: UDP}, \
         {port: 53, protocol: TCP, name: t}, {port: 9, name: n}]}",
    );
}

#[test]
fn lists_of_custom_resources_are_replaced() {
    let old = "spec: {http: [{name: a, timeout: 1s, retries: {attempts: 2}}, {name: b}]}";
    let patch = "spec:\n  http: [{name: a, retries: {attempts: 9}}]";
    let kind = "networking.istio.io/v1 VirtualService";
    assert_merged(kind, old, patch, "spec: {http: [{name: a, retries: {attempts: 9}}]}");
    let found = merged(kind, old, patch).unwrap().unwrap();
    let attempts = found.pointer("spec.http[0].retries.attempts").unwrap();
    assert_eq!(attempts.mark.to_string(), "patch:2:40");
    assert_eq!(attempts.overrode()[0].to_string(), "base:1:58");
}

#[test]
fn nulls_and_directives_delete_and_replace() {
    let kind = "v1 Pod";
    assert_merged(kind, "{a: {b: 1, c: 2}}", "{a: {b: null, d: {e: null}}}", "{a: {c: 2, d: {}}}");
    assert_merged(kind, "{a: {b: 1}}", "{a: {$patch: replace, c: 2}}", "{a: {c: 2}}");
    assert_merged(kind, "{a: {b: 1}, d: 1}", "{a: {$patch: delete}}", "{d: 1}");
    assert_merged(
        kind,
        "spec: {containers: [{name: a}, {name: b}]}",
        "spec: {containers: [{name: b, $patch: delete}]}",
        "spec: {containers: [{name: a}]}",
    );
    assert_merged(
        kind,
        "spec: {containers: [{name: a}, {name: b}]}",
        "spec: {containers: [{$patch: replace}, {name: c}]}",
        "spec: {containers: [{name: c}]}",
    );
    assert_eq!(merged(kind, "{a: 1}", "{$patch: delete}"), Ok(None));
}

#[test]
fn a_patched_object_loses_empty_values_and_repeated_items() {
    assert_merged("v1 Pod", "a:\nb: null\nc: {d: }\ne: 1\n", "e: 2", "{b: null, c: {}, e: 2}");
    assert_merged(
        "v1 Pod",
        "spec: {containers: [{name: a, env: [{name: E, value: '1'}, {name: E, value: '2'}]}]}",
        "spec: {x: 1}",
        "spec: {x: 1, containers: [{name: a, env: [{name: E, value: '2'}]}]}",
    );
}

#[test]
fn a_patch_of_another_shape_is_refused() {
    assert!(merged("v1 Pod", "{a: [1]}", "{a: {b: 1}}").is_err());
    assert!(merged("v1 Pod", "{a: {b: 1}}", "{a: {$patch: move}}").is_err());
}
