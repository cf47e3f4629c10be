//! Hosts of rules that no service has.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};

const SERVICES: &str = "\
apiVersion: v1
kind: Service
metadata: {name: stg-cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: bank, namespace: pay}
spec: {selector: {app: bank}, ports: [{name: http, port: 80}]}
---
";

/// What is said of unknown hosts: the gap and its remedy.
fn told(services: &str, rule: &str) -> Vec<(String, String)> {
    let tree = MemoryTree::new().with("a.yaml", services).with("rule.yaml", rule);
    let platform = read(&tree, &mut ParseCache::new());
    let hosts = platform.gaps.iter().filter(|gap| gap.what.contains("no service that was read"));
    hosts.map(|gap| (gap.what.clone(), gap.remedy.clone())).collect()
}

fn destination_rule(namespace: &str, host: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
         metadata: {{name: r, namespace: {namespace}}}\nspec:\n  host: {host}\n"
    )
}

#[test]
fn a_rule_whose_service_got_a_prefix_is_named_with_what_it_may_mean() {
    let found = told(SERVICES, &destination_rule("shop", "cart"));
    let [(what, remedy)] = found.as_slice() else { panic!("{found:?}") };
    let expected = "rule.yaml:5:9: DestinationRule shop/r: no service that was read has the host \
                    cart (cart.shop.svc.cluster.local)";
    assert_eq!(what, expected);
    assert!(remedy.starts_with("write stg-cart.shop.svc.cluster.local, or"), "{remedy}");
}

#[test]
fn a_short_name_in_another_namespace_is_named_with_the_full_one() {
    let found = told(SERVICES, &destination_rule("shop", "bank"));
    assert!(found[0].1.starts_with("write bank.pay.svc.cluster.local"), "{found:?}");
    let found = told(SERVICES, &destination_rule("shop", "bank.pay"));
    assert!(found[0].0.ends_with("has the host bank.pay"), "{found:?}");
}

#[test]
fn hosts_that_are_known_or_likely_kept_elsewhere_are_not_named() {
    for host in [
        "stg-cart",
        "bank.pay.svc.cluster.local",
        "'*.pay.svc.cluster.local'",
        "x.y.svc.cluster.local",
    ] {
        let found = told(SERVICES, &destination_rule("shop", host));
        assert!(found.is_empty(), "{host}: {found:?}");
    }
    assert!(told("", &destination_rule("shop", "cart")).is_empty(), "no service was read");
    assert!(told(SERVICES, &destination_rule("shop", "api.example.com")).is_empty());
}

#[test]
fn of_a_virtual_service_only_hosts_within_the_mesh_are_named() {
    let rule = |gateways: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
             metadata: {{name: r, namespace: pay}}\nspec:\n  hosts: [banc, bank]\n  \
             http: [{{route: [{{destination: {{host: bank}}}}]}}]\n{gateways}"
        )
    };
    assert_eq!(told(SERVICES, &rule("")).len(), 1);
    assert_eq!(told(SERVICES, &rule("  gateways: [mesh, pay/g]\n")).len(), 1);
    assert!(told(SERVICES, &rule("  gateways: [pay/g]\n")).is_empty());
}
