//! What the settings alone prove to be broken is said beside them.

use super::{json, line, said};

/// A virtual service for `cart` with this destination.
fn route_to(destination: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: cart, namespace: shop}}\n\
         spec:\n  hosts: [cart]\n  http:\n  - route:\n    - destination: {destination}\n"
    )
}

fn rule(host: &str, rest: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
         metadata: {{name: r, namespace: shop}}\nspec: {{host: '{host}', {rest}}}\n"
    )
}

/// Asserts that both outputs name the hazard on the edge with its place and remedy.
fn must_name(objects: &str, mechanism: &str, message: &str, at: usize, remedy: &str) {
    let text = said(objects, &["web", "cart:80"]);
    let place = format!("(stdin.yaml:{})", line(at));
    for part in [message, &place, remedy, &format!("[{mechanism}]")] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let document = json(objects, &["web", "cart:80"]);
    let hazards = document["hazards"].as_array().unwrap();
    let found = hazards.iter().find(|one| one["mechanism"] == mechanism).unwrap();
    assert_eq!((&found["path"], &found["line"]), (&"stdin.yaml".into(), &line(at).into()));
    assert!(found["message"].as_str().unwrap().contains(message), "{found}");
    assert!(found["remedy"].as_str().unwrap().contains(remedy), "{found}");
}

#[test]
fn a_half_named_host_is_said_not_to_be_completed() {
    must_name(
        &route_to("{host: cart.shop, port: {number: 80}}"),
        "unknown-host",
        "which Istio does not complete to cart.shop.svc.cluster.local",
        8,
        "write the host in full",
    );
}

#[test]
fn a_host_that_nothing_has_and_a_port_that_the_service_lacks_are_told_apart() {
    let nothing = route_to("{host: nothing, port: {number: 80}}");
    must_name(&nothing, "unknown-host", "which no service has", 8, "name a host that a Service");
    let port = route_to("{host: cart, port: {number: 81}}");
    must_name(&port, "unknown-host", "no port 81, only 80, 90", 8, "name a port that");
}

#[test]
fn a_subset_that_a_wildcard_rule_takes_away_names_the_rule_in_effect() {
    let objects = route_to("{host: cart, subset: v1, port: {number: 80}}")
        + &rule("*.shop.svc.cluster.local", "trafficPolicy: {loadBalancer: {simple: RANDOM}}");
    let message = "which DestinationRule shop/r, the rule in effect, does not define";
    must_name(&objects, "missing-subset", message, 8, "define the subset");
}

#[test]
fn plaintext_to_a_strict_server_names_the_rule_that_switches_it_off() {
    let objects = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\n\
                   metadata: {name: default, namespace: shop}\nspec: {mtls: {mode: STRICT}}\n"
        .to_owned()
        + &rule("cart", "trafficPolicy: {tls: {mode: DISABLE}}");
    let message = "speaks plaintext to shop/cart:80";
    must_name(&objects, "tls-mode-mismatch", message, 9, "to ISTIO_MUTUAL");
}

#[test]
fn a_rule_that_its_own_clients_do_not_see_is_named_on_their_edge() {
    let hidden = rule("cart", "exportTo: [other], trafficPolicy: {loadBalancer: {simple: RANDOM}}");
    let hidden = hidden.trim_start_matches("---\n");
    let message = "DestinationRule shop/r has no effect on calls of";
    must_name(hidden, "policy-not-visible", message, 4, "add `.` to exportTo");
    let document = json(hidden, &["web", "cart:90"]);
    assert_eq!(document["hazards"][0]["mechanism"], "policy-not-visible", "the other port too");
}

#[test]
fn a_sidecar_that_hides_the_clients_own_rules_is_named() {
    let objects = route_to("{host: cart, port: {number: 80}}")
        .replace("hosts: [cart]", "hosts: [pay.other.svc.cluster.local]")
        + "---\napiVersion: networking.istio.io/v1\nkind: Sidecar\n\
           metadata: {name: s, namespace: shop}\nspec:\n  egress:\n  - hosts: [other/*]\n\
           ---\napiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: other}\n\
           spec: {ports: [{name: http, port: 80}]}\n";
    let text = said(&objects, &["web", "pay.other"]);
    assert!(text.contains("their Sidecar lets the service in, but not the namespace"), "{text}");
    assert!(
        text.contains("add `./*` to the Sidecar's egress hosts [policy-not-visible]"),
        "{text}"
    );
}

#[test]
fn hazards_of_other_edges_are_left_out() {
    let objects = route_to("{host: nothing, port: {number: 80}}");
    assert_eq!(json(&objects, &["cart", "cart"])["hazards"], serde_json::json!([]));
    let all = json(&objects, &[]);
    let hazards = all["hazards"].as_array().unwrap();
    assert!(hazards.iter().any(|one| one["workload"] == "shop/web"), "{all}");
}

#[test]
fn a_hazard_of_a_call_is_told_once() {
    let objects = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\n\
                   metadata: {name: default, namespace: shop}\nspec: {mtls: {mode: STRICT}}\n"
        .to_owned()
        + &rule("cart", "trafficPolicy: {tls: {mode: DISABLE}}");
    let text = said(&objects, &["web", "cart:80"]);
    assert_eq!(text.matches("[tls-mode-mismatch]").count(), 1, "{text}");
}
