//! `tenants/TEAM/overlays/ENVIRONMENT`: which applications an environment has, and its own values.

use super::{Draft, Images, Place, Plan, Sizing, kustomization, live_overlay};
use crate::gitops::draw::Draw;
use crate::gitops::objects::image_repository;
use crate::gitops::value::{Value, map};
use crate::pods::APP_CONTAINER;
use crate::topology::Service;

/// The overlays of all teams.
pub(super) fn drafts(plan: &Plan) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, (namespace, team)) in plan.cast.tenants().enumerate() {
        let services: Vec<_> = plan
            .topology
            .services
            .iter()
            .filter(|service| service.namespace == namespace)
            .collect();
        drafts.extend(live(plan, namespace, &team.name, &services, index));
        drafts.extend(staging(plan, namespace, &team.name, &services));
    }
    drafts
}

/// The overlay that the cluster runs.
fn live(
    plan: &Plan,
    namespace: &str,
    team: &str,
    services: &[&Service],
    index: usize,
) -> Vec<Draft> {
    let folder = live_overlay(team);
    let mut drafts = Vec::new();
    let mut patches = Vec::new();
    for service in services {
        for (name, value) in patches_of(plan, service) {
            patches.push(map! { "path" => name.as_str() });
            drafts.push(Draft { path: format!("{folder}/{name}"), documents: vec![value] });
        }
    }
    if Draw::new(plan.seed, &format!("priority of tenant {index}")).chance(0.6) {
        patches
            .push(map! { "path" => "priority.yaml", "target" => map! { "kind" => "Deployment" } });
        let operation = map! {
            "op" => "add",
            "path" => "/spec/template/spec/priorityClassName",
            "value" => "business-critical",
        };
        drafts.push(Draft {
            path: format!("{folder}/priority.yaml"),
            documents: vec![Value::List(vec![operation])],
        });
    }
    let mut more = vec![("namespace", Value::from(namespace)), ("labels", labels(team, "prod"))];
    if plan.layout.images == Images::Kustomization {
        more.push(("images", Value::List(services.iter().map(|s| image_entry(plan, s)).collect())));
    }
    if !patches.is_empty() {
        more.push(("patches", Value::List(patches)));
    }
    drafts.push(kustomization(&folder, bases(plan, services), more));
    drafts
}

/// An overlay that another cluster runs; the repository only holds it.
fn staging(plan: &Plan, namespace: &str, team: &str, services: &[&Service]) -> Vec<Draft> {
    let folder = format!("tenants/{team}/overlays/staging");
    let replicas = vec![map! { "op" => "replace", "path" => "/spec/replicas", "value" => 1 }];
    let patch =
        Draft { path: format!("{folder}/replicas.yaml"), documents: vec![Value::List(replicas)] };
    let more = vec![
        ("namespace", Value::from(format!("{namespace}-staging"))),
        ("labels", labels(team, "staging")),
        (
            "patches",
            Value::List(vec![
                map! { "path" => "replicas.yaml", "target" => map! { "kind" => "Deployment" } },
            ]),
        ),
    ];
    vec![patch, kustomization(&folder, bases(plan, services), more)]
}

/// Labels of all objects of an environment.
fn labels(team: &str, environment: &str) -> Value {
    Value::List(vec![map! { "pairs" => map! { "team" => team, "environment" => environment } }])
}

/// The bases of the applications, seen from an overlay.
fn bases(plan: &Plan, services: &[&Service]) -> Vec<String> {
    services
        .iter()
        .map(|service| format!("../../../../{}/base", plan.app_folder(service)))
        .collect()
}

/// An entry of `images:` with the tag that the Deployment has.
fn image_entry(plan: &Plan, service: &Service) -> Value {
    let repository = image_repository(service);
    let image = service.workloads().first().and_then(|workload| {
        let manifest = plan.find("Deployment", &service.namespace, &workload.name)?;
        let pod = manifest.value.get("spec")?.get("template")?.get("spec")?;
        let Value::List(containers) = pod.get("containers")? else { return None };
        containers.first()?.get("image")?.scalar()
    });
    let tag = image
        .as_deref()
        .and_then(|image| image.strip_prefix(&repository)?.strip_prefix(':'))
        .unwrap_or("1.0.0")
        .to_owned();
    map! { "name" => repository, "newTag" => tag }
}

/// Patches of one application in the live environment.
fn patches_of(plan: &Plan, service: &Service) -> Vec<(String, Value)> {
    let mut patches = Vec::new();
    if plan.layout.sizing == Sizing::Overlay {
        for workload in service.workloads() {
            if let Some(manifest) = plan.find("Deployment", &service.namespace, &workload.name)
                && let Some(patch) = sizing_patch(&manifest.value, &workload.name)
            {
                patches.push((format!("{}-sizing.yaml", workload.name), patch));
            }
        }
    }
    if plan.layout.routing == Place::Overlay
        && let Some(manifest) = plan.find("VirtualService", &service.namespace, &service.name)
        && let Some(routes) = manifest.value.get("spec").and_then(|spec| spec.get("http"))
    {
        let patch = map! {
            "apiVersion" => "networking.istio.io/v1",
            "kind" => "VirtualService",
            "metadata" => map! { "name" => manifest.name() },
            "spec" => map! { "http" => routes.clone() },
        };
        patches.push((format!("{}-routing.yaml", service.name), patch));
    }
    patches
}

/// Annotations and resources of a Deployment's pods, as a patch.
fn sizing_patch(deployment: &Value, name: &str) -> Option<Value> {
    let template = deployment.get("spec")?.get("template")?;
    let annotations = template.get("metadata")?.get("annotations")?.clone();
    let Value::List(containers) = template.get("spec")?.get("containers")? else { return None };
    let resources = containers.first()?.get("resources")?.clone();
    Some(map! {
        "apiVersion" => "apps/v1",
        "kind" => "Deployment",
        "metadata" => map! { "name" => name },
        "spec" => map! { "template" => map! {
            "metadata" => map! { "annotations" => annotations },
            "spec" => map! {
                "containers" => vec![map! { "name" => APP_CONTAINER, "resources" => resources }],
            },
        } },
    })
}
