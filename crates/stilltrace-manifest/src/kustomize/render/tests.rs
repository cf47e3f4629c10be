//! What Kustomize does that its manual does not say, each found by comparing with the program.

#![allow(clippy::unwrap_used, reason = "a failed lookup is the test's failure")]

use super::*;
use crate::tree::MemoryTree;

fn rendered(files: &[(&str, &str)], dir: &str) -> String {
    let tree: MemoryTree = files.iter().copied().collect();
    render(&tree, dir, &RenderOptions::default(), &ParseCache::new()).unwrap().text
}

fn refused(files: &[(&str, &str)], dir: &str) -> String {
    let tree: MemoryTree = files.iter().copied().collect();
    let result = render(&tree, dir, &RenderOptions::default(), &ParseCache::new());
    result.unwrap_err().to_string()
}

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

#[test]
fn a_label_set_in_several_places_at_once_stays_one_value() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {}\n";
    let text = rendered(
        &[
            ("base/d.yaml", deployment),
            ("base/kustomization.yaml", "resources: [d.yaml]\ncommonLabels: {app: x}\n"),
            ("kustomization.yaml", "resources: [base]\nlabels: [{pairs: {app: z}}]\n"),
        ],
        "",
    );
    assert_eq!((text.matches("app: z").count(), text.matches("app: x").count()), (3, 0), "{text}");
}

#[test]
fn a_json_patch_finds_annotations_to_add_to_where_there_are_none() {
    let patch = "resources: [o.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: |-\n    \
                 - {op: add, path: /metadata/annotations/x, value: '1'}\n";
    let text = rendered(&[("o.yaml", CONFIG_MAP), ("kustomization.yaml", patch)], "");
    assert!(text.contains("  annotations:\n    x: \"1\"\n"), "{text}");
}

#[test]
fn a_patch_that_takes_all_annotations_takes_the_hash_too() {
    let generator = "configMapGenerator: [{name: g, literals: [a=b]}]\npatches:\n- patch: |-\n    \
                     {apiVersion: v1, kind: ConfigMap, metadata: {name: g, annotations: null}}\n";
    let text = rendered(&[("kustomization.yaml", generator)], "");
    assert!(text.ends_with("  name: g\n"), "{text}");
}

#[test]
fn notes_that_kustomize_keeps_in_annotations_are_taken_from_files_too() {
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n    \
                  config.kubernetes.io/index: '1'\n    config.kubernetes.io/origin: x\n";
    let text = rendered(&[("o.yaml", object), ("kustomization.yaml", "resources: [o.yaml]")], "");
    assert_eq!(text, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n");
}

#[test]
fn a_kind_newer_than_its_copy_of_kubernetes_is_namespaced() {
    let version = "apiVersion: admissionregistration.k8s.io/v1beta1";
    let object = format!("{version}\nkind: MutatingAdmissionPolicy\nmetadata: {{name: a}}\n");
    let root = "namespace: team\nresources: [o.yaml]";
    let text = rendered(&[("o.yaml", &object), ("kustomization.yaml", root)], "");
    assert!(text.contains("namespace: team"), "{text}");
}

#[test]
fn a_base_above_the_directory_is_a_cycle() {
    let files =
        [("kustomization.yaml", "resources: [a]"), ("a/kustomization.yaml", "resources: [..]")];
    assert!(refused(&files, "a").contains("cycle"));
}
