//! Several services of one host name: calls to any of them take the routes of the name.

use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};

const MESH: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{name: PORT, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api, namespace: ENTRY}
spec:
  hosts: [api.shop.svc.cluster.local]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.9}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api, namespace: shop}
spec: {hosts: [api], http: [{timeout: 3s, route: [{destination: {host: api}}]}]}
";

/// The kinds of the objects that set the routes of the edges, for a port of this name and an entry
/// in that namespace; nothing for the route a service gets by itself.
fn routed_by(port: &str, entry: &str) -> Vec<Option<String>> {
    let text = MESH.replace("PORT", port).replace("ENTRY", entry);
    let tree = MemoryTree::new().with("mesh.yaml", &text);
    let platform = read(&tree, &mut ParseCache::new());
    let routes = platform.edges.values().flat_map(|edge| edge.routes.iter());
    routes.map(|route| Some(route.object.as_ref()?.object()?.kind.clone())).collect()
}

#[test]
fn a_virtual_service_routes_a_service_whose_host_a_service_entry_has_too() {
    for entry in ["shop", "edge"] {
        assert_eq!(
            routed_by("http", entry),
            [Some("VirtualService".to_owned())],
            "entry in {entry}"
        );
    }
}

#[test]
fn a_port_of_another_protocol_in_the_entry_makes_no_other_routes() {
    assert_eq!(routed_by("tcp", "edge"), [None]);
}
