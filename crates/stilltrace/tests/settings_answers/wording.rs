//! The same thing is said in the same words, and no word says more than is known.

use super::{line, said};

#[test]
fn default_retries_read_the_same_whether_or_not_a_count_is_written() {
    let rule = |retries: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
             metadata: {{name: cart, namespace: shop}}\n\
             spec: {{hosts: [cart], http: [{{{retries}route: [{{destination: {{host: cart, port: {{number: 80}}}}}}]}}]}}\n"
        )
    };
    let conditions = "on connect-failure, refused-stream, unavailable, cancelled, \
                      retriable-status-codes Istio 1.31 default";
    for retries in ["", "retries: {attempts: 3}, "] {
        let text = said(&rule(retries), &["web", "cart:80"]);
        assert!(text.contains(conditions), "{text}");
    }
}

#[test]
fn endpoints_without_a_mark_for_mutual_tls_are_not_said_to_have_no_proxy() {
    let machine = "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n\
                   metadata: {name: m, namespace: shop, labels: {app: cart}}\n\
                   spec: {address: 10.0.0.9, labels: {app: cart}}\n";
    let text = said(machine, &["web", "cart:80"]);
    assert!(text.contains("(http, 3 endpoints, 2 marked for mutual TLS)"), "{text}");
}

#[test]
fn ports_that_only_differ_in_the_number_share_a_block() {
    let text = said("", &["web", "cart"]);
    assert!(text.starts_with("shop/web → cart.shop.svc.cluster.local:80,90 (http, 2 endpoints)"));
    assert_eq!(text.matches("connect timeout").count(), 1, "{text}");
}

#[test]
fn all_callers_are_shown_without_what_arrives_at_them() {
    let text = said("", &["*", "cart:80"]);
    assert!(text.contains("shop/web →") && !text.contains("own proxy"), "{text}");
}

#[test]
fn objects_of_unknown_age_are_named_with_what_each_would_set() {
    let route = |name: &str, host: &str, timeout: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
             metadata: {{name: {name}, namespace: shop}}\n\
             spec: {{hosts: [{host}], http: [{{timeout: {timeout}, route: [{{destination: {{host: cart}}}}]}}]}}\n"
        )
    };
    let objects =
        route("v1", "cart", "1s") + "---\n" + &route("v2", "cart.shop.svc.cluster.local", "2s");
    let text = said(&objects, &["web", "cart:80"]);
    let (first, second) = (line(4), line(9));
    let expected = format!(
        "shop/v1 (stdin.yaml:{first}): timeout 1s, or shop/v2 (stdin.yaml:{second}): timeout 2s; the oldest wins"
    );
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn rules_of_unknown_age_are_not_all_won_by_the_oldest() {
    let rule = |name: &str, export: &str, limit: u32| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
             metadata: {{name: {name}, namespace: shop}}\n\
             spec: {{host: cart, {export}trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: {limit}}}}}}}}}\n"
        )
    };
    let objects = rule("d1", "", 1) + "---\n" + &rule("d2", "exportTo: ['.'], ", 2);
    let text = said(&objects, &["web", "cart:80"]);
    assert!(text.contains("max connections 2, or shop/d1"), "{text}");
    assert!(text.contains("of others the newest is taken"), "{text}");
    assert!(!text.contains("the oldest wins") && !text.contains("older object win"), "{text}");
}
