//! What the platform team runs: namespaces, mesh configuration, policies and the ingress gateway.

use std::collections::{BTreeMap, BTreeSet};

use super::Manifest;
use crate::gitops::cast::Cast;
use crate::gitops::draw::Draw;
use crate::gitops::value::{Value, map};
use crate::topology::Topology;

/// The namespace of mesh-wide objects.
pub(crate) const ROOT_NAMESPACE: &str = "istio-system";

/// All objects of the platform team.
pub(super) fn objects(topology: &Topology, cast: &Cast, draw: &mut Draw) -> Vec<Manifest> {
    let root = |kind, of: &str, value| Manifest {
        kind,
        of: of.to_owned(),
        namespace: ROOT_NAMESPACE.to_owned(),
        value,
        extra: None,
    };
    let mut all = namespaces(topology, cast);
    all.push(root("ConfigMap", "mesh", mesh_config(cast, draw)));
    all.push(root("Telemetry", "mesh", telemetry(draw)));
    all.push(root("PeerAuthentication", "mesh", peer_authentication()));
    all.extend(sidecars(topology, draw));
    all.extend(ingress(topology, draw));
    all
}

fn namespaces(topology: &Topology, cast: &Cast) -> Vec<Manifest> {
    let names: BTreeSet<_> = topology
        .services
        .iter()
        .map(|service| service.namespace.clone())
        .chain([topology.gateway.namespace.clone(), ROOT_NAMESPACE.to_owned()])
        .collect();
    let one = |name: String| {
        let mut labels = map! { "team" => cast.team_of(&name).name.as_str() };
        if name != ROOT_NAMESPACE {
            labels.set("istio-injection", Value::from("enabled"));
        }
        let value = map! {
            "apiVersion" => "v1",
            "kind" => "Namespace",
            "metadata" => map! { "name" => name.as_str(), "labels" => labels },
        };
        Manifest { kind: "Namespace", of: name, namespace: String::new(), value, extra: None }
    };
    names.into_iter().map(one).collect()
}

fn mesh_config(cast: &Cast, draw: &mut Draw) -> Value {
    let text = format!(
        "accessLogEncoding: JSON\ndefaultConfig:\n  concurrency: 2\n  discoveryAddress: istiod.{ROOT_NAMESPACE}.svc:15012\n  \
         holdApplicationUntilProxyStarts: true\n  terminationDrainDuration: {}s\n\
         enablePrometheusMerge: true\nextensionProviders:\n- name: otel\n  opentelemetry:\n    \
         service: collector.{ROOT_NAMESPACE}.svc.cluster.local\n    port: 4317\n\
         ingressControllerMode: \"OFF\"\nrootNamespace: {ROOT_NAMESPACE}\n\
         trustDomain: cluster.local\n",
        draw.between(10, 30),
    );
    map! {
        "apiVersion" => "v1",
        "kind" => "ConfigMap",
        "metadata" => map! {
            "name" => "istio",
            "labels" => map! { "istio.io/rev" => "default", "team" => cast.platform.name.as_str() },
        },
        "data" => map! { "mesh" => Value::Block(text) },
    }
}

fn telemetry(draw: &mut Draw) -> Value {
    map! {
        "apiVersion" => "telemetry.istio.io/v1",
        "kind" => "Telemetry",
        "metadata" => map! { "name" => "mesh-default" },
        "spec" => map! {
            "tracing" => vec![map! {
                "providers" => vec![map! { "name" => "otel" }],
                "randomSamplingPercentage" => draw.between(1, 2),
            }],
            "accessLogging" => vec![map! { "providers" => vec![map! { "name" => "envoy" }] }],
        },
    }
}

fn peer_authentication() -> Value {
    map! {
        "apiVersion" => "security.istio.io/v1",
        "kind" => "PeerAuthentication",
        "metadata" => map! { "name" => "default" },
        "spec" => map! { "mtls" => map! { "mode" => "STRICT" } },
    }
}

/// A `Sidecar` for some namespaces, with every namespace that they call; the others know the whole
/// mesh, which is Istio's default.
fn sidecars(topology: &Topology, draw: &mut Draw) -> Vec<Manifest> {
    let mut called: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for service in &topology.services {
        let hosts = called.entry(&service.namespace).or_default();
        for call in &service.calls {
            let namespace = call.namespace.as_deref().unwrap_or(&service.namespace);
            if namespace != service.namespace {
                hosts.insert(format!("{namespace}/*"));
            }
        }
    }
    let mut all = Vec::new();
    for (namespace, others) in called {
        if !draw.chance(0.4) {
            continue;
        }
        let mut hosts = vec!["./*".to_owned(), format!("{ROOT_NAMESPACE}/*")];
        hosts.extend(others);
        let value = map! {
            "apiVersion" => "networking.istio.io/v1",
            "kind" => "Sidecar",
            "metadata" => map! { "name" => "default" },
            "spec" => map! { "egress" => vec![map! { "hosts" => hosts }] },
        };
        let (of, namespace) = (namespace.to_owned(), namespace.to_owned());
        all.push(Manifest { kind: "Sidecar", of, namespace, value, extra: None });
    }
    all
}

/// The ingress gateway with its route to the first service behind it.
fn ingress(topology: &Topology, draw: &mut Draw) -> Vec<Manifest> {
    let gateway = &topology.gateway;
    let (name, labels) = (
        gateway.name.as_str(),
        map! { "app" => gateway.name.as_str(), "istio" => "ingressgateway" },
    );
    let manifest = |kind, value| Manifest {
        kind,
        of: "gateway".to_owned(),
        namespace: gateway.namespace.clone(),
        value,
        extra: None,
    };
    let account = gateway.service_account.as_deref().unwrap_or(name);
    let pod = map! {
        "metadata" => map! {
            "labels" => labels.clone(),
            "annotations" => map! { "inject.istio.io/templates" => "gateway" },
        },
        "spec" => map! {
            "serviceAccountName" => account,
            "containers" => vec![map! { "name" => "istio-proxy", "image" => "auto" }],
        },
    };
    let deployment = map! {
        "apiVersion" => "apps/v1", "kind" => "Deployment",
        "metadata" => map! { "name" => name, "labels" => labels.clone() },
        "spec" => map! {
            "replicas" => 1,
            "selector" => map! { "matchLabels" => labels.clone() },
            "template" => pod,
        },
    };
    let service = map! {
        "apiVersion" => "v1", "kind" => "Service", "metadata" => map! { "name" => name },
        "spec" => map! {
            "type" => "LoadBalancer",
            "selector" => labels,
            "ports" => vec![map! { "name" => "http2", "port" => 80, "targetPort" => 8080 }],
        },
    };
    let account = map! {
        "apiVersion" => "v1", "kind" => "ServiceAccount", "metadata" => map! { "name" => account },
    };
    let listener = map! {
        "apiVersion" => "networking.istio.io/v1", "kind" => "Gateway",
        "metadata" => map! { "name" => "public" },
        "spec" => map! {
            "selector" => map! { "istio" => "ingressgateway" },
            "servers" => vec![map! {
                "port" => map! { "number" => 80, "name" => "http", "protocol" => "HTTP" },
                "hosts" => vec![topology.traffic.host.as_str()],
            }],
        },
    };
    vec![
        manifest("Deployment", deployment),
        manifest("Service", service),
        manifest("ServiceAccount", account),
        manifest("Gateway", listener),
        manifest("VirtualService", ingress_route(topology, draw)),
    ]
}

/// The route from the gateway to the first service behind it.
fn ingress_route(topology: &Topology, draw: &mut Draw) -> Value {
    let first = topology.gateway.calls.first().and_then(|call| {
        topology.services.iter().find(|service| {
            service.name == call.service
                && call.namespace.as_ref().is_none_or(|namespace| *namespace == service.namespace)
        })
    });
    let (host, port) = first.map_or_else(Default::default, |service| {
        (format!("{}.{}.svc.cluster.local", service.name, service.namespace), service.port)
    });
    let destination = map! { "host" => host, "port" => map! { "number" => i64::from(port) } };
    let http = map! {
        "match" => vec![map! { "uri" => map! { "prefix" => "/" } }],
        "route" => vec![map! { "destination" => destination }],
        "timeout" => draw.word(&["30s", "45s", "60s"]),
    };
    map! {
        "apiVersion" => "networking.istio.io/v1", "kind" => "VirtualService",
        "metadata" => map! { "name" => "public" },
        "spec" => map! {
            "hosts" => vec![topology.traffic.host.as_str()],
            "gateways" => vec!["public"],
            "http" => vec![http],
        },
    }
}
