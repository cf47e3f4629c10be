//! The fields that Kustomize changes without any configuration.
//!
//! The facts are those of `api/internal/konfig/builtinpluginconsts` of Kustomize v5.8.2.

use super::super::fields::{FieldSpec, Gvk};
use super::{Config, List, names};

/// Group, version, kind and path; fields that are created where they are missing.
const CREATED: bool = true;
/// Fields that are changed only where they exist.
const EXISTING: bool = false;

type Row = (&'static str, &'static str, &'static str, &'static str, bool);

const METADATA_LABELS: &[Row] = &[
    ("", "", "", "metadata/labels", CREATED),
    ("", "v1", "ReplicationController", "spec/template/metadata/labels", CREATED),
    ("", "", "Deployment", "spec/template/metadata/labels", CREATED),
    ("", "", "ReplicaSet", "spec/template/metadata/labels", CREATED),
    ("", "", "DaemonSet", "spec/template/metadata/labels", CREATED),
    ("apps", "", "StatefulSet", "spec/template/metadata/labels", CREATED),
    ("batch", "", "Job", "spec/template/metadata/labels", CREATED),
    ("batch", "", "CronJob", "spec/jobTemplate/metadata/labels", CREATED),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/labels", CREATED),
];

const VOLUME_CLAIM_LABELS: &[Row] =
    &[("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", CREATED)];

/// Selectors that match the pods of the same object or of the same build.
const SELECTORS: &[Row] = &[
    ("", "v1", "Service", "spec/selector", CREATED),
    ("", "v1", "ReplicationController", "spec/selector", CREATED),
    ("", "", "Deployment", "spec/selector/matchLabels", CREATED),
    ("", "", "ReplicaSet", "spec/selector/matchLabels", CREATED),
    ("", "", "DaemonSet", "spec/selector/matchLabels", CREATED),
    ("apps", "", "StatefulSet", "spec/selector/matchLabels", CREATED),
    ("batch", "", "Job", "spec/selector/matchLabels", EXISTING),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/selector/matchLabels", EXISTING),
    ("policy", "", "PodDisruptionBudget", "spec/selector/matchLabels", EXISTING),
    ("networking.k8s.io", "", "NetworkPolicy", "spec/podSelector/matchLabels", EXISTING),
    (
        "networking.k8s.io",
        "",
        "NetworkPolicy",
        "spec/ingress/from/podSelector/matchLabels",
        EXISTING,
    ),
    ("networking.k8s.io", "", "NetworkPolicy", "spec/egress/to/podSelector/matchLabels", EXISTING),
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

const ANNOTATIONS: &[Row] = &[
    ("", "", "", "metadata/annotations", CREATED),
    ("", "v1", "ReplicationController", "spec/template/metadata/annotations", CREATED),
    ("", "", "Deployment", "spec/template/metadata/annotations", CREATED),
    ("", "", "ReplicaSet", "spec/template/metadata/annotations", CREATED),
    ("", "", "DaemonSet", "spec/template/metadata/annotations", CREATED),
    ("", "", "StatefulSet", "spec/template/metadata/annotations", CREATED),
    ("batch", "", "Job", "spec/template/metadata/annotations", CREATED),
    ("batch", "", "CronJob", "spec/jobTemplate/metadata/annotations", CREATED),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/annotations", CREATED),
];

const NAMES: &[Row] = &[("", "", "", "metadata/name", EXISTING)];

const NAMESPACES: &[Row] = &[
    ("", "", "Namespace", "metadata/name", CREATED),
    ("apiregistration.k8s.io", "", "APIService", "spec/service/namespace", CREATED),
    (
        "apiextensions.k8s.io",
        "",
        "CustomResourceDefinition",
        "spec/conversion/webhook/clientConfig/service/namespace",
        EXISTING,
    ),
];

const IMAGES: &[Row] = &[
    ("", "", "", "spec/containers[]/image", CREATED),
    ("", "", "", "spec/initContainers[]/image", CREATED),
    ("", "", "", "spec/volumes[]/image/reference", CREATED),
    ("", "", "", "spec/template/spec/containers[]/image", CREATED),
    ("", "", "", "spec/template/spec/initContainers[]/image", CREATED),
    ("", "", "", "spec/template/spec/volumes[]/image/reference", CREATED),
    ("", "", "", "spec/jobTemplate/spec/template/spec/volumes[]/image/reference", CREATED),
];

const REPLICAS: &[Row] = &[
    ("", "", "Deployment", "spec/replicas", CREATED),
    ("", "", "ReplicationController", "spec/replicas", CREATED),
    ("", "", "ReplicaSet", "spec/replicas", CREATED),
    ("", "", "StatefulSet", "spec/replicas", CREATED),
];

/// Fields outside of pods in which `$(NAME)` is replaced.
const VARIABLES: &[Row] = &[
    ("", "", "CronJob", "spec/jobTemplate/spec/template/volumes/nfs/server", EXISTING),
    ("", "", "DaemonSet", "spec/template/spec/volumes/nfs/server", EXISTING),
    ("", "", "Deployment", "spec/template/spec/volumes/nfs/server", EXISTING),
    ("", "", "Deployment", "spec/template/metadata/annotations", EXISTING),
    ("", "", "Ingress", "spec/rules/host", EXISTING),
    ("", "", "Ingress", "spec/tls/hosts", EXISTING),
    ("", "", "Ingress", "spec/tls/secretName", EXISTING),
    ("", "", "Job", "spec/template/spec/volumes/nfs/server", EXISTING),
    ("", "", "Pod", "spec/volumes/nfs/server", EXISTING),
    ("", "", "ReplicaSet", "spec/template/spec/volumes/nfs/server", EXISTING),
    ("", "", "Service", "spec/ports/port", EXISTING),
    ("", "", "Service", "spec/ports/targetPort", EXISTING),
    ("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/nfs/server", EXISTING),
    ("", "", "PersistentVolume", "spec/nfs/server", EXISTING),
    ("", "", "", "metadata/labels", EXISTING),
    ("", "", "", "metadata/annotations", EXISTING),
];

/// Kinds with pods in whose containers `$(NAME)` is replaced.
const VARIABLE_PODS: &[(&str, &str)] = &[
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
    ("Deployment", "spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("Pod", "spec"),
    ("ReplicaSet", "spec/template/spec"),
    ("StatefulSet", "spec/template/spec"),
];

const VARIABLE_CONTAINERS: &[&str] = &["args", "command", "env/value", "volumeMounts/mountPath"];

pub(super) fn config() -> Config {
    let selectors: Vec<Row> = [SELECTORS, METADATA_LABELS, VOLUME_CLAIM_LABELS].concat();
    let mut common = specs(&selectors);
    for kind in ["Deployment", "StatefulSet"] {
        let of = Gvk::fixed("apps", "", kind);
        common.extend(SCHEDULING.iter().map(|path| FieldSpec::new(of.clone(), *path, EXISTING)));
    }
    let lists = [
        (List::NamePrefix, specs(NAMES)),
        (List::NameSuffix, specs(NAMES)),
        (List::Namespace, specs(NAMESPACES)),
        (List::CommonLabels, common),
        (List::TemplateLabels, specs(METADATA_LABELS)),
        (List::VolumeClaimTemplateLabels, specs(VOLUME_CLAIM_LABELS)),
        (List::CommonAnnotations, specs(ANNOTATIONS)),
        (List::VarReference, variables()),
        (List::Images, specs(IMAGES)),
        (List::Replicas, specs(REPLICAS)),
    ];
    Config { lists: lists.into_iter().collect(), references: names::references() }
}

fn specs(rows: &[Row]) -> Vec<FieldSpec> {
    let spec = |&(group, version, kind, path, create): &Row| {
        FieldSpec::new(Gvk::fixed(group, version, kind), path, create)
    };
    rows.iter().map(spec).collect()
}

fn variables() -> Vec<FieldSpec> {
    let mut found = specs(VARIABLES);
    for (kind, pod) in VARIABLE_PODS {
        for containers in ["containers", "initContainers"] {
            for field in VARIABLE_CONTAINERS {
                let path = format!("{pod}/{containers}/{field}");
                found.push(FieldSpec::new(Gvk::fixed("", "", kind), path, EXISTING));
            }
        }
    }
    found
}
