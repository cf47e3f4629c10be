//! A gateway has the routes that its hosts lead to, and no others.

use super::{json, said};

const GATEWAY: &str = r"apiVersion: apps/v1
kind: Deployment
metadata: {name: gw, namespace: shop}
spec:
  template:
    metadata: {labels: {app: gw}, annotations: {inject.istio.io/templates: gateway}}
    spec: {containers: [{name: c, image: auto}]}
---
apiVersion: v1
kind: Service
metadata: {name: gw, namespace: shop}
spec: {selector: {app: gw}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g, namespace: shop}
spec: {selector: {app: gw}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*.x.com']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: shop}
spec:
  hosts: [q.x.com]
  gateways: [g]
  http:
  - match: [{uri: {prefix: /m}}]
    timeout: 4s
    route: [{destination: {host: cart, port: {number: 80}}}]
";

#[test]
fn an_edge_of_a_gateway_shows_the_hosts_and_routes_that_lead_there() {
    let text = said(GATEWAY, &["gw", "cart:80"]);
    let host = "q.x.com on http.8080 route /m* → cart.shop.svc.cluster.local:80";
    assert!(text.contains(host) && text.contains("timeout 4s"), "{text}");
    assert!(!text.contains("no VirtualService says otherwise"), "{text}");
}

#[test]
fn an_edge_that_no_host_leads_to_has_no_route() {
    let text = said(GATEWAY, &["gw", "cart:90"]);
    assert!(text.contains("route none: no host of this gateway leads here"), "{text}");
    assert!(!text.contains("timeout none"), "no time applies to what is not sent: {text}");
}

#[test]
fn a_host_of_a_gateway_may_be_asked_about() {
    let text = said(GATEWAY, &["gw", "q.x.com"]);
    assert!(text.starts_with("shop/gw → cart.shop.svc.cluster.local:80"), "{text}");
    assert!(text.contains("timeout 4s") && !text.contains(":90"), "{text}");
    let document = json(GATEWAY, &["*", "q.x.com"]);
    let workloads = document["workloads"].as_object().unwrap();
    assert_eq!(workloads.keys().collect::<Vec<_>>(), ["shop/gw"]);
}

#[test]
fn a_list_says_what_leads_to_each_destination() {
    let text = said(GATEWAY, &[]);
    let routed =
        "cart.shop.svc.cluster.local:80 from q.x.com, /m*, VirtualService shop/v, timeout 4s";
    assert!(text.contains(routed), "{text}");
    assert!(text.contains("cart.shop.svc.cluster.local:90 no route leads here"), "{text}");
}

#[test]
fn a_route_of_several_says_where_it_stands() {
    let several = GATEWAY.replace(
        "  - match: [{uri: {prefix: /m}}]",
        "  - match: [{uri: {exact: /other}}]\n    \
         route: [{destination: {host: cart, port: {number: 90}}}]\n  - match: [{uri: {prefix: /m}}]",
    );
    let text = said(&several, &["gw", "cart:80"]);
    assert!(text.contains("route 2 of 2 /m* → cart"), "{text}");
    let text = said(&several, &["gw", "q.x.com"]);
    assert!(text.contains("route 1 of 2 /other → cart"), "{text}");
    let route =
        json(&several, &["gw", "cart:80"])["workloads"]["shop/gw"]["http"]["http.8080"]["q.x.com"]
            [0]
        .clone();
    assert_eq!((&route["nth"], &route["of"]), (&2.into(), &2.into()));
}
