//! `platform/istio`: mesh configuration, policies, ingress, and routing where the layout says so.

use super::{Draft, Place, Plan, kustomization};
use crate::gitops::objects::{Manifest, extra};

/// The folder of mesh-wide objects.
pub(super) const FOLDER: &str = "platform/istio";
/// The folder of routing objects that the platform team owns.
pub(super) const ROUTING: &str = "platform/istio/routing";

/// The files of the platform team.
pub(super) fn drafts(plan: &Plan) -> Vec<Draft> {
    let of_kind = |kind: &'static str| {
        plan.manifests.iter().filter(move |m| m.kind == kind && m.extra.is_none())
    };
    let mut drafts = Vec::new();
    let mut resources = Vec::new();
    let mut add = |name: String, manifests: Vec<&Manifest>| {
        if !manifests.is_empty() {
            let documents = manifests.into_iter().map(Manifest::with_namespace).collect();
            drafts.push(Draft { path: format!("{FOLDER}/{name}"), documents });
            resources.push(name);
        }
    };
    add("namespaces.yaml".to_owned(), of_kind("Namespace").collect());
    add("mesh-config.yaml".to_owned(), of_kind("ConfigMap").collect());
    add("telemetry.yaml".to_owned(), of_kind("Telemetry").collect());
    add("peer-authentication.yaml".to_owned(), of_kind("PeerAuthentication").collect());
    for sidecar in of_kind("Sidecar") {
        add(format!("sidecar-{}.yaml", sidecar.of), vec![sidecar]);
    }
    for (file, manifest) in plan.extras(|place, _| place == extra::Place::Mesh) {
        add(file.to_owned(), vec![manifest]);
    }
    resources.push("ingress".to_owned());
    drafts.push(kustomization(FOLDER, resources, Vec::new()));
    drafts.extend(ingress(plan));
    if plan.layout.routing == Place::Platform {
        drafts.extend(routing(plan));
    }
    drafts
}

/// The ingress gateway.
fn ingress(plan: &Plan) -> Vec<Draft> {
    let folder = format!("{FOLDER}/ingress");
    let mut drafts = Vec::new();
    let mut resources = Vec::new();
    for manifest in plan.manifests.iter().filter(|m| m.of == "gateway" && m.extra.is_none()) {
        let name = format!("{}.yaml", manifest.kind.to_lowercase());
        let documents = vec![manifest.with_namespace()];
        drafts.push(Draft { path: format!("{folder}/{name}"), documents });
        resources.push(name);
    }
    drafts.push(kustomization(&folder, resources, Vec::new()));
    drafts
}

/// Routing of all services, one file per object.
fn routing(plan: &Plan) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut resources = Vec::new();
    for service in &plan.topology.services {
        for (kind, suffix) in [("VirtualService", "routes"), ("DestinationRule", "traffic")] {
            let Some(manifest) = plan.find(kind, &service.namespace, &service.name) else {
                continue;
            };
            let name = format!("{}-{suffix}.yaml", service.name);
            let documents = vec![manifest.with_namespace()];
            drafts.push(Draft { path: format!("{ROUTING}/{name}"), documents });
            resources.push(name);
        }
    }
    for (file, manifest) in plan.extras(|place, _| place == extra::Place::Routing) {
        let documents = vec![manifest.with_namespace()];
        drafts.push(Draft { path: format!("{ROUTING}/{file}"), documents });
        resources.push(file.to_owned());
    }
    drafts.push(kustomization(ROUTING, resources, Vec::new()));
    drafts
}
