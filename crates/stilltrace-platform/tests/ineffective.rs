//! Rules that do nothing for those whom they are written for, and look-alikes that do their work.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use stilltrace_manifest::MemoryTree;
use stilltrace_model::WaypointTakes::{OtherNamespaces, OtherTraffic, Requests};
use stilltrace_model::WhyIneffective;
use stilltrace_platform::{ParseCache, read};

/// Two namespaces with a client in each and a service in `pay`.
const MESH: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: pay, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: bank, namespace: pay}
spec: {template: {metadata: {labels: {app: bank}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: bank, namespace: pay}
spec: {selector: {app: bank}, ports: [{name: http, port: 80}]}
---
";

const AMBIENT: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: batch, labels: {istio.io/dataplane-mode: ambient}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: job, namespace: batch}
spec: {template: {metadata: {labels: {app: job}}, spec: {containers: [{name: c, image: i}]}}}
---
";

fn found(rules: &str) -> Vec<(WhyIneffective, String, Vec<String>)> {
    let tree = MemoryTree::new().with("mesh.yaml", &format!("{MESH}{rules}"));
    let platform = read(&tree, &mut ParseCache::new());
    assert_eq!(platform.refused, [], "the rules must be such that Istio accepts");
    let line = |cause: &stilltrace_model::Origin| {
        i64::from(cause.location().unwrap().line) - i64::try_from(MESH.lines().count()).unwrap()
    };
    platform
        .ineffective
        .iter()
        .map(|found| {
            let clients = found.clients.iter().map(ToString::to_string).collect();
            (found.reason, format!("line {}", line(&found.cause)), clients)
        })
        .collect()
}

fn virtual_service(namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: bank, namespace: {namespace}}}\nspec:\n{spec}  http:\n  \
         - {{timeout: 1s, route: [{{destination: {{host: bank.pay.svc.cluster.local, \
         port: {{number: 80}}}}}}]}}\n"
    )
}

fn destination_rule(namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
         metadata: {{name: bank, namespace: {namespace}}}\nspec:\n{spec}  \
         trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: 5}}}}}}\n"
    )
}

const FULL: &str = "  hosts: [bank.pay.svc.cluster.local]\n";

/// A second workload beside the service.
const DESK: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: desk, namespace: pay}
spec: {template: {metadata: {labels: {app: desk}}, spec: {containers: [{name: c, image: i}]}}}
---
";

#[test]
fn a_rule_exported_to_others_alone_does_nothing_at_home() {
    let rule = virtual_service("pay", &format!("{FULL}  exportTo: [shop]\n"));
    // Behind the service's own proxy there is no client of it.
    assert_eq!(found(&rule), []);
    let expected =
        (WhyIneffective::NotExportedToItself, "line 11".to_owned(), vec!["pay/desk".to_owned()]);
    assert_eq!(found(&format!("{DESK}{rule}")), [expected]);
    let with_own = virtual_service("pay", &format!("{FULL}  exportTo: [shop, .]\n"));
    assert_eq!(found(&format!("{DESK}{with_own}")), []);
}

#[test]
fn a_rule_exported_to_nobody_does_nothing() {
    let expected =
        (WhyIneffective::ExportedToNobody, "line 6".to_owned(), vec!["shop/web".to_owned()]);
    let host = "  host: bank.pay.svc.cluster.local\n";
    let rule = destination_rule("pay", &format!("{host}  exportTo: ['.']\n"));
    assert_eq!(found(&rule), std::slice::from_ref(&expected));
    let route = virtual_service("pay", &format!("{FULL}  exportTo: ['.']\n"));
    assert_eq!(found(&route), [expected]);
    // A client at home, or pods that are not known to have a sidecar: a waypoint may follow it.
    assert_eq!(found(&format!("{DESK}{rule}")), []);
    let bare = MESH.replace(
        "metadata: {name: pay, labels: {istio-injection: enabled}}",
        "metadata: {name: pay}",
    );
    let tree = MemoryTree::new().with("mesh.yaml", &format!("{bare}{rule}"));
    assert_eq!(read(&tree, &mut ParseCache::new()).ineffective, []);
}

#[test]
fn a_rule_for_gateways_alone_is_not_for_calls_of_sidecars() {
    let rule = virtual_service("pay", &format!("{FULL}  exportTo: [istio-system]\n"));
    assert_eq!(found(&format!("{DESK}{rule}")).len(), 1);
    let rule = rule.replace("  exportTo", "  gateways: [istio-system/public]\n  exportTo");
    assert_eq!(found(&format!("{DESK}{rule}")), []);
}

#[test]
fn a_sidecar_can_hide_the_rules_of_its_own_namespace() {
    let rule = virtual_service("shop", FULL);
    let scoped = |hosts: &str| {
        format!(
            "{rule}---\napiVersion: networking.istio.io/v1\nkind: Sidecar\n\
             metadata: {{name: default, namespace: shop}}\nspec: {{egress: [{{hosts: {hosts}}}]}}\n"
        )
    };
    let hidden = found(&scoped("[pay/*]"));
    let expected =
        (WhyIneffective::HiddenBySidecar, "line 12".to_owned(), vec!["shop/web".to_owned()]);
    assert_eq!(hidden, [expected]);
    assert_eq!(found(&scoped("[./*, pay/*]")), []);
    assert_eq!(found(&scoped("['*/*']")), []);
    // Without the service itself there is no call that the rule could be for.
    assert_eq!(found(&scoped("[./other.shop.svc.cluster.local]")), []);
}

#[test]
fn a_name_with_its_namespace_is_no_service() {
    let rule = destination_rule("pay", "  host: bank.pay\n");
    let [(reason, line, clients)] = found(&rule).try_into().unwrap();
    assert_eq!((reason, line.as_str()), (WhyIneffective::UnknownHost, "line 5"));
    assert_eq!(clients, ["shop/web"]);
    assert_eq!(found(&destination_rule("pay", "  host: bank\n")), []);
    // A host of the outside world has two parts too.
    assert_eq!(found(&destination_rule("pay", "  host: example.com\n")), []);
}

#[test]
fn a_host_in_another_case_is_no_service() {
    let rule = destination_rule("pay", "  host: Bank.pay.svc.cluster.local\n");
    let [(reason, line, clients)] = found(&rule).try_into().unwrap();
    assert_eq!((reason, line.as_str()), (WhyIneffective::OtherCase, "line 5"));
    assert_eq!(clients, ["shop/web"]);
    // A rule away from the service is for its own namespace alone.
    let rule = destination_rule("shop", "  host: '*.PAY.svc.cluster.local'\n");
    let [(reason, _, clients)] = found(&rule).try_into().unwrap();
    assert_eq!((reason, clients), (WhyIneffective::OtherCase, vec!["shop/web".to_owned()]));
    // Virtual services meet services in lower case, except by wildcards.
    assert_eq!(found(&virtual_service("pay", "  hosts: [BANK.pay.svc.cluster.local]\n")), []);
    let [(reason, ..)] = found(&virtual_service("pay", "  hosts: ['*.PAY.svc.cluster.local']\n"))
        .try_into()
        .unwrap();
    assert_eq!(reason, WhyIneffective::OtherCase);
}

#[test]
fn a_destination_rule_in_a_third_namespace_never_applies() {
    let third = "apiVersion: v1\nkind: Namespace\nmetadata: {name: third}\n---\n";
    let host = "  host: bank.pay.svc.cluster.local\n";
    let [(reason, _, clients)] =
        found(&format!("{third}{}", destination_rule("third", host))).try_into().unwrap();
    assert_eq!(reason, WhyIneffective::ForeignNamespace);
    assert_eq!(clients, ["shop/web"]);
    for place in ["shop", "pay", "istio-system"] {
        assert_eq!(found(&destination_rule(place, host)), [], "{place}");
    }
}

#[test]
fn ambient_clients_need_a_waypoint_for_http_rules() {
    let rule = virtual_service("pay", FULL);
    let [(reason, _, clients)] = found(&format!("{AMBIENT}{rule}")).try_into().unwrap();
    assert_eq!((reason, clients), (WhyIneffective::NoWaypoint, vec!["batch/job".to_owned()]));
    let waypoint = MESH.replace(
        "metadata: {name: bank, namespace: pay}\nspec: {selector",
        "metadata: {name: bank, namespace: pay, labels: {istio.io/use-waypoint: w}}\nspec: {selector",
    );
    let tree = MemoryTree::new().with("mesh.yaml", &format!("{waypoint}{AMBIENT}{rule}"));
    let platform = read(&tree, &mut ParseCache::new());
    let [only] = platform.ineffective.as_slice() else { panic!("{:#?}", platform.ineffective) };
    assert_eq!(only.reason, WhyIneffective::WaypointUnread, "nothing makes the waypoint w");
    assert_eq!(only.cause.location().unwrap().line, 21, "the label that names it");
}

/// The service `pay/bank` with a waypoint, and that waypoint, deployed for `use_for`.
fn with_waypoint(use_for: &str, namespace: &str) -> String {
    let labels =
        format!("{{istio.io/use-waypoint: w, istio.io/use-waypoint-namespace: {namespace}}}");
    let mesh = MESH.replace(
        "metadata: {name: bank, namespace: pay}\nspec: {selector",
        &format!("metadata: {{name: bank, namespace: pay, labels: {labels}}}\nspec: {{selector"),
    );
    format!(
        "{mesh}{AMBIENT}apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n\
         metadata: {{name: w, namespace: {namespace}, labels: {{istio.io/waypoint-for: {use_for}}}}}\n\
         spec: {{gatewayClassName: istio-waypoint, listeners: [{{name: mesh, port: 15008, protocol: HBONE}}]}}\n\
         ---\n"
    )
}

const ROUTE: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bank, namespace: pay}
spec:
  parentRefs: [{group: '', kind: Service, name: bank}]
  rules: [{timeouts: {request: 1s}, backendRefs: [{name: bank, port: 80}]}]
";

#[test]
fn routes_of_the_gateway_api_need_a_waypoint_too() {
    let [(reason, _, clients)] = found(&format!("{AMBIENT}{ROUTE}")).try_into().unwrap();
    assert_eq!((reason, clients), (WhyIneffective::NoWaypoint, vec!["batch/job".to_owned()]));
    let elsewhere = ROUTE.replace("name: bank}]\n  rules", "name: other}]\n  rules");
    assert_eq!(found(&format!("{AMBIENT}{elsewhere}")), []);
}

#[test]
fn a_waypoint_that_takes_the_requests_is_named_with_its_services() {
    let read_one = |text: &str| {
        let tree = MemoryTree::new().with("mesh.yaml", text);
        read(&tree, &mut ParseCache::new())
    };
    let served = read_one(&format!("{}{ROUTE}", with_waypoint("service", "pay")));
    assert_eq!(served.ineffective, []);
    let named = |gap: &&stilltrace_model::Gap| gap.what.contains("waypoint pay/w");
    let gap = served.gaps.iter().find(named).unwrap();
    assert!(gap.why.contains("pay/bank"), "{gap:?}");
    for (use_for, namespace) in [("workload", "pay"), ("none", "pay"), ("service", "shop")] {
        let platform = read_one(&format!("{}{ROUTE}", with_waypoint(use_for, namespace)));
        let [only] = platform.ineffective.as_slice() else { panic!("{use_for} {namespace}") };
        assert_eq!(only.reason, WhyIneffective::NoWaypoint, "{use_for} {namespace}");
    }
}

#[test]
fn a_waypoint_follows_no_rules_of_its_clients() {
    let elsewhere =
        ROUTE.replace("name: bank, namespace: pay}\nspec", "name: bank, namespace: batch}\nspec");
    let elsewhere = elsewhere
        .replace("kind: Service, name: bank}", "kind: Service, name: bank, namespace: pay}")
        .replace("{name: bank, port: 80}", "{name: bank, namespace: pay, port: 80}");
    let rule = "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: bank, namespace: batch}
spec: {host: bank.pay.svc.cluster.local, trafficPolicy: {connectionPool: {tcp: {maxConnections: 3}}}}
";
    for (text, ignored) in [
        (elsewhere, true),
        (rule.to_owned(), true),
        (rule.replace("namespace: batch", "namespace: istio-system"), false),
        (rule.replace("namespace: batch", "namespace: pay"), false),
    ] {
        let tree = MemoryTree::new()
            .with("mesh.yaml", &format!("{}{text}", with_waypoint("service", "pay")));
        let platform = read(&tree, &mut ParseCache::new());
        let mut found = platform.ineffective.iter();
        let found = found.any(|found| found.reason == WhyIneffective::NotForWaypoint);
        assert_eq!(found, ignored, "{text}");
    }
}

#[test]
fn an_egress_proxy_is_named_beside_the_policy() {
    let sidecar = "\
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: own, namespace: shop}
spec: {outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: out.pay.svc.cluster.local, port: {number: 80}}}}
";
    let tree = MemoryTree::new().with("mesh.yaml", &format!("{MESH}{sidecar}"));
    let platform = read(&tree, &mut ParseCache::new());
    let mut named = platform.gaps.iter().filter(|gap| gap.what.contains("egressProxy out.pay"));
    assert!(named.next().is_some() && named.next().is_none(), "{:#?}", platform.gaps);
}

#[test]
fn a_waypoint_is_no_client_and_neither_is_the_service_itself() {
    let rule = virtual_service("pay", FULL);
    let ambient = MESH.replace(
        "metadata: {name: pay, labels: {istio-injection: enabled}}",
        "metadata: {name: pay, labels: {istio.io/dataplane-mode: ambient}}",
    );
    assert_ne!(ambient, MESH);
    let waypoint = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w, namespace: pay}\n\
                    spec: {template: {metadata: {labels: {gateway.istio.io/managed: \
                    istio.io-mesh-controller}}, spec: {containers: [{name: c, image: i}]}}}\n---\n";
    let read_one = |more: &str| {
        let text = format!("{ambient}{more}{rule}");
        let tree = MemoryTree::new().with("mesh.yaml", &text);
        read(&tree, &mut ParseCache::new())
    };
    assert_eq!(read_one(waypoint).ineffective, []);
    let platform = read_one(DESK);
    let [only] = platform.ineffective.as_slice() else { panic!("{:#?}", platform.ineffective) };
    let clients: Vec<String> = only.clients.iter().map(ToString::to_string).collect();
    assert_eq!((only.reason, clients), (WhyIneffective::NoWaypoint, vec!["pay/desk".to_owned()]));
    assert_eq!(platform.ambient.workloads.len(), 2, "the service's own pods and the desk");
}

#[test]
fn a_waypoint_takes_the_services_that_its_own_listener_allows() {
    let taken = |namespaces: &str, class: &str| {
        let mesh = with_waypoint("service", "shop")
            .replace(", labels: {istio.io/waypoint-for: service}}", "}")
            .replace(
                "port: 15008, protocol: HBONE}",
                &format!(
                    "port: 15008, protocol: HBONE{namespaces}}}, {{name: web, port: 80, \
                     protocol: HTTP, allowedRoutes: {{namespaces: {{from: All}}}}}}"
                ),
            );
        let class = format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\n\
             metadata: {{name: istio-waypoint{class}}}\nspec: {{controllerName: istio.io/mesh-controller}}\n---\n"
        );
        let tree = MemoryTree::new().with("mesh.yaml", &format!("{class}{mesh}{ROUTE}"));
        let platform = read(&tree, &mut ParseCache::new());
        let [waypoint] = platform.ambient.waypoints.values().collect::<Vec<_>>()[..] else {
            panic!("{:?}", platform.ambient)
        };
        waypoint.takes
    };
    let rule = |rule: &str| format!(", allowedRoutes: {{namespaces: {{{rule}}}}}");
    // What the other listener allows says nothing.
    assert_eq!(taken("", ""), OtherNamespaces);
    assert_eq!(taken(&rule("from: All"), ""), Requests);
    let selector = "from: Selector, selector: {matchLabels: {istio-injection: WANTED}}";
    assert_eq!(taken(&rule(&selector.replace("WANTED", "enabled")), ""), Requests);
    assert_eq!(taken(&rule(&selector.replace("WANTED", "other")), ""), OtherNamespaces);
    let class = ", labels: {istio.io/waypoint-for: workload}";
    assert_eq!(taken(&rule("from: All"), class), OtherTraffic);
}
