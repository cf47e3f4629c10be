//! `apps/SERVICE`: the base of an application and its catalog entry.

use super::{Draft, Images, Place, Plan, Sizing, kustomization};
use crate::gitops::objects::{Manifest, extra, image_repository};
use crate::gitops::value::{Value, map};
use crate::topology::Service;

/// The files of one application.
pub(super) fn drafts(plan: &Plan, service: &Service) -> Vec<Draft> {
    let folder = plan.app_folder(service);
    let base = format!("{folder}/base");
    let mut drafts = Vec::new();
    let mut resources = Vec::new();
    let mut add = |name: String, value: Value| {
        drafts.push(Draft { path: format!("{base}/{name}"), documents: vec![value] });
        resources.push(name);
    };
    let single = service.workloads().len() == 1;
    for workload in service.workloads() {
        if let Some(manifest) = plan.find("Deployment", &service.namespace, &workload.name) {
            let name = if single {
                "deployment.yaml".to_owned()
            } else {
                format!("{}.yaml", workload.name)
            };
            add(name, base_deployment(plan, service, manifest));
        }
    }
    let files = [
        ("Service", "service.yaml"),
        ("ServiceAccount", "serviceaccount.yaml"),
        ("HorizontalPodAutoscaler", "hpa.yaml"),
        ("PodDisruptionBudget", "pdb.yaml"),
    ];
    for (kind, name) in files {
        if let Some(manifest) = plan.find(kind, &service.namespace, &service.name) {
            add(name.to_owned(), manifest.value.clone());
        }
    }
    if plan.layout.routing != Place::Platform {
        if let Some(manifest) = plan.find("VirtualService", &service.namespace, &service.name) {
            add("virtualservice.yaml".to_owned(), base_route(plan, manifest));
        }
        if let Some(manifest) = plan.find("DestinationRule", &service.namespace, &service.name) {
            add("destinationrule.yaml".to_owned(), manifest.value.clone());
        }
    }
    let here = |place: extra::Place, manifest: &Manifest| {
        let own = place == extra::Place::App
            || (place == extra::Place::Routing && !plan.routing_is_central());
        let about = service.workloads().iter().any(|w| w.name == manifest.of);
        own && manifest.namespace == service.namespace && (manifest.of == service.name || about)
    };
    for (file, manifest) in plan.extras(here) {
        add(file.to_owned(), manifest.value.clone());
    }
    drafts.push(kustomization(&base, resources, Vec::new()));
    if let Some(manifest) = plan.find("Component", &service.namespace, &service.name) {
        let path = format!("{folder}/catalog-info.yaml");
        drafts.push(Draft { path, documents: vec![manifest.value.clone()] });
    }
    drafts
}

/// The Deployment without what the overlay of the environment sets.
fn base_deployment(plan: &Plan, service: &Service, manifest: &Manifest) -> Value {
    let mut value = manifest.value.clone();
    if plan.layout.sizing == Sizing::Overlay {
        value.set("spec.template.metadata.annotations", map! { "prometheus.io/scrape" => "true" });
        value.set(
            "spec.template.spec.containers[0].resources",
            map! { "requests" => map! { "cpu" => "10m", "memory" => "64Mi" } },
        );
    }
    if plan.layout.images == Images::Kustomization {
        let image = Value::from(image_repository(service));
        value.set("spec.template.spec.containers[0].image", image);
    }
    value
}

/// The VirtualService as an environment without a patch of its own has it.
fn base_route(plan: &Plan, manifest: &Manifest) -> Value {
    let mut value = manifest.value.clone();
    if plan.layout.routing == Place::Overlay
        && let Some(Value::List(routes)) =
            manifest.value.get("spec").and_then(|spec| spec.get("http"))
    {
        let bare = |route: &Value| match route.get("route") {
            Some(destinations) => map! { "route" => destinations.clone(), "timeout" => "30s" },
            None => route.clone(),
        };
        value.set("spec.http", Value::List(routes.iter().map(bare).collect()));
    }
    value
}
