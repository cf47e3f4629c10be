//! What a kustomization file may hold.
//!
//! Kustomize decodes the file into typed fields and refuses what does not fit: an unknown field at
//! any depth, a number where a text is meant (`newTag: 1.0`), a single path where a list is meant.

use std::sync::Arc;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Entry, Node, Resolved, Value};

/// The type of a field.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Whole,
    /// A list of texts.
    Texts,
    /// Texts by key.
    Pairs,
    /// A mapping with these fields.
    One(Fields),
    /// A list of mappings with these fields.
    Many(Fields),
    /// A list of mappings with the fields of either.
    ManyOf(Fields, Fields),
    /// A mapping of anything.
    Free,
}

use Kind::{Flag, Free, Many, ManyOf, One, Pairs, Text, Texts, Whole};

type Fields = &'static [(&'static str, Kind)];

/// The fields of a kustomization (`types/kustomization.go` of Kustomize).
const KUSTOMIZATION: Fields = &[
    ("apiVersion", Text),
    ("kind", Text),
    ("metadata", One(METADATA)),
    ("openapi", Pairs),
    ("namePrefix", Text),
    ("nameSuffix", Text),
    ("namespace", Text),
    ("commonLabels", Pairs),
    ("labels", Many(LABEL)),
    ("commonAnnotations", Pairs),
    ("patchesStrategicMerge", Texts),
    ("patchesJson6902", Many(PATCH)),
    ("patches", Many(PATCH)),
    ("images", Many(IMAGE)),
    ("imageTags", Many(IMAGE)),
    ("replacements", Many(REPLACEMENT)),
    ("replicas", Many(&[("name", Text), ("count", Whole)])),
    ("vars", Many(VAR)),
    ("sortOptions", One(&[("order", Text), ("legacySortOptions", One(SORT))])),
    ("resources", Texts),
    ("components", Texts),
    ("crds", Texts),
    ("bases", Texts),
    ("configMapGenerator", Many(GENERATOR)),
    ("secretGenerator", ManyOf(GENERATOR, &[("type", Text)])),
    ("helmGlobals", One(&[("chartHome", Text), ("configHome", Text)])),
    ("helmCharts", Many(CHART)),
    ("helmChartInflationGenerator", Many(OLD_CHART)),
    ("generatorOptions", One(GENERATOR_OPTIONS)),
    ("configurations", Texts),
    ("generators", Texts),
    ("transformers", Texts),
    ("validators", Texts),
    ("buildMetadata", Texts),
];

const METADATA: Fields =
    &[("name", Text), ("namespace", Text), ("labels", Pairs), ("annotations", Pairs)];

const FIELD_SPEC: Fields =
    &[("group", Text), ("version", Text), ("kind", Text), ("path", Text), ("create", Flag)];

const LABEL: Fields = &[
    ("pairs", Pairs),
    ("includeSelectors", Flag),
    ("includeTemplates", Flag),
    ("includeVolumeClaimTemplates", Flag),
    ("fields", Many(FIELD_SPEC)),
];

const SELECTOR: Fields = &[
    ("group", Text),
    ("version", Text),
    ("kind", Text),
    ("name", Text),
    ("namespace", Text),
    ("annotationSelector", Text),
    ("labelSelector", Text),
];

const PATCH: Fields = &[
    ("path", Text),
    ("patch", Text),
    ("target", One(SELECTOR)),
    ("options", One(&[("allowNameChange", Flag), ("allowKindChange", Flag)])),
];

const IMAGE: Fields =
    &[("name", Text), ("newName", Text), ("tagSuffix", Text), ("newTag", Text), ("digest", Text)];

const FIELD_OPTIONS: Fields =
    &[("delimiter", Text), ("index", Whole), ("encoding", Text), ("create", Flag)];

const REPLACEMENT: Fields = &[
    ("path", Text),
    ("sourceValue", Text),
    (
        "source",
        One(&[
            ("group", Text),
            ("version", Text),
            ("kind", Text),
            ("name", Text),
            ("namespace", Text),
            ("fieldPath", Text),
            ("options", One(FIELD_OPTIONS)),
        ]),
    ),
    (
        "targets",
        Many(&[
            ("select", One(SELECTOR)),
            ("reject", Many(SELECTOR)),
            ("fieldPaths", Texts),
            ("options", One(FIELD_OPTIONS)),
        ]),
    ),
];

const VAR: Fields = &[
    ("name", Text),
    (
        "objref",
        One(&[
            ("apiVersion", Text),
            ("group", Text),
            ("version", Text),
            ("kind", Text),
            ("name", Text),
            ("namespace", Text),
        ]),
    ),
    ("fieldref", One(&[("fieldPath", Text)])),
];

const SORT: Fields = &[("orderFirst", Texts), ("orderLast", Texts)];

const GENERATOR_OPTIONS: Fields = &[
    ("labels", Pairs),
    ("annotations", Pairs),
    ("disableNameSuffixHash", Flag),
    ("immutable", Flag),
];

const GENERATOR: Fields = &[
    ("namespace", Text),
    ("name", Text),
    ("behavior", Text),
    ("literals", Texts),
    ("files", Texts),
    ("envs", Texts),
    ("env", Text),
    ("options", One(GENERATOR_OPTIONS)),
];

const CHART: Fields = &[
    ("name", Text),
    ("version", Text),
    ("repo", Text),
    ("releaseName", Text),
    ("namespace", Text),
    ("additionalValuesFiles", Texts),
    ("valuesFile", Text),
    ("valuesInline", Free),
    ("valuesMerge", Text),
    ("includeCRDs", Flag),
    ("skipHooks", Flag),
    ("apiVersions", Texts),
    ("kubeVersion", Text),
    ("nameTemplate", Text),
    ("skipTests", Flag),
    ("debug", Flag),
    ("devel", Flag),
];

const OLD_CHART: Fields = &[
    ("chartName", Text),
    ("chartVersion", Text),
    ("chartRepoUrl", Text),
    ("chartHome", Text),
    ("chartRepoName", Text),
    ("helmBin", Text),
    ("helmHome", Text),
    ("values", Text),
    ("valuesLocal", Free),
    ("valuesMerge", Text),
    ("releaseName", Text),
    ("releaseNamespace", Text),
    ("extraArgs", Texts),
];

/// What in a kustomization is not of its type or not known, in the order of the file.
pub(super) fn misfits(root: &Node) -> Vec<Problem> {
    let mut found = Vec::new();
    if root.is_null() {
        return found;
    }
    check(root, "the kustomization", One(KUSTOMIZATION), &mut found);
    found
}

/// The kustomization with its fields spelled as Kustomize spells them: it tells upper and lower
/// case apart nowhere, the code that reads them does.
pub(super) fn respelled(root: &Arc<Node>) -> Arc<Node> {
    let mut found = Arc::clone(root);
    if is_misspelled(root, One(KUSTOMIZATION)) {
        respell(Arc::make_mut(&mut found), One(KUSTOMIZATION));
    }
    found
}

/// The fields that the entries of a mapping, or of the mappings of a list, may be.
fn fields_of(kind: Kind) -> Vec<&'static (&'static str, Kind)> {
    match kind {
        One(fields) | Many(fields) => fields.iter().collect(),
        ManyOf(fields, more) => fields.iter().chain(more).collect(),
        Text | Flag | Whole | Texts | Pairs | Free => Vec::new(),
    }
}

fn is_misspelled(node: &Node, kind: Kind) -> bool {
    let fields = fields_of(kind);
    let wrong = |entry: &Entry| {
        let known = fields.iter().find(|(name, _)| entry.key.eq_ignore_ascii_case(name));
        known.is_some_and(|(name, kind)| entry.key != *name || is_misspelled(&entry.value, *kind))
    };
    !fields.is_empty()
        && (node.entries().iter().any(wrong)
            || node.items().iter().any(|item| is_misspelled(item, kind)))
}

fn respell(node: &mut Node, kind: Kind) {
    let fields = fields_of(kind);
    for entry in node.entries_mut().into_iter().flatten() {
        let known = fields.iter().find(|(name, _)| entry.key.eq_ignore_ascii_case(name));
        if let Some((name, kind)) = known {
            entry.key = (*name).into();
            respell(&mut entry.value, *kind);
        }
    }
    if !fields.is_empty() {
        node.items_mut().into_iter().flatten().for_each(|item| respell(item, kind));
    }
}

/// Whether a kustomization says nothing: only its type, fields without a value, and those old lists
/// that Kustomize moves elsewhere before it looks.
pub(super) fn is_empty(root: &Node) -> bool {
    root.entries().iter().all(|entry| {
        let is = |name: &str| entry.key.eq_ignore_ascii_case(name);
        let moved =
            ["bases", "imageTags", "helmChartInflationGenerator"].iter().any(|name| is(name));
        let no_items = matches!(&entry.value.value, Value::Sequence(items) if items.is_empty());
        ["apiVersion", "kind"].iter().any(|name| is(name))
            || entry.value.is_null()
            || entry.value.text() == Some("")
            || (moved && no_items)
    })
}

fn check(node: &Node, name: &str, kind: Kind, found: &mut Vec<Problem>) {
    if node.is_null() {
        return;
    }
    let resolved = node.resolved();
    let fits = match kind {
        Text => resolved == Some(Resolved::Text),
        Flag => matches!(resolved, Some(Resolved::Bool(_))),
        Whole => node.as_i64().is_some(),
        Texts | Many(_) | ManyOf(..) => matches!(node.value, Value::Sequence(_)),
        Pairs | One(_) | Free => matches!(node.value, Value::Mapping(_)),
    };
    if !fits {
        let text = format!("`{name}` must be {}", described(kind));
        return found.push(Problem::at(&node.mark, ProblemKind::Invalid, text));
    }
    match kind {
        Texts => node.items().iter().for_each(|item| check(item, name, Text, found)),
        Pairs => {
            node.entries().iter().for_each(|entry| check(&entry.value, &entry.key, Text, found));
        }
        One(fields) => node.entries().iter().for_each(|entry| check_field(entry, &[fields], found)),
        Many(fields) => check_items(node, name, &[fields], found),
        ManyOf(fields, more) => check_items(node, name, &[fields, more], found),
        Text | Flag | Whole | Free => {}
    }
}

fn check_items(node: &Node, name: &str, fields: &[Fields], found: &mut Vec<Problem>) {
    for item in node.items() {
        if matches!(item.value, Value::Mapping(_) | Value::Null) {
            item.entries().iter().for_each(|entry| check_field(entry, fields, found));
        } else {
            let text = format!("an item of `{name}` must be a mapping");
            found.push(Problem::at(&item.mark, ProblemKind::Invalid, text));
        }
    }
}

fn check_field(entry: &Entry, fields: &[Fields], found: &mut Vec<Problem>) {
    let mut known = fields.iter().copied().flatten();
    if let Some((name, kind)) = known.find(|(name, _)| entry.key.eq_ignore_ascii_case(name)) {
        return check(&entry.value, name, *kind, found);
    }
    let text = format!("unknown field `{}`", entry.key);
    found.push(Problem::at(&entry.key_mark, ProblemKind::Invalid, text));
}

fn described(kind: Kind) -> &'static str {
    match kind {
        Text => "a text; put it in quotes",
        Flag => "`true` or `false`",
        Whole => "a whole number",
        Texts => "a list of texts",
        Many(_) | ManyOf(..) => "a list",
        Pairs | One(_) | Free => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed lookup is the test's failure")]

    use super::*;
    use crate::yaml::{Budget, parse};

    fn root(source: &str) -> std::sync::Arc<Node> {
        let parsed = parse("k.yaml", source.as_bytes(), &Budget::default());
        std::sync::Arc::clone(&parsed.documents[0].root)
    }

    #[test]
    fn what_kustomize_cannot_decode_is_a_problem() {
        let cases = [
            ("commonLabels: {a: 1}", "`a` must be a text"),
            ("namePrefix: no", "`namePrefix` must be a text"),
            ("images: [{name: x, newTag: 1.0}]", "`newTag` must be a text"),
            ("replicas: [{name: x, count: '1'}]", "`count` must be a whole number"),
            ("resources: o.yaml", "`resources` must be a list"),
            ("resources: [{a: b}]", "`resources` must be a text"),
            ("patches: [x.yaml]", "an item of `patches` must be a mapping"),
            ("patches: [{pach: a}]", "unknown field `pach`"),
            ("configMapGenerator: [{name: x, type: foo}]", "unknown field `type`"),
            ("x: y", "unknown field `x`"),
            ("[a]", "`the kustomization` must be a mapping"),
        ];
        for (source, wanted) in cases {
            let found = misfits(&root(source));
            assert_eq!(found.len(), 1, "{source}");
            assert!(found[0].message.contains(wanted), "{source}: {}", found[0]);
        }
    }

    #[test]
    fn what_it_can_decode_is_none() {
        let sources = [
            "Patches: [{PATCH: a}]",
            "labels: [{pairs: {a: null}, includeSelectors: y}]",
            "commonAnnotations: {a: 2020-01-01}",
            "secretGenerator: [{name: x, type: Opaque}]",
            "resources: []",
        ];
        for source in sources {
            assert_eq!(misfits(&root(source)), [], "{source}");
        }
    }

    #[test]
    fn fields_are_respelled_at_any_depth_and_keys_of_users_are_not() {
        let source = root("Vars: [{Name: x, fieldref: {fieldpath: a}}]\ncommonlabels: {Name: x}");
        let found = respelled(&source);
        assert_eq!(found.at(&["vars", "0", "fieldref", "fieldPath"]).unwrap().text(), Some("a"));
        assert_eq!(found.at(&["commonLabels", "Name"]).unwrap().text(), Some("x"));
        let source = root("vars: [{name: x}]");
        assert!(Arc::ptr_eq(&respelled(&source), &source));
    }

    #[test]
    fn a_kustomization_without_values_is_empty() {
        for source in ["kind: Kustomization", "resources:\npatches:", "bases: []", "namespace: ''"]
        {
            assert!(is_empty(&root(source)), "{source}");
        }
        assert!(!is_empty(&root("resources: []")));
        assert!(!is_empty(&root("commonLabels: {}")));
    }
}
