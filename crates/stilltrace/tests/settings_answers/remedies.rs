//! Hazards point at the line that is wrong, and say what to do.

use serde_json::Value;

use super::{json, line, said};

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: {kind}\n\
         metadata: {{name: {name}, namespace: shop}}\nspec:\n{spec}---\n"
    )
}

/// The hazard of a mechanism on the calls of `web` to `cart`.
fn hazard(objects: &str, mechanism: &str) -> Value {
    let document = json(objects, &["web", "cart:80"]);
    let all = document["hazards"].as_array().unwrap();
    let found = all.iter().find(|one| one["mechanism"] == mechanism);
    found.unwrap_or_else(|| panic!("{document}")).clone()
}

#[test]
fn a_host_in_another_case_is_told_at_the_route() {
    let rule = "  hosts: [cart]\n  http:\n  - route:\n    - destination:\n        host: Cart\n";
    let found = hazard(&object("VirtualService", "cart", rule), "unknown-host");
    assert_eq!(found["line"], line(9), "{found}");
}

#[test]
fn an_empty_subset_is_told_at_its_labels() {
    let objects = object(
        "VirtualService",
        "cart",
        "  hosts: [cart]\n  http:\n  - route:\n    - destination: {host: cart, subset: v2}\n",
    ) + &object(
        "DestinationRule",
        "cart",
        "  host: cart\n  subsets:\n  - name: v2\n    labels: {version: V2}\n",
    );
    let found = hazard(&objects, "missing-subset");
    assert_eq!(found["line"], line(17), "{found}");
    let remedy = found["remedy"].as_str().unwrap();
    assert!(remedy.starts_with("give the subset the labels"), "{remedy}");
}

#[test]
fn slow_tries_and_idle_outlier_detection_have_a_remedy_without_a_line() {
    let rule = "  hosts: [cart]\n  http:\n  - timeout: 2s\n    retries: {attempts: 3, retryOn: 5xx}\n    route: [{destination: {host: cart}}]\n";
    let found = hazard(&object("VirtualService", "cart", rule), "missing-per-try-timeout");
    assert!(found["remedy"].as_str().unwrap().contains("at most 500ms"), "{found}");
    let rule = "  host: cart\n  trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}\n";
    let found = hazard(&object("DestinationRule", "cart", rule), "outlier-never-ejects");
    let remedy = found["remedy"].as_str().unwrap();
    assert!(remedy.contains("`outlierDetection.maxEjectionPercent` to 50"), "{remedy}");
}

#[test]
fn a_rule_without_effect_is_told_with_the_rule_that_applies() {
    let rule = |name: &str, host: &str| {
        let to = "  http: [{timeout: 3s, route: [{destination: {host: cart}}]}]\n";
        object("VirtualService", name, &format!("  hosts: [{host}]\n{to}"))
    };
    let half = rule("half", "cart.shop");
    let text = said(&half, &["web", "cart:80"]);
    assert!(text.contains("; defaults apply instead"), "{text}");
    let both = half + &rule("whole", "cart.shop.svc.cluster.local");
    let text = said(&both, &["web", "cart:80"]);
    assert!(text.contains("; VirtualService shop/whole applies instead"), "{text}");
}

#[test]
fn the_overview_shows_gateway_routes_that_lead_nowhere() {
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n\
                   metadata: {name: edge, namespace: shop}\nspec:\n  gatewayClassName: istio\n  \
                   listeners: [{name: web, port: 80, protocol: HTTP}]\n---\n\
                   apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
                   metadata: {name: shop, namespace: shop}\nspec:\n  parentRefs: [{name: edge}]\n  \
                   hostnames: [shop.example.com]\n  rules: [{backendRefs: [{name: cart, port: 81}]}]\n---\n";
    let more: String = ["a", "b", "c"]
        .map(|name| {
            format!(
                "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\n\
                 spec: {{selector: {{app: cart}}, ports: [{{name: http, port: 80}}]}}\n---\n"
            )
        })
        .concat();
    let text = said(&format!("{gateway}{more}"), &[]);
    let told = "broken from shop.example.com on http.80 to cart.shop.svc.cluster.local:81, which does not exist";
    assert!(text.contains(told), "{text}");
}
