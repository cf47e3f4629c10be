//! The fields that name other objects, as Kustomize knows them without any configuration.

use super::super::fields::{FieldSpec, Gvk};
use super::References;

/// Where the pod specification is: version and kind that has it, path.
type Pod = (&'static str, &'static str, &'static str);

/// Kinds whose pods name ConfigMaps and Secrets.
const CONTENT_PODS: &[Pod] = &[
    ("v1", "Pod", "spec"),
    ("", "PodTemplate", "template/spec"),
    ("", "Deployment", "spec/template/spec"),
    ("", "ReplicaSet", "spec/template/spec"),
    ("", "DaemonSet", "spec/template/spec"),
    ("", "StatefulSet", "spec/template/spec"),
    ("", "Job", "spec/template/spec"),
    ("", "CronJob", "spec/jobTemplate/spec/template/spec"),
];

/// Kinds whose pods name service accounts, volume claims and priority classes.
const OTHER_PODS: &[Pod] = &[
    ("", "Pod", "spec"),
    ("", "StatefulSet", "spec/template/spec"),
    ("", "Deployment", "spec/template/spec"),
    ("", "ReplicationController", "spec/template/spec"),
    ("", "CronJob", "spec/jobTemplate/spec/template/spec"),
    ("", "Job", "spec/template/spec"),
    ("", "DaemonSet", "spec/template/spec"),
];

const CONFIG_MAP_FIELDS: &[&str] = &[
    "volumes/configMap/name",
    "containers/env/valueFrom/configMapKeyRef/name",
    "initContainers/env/valueFrom/configMapKeyRef/name",
    "containers/envFrom/configMapRef/name",
    "initContainers/envFrom/configMapRef/name",
    "volumes/projected/sources/configMap/name",
];

const SECRET_FIELDS: &[&str] = &[
    "volumes/secret/secretName",
    "containers/env/valueFrom/secretKeyRef/name",
    "initContainers/env/valueFrom/secretKeyRef/name",
    "containers/envFrom/secretRef/name",
    "initContainers/envFrom/secretRef/name",
    "imagePullSecrets/name",
    "volumes/projected/sources/secret/name",
];

/// Group, version, kind and path of a field that names an object.
type Row = (&'static str, &'static str, &'static str, &'static str);

const SCALED: &[Row] = &[("", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")];

const CONFIG_MAPS: &[Row] = &[
    ("", "", "Node", "spec/configSource/configMap"),
    ("", "", "Role", "rules/resourceNames"),
    ("", "", "ClusterRole", "rules/resourceNames"),
    (
        "",
        "",
        "Ingress",
        "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap",
    ),
];

const SECRETS: &[Row] = &[
    ("", "", "Ingress", "metadata/annotations/ingress.kubernetes.io\\/auth-secret"),
    ("", "", "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret"),
    ("", "", "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret"),
    ("", "", "Ingress", "spec/tls/secretName"),
    ("", "", "ServiceAccount", "imagePullSecrets/name"),
    ("", "", "StorageClass", "parameters/secretName"),
    ("", "", "StorageClass", "parameters/adminSecretName"),
    ("", "", "StorageClass", "parameters/userSecretName"),
    ("", "", "StorageClass", "parameters/secretRef"),
    ("", "", "Role", "rules/resourceNames"),
    ("", "", "ClusterRole", "rules/resourceNames"),
    (
        "serving.knative.dev",
        "v1",
        "Service",
        "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
    ),
    ("", "", "PersistentVolume", "spec/azureFile/secretName"),
];

const SERVICES: &[Row] = &[
    ("apps", "", "StatefulSet", "spec/serviceName"),
    ("", "", "Ingress", "spec/rules/http/paths/backend/serviceName"),
    ("", "", "Ingress", "spec/backend/serviceName"),
    ("", "", "Ingress", "spec/rules/http/paths/backend/service/name"),
    ("", "", "Ingress", "spec/defaultBackend/service/name"),
    ("apiregistration.k8s.io", "", "APIService", "spec/service/name"),
    (
        "admissionregistration.k8s.io",
        "",
        "ValidatingWebhookConfiguration",
        "webhooks/clientConfig/service",
    ),
    (
        "admissionregistration.k8s.io",
        "",
        "MutatingWebhookConfiguration",
        "webhooks/clientConfig/service",
    ),
];

const RBAC: &str = "rbac.authorization.k8s.io";

const ROLES: &[Row] = &[(RBAC, "", "RoleBinding", "roleRef/name")];

const CLUSTER_ROLES: &[Row] =
    &[(RBAC, "", "RoleBinding", "roleRef/name"), (RBAC, "", "ClusterRoleBinding", "roleRef/name")];

const SUBJECTS: &[Row] =
    &[(RBAC, "", "RoleBinding", "subjects"), (RBAC, "", "ClusterRoleBinding", "subjects")];

const VOLUMES: &[Row] = &[
    ("", "", "PersistentVolumeClaim", "spec/volumeName"),
    ("", "", "ClusterRole", "rules/resourceNames"),
];

const STORAGE_CLASSES: &[Row] = &[
    ("", "", "PersistentVolume", "spec/storageClassName"),
    ("", "", "PersistentVolumeClaim", "spec/storageClassName"),
    ("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
];

const ADMISSION_POLICIES: &[Row] =
    &[("admissionregistration.k8s.io", "", "ValidatingAdmissionPolicyBinding", "spec/policyName")];

/// Ingress classes are absent: Kustomize lists them under a group that no object has.
pub(super) fn references() -> Vec<References> {
    let pods = |pods: &[Pod], fields: &[&str]| {
        let of = |(version, kind, at): &Pod| {
            let gvk = Gvk::fixed("", version, kind);
            let spec = |field: &&str| FieldSpec::new(gvk.clone(), format!("{at}/{field}"), false);
            fields.iter().map(spec).collect::<Vec<_>>()
        };
        pods.iter().flat_map(of).collect::<Vec<_>>()
    };
    let to = |group, version, kind, first: Vec<FieldSpec>, rows: &[Row]| {
        let rows = rows.iter().map(|&(group, version, kind, path)| {
            FieldSpec::new(Gvk::fixed(group, version, kind), path, false)
        });
        let referrers = first.into_iter().chain(rows).collect();
        References { target: Gvk::fixed(group, version, kind), referrers }
    };
    let none = Vec::new;
    vec![
        to("", "", "Deployment", none(), SCALED),
        to("", "", "ReplicationController", none(), SCALED),
        to("", "", "ReplicaSet", none(), SCALED),
        to("", "", "StatefulSet", none(), SCALED),
        to("", "v1", "ConfigMap", pods(CONTENT_PODS, CONFIG_MAP_FIELDS), CONFIG_MAPS),
        to("", "v1", "Secret", pods(CONTENT_PODS, SECRET_FIELDS), SECRETS),
        to("", "v1", "Service", none(), SERVICES),
        to(RBAC, "", "Role", none(), ROLES),
        to(RBAC, "", "ClusterRole", none(), CLUSTER_ROLES),
        to("", "v1", "ServiceAccount", pods(OTHER_PODS, &["serviceAccountName"]), SUBJECTS),
        to(
            "",
            "v1",
            "PersistentVolumeClaim",
            pods(OTHER_PODS, &["volumes/persistentVolumeClaim/claimName"]),
            &[],
        ),
        to("", "v1", "PersistentVolume", none(), VOLUMES),
        to("storage.k8s.io", "v1", "StorageClass", none(), STORAGE_CLASSES),
        to(
            "scheduling.k8s.io",
            "v1",
            "PriorityClass",
            pods(OTHER_PODS, &["priorityClassName"]),
            &[],
        ),
        to(
            "admissionregistration.k8s.io",
            "",
            "ValidatingAdmissionPolicy",
            none(),
            ADMISSION_POLICIES,
        ),
    ]
}
