//! What a team deploys: Deployments, Service, ServiceAccount, disruption budget or autoscaler.

use super::{Manifest, image_repository};
use crate::gitops::cast::Cast;
use crate::gitops::draw::Draw;
use crate::gitops::value::{Value, map};
use crate::pods::APP_CONTAINER;
use crate::topology::{Protocol, Service, WorkloadSpec};

/// The objects of one service, its catalog entry included.
pub(super) fn objects(service: &Service, cast: &Cast, draw: &mut Draw) -> Vec<Manifest> {
    let manifest = |kind, of: &str, value| Manifest {
        kind,
        of: of.to_owned(),
        namespace: service.namespace.clone(),
        value,
        extra: None,
    };
    let tag = format!("{}.{}.{}", draw.between(1, 4), draw.between(0, 19), draw.between(0, 9));
    let mut all = Vec::new();
    for workload in service.workloads() {
        let value = deployment(service, &workload, &tag, draw);
        all.push(manifest("Deployment", &workload.name, value));
    }
    all.push(manifest("Service", &service.name, kubernetes_service(service)));
    all.push(manifest("ServiceAccount", &service.name, service_account(service)));
    // Lab pods are processes that exist for a whole run, so only a service of one pod has an
    // autoscaler: its replica count is then unknown to a reader, as it would be.
    if service.workloads().len() == 1 && service.replicas == 1 && draw.chance(0.4) {
        all.push(manifest("HorizontalPodAutoscaler", &service.name, autoscaler(service, draw)));
    } else {
        all.push(manifest("PodDisruptionBudget", &service.name, disruption_budget(service)));
    }
    all.push(manifest("Component", &service.name, component(service, cast)));
    all
}

/// Name of the service account of a service's pods.
fn account(service: &Service) -> String {
    service.service_account.clone().unwrap_or_else(|| service.name.clone())
}

fn deployment(service: &Service, workload: &WorkloadSpec, tag: &str, draw: &mut Draw) -> Value {
    let labels = Value::Map(
        service.pod_labels(workload).into_iter().map(|(key, value)| (key, value.into())).collect(),
    );
    let mut annotations = map! {};
    if draw.chance(0.6) {
        annotations.set(
            "[\"sidecar.istio.io/proxyCPU\"]",
            Value::from(draw.word(&["50m", "100m", "150m"])),
        );
        annotations.set(
            "[\"sidecar.istio.io/proxyCPULimit\"]",
            Value::from(draw.word(&["1", "1500m", "2"])),
        );
    }
    annotations.set("[\"prometheus.io/scrape\"]", Value::from("true"));
    let mut resources = map! { "requests" => map! {
        "cpu" => draw.word(&["50m", "100m", "200m", "250m"]),
        "memory" => draw.word(&["64Mi", "96Mi", "128Mi"]),
    } };
    resources.set("limits.memory", Value::from(draw.word(&["256Mi", "384Mi", "512Mi"])));
    let container = map! {
        "name" => APP_CONTAINER,
        "image" => format!("{}:{tag}", image_repository(service)),
        "ports" => vec![map! { "name" => port_name(service), "containerPort" => i64::from(service.port) }],
        "env" => environment(draw),
        "resources" => resources,
        "readinessProbe" => probe(service, draw),
    };
    map! {
        "apiVersion" => "apps/v1",
        "kind" => "Deployment",
        "metadata" => map! { "name" => workload.name.as_str(), "labels" => labels.clone() },
        "spec" => map! {
            "replicas" => i64::from(workload.replicas),
            "selector" => map! { "matchLabels" => labels.clone() },
            "template" => map! {
                "metadata" => map! { "labels" => labels, "annotations" => annotations },
                "spec" => map! {
                    "serviceAccountName" => account(service),
                    "containers" => vec![container],
                },
            },
        },
    }
}

/// Name of a service's port: its protocol, as Istio reads it.
fn port_name(service: &Service) -> &'static str {
    service.protocol.name()
}

/// A probe that suits the protocol.
fn probe(service: &Service, draw: &mut Draw) -> Value {
    let port = port_name(service);
    let seconds = draw.between(5, 15);
    let mut probe = match service.protocol {
        Protocol::Tcp => map! { "tcpSocket" => map! { "port" => port } },
        _ => map! { "httpGet" => map! { "path" => "/healthz", "port" => port } },
    };
    probe.set("periodSeconds", Value::from(seconds));
    probe
}

/// A few variables that nothing in the lab reads.
fn environment(draw: &mut Draw) -> Value {
    let variable = |name: &str, value: String| map! { "name" => name, "value" => value };
    let mut all = vec![
        variable("LOG_LEVEL", draw.word(&["info", "warn", "info"]).to_owned()),
        variable("CACHE_TTL_SECONDS", draw.between(5, 120).to_string()),
        variable("WORKER_THREADS", draw.between(2, 8).to_string()),
        variable("FEATURE_FLAGS_REFRESH", format!("{}s", draw.between(10, 60))),
    ];
    all.truncate(draw.index(3) + 2);
    Value::List(all)
}

fn kubernetes_service(service: &Service) -> Value {
    map! {
        "apiVersion" => "v1",
        "kind" => "Service",
        "metadata" => map! { "name" => service.name.as_str(), "labels" => map! { "app" => service.name.as_str() } },
        "spec" => map! {
            "selector" => map! { "app" => service.name.as_str() },
            "ports" => vec![map! {
                "name" => port_name(service),
                "port" => i64::from(service.port),
                "targetPort" => port_name(service),
            }],
        },
    }
}

fn service_account(service: &Service) -> Value {
    map! {
        "apiVersion" => "v1",
        "kind" => "ServiceAccount",
        "metadata" => map! { "name" => account(service) },
    }
}

fn autoscaler(service: &Service, draw: &mut Draw) -> Value {
    map! {
        "apiVersion" => "autoscaling/v2",
        "kind" => "HorizontalPodAutoscaler",
        "metadata" => map! { "name" => service.name.as_str() },
        "spec" => map! {
            "scaleTargetRef" => map! {
                "apiVersion" => "apps/v1", "kind" => "Deployment", "name" => service.name.as_str(),
            },
            "minReplicas" => 1,
            "maxReplicas" => draw.between(4, 10),
            "metrics" => vec![map! {
                "type" => "Resource",
                "resource" => map! {
                    "name" => "cpu",
                    "target" => map! { "type" => "Utilization", "averageUtilization" => draw.between(60, 85) },
                },
            }],
        },
    }
}

fn disruption_budget(service: &Service) -> Value {
    map! {
        "apiVersion" => "policy/v1",
        "kind" => "PodDisruptionBudget",
        "metadata" => map! { "name" => service.name.as_str() },
        "spec" => map! {
            "minAvailable" => 1,
            "selector" => map! { "matchLabels" => map! { "app" => service.name.as_str() } },
        },
    }
}

/// The service's entry in the software catalog.
fn component(service: &Service, cast: &Cast) -> Value {
    map! {
        "apiVersion" => "backstage.io/v1alpha1",
        "kind" => "Component",
        "metadata" => map! {
            "name" => service.name.as_str(),
            "annotations" => map! {
                "backstage.io/kubernetes-id" => service.name.as_str(),
                "backstage.io/kubernetes-namespace" => service.namespace.as_str(),
            },
        },
        "spec" => map! {
            "type" => "service",
            "lifecycle" => "production",
            "owner" => format!("group:default/{}", cast.team_of(&service.namespace).name),
            "system" => service.namespace.as_str(),
        },
    }
}
