//! `labels`, `commonLabels` and `commonAnnotations`.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Entry, Node};

use super::fields::{FieldSpec, visit};
use super::resource::Resource;

/// Which fields receive labels beside `metadata.labels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LabelScope {
    pub(super) selectors: bool,
    pub(super) templates: bool,
    pub(super) volume_claim_templates: bool,
}

const EVERY: FieldSpec = FieldSpec::created("", "metadata/labels");

/// Labels of pod templates.
const TEMPLATES: &[FieldSpec] = &[
    FieldSpec::created("ReplicationController", "spec/template/metadata/labels").in_version("v1"),
    FieldSpec::created("Deployment", "spec/template/metadata/labels"),
    FieldSpec::created("ReplicaSet", "spec/template/metadata/labels"),
    FieldSpec::created("DaemonSet", "spec/template/metadata/labels"),
    FieldSpec::created("StatefulSet", "spec/template/metadata/labels").in_group("apps"),
    FieldSpec::created("Job", "spec/template/metadata/labels").in_group("batch"),
    FieldSpec::created("CronJob", "spec/jobTemplate/metadata/labels").in_group("batch"),
    FieldSpec::created("CronJob", "spec/jobTemplate/spec/template/metadata/labels")
        .in_group("batch"),
];

const VOLUME_CLAIMS: FieldSpec =
    FieldSpec::created("StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels")
        .in_group("apps");

/// Selectors that always match the pods of the same object or of the same build.
const SELECTORS: &[FieldSpec] = &[
    FieldSpec::created("Service", "spec/selector").in_version("v1"),
    FieldSpec::created("ReplicationController", "spec/selector").in_version("v1"),
    FieldSpec::created("Deployment", "spec/selector/matchLabels"),
    FieldSpec::created("ReplicaSet", "spec/selector/matchLabels"),
    FieldSpec::created("DaemonSet", "spec/selector/matchLabels"),
    FieldSpec::created("StatefulSet", "spec/selector/matchLabels").in_group("apps"),
    FieldSpec::existing("batch", "Job", "spec/selector/matchLabels"),
    FieldSpec::existing("batch", "CronJob", "spec/jobTemplate/spec/selector/matchLabels"),
    FieldSpec::existing("policy", "PodDisruptionBudget", "spec/selector/matchLabels"),
    FieldSpec::existing("networking.k8s.io", "NetworkPolicy", "spec/podSelector/matchLabels"),
    FieldSpec::existing(
        "networking.k8s.io",
        "NetworkPolicy",
        "spec/ingress/from/podSelector/matchLabels",
    ),
    FieldSpec::existing(
        "networking.k8s.io",
        "NetworkPolicy",
        "spec/egress/to/podSelector/matchLabels",
    ),
];

/// Selectors inside the scheduling rules of Deployments and StatefulSets.
const SCHEDULING: &[&str] = &[
    "spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/\
     podAffinityTerm/labelSelector/matchLabels",
    "spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/\
     labelSelector/matchLabels",
    "spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/\
     podAffinityTerm/labelSelector/matchLabels",
    "spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/\
     labelSelector/matchLabels",
    "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels",
];

/// Annotations of objects and pod templates.
const ANNOTATIONS: &[FieldSpec] = &[
    FieldSpec::created("", "metadata/annotations"),
    FieldSpec::created("ReplicationController", "spec/template/metadata/annotations")
        .in_version("v1"),
    FieldSpec::created("Deployment", "spec/template/metadata/annotations"),
    FieldSpec::created("ReplicaSet", "spec/template/metadata/annotations"),
    FieldSpec::created("DaemonSet", "spec/template/metadata/annotations"),
    FieldSpec::created("StatefulSet", "spec/template/metadata/annotations"),
    FieldSpec::created("Job", "spec/template/metadata/annotations").in_group("batch"),
    FieldSpec::created("CronJob", "spec/jobTemplate/metadata/annotations").in_group("batch"),
    FieldSpec::created("CronJob", "spec/jobTemplate/spec/template/metadata/annotations")
        .in_group("batch"),
];

/// Adds the pairs of a mapping as labels.
pub(super) fn add_labels(resources: &mut [Resource], pairs: &Node, scope: LabelScope) {
    let mut specs = vec![EVERY];
    if scope.selectors {
        specs.extend(SELECTORS);
        for path in SCHEDULING {
            specs.push(FieldSpec::existing("apps", "Deployment", path));
            specs.push(FieldSpec::existing("apps", "StatefulSet", path));
        }
    }
    if scope.selectors || scope.templates {
        specs.extend(TEMPLATES);
    }
    if scope.selectors || scope.volume_claim_templates {
        specs.push(VOLUME_CLAIMS);
    }
    add_pairs(resources, pairs, &specs);
}

/// Adds the pairs of a mapping as annotations.
pub(super) fn add_annotations(resources: &mut [Resource], pairs: &Node) {
    add_pairs(resources, pairs, ANNOTATIONS);
}

fn add_pairs(resources: &mut [Resource], pairs: &Node, specs: &[FieldSpec]) {
    let mut sorted: Vec<&Entry> = pairs.entries().iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let Some(first) = sorted.first() else { return };
    for resource in resources {
        for spec in specs {
            if !spec.matches(&resource.object) {
                continue;
            }
            let create = spec.create.then_some(&first.key_mark);
            visit(resource.object.root_mut(), spec.path, create, &mut |node| {
                for entry in &sorted {
                    let text = entry.value.text().unwrap_or("");
                    let value = Node::string(text, entry.value.mark.clone());
                    node.set(&entry.key, &entry.key_mark, value);
                }
            });
        }
    }
}

/// Reports pairs whose value is a collection: labels and annotations are texts.
pub(super) fn check_pairs(pairs: &Node) -> Vec<Problem> {
    let collections = pairs.entries().iter().filter(|entry| entry.value.resolved().is_none());
    collections
        .map(|entry| {
            let text = format!("the value of `{}` must be a text", entry.key);
            Problem::at(&entry.value.mark, ProblemKind::Invalid, text)
        })
        .collect()
}
