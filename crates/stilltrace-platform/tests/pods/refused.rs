//! Pods that the API server refuses for what they ask for.

use super::{gaps, platform};

/// The gaps of a pod of one container with these resources, under this item of a `LimitRange`.
fn told(resources: &str, item: &str) -> String {
    let manifests = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: bare}}\n\
         spec: {{template: {{spec: {{containers: [{{name: c, image: x, resources: {resources}}}]}}}}}}\n\
         ---\napiVersion: v1\nkind: LimitRange\nmetadata: {{name: bounds, namespace: bare}}\n\
         spec: {{limits: [{{type: Container, {item}}}]}}\n"
    );
    gaps(&platform(&manifests))
}

#[test]
fn a_container_outside_the_bounds_of_its_namespace_is_named() {
    for (resources, item, reason) in [
        (
            "{requests: {cpu: 50m}, limits: {cpu: 1}}",
            "min: {cpu: 100m}",
            "wants at least 100m, not a request of 50m, of cpu",
        ),
        (
            "{limits: {cpu: 3}}",
            "max: {cpu: 2}",
            "wants at most 2000m, not a limit of 3000m, of cpu",
        ),
        (
            "{limits: {memory: 1Gi}, requests: {memory: 256Mi}}",
            "maxLimitRequestRatio: {memory: 2}",
            "wants a limit of at most 2 times the request, not 1Gi beside 256Mi, of memory",
        ),
        (
            "{requests: {cpu: 1}}",
            "maxLimitRequestRatio: {cpu: \"1.5\"}",
            "wants a limit of at most 1.5 times the request, not no limit and a request of 1000m",
        ),
    ] {
        let told = told(resources, item);
        let whole = format!(": LimitRange bare/bounds {reason}");
        assert!(told.contains(&whole) && told.contains("b.yaml:9:"), "{whole}\n{told}");
        assert!(told.contains("container c of Deployment bare/web"), "{told}");
    }
}

#[test]
fn what_the_bounds_themselves_fill_in_breaks_none_of_them() {
    for (resources, item) in [
        ("{}", "min: {cpu: 100m}, max: {cpu: 2}"),
        ("{limits: {cpu: 2}}", "max: {cpu: 2}"),
        ("{requests: {cpu: 1}, limits: {cpu: 1500m}}", "maxLimitRequestRatio: {cpu: 1.5}"),
        ("{}", "min: {memory: 64Mi}"),
    ] {
        assert!(!told(resources, item).contains("refuses such pods"), "{resources} {item}");
    }
}

#[test]
fn a_request_beyond_its_limit_is_named() {
    let told = told("{requests: {cpu: 2}, limits: {cpu: 1}}", "default: {memory: 1Gi}");
    assert!(told.contains("2000m of cpu is requested and 1000m is the limit"), "{told}");
}

#[test]
fn the_injected_proxy_must_keep_the_bounds_too() {
    let manifests = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n\
         spec: {template: {spec: {containers: [{name: c, image: x}]}}}\n\
         ---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: bounds, namespace: shop}\n\
         spec: {limits: [{type: Container, max: {cpu: 1}}]}\n";
    let told = gaps(&platform(manifests));
    assert!(told.contains("not a limit of 2000m, of cpu"), "{told}");
    assert!(told.contains("container istio-proxy of Deployment shop/web"), "{told}");
}
