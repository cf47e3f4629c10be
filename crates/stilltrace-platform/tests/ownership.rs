//! Who answers for a workload, by the catalog and by `CODEOWNERS`.

use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};

/// A workload of namespace `shop` with one label on its pods and one on the object itself.
const WORKLOAD: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {part: front}}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: web}]}
";

/// Owners of the workload `shop/web` with these further files.
fn owners(files: &[(&str, &str)]) -> Vec<String> {
    let mut tree = MemoryTree::new().with("apps/web/deployment.yaml", WORKLOAD);
    for (path, text) in files {
        tree.insert(*path, *text);
    }
    let platform = read(&tree, &mut ParseCache::new());
    let workloads = platform.workloads.values();
    let all = workloads.flat_map(|workload| &workload.owners).map(|owner| {
        let component = owner.component.as_deref().unwrap_or("no component");
        format!("{} ({component}) @ {}", owner.name, owner.source.line)
    });
    all.collect()
}

/// Those with a catalog of these documents.
fn by_catalog(documents: &[&str]) -> Vec<String> {
    owners(&[("catalog-info.yaml", &documents.join("\n---\n"))])
}

fn component(name: &str, annotations: &str, spec: &str) -> String {
    let metadata = format!("{{name: {name}, annotations: {{{annotations}}}}}");
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {metadata}\nspec: {{{spec}}}"
    )
}

#[test]
fn all_owners_of_a_line_answer_for_the_workload() {
    let found = owners(&[("CODEOWNERS", "* @all\n/apps/ @shop/web @ops\n")]);
    assert_eq!(found, ["@shop/web (no component) @ 2", "@ops (no component) @ 2"]);
}

#[test]
fn the_catalog_goes_before_code_owners() {
    let catalog = component("web", "", "owner: 'group:default/team'");
    let found = owners(&[("CODEOWNERS", "* @all"), ("catalog-info.yaml", &catalog)]);
    assert_eq!(found, ["group:default/team (component:default/web) @ 4"]);
}

#[test]
fn an_annotation_decides_against_the_name() {
    for (annotations, fits) in [
        ("backstage.io/kubernetes-id: web", true),
        ("backstage.io/kubernetes-id: api", false),
        ("backstage.io/kubernetes-label-selector: 'app in (web, api)'", true),
        ("backstage.io/kubernetes-label-selector: 'part=front'", true),
        ("backstage.io/kubernetes-label-selector: 'app!=web'", false),
        ("backstage.io/kubernetes-namespace: shop", true),
        ("backstage.io/kubernetes-namespace: other", false),
    ] {
        let found = by_catalog(&[&component("web", annotations, "owner: team")]);
        assert_eq!(!found.is_empty(), fits, "{annotations}");
    }
}

#[test]
fn the_closest_component_wins() {
    let by_folder =
        "backstage.io/source-location: 'url:https://git.example/o/r/tree/main/apps/web/'";
    let elsewhere = "backstage.io/source-location: 'url:https://git.example/o/r/tree/main/apps/we'";
    let folder = component("front", by_folder, "owner: folder");
    let name = component("web", "", "owner: name");
    let id = component("frontend", "backstage.io/kubernetes-id: web", "owner: id");
    let selector =
        component("page", "backstage.io/kubernetes-label-selector: app=web", "owner: selector");
    assert!(by_catalog(&[&folder, &name, &id, &selector])[0].starts_with("selector "));
    assert!(by_catalog(&[&folder, &name, &id])[0].starts_with("id "));
    assert!(by_catalog(&[&folder, &name])[0].starts_with("name "));
    assert!(by_catalog(&[&folder])[0].starts_with("folder "));
    assert!(by_catalog(&[&component("front", elsewhere, "owner: x")]).is_empty());
}

#[test]
fn a_component_without_owner_has_that_of_its_system_or_domain() {
    let web = component("web", "", "system: Payments");
    let system = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: payments}";
    let owned = format!("{system}\nspec: {{owner: 'group:pay'}}");
    let part = format!("{system}\nspec: {{domain: 'domain:default/money'}}");
    let domain = "apiVersion: backstage.io/v1alpha1
kind: Domain
metadata: {name: money}
spec: {owner: treasury}";
    assert_eq!(by_catalog(&[&web, &owned]), ["group:pay (component:default/web) @ 9"]);
    assert_eq!(by_catalog(&[&web, &part, domain]), ["treasury (component:default/web) @ 14"]);
    assert!(by_catalog(&[&web, &part]).is_empty());
    assert!(by_catalog(&[&web, domain]).is_empty());
}

#[test]
fn other_kinds_need_an_annotation() {
    let resource = component("web", "", "owner: dba").replace("Component", "Resource");
    assert!(by_catalog(&[&resource]).is_empty());
    let tied = component("db", "backstage.io/kubernetes-id: web", "owner: dba");
    let tied = tied.replace("Component", "Resource");
    assert_eq!(by_catalog(&[&tied]), ["dba (resource:default/db) @ 4"]);
}
