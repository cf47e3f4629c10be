//! Callers in ambient mode have no proxy of their own, and still get an answer.

use super::{json, line, said};

/// A caller in ambient mode, and a rule for the service that it calls; `labels` are the service's.
fn objects(labels: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\n\
         metadata: {{name: batch, labels: {{istio.io/dataplane-mode: ambient}}}}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: job, namespace: batch}}\n\
         spec: {{template: {{metadata: {{labels: {{app: job}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: bank, namespace: batch, labels: {{{labels}}}}}\n\
         spec: {{selector: {{app: job}}, ports: [{{name: http, port: 80}}]}}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: cron, namespace: batch}}\n\
         spec: {{template: {{metadata: {{labels: {{app: cron}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}\n---\n\
         apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: bank, namespace: batch}}\n\
         spec: {{hosts: [bank], http: [{{timeout: 1s, route: [{{destination: {{host: bank, port: {{number: 80}}}}}}]}}]}}\n"
    )
}

const WAYPOINT: &str = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n\
                        metadata: {name: w, namespace: batch}\n\
                        spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}\n";

#[test]
fn without_a_waypoint_nothing_is_followed() {
    let text = said(&objects(""), &["cron", "bank"]);
    let place = line(3);
    for part in [
        "batch/cron → bank.batch.svc.cluster.local:80 (ambient mode: no proxy of its own)",
        &format!("ambient mode yes stdin.yaml:{place}"),
        "waypoint none",
        "no route, timeout, retry or limit: connections pass as they are",
        "VirtualService batch/bank has no effect on calls of batch/cron",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_waypoint_is_named_with_the_rules_that_it_follows() {
    let named = objects("istio.io/use-waypoint: w");
    let text = said(&format!("{named}{WAYPOINT}"), &["cron", "bank"]);
    let (label, rule) = (line(12), line(20));
    for part in [
        format!("waypoint batch/w stdin.yaml:{label}"),
        format!("it follows VirtualService batch/bank stdin.yaml:{rule}"),
        "as the waypoint does it, which is not computed".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
    assert!(!text.contains("hazard"), "{text}");
    let document = json(&format!("{named}{WAYPOINT}"), &["cron", "bank"]);
    let host = "bank.batch.svc.cluster.local";
    assert_eq!(document["ambient"]["services"][host]["takes"], "requests");
    assert_eq!(document["ambient"]["calls"]["batch/cron"][0], format!("{host}|80"));
}

#[test]
fn a_waypoint_that_was_not_read_may_not_be_there() {
    let text = said(&objects("istio.io/use-waypoint: w"), &["cron", "bank"]);
    assert!(text.contains("unless it is there, connections go past it"), "{text}");
    let document = json(&objects("istio.io/use-waypoint: w"), &["cron", "bank"]);
    assert_eq!(document["hazards"][0]["certainty"], "depends-on-unread");
}

#[test]
fn other_calls_say_nothing_of_ambient_callers() {
    let text = said(&objects(""), &["web", "cart:80"]);
    assert!(!text.contains("ambient"), "{text}");
    // A proxy that calls such pods reaches them through their node's proxy.
    let text = said(&objects(""), &["web", "bank.batch"]);
    assert!(text.contains("ambient mode yes: proxies reach it by mutual TLS (HBONE)"), "{text}");
    assert!(!text.contains("has no effect"), "{text}");
}

#[test]
fn a_caller_alone_is_told_what_to_ask() {
    let text = said(&objects(""), &["cron"]);
    assert!(text.contains("batch/cron in ambient mode (stdin.yaml:"), "{text}");
    assert!(text.contains("name a service for what stands before it"), "{text}");
}
