//! What a setting becomes in Envoy's configuration.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stilltrace_model::{EdgeId, LoadBalancer, Platform, ServiceId, Setting, TlsMode, WorkloadId};

use super::*;
use crate::defaults;
use crate::pods::plan;
use crate::topology::Topology;

const PAIR: &str = "\
gateway: {calls: [front]}
services:
- {name: front, namespace: a, calls: [store]}
- name: store
  namespace: a
  workloads:
  - {name: store-v1, labels: {version: v1}}
  - {name: store-v2, labels: {version: v2}, replicas: 2}
";

/// Pods and platform of the pair.
fn pair() -> (Vec<Pod>, Platform) {
    let pods = plan(&Topology::parse(PAIR).unwrap(), 1);
    let platform = defaults::platform(&pods);
    (pods, platform)
}

fn edge_id() -> EdgeId {
    EdgeId::new(WorkloadId::new("a", "front"), ServiceId::new("a", "store"), 8080)
}

/// The files of the pods of `workload`.
fn files(pods: &[Pod], platform: &Platform, workload: &str) -> BTreeMap<&'static str, Value> {
    let identities = Identities::at(Path::new("/certs"));
    let world = World { platform, pods, identities: &identities, collector: None };
    let pod = pods.iter().find(|pod| pod.workload.name == workload).unwrap();
    discovery(world, pod, &ProxyDir("/proxy".into())).into_iter().collect()
}

/// The resource or virtual host whose name is `name`.
fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()
}

fn store_route(files: &BTreeMap<&'static str, Value>) -> Value {
    let hosts = &files["rds"]["resources"][0]["virtual_hosts"];
    named(hosts, "store.a.svc.cluster.local:8080")["routes"][0].clone()
}

#[test]
fn a_change_of_one_edge_touches_the_routes_of_its_caller_only() {
    let (pods, before) = pair();
    let mut after = before.clone();
    let edge = after.edges.get_mut(&edge_id()).unwrap();
    let retries = &mut Arc::make_mut(&mut edge.routes)[0].retries;
    retries.attempts.value = 10;
    retries.per_try_timeout.value = Some(Duration::from_millis(100));
    for workload in ["front", "store-v1", "istio-ingressgateway"] {
        let (old, new) = (files(&pods, &before, workload), files(&pods, &after, workload));
        let changed: Vec<_> = old.keys().filter(|kind| old[**kind] != new[**kind]).collect();
        let expected: Vec<&&str> = if workload == "front" { vec![&"rds"] } else { Vec::new() };
        assert_eq!(changed, expected, "{workload}");
    }
    let policy = &store_route(&files(&pods, &after, "front"))["route"]["retry_policy"];
    assert_eq!(policy["num_retries"], 10);
    assert_eq!(policy["per_try_timeout"], "0.100000000s");
}

#[test]
fn istio_defaults_have_no_timeout_and_two_retries() {
    let (pods, platform) = pair();
    let route = store_route(&files(&pods, &platform, "front"));
    assert_eq!(route["route"]["timeout"], "0.000000000s");
    assert_eq!(route["route"]["retry_policy"]["num_retries"], 2);
    assert_eq!(route["route"]["cluster"], "outbound|8080||store.a.svc.cluster.local");
}

#[test]
fn retries_switched_off_leave_no_policy_and_status_codes_become_numbers() {
    let (pods, mut platform) = pair();
    let edge = platform.edges.get_mut(&edge_id()).unwrap();
    let retries = &mut Arc::make_mut(&mut edge.routes)[0].retries;
    retries.retry_on.value = ["reset", "503"].map(str::to_owned).to_vec();
    let policy = store_route(&files(&pods, &platform, "front"))["route"]["retry_policy"].clone();
    assert_eq!(policy["retry_on"], "reset,retriable-status-codes");
    assert_eq!(policy["retriable_status_codes"], json!([503]));
    let edge = platform.edges.get_mut(&edge_id()).unwrap();
    Arc::make_mut(&mut edge.routes)[0].retries.attempts.value = 0;
    let route = store_route(&files(&pods, &platform, "front"));
    assert_eq!(route["route"].get("retry_policy"), None);
}

#[test]
fn a_subset_is_a_cluster_of_the_pods_with_its_labels() {
    let (pods, mut platform) = pair();
    let edge = platform.edges.get_mut(&edge_id()).unwrap();
    let labels = BTreeMap::from([("version".to_owned(), "v2".to_owned())]);
    let labels = Setting::default_of(labels, "test");
    Arc::make_mut(&mut edge.subsets)
        .insert("v2".to_owned(), (labels, Box::new(defaults::policy())));
    let mut canary = edge.routes[0].destinations[0].clone();
    canary.to.subset = Some("v2".to_owned());
    canary.weight.value = 10;
    let route = &mut Arc::make_mut(&mut edge.routes)[0];
    route.destinations[0].weight.value = 90;
    route.destinations.push(canary);
    let files = files(&pods, &platform, "front");
    let clusters = &files["cds"]["resources"];
    let count = |name: &str| {
        let endpoints = &named(clusters, name)["load_assignment"]["endpoints"][0]["lb_endpoints"];
        endpoints.as_array().unwrap().len()
    };
    assert_eq!(count("outbound|8080||store.a.svc.cluster.local"), 3);
    assert_eq!(count("outbound|8080|v2|store.a.svc.cluster.local"), 2);
    let weighted = &store_route(&files)["route"]["weighted_clusters"]["clusters"];
    assert_eq!(weighted[0]["weight"], 90);
    assert_eq!(weighted[1]["name"], "outbound|8080|v2|store.a.svc.cluster.local");
}

#[test]
fn a_service_out_of_scope_has_neither_cluster_nor_route() {
    let (pods, mut platform) = pair();
    platform.edges.remove(&edge_id());
    let files = files(&pods, &platform, "front");
    assert!(!files["cds"].to_string().contains("store.a"));
    assert!(!files["rds"].to_string().contains("store.a"));
    let hosts = &files["rds"]["resources"][0]["virtual_hosts"];
    assert_eq!(named(hosts, "block_all")["routes"][0]["direct_response"]["status"], 502);
}

#[test]
fn pool_limits_and_load_balancing_reach_the_cluster() {
    let (pods, mut platform) = pair();
    let policy = Arc::make_mut(&mut platform.edges.get_mut(&edge_id()).unwrap().policy);
    policy.pool.max_connections.value = Some(4);
    policy.pool.max_pending_requests.value = Some(1);
    policy.pool.max_requests_per_connection.value = Some(1);
    policy.load_balancer = Setting::default_of(LoadBalancer::RoundRobin, "test");
    let files = files(&pods, &platform, "front");
    let cluster = named(&files["cds"]["resources"], "outbound|8080||store.a.svc.cluster.local");
    let thresholds = &cluster["circuit_breakers"]["thresholds"][0];
    assert_eq!(
        (&thresholds["max_connections"], &thresholds["max_pending_requests"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(thresholds["max_requests"], json!(u32::MAX));
    assert_eq!(cluster["lb_policy"], "ROUND_ROBIN");
    assert!(cluster.to_string().contains("\"max_requests_per_connection\":1"));
}

#[test]
fn clients_accept_the_accounts_behind_a_service_and_plaintext_has_no_socket() {
    let (pods, mut platform) = pair();
    let cluster = |platform: &Platform| {
        let files = files(&pods, platform, "front");
        named(&files["cds"]["resources"], "outbound|8080||store.a.svc.cluster.local").clone()
    };
    let secure = cluster(&platform).to_string();
    assert!(secure.contains("spiffe://cluster.local/ns/a/sa/store"));
    assert!(secure.contains("/certs/front.a.pem"), "the caller shows its own certificate");
    let policy = Arc::make_mut(&mut platform.edges.get_mut(&edge_id()).unwrap().policy);
    policy.tls.value = TlsMode::Disable;
    assert_eq!(cluster(&platform).get("transport_socket"), None);
}

#[test]
fn access_log_and_tracing_follow_the_platform() {
    let (pods, mut platform) = pair();
    let collector = Some(([198, 18, 255, 1], 4318).into());
    let identities = Identities::at(Path::new("/certs"));
    let listeners = |platform: &Platform| {
        let world = World { platform, pods: &pods, identities: &identities, collector };
        let pod = pods.iter().find(|pod| pod.workload.name == "front").unwrap();
        Value::from(listener::all(world, pod, &ProxyDir("/proxy".into()))).to_string()
    };
    let before = listeners(&platform);
    assert!(before.contains("/proxy/access.log") && !before.contains("random_sampling"));
    let front = platform.workloads.get_mut(&WorkloadId::new("a", "front")).unwrap();
    let telemetry = &mut front.sidecar.as_mut().unwrap().telemetry;
    for recording in [&mut telemetry.outbound, &mut telemetry.inbound] {
        recording.access_log.value = false;
        recording.tracing_percent.value = 10.0;
    }
    let after = listeners(&platform);
    assert!(
        !after.contains("/proxy/access.log")
            && after.contains("\"random_sampling\":{\"value\":10.0}")
    );
    assert!(
        after.contains("envoy.access_loggers.stats"),
        "metrics do not depend on the access log"
    );
}
