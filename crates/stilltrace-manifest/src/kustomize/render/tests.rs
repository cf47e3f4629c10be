//! What Kustomize does that its manual does not say, each found by comparing with the program.

#![allow(clippy::unwrap_used, reason = "a failed lookup is the test's failure")]

use super::*;
use crate::tree::MemoryTree;
use crate::yaml::{Derivation, Piece};

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

#[test]
fn a_key_that_is_no_text_is_refused_below_the_root_where_it_is_printed() {
    let root = ("kustomization.yaml", "resources: [o.yaml]\n");
    for key in ["1", "true", "1.5", "2020-01-01", "null", "[a]"] {
        let object = format!("{CONFIG_MAP}spec:\n  {key}: x\n");
        let said = refused(&[("o.yaml", &object), root], "");
        assert!(said.starts_with("o.yaml:5:3: the key `"), "{key}: {said}");
    }
    for key in ["yes", "y", "\"1\"", "!!str 1"] {
        let object = format!("{CONFIG_MAP}spec:\n  {key}: x\n");
        assert!(rendered(&[("o.yaml", &object), root], "").contains("  \""), "{key}");
    }
    let removed = "resources: [o.yaml]\npatches:\n- patch: |-\n    \
                   {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, spec: null}\n";
    let object = format!("{CONFIG_MAP}spec:\n  1: x\n");
    let text = rendered(&[("o.yaml", &object), ("kustomization.yaml", removed)], "");
    assert!(!text.contains("spec"), "{text}");
}

#[test]
fn a_merge_key_in_quotes_merges_nothing_and_goes() {
    let object = format!("{CONFIG_MAP}b: &b {{p: 1}}\na:\n  \"<<\": *b\n  q: 2\n");
    let files = [("o.yaml", object.as_str()), ("kustomization.yaml", "resources: [o.yaml]\n")];
    assert!(rendered(&files, "").starts_with("a:\n  q: 2\napiVersion"));
}

#[test]
fn items_of_a_list_come_behind_the_other_objects_of_the_file() {
    let list = "kind: List\napiVersion: v1\nitems:\n\
                - {apiVersion: v1, kind: ConfigMap, metadata: {name: inner}}\n---\n";
    let object = format!("{list}{CONFIG_MAP}");
    let root = "resources: [o.yaml]\nsortOptions: {order: fifo}\n";
    let text = rendered(&[("o.yaml", &object), ("kustomization.yaml", root)], "");
    assert!(text.ends_with("name: inner\n"), "{text}");
}

#[test]
fn a_secret_without_values_has_empty_data() {
    let text = rendered(&[("kustomization.yaml", "secretGenerator: [{name: s}]\n")], "");
    assert_eq!(
        text,
        "apiVersion: v1\ndata: {}\nkind: Secret\nmetadata:\n  name: s-46f8b28mk5\ntype: Opaque\n"
    );
}

#[test]
fn a_json_patch_is_read_by_yaml_1_1_unless_it_begins_as_json() {
    let root = |patch: &str| {
        format!("resources: [o.yaml]\npatches:\n- target: {{kind: ConfigMap}}\n  patch: {patch}\n")
    };
    let with = |root: &str| rendered(&[("o.yaml", CONFIG_MAP), ("kustomization.yaml", root)], "");
    let yaml = root("|-\n    - op: add\n      path: /a\n      value: {on: no, \"y\": \"y\"}");
    let text = with(&yaml);
    assert!(text.starts_with("a:\n  \"true\": false\n  \"y\": \"y\"\n"), "{text}");
    let flow = root("'[{op: add, path: /a, value: 1}]'");
    let said = refused(&[("o.yaml", CONFIG_MAP), ("kustomization.yaml", &flow)], "");
    assert!(said.contains("must be JSON"), "{said}");
    let json = root(r#"'[{"op": "add", "path": "/a", "value": 1}]'"#);
    assert!(with(&json).starts_with("a: 1\n"));
}

#[test]
fn a_question_mark_ends_a_word_between_brackets() {
    let said = refused(
        &[
            ("o.yaml", CONFIG_MAP),
            ("kustomization.yaml", "resources: [o.yaml, https://a/b?ref=c]\n"),
        ],
        "",
    );
    assert!(said.contains("1:21: a `?` ends a word"), "{said}");
    let quoted = "resources: [o.yaml]\nnamePrefix: 'a?'\ncommonAnnotations: {a: 'x?y', b: x}\n";
    let text = rendered(&[("o.yaml", CONFIG_MAP), ("kustomization.yaml", quoted)], "");
    assert!(text.contains("a: x?y"), "{text}");
}

#[test]
fn what_a_replacement_makes_around_its_value_stands_in_the_path() {
    let root = "resources: [o.yaml]\nreplacements:\n- sourceValue: v\n  targets:\n  \
                - select: {kind: ConfigMap}\n    fieldPaths: ['x.[name=A].value']\n    \
                options: {create: true}\n";
    let tree = MemoryTree::new().with("o.yaml", CONFIG_MAP).with("kustomization.yaml", root);
    let built = super::super::build(&tree, "");
    let leaf = |path: &str| {
        let found = built.objects[0].root.pointer(path).unwrap();
        (found.text().unwrap().to_owned(), found.mark.line, found.derivation())
    };
    assert_eq!(leaf("x[0].name"), ("A".to_owned(), 6, Derivation::Excerpt));
    assert_eq!(leaf("x[0].value"), ("v".to_owned(), 3, Derivation::Written));
}

#[test]
fn a_json_patch_takes_all_values_through_json() {
    let object = format!("{CONFIG_MAP}x: [12345678901234567890, 1.0, 2001-1-2, yes]\n")
        .replace("{name: a}", "{name: a, annotations: {e: 1e3, big: 1000000}, labels: {l: m}}");
    let root = "resources: [o.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: |-\n    \
                - {op: add, path: /y, value: 2001-1-2}\n    \
                - {op: copy, from: /metadata/labels, path: /metadata/annotations/c}\n";
    let text = rendered(&[("o.yaml", &object), ("kustomization.yaml", root)], "");
    let wanted = [
        "    big: \"1e+06\"\n    c: \"\"\n    e: \"1000\"\n",
        "x:\n- 12345678901234567000\n- 1\n- \"2001-01-02T00:00:00Z\"\n- \"yes\"\n",
        "\"y\": \"2001-1-2\"\n",
    ];
    for part in wanted {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_value_put_together_names_the_place_of_every_part() {
    let object = format!("{CONFIG_MAP}spec: {{containers: [{{name: c, image: 'r/old:1'}}]}}\n");
    let base = "resources: [o.yaml]\nnamePrefix: p-\nimages:\n- {name: r/old, newTag: '2'}\n";
    let root = "resources: [base]\nnameSuffix: -s\nimages:\n- {name: r/old, newName: r/new}\n";
    let tree = MemoryTree::new()
        .with("base/o.yaml", &object)
        .with("base/kustomization.yaml", base)
        .with("kustomization.yaml", root);
    let built = super::super::build(&tree, "");
    let pieces = |path: &str| {
        let found = built.objects[0].root.pointer(path).unwrap();
        let piece =
            |piece: &Piece| format!("{} {}:{}", piece.text, piece.mark.path, piece.mark.line);
        found.pieces().iter().map(piece).collect::<Vec<_>>()
    };
    let name = ["a base/o.yaml:3", "p- base/kustomization.yaml:2", "-s kustomization.yaml:2"];
    assert_eq!(pieces("metadata.name"), name);
    let image = ["2 base/kustomization.yaml:4", "r/new kustomization.yaml:4"];
    assert_eq!(pieces("spec.containers[0].image"), image);
}

#[test]
fn a_name_that_is_extended_has_the_type_of_its_text() {
    let object = "apiVersion: e.com/v1\nkind: Foo\nmetadata: {name: 2}\n\
                  spec: {a: null, b: '5', c: ''}\n";
    let specs = "namePrefix:\n- {path: metadata/name}\n- {path: spec/a}\n- {path: spec/b}\n\
                 - {path: spec/c}\n";
    let root = "resources: [o.yaml]\nnamePrefix: '1'\nconfigurations: [c.yaml]\n";
    let files = [("o.yaml", object), ("c.yaml", specs), ("kustomization.yaml", root)];
    let text = rendered(&files, "");
    assert!(text.ends_with("name: 12\nspec:\n  a: 1null\n  b: \"15\"\n  c: \"1\"\n"), "{text}");
}

#[test]
fn a_number_that_a_replacement_empties_twice_stays_one_and_is_refused() {
    let object = "apiVersion: e.com/v1\nkind: Foo\nmetadata: {name: a}\nspec: {n: 1, of: {x: y}}\n";
    let target = "{select: {kind: Foo}, fieldPaths: [spec.n]}";
    let root = format!(
        "resources: [o.yaml]\nreplacements:\n- source: {{kind: Foo, fieldPath: spec.of}}\n  \
         targets: [{target}, {target}]\n"
    );
    assert!(refused(&[("o.yaml", object), ("kustomization.yaml", &root)], "").contains("no int"));
}
