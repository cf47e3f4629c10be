//! What a patch may change is not claimed, and what the proxy records is shown.

use super::{json, line, said};

const PATCHED: &str = r"apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: ef, namespace: shop}
spec:
  configPatches:
  - applyTo: CLUSTER
    match: {context: SIDECAR_OUTBOUND, cluster: {service: cart.shop.svc.cluster.local, portNumber: 80}}
    patch: {operation: MERGE, value: {connect_timeout: 1s}}
";

#[test]
fn values_that_a_patch_may_change_are_not_claimed() {
    let at = format!("patched EnvoyFilter shop/ef at stdin.yaml:{}: MERGE CLUSTER", line(6));
    let text = said(PATCHED, &["web", "cart:80"]);
    assert!(text.contains(&at), "{text}");
    assert!(text.contains("connect timeout 10s Istio 1.31 default, unless patched"), "{text}");
    assert!(text.contains("timeout none Istio 1.31 default retries"), "routes are not: {text}");
    let other = said(PATCHED, &["web", "cart:90"]);
    assert!(!other.contains("patched"), "another port: {other}");
}

#[test]
fn a_filter_on_outgoing_requests_leaves_no_route_certain() {
    let filter = PATCHED.replace("CLUSTER", "HTTP_FILTER").replace(
        "cluster: {service: cart.shop.svc.cluster.local, portNumber: 80}",
        "listener: {portNumber: 90}",
    );
    let text = said(&filter, &["web", "cart:90"]);
    assert!(text.contains("timeout none Istio 1.31 default, unless patched"), "{text}");
    assert!(text.contains("connect timeout 10s Istio 1.31 default connections"), "{text}");
    assert!(!said(&filter, &["web", "cart:80"]).contains("patched"));
}

#[test]
fn patches_stand_in_the_json_beside_what_they_may_change() {
    let document = json(PATCHED, &[]);
    let edges = &document["workloads"]["shop/web"]["edges"];
    let patch = &edges["cart.shop.svc.cluster.local|80"]["patched_by"][0];
    assert_eq!(patch["line"], line(6), "{patch}");
    assert_eq!(
        (&patch["may_change"], &patch["path"]),
        (&"destination".into(), &"stdin.yaml".into())
    );
    assert_eq!(edges["cart.shop.svc.cluster.local|90"].get("patched_by"), None);
    let whole = &document["proxies"]["shop/web"]["patches"][0];
    assert_eq!(whole["values"]["connect_timeout"], "1s", "{whole}");
}

#[test]
fn threads_traces_and_logs_of_a_proxy_name_who_set_them() {
    let objects = r"apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: t, namespace: shop}
spec: {tracing: [{providers: [{name: zip}], randomSamplingPercentage: 50}]}
---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {name: p, namespace: shop}
spec: {concurrency: 3}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: 'extensionProviders: [{name: zip, zipkin: {service: zip.shop.svc.cluster.local, port: 9}}]'}
";
    let text = said(objects, &["web", "cart:80"]);
    assert!(
        text.contains(&format!("traced requests 50%, to zip stdin.yaml:{}", line(4))),
        "{text}"
    );
    assert!(text.contains(&format!("worker threads 3 stdin.yaml:{}", line(9))), "{text}");
    assert!(text.contains("access log off Istio 1.31 default"), "{text}");
    let proxy = &json(objects, &[])["proxies"]["shop/web"];
    assert_eq!(proxy["origins"]["tracing_pct"]["line"], line(4));
    assert_eq!((&proxy["concurrency"], &proxy["access_log"]), (&3.into(), &false.into()));
}
