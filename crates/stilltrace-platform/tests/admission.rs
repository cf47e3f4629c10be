//! Objects that Istio refuses are named with their line, and none of their values is in effect.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::print_stderr, clippy::disallowed_methods, reason = "reads a corpus from disk")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, Platform, read};

fn platform(text: &str) -> Platform {
    read(&MemoryTree::new().with("mesh.yaml", text), &mut ParseCache::new())
}

fn refused(platform: &Platform) -> BTreeSet<String> {
    platform.refused.iter().map(|refusal| refusal.object.to_string()).collect()
}

#[test]
fn the_objects_that_istio_refuses_are_refused_and_no_others() {
    compare(include_str!("admission/objects.yaml"), include_str!("admission/refused.txt"));
}

#[test]
fn the_objects_of_the_gateway_api_that_its_rules_refuse_are_refused_and_no_others() {
    let objects = include_str!("admission/gateway_api.yaml");
    compare(objects, include_str!("admission/gateway_api_refused.txt"));
}

fn compare(objects: &str, refused_by_them: &str) {
    let platform = platform(objects);
    let theirs: BTreeSet<String> = refused_by_them.lines().map(str::to_owned).collect();
    let ours = refused(&platform);
    let missed: Vec<&String> = theirs.difference(&ours).collect();
    let extra: Vec<_> = platform
        .refused
        .iter()
        .filter(|refusal| !theirs.contains(&refusal.object.to_string()))
        .collect();
    assert!(missed.is_empty() && extra.is_empty(), "not refused: {missed:#?}\nrefused: {extra:#?}");
}

#[test]
fn a_refusal_names_the_line_and_the_object_has_no_effect() {
    let text = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
    - route: [{destination: {host: web, port: {number: 80}}}]
      timeout: 0s
";
    let broken = platform(text);
    let [refusal] = broken.refused.as_slice() else { panic!("{:#?}", broken.refused) };
    assert_eq!(refusal.at.to_string(), "mesh.yaml:22:16");
    assert_eq!(refusal.field, "spec.http[0].timeout");
    assert!(broken.edges.values().all(|edge| edge.routes[0].object.is_none()));
    let sound = platform(&text.replace("0s", "1s"));
    assert_eq!(sound.refused, []);
    assert!(sound.edges.values().all(|edge| edge.routes[0].object.is_some()));
}

/// Every object of the corpus passed Istio's validation, but for those that its answer names.
#[test]
fn the_corpus_is_refused_where_istio_refused_it() {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("STILLTRACE_CORPORA").map_or(default, PathBuf::from);
    let Ok(cases) = std::fs::read_dir(root.join("xds-golden")) else {
        eprintln!("skipped: no xds-golden in STILLTRACE_CORPORA");
        return;
    };
    let mut with_refusals = 0;
    for case in cases.map(|case| case.unwrap().path()).filter(|path| path.is_dir()) {
        let input = std::fs::read_to_string(case.join("input.yaml")).unwrap();
        let expected = std::fs::read_to_string(case.join("expected.json")).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
        let theirs: BTreeSet<&str> = expected["invalid"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|text| text.as_str()?.split_once(": ").map(|(object, _)| object))
            .collect();
        let ours = refused(&platform(&input));
        assert_eq!(ours.iter().map(String::as_str).collect::<BTreeSet<_>>(), theirs, "{case:?}");
        with_refusals += usize::from(!theirs.is_empty());
    }
    assert!(with_refusals > 0);
}
