//! References that lead nowhere are named with their line and both ways out.

use super::{line, said};

fn object(kind: &str, name: &str, spec: &str) -> String {
    let group = match kind {
        "PeerAuthentication" => "security.istio.io/v1",
        "Telemetry" => "telemetry.istio.io/v1",
        "HTTPRoute" => "gateway.networking.k8s.io/v1",
        "Service" => "v1",
        _ => "networking.istio.io/v1",
    };
    format!(
        "apiVersion: {group}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n{spec}---\n"
    )
}

/// A gateway whose pods are there, for one host.
fn gateway() -> String {
    object(
        "Gateway",
        "edge",
        "  selector: {app: web}\n  servers:\n  - port: {number: 80, name: http, protocol: HTTP}\n    hosts: [shop.example.com]\n",
    )
}

fn bound(gateways: &str, host: &str) -> String {
    let spec = format!(
        "  gateways: {gateways}\n  hosts: [\"{host}\"]\n  http: [{{route: [{{destination: {{host: cart, port: {{number: 80}}}}}}]}}]\n"
    );
    object("VirtualService", "front", &spec)
}

#[test]
fn a_gateway_that_does_not_exist_is_named() {
    let text = said(&format!("{}{}", gateway(), bound("[egde]", "shop.example.com")), &[]);
    let place = format!("stdin.yaml:{}:14: VirtualService shop/front names the gateway", line(14));
    assert!(text.contains(&place), "{text}");
    let text = said(&format!("{}{}", gateway(), bound("[edge, mesh]", "shop.example.com")), &[]);
    assert!(!text.contains("names the gateway"), "{text}");
}

#[test]
fn a_host_that_no_server_takes_is_named() {
    let refused = |gateways: &str, host: &str| {
        let text = said(&format!("{}{}", gateway(), bound(gateways, host)), &[]);
        text.contains("no server of the gateways of VirtualService shop/front takes the host")
    };
    assert!(refused("[edge]", "pay.example.com"));
    assert!(!refused("[edge]", "shop.example.com"));
    assert!(!refused("[edge]", "*.example.com"));
    assert!(!refused("[edge]", "Shop.Example.com"));
    assert!(!refused("[edge, mesh]", "cart"), "the host may be for the mesh alone");
}

#[test]
fn selectors_that_select_no_pod_are_named_with_what_may_be_meant() {
    let selectors = [
        (
            "Gateway",
            "  selector: {app: crt}\n  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]\n",
        ),
        ("PeerAuthentication", "  selector: {matchLabels: {app: crt}}\n"),
        ("Sidecar", "  workloadSelector: {labels: {app: crt}}\n  egress: [{hosts: ['./*']}]\n"),
        ("EnvoyFilter", "  workloadSelector: {labels: {app: crt}}\n  configPatches: []\n"),
        ("Telemetry", "  selector: {matchLabels: {app: crt}}\n"),
        ("Service", "  selector: {app: crt}\n  ports: [{name: http, port: 80}]\n"),
    ];
    for (kind, spec) in selectors {
        let text = said(&object(kind, "x", spec), &[]);
        let told = format!("{kind} shop/x selects no pod that was read (app=crt); did you mean");
        assert!(text.contains(&told) && text.contains("app=cart?"), "{kind}: {text}");
        let text = said(&object(kind, "x", &spec.replace("crt", "cart")), &[]);
        assert!(!text.contains("selects no pod"), "{kind}: {text}");
    }
}

#[test]
fn pods_of_another_namespace_are_named_as_such() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: other}\n\
                   spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}\n";
    let text = said(service, &[]);
    assert!(text.contains("pods with these labels are in the namespace shop"), "{text}");
}

#[test]
fn routes_behind_one_that_takes_everything_are_named() {
    let rules = |first: &str| {
        let to = "route: [{destination: {host: cart}}]";
        object(
            "VirtualService",
            "cart",
            &format!(
                "  hosts: [cart]\n  http:\n  - {{{first}{to}}}\n  - {{match: [{{uri: {{prefix: /slow}}}}], {to}}}\n"
            ),
        )
    };
    for first in ["", "match: [{uri: {prefix: /}}], ", "match: [{name: all}], "] {
        let text = said(&rules(first), &[]);
        let told = format!(
            "stdin.yaml:{}:5: VirtualService shop/cart: no request reaches the route: `spec.http[0]` (stdin.yaml:{}:5)",
            line(8),
            line(7)
        );
        assert!(text.contains(&told), "{first}: {text}");
    }
    for first in ["match: [{uri: {prefix: /a}}], ", "match: [{port: 80}], "] {
        assert!(!said(&rules(first), &[]).contains("no request reaches"), "{first}");
    }
    let part = "  http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: cart}}]}]\n";
    let rest = "  hosts: [cart]\n  http:\n  - {delegate: {name: part}}\n  - {route: [{destination: {host: cart}}]}\n";
    let both = object("VirtualService", "part", part) + &object("VirtualService", "cart", rest);
    assert!(
        !said(&both, &[]).contains("no request reaches"),
        "a delegate takes what its routes take"
    );
}

#[test]
fn a_route_says_why_no_gateway_takes_it() {
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n\
                   metadata: {name: edge, namespace: shop}\nspec:\n  gatewayClassName: istio\n  \
                   listeners: [{name: web, port: 80, protocol: HTTP, hostname: \"*.example.com\"}]\n---\n";
    let route = |parent: &str, host: &str| {
        let spec = format!(
            "  parentRefs: [{parent}]\n  hostnames: [{host}]\n  rules: [{{backendRefs: [{{name: cart, port: 80}}]}}]\n"
        );
        said(&format!("{gateway}{}", object("HTTPRoute", "r", &spec)), &[])
    };
    let text = route("{name: egde}", "shop.example.com");
    let told = "HTTPRoute shop/r is attached to nothing here: no object that was read is the Gateway shop/egde";
    assert!(text.contains(told), "{text}");
    let text = route("{name: edge}", "shop.example.org");
    assert!(
        text.contains(
            "no listener of the Gateway shop/edge takes it: `web` is for the host *.example.com"
        ),
        "{text}"
    );
    let text = route("{name: edge, sectionName: wbe}", "shop.example.com");
    assert!(text.contains("`web` has another name"), "{text}");
    assert!(!route("{name: edge}", "shop.example.com").contains("attached to nothing"));
}

#[test]
fn zero_percent_of_ejections_is_told_to_be_the_default() {
    let rule = |percent: &str| {
        let spec = format!(
            "  host: cart\n  trafficPolicy: {{outlierDetection: {{consecutive5xxErrors: 5, maxEjectionPercent: {percent}}}}}\n"
        );
        said(&object("DestinationRule", "cart", &spec), &[])
    };
    let text = rule("0");
    assert!(
        text.contains("`maxEjectionPercent: 0` does not mean that nothing is ejected"),
        "{text}"
    );
    assert!(text.contains("Envoy then ejects up to 10%"), "{text}");
    assert!(!rule("10").contains("does not mean"));
}

#[test]
fn an_injected_namespace_that_holds_nothing_is_named() {
    let text = said("", &["--inject", "shopp"]);
    assert!(
        text.contains("--inject shopp: nothing that was read is in a namespace of this name"),
        "{text}"
    );
    assert!(text.contains("name one of shop"), "{text}");
    assert!(!said("", &["--inject", "shop"]).contains("nothing that was read"));
}
