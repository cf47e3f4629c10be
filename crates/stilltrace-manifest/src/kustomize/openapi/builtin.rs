//! The lists of Kubernetes' own kinds that are merged by key.
//!
//! The facts are those of the OpenAPI document of Kubernetes v1.21.2 that Kustomize v5.8.2 contains
//! (`kyaml/openapi`, Apache-2.0): the markers `x-kubernetes-patch-strategy`,
//! `x-kubernetes-patch-merge-key` and `x-kubernetes-list-map-keys`. Only what leads to such a list
//! is listed.

/// The fields of a type that are merged lists or lead to some.
#[derive(Debug)]
pub(in super::super) struct Shape(&'static [Field]);

/// A field of a type.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    /// The type of the value, or of the items of a list.
    pub(super) shape: &'static Shape,
    /// The keys by which the items of this list are merged; none for a set of scalars. `None` when
    /// it is no list or one that is replaced.
    pub(super) keys: Option<&'static [&'static str]>,
}

impl Shape {
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.0.iter().find(|field| field.name == name)
    }
}

const fn plain(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, keys: None }
}

const fn merged(name: &'static str, keys: &'static [&'static str], shape: &'static Shape) -> Field {
    Field { name, shape, keys: Some(keys) }
}

static LEAF: Shape = Shape(&[]);
static META: Shape =
    Shape(&[merged("finalizers", &[], &LEAF), merged("ownerReferences", &["uid"], &LEAF)]);
static CONDITIONS: Shape = Shape(&[merged("conditions", &["type"], &LEAF)]);

static CONTAINER: Shape = Shape(&[
    merged("env", &["name"], &LEAF),
    merged("ports", &["containerPort", "protocol"], &LEAF),
    merged("volumeDevices", &["devicePath"], &LEAF),
    merged("volumeMounts", &["mountPath"], &LEAF),
]);
static EPHEMERAL_CONTAINER: Shape = Shape(&[
    merged("env", &["name"], &LEAF),
    merged("volumeDevices", &["devicePath"], &LEAF),
    merged("volumeMounts", &["mountPath"], &LEAF),
]);
static CLAIM_TEMPLATE: Shape = Shape(&[plain("metadata", &META)]);
static EPHEMERAL_VOLUME: Shape = Shape(&[plain("volumeClaimTemplate", &CLAIM_TEMPLATE)]);
static VOLUME: Shape = Shape(&[plain("ephemeral", &EPHEMERAL_VOLUME)]);
static POD_SPEC: Shape = Shape(&[
    merged("containers", &["name"], &CONTAINER),
    merged("ephemeralContainers", &["name"], &EPHEMERAL_CONTAINER),
    merged("hostAliases", &["ip"], &LEAF),
    merged("imagePullSecrets", &["name"], &LEAF),
    merged("initContainers", &["name"], &CONTAINER),
    merged("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"], &LEAF),
    merged("volumes", &["name"], &VOLUME),
]);
static POD_STATUS: Shape =
    Shape(&[merged("conditions", &["type"], &LEAF), merged("podIPs", &["ip"], &LEAF)]);
static POD: Shape =
    Shape(&[plain("metadata", &META), plain("spec", &POD_SPEC), plain("status", &POD_STATUS)]);
static POD_TEMPLATE_SPEC: Shape = Shape(&[plain("metadata", &META), plain("spec", &POD_SPEC)]);
static POD_TEMPLATE: Shape =
    Shape(&[plain("metadata", &META), plain("template", &POD_TEMPLATE_SPEC)]);

static WORKLOAD_SPEC: Shape = Shape(&[plain("template", &POD_TEMPLATE_SPEC)]);
static WORKLOAD: Shape =
    Shape(&[plain("metadata", &META), plain("spec", &WORKLOAD_SPEC), plain("status", &CONDITIONS)]);
static JOB_TEMPLATE: Shape = Shape(&[plain("metadata", &META), plain("spec", &WORKLOAD_SPEC)]);
static CRON_JOB_SPEC: Shape = Shape(&[plain("jobTemplate", &JOB_TEMPLATE)]);
static CRON_JOB: Shape = Shape(&[plain("metadata", &META), plain("spec", &CRON_JOB_SPEC)]);
static STATEFUL_SET_SPEC: Shape =
    Shape(&[plain("template", &POD_TEMPLATE_SPEC), plain("volumeClaimTemplates", &WITH_STATUS)]);
static STATEFUL_SET: Shape = Shape(&[
    plain("metadata", &META),
    plain("spec", &STATEFUL_SET_SPEC),
    plain("status", &CONDITIONS),
]);

static SERVICE_SPEC: Shape = Shape(&[merged("ports", &["port", "protocol"], &LEAF)]);
static SERVICE: Shape =
    Shape(&[plain("metadata", &META), plain("spec", &SERVICE_SPEC), plain("status", &CONDITIONS)]);
static SERVICE_ACCOUNT: Shape =
    Shape(&[plain("metadata", &META), merged("secrets", &["name"], &LEAF)]);
static NODE_SPEC: Shape = Shape(&[merged("podCIDRs", &[], &LEAF)]);
static NODE_STATUS: Shape =
    Shape(&[merged("addresses", &["type"], &LEAF), merged("conditions", &["type"], &LEAF)]);
static NODE: Shape =
    Shape(&[plain("metadata", &META), plain("spec", &NODE_SPEC), plain("status", &NODE_STATUS)]);
static COMPONENT_STATUS: Shape =
    Shape(&[plain("metadata", &META), merged("conditions", &["type"], &LEAF)]);
static CSI_NODE_SPEC: Shape = Shape(&[merged("drivers", &["name"], &LEAF)]);
static CSI_NODE: Shape = Shape(&[plain("metadata", &META), plain("spec", &CSI_NODE_SPEC)]);
static WEBHOOKS: Shape = Shape(&[plain("metadata", &META), merged("webhooks", &["name"], &LEAF)]);

static WITH_STATUS: Shape = Shape(&[plain("metadata", &META), plain("status", &CONDITIONS)]);
static OTHER: Shape = Shape(&[plain("metadata", &META)]);

/// Kinds with merged lists beside those of their metadata.
const KINDS: &[(&str, &str, &Shape)] = &[
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", &WEBHOOKS),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", &WEBHOOKS),
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration", &WEBHOOKS),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration", &WEBHOOKS),
    ("apiregistration.k8s.io/v1", "APIService", &WITH_STATUS),
    ("apiregistration.k8s.io/v1beta1", "APIService", &WITH_STATUS),
    ("apps/v1", "DaemonSet", &WORKLOAD),
    ("apps/v1", "Deployment", &WORKLOAD),
    ("apps/v1", "ReplicaSet", &WORKLOAD),
    ("apps/v1", "StatefulSet", &STATEFUL_SET),
    ("batch/v1", "CronJob", &CRON_JOB),
    ("batch/v1", "Job", &WORKLOAD),
    ("batch/v1beta1", "CronJob", &CRON_JOB),
    ("policy/v1", "PodDisruptionBudget", &WITH_STATUS),
    ("policy/v1beta1", "PodDisruptionBudget", &WITH_STATUS),
    ("storage.k8s.io/v1", "CSINode", &CSI_NODE),
    ("storage.k8s.io/v1beta1", "CSINode", &CSI_NODE),
    ("v1", "ComponentStatus", &COMPONENT_STATUS),
    ("v1", "Namespace", &WITH_STATUS),
    ("v1", "Node", &NODE),
    ("v1", "PersistentVolumeClaim", &WITH_STATUS),
    ("v1", "Pod", &POD),
    ("v1", "PodTemplate", &POD_TEMPLATE),
    ("v1", "ReplicationController", &WORKLOAD),
    ("v1", "Service", &SERVICE),
    ("v1", "ServiceAccount", &SERVICE_ACCOUNT),
];

/// Kinds with nothing but metadata, by group and version.
const OTHERS: &[(&str, &[&str])] = &[
    ("apiextensions.k8s.io/v1", &["CustomResourceDefinition"]),
    ("apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"]),
    ("apps/v1", &["ControllerRevision"]),
    ("autoscaling/v1", &["HorizontalPodAutoscaler", "Scale"]),
    ("autoscaling/v2beta1", &["HorizontalPodAutoscaler"]),
    ("autoscaling/v2beta2", &["HorizontalPodAutoscaler"]),
    ("certificates.k8s.io/v1", &["CertificateSigningRequest"]),
    ("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"]),
    ("coordination.k8s.io/v1", &["Lease"]),
    ("coordination.k8s.io/v1beta1", &["Lease"]),
    ("discovery.k8s.io/v1", &["EndpointSlice"]),
    ("discovery.k8s.io/v1beta1", &["EndpointSlice"]),
    ("events.k8s.io/v1", &["Event"]),
    ("events.k8s.io/v1beta1", &["Event"]),
    ("extensions/v1beta1", &["Ingress"]),
    ("flowcontrol.apiserver.k8s.io/v1beta1", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io/v1", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"]),
    ("node.k8s.io/v1", &["RuntimeClass"]),
    ("node.k8s.io/v1beta1", &["RuntimeClass"]),
    ("policy/v1beta1", &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io/v1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    (
        "rbac.authorization.k8s.io/v1beta1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ),
    ("scheduling.k8s.io/v1", &["PriorityClass"]),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"]),
    ("storage.k8s.io/v1", &["CSIDriver", "StorageClass", "VolumeAttachment"]),
    (
        "storage.k8s.io/v1beta1",
        &["CSIDriver", "CSIStorageCapacity", "StorageClass", "VolumeAttachment"],
    ),
    (
        "v1",
        &[
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PersistentVolume",
            "ResourceQuota",
            "Secret",
        ],
    ),
];

/// The type of a kind's objects; `None` for kinds that Kubernetes v1.21 does not have.
pub(super) fn shape_of(api_version: &str, kind: &str) -> Option<&'static Shape> {
    let place =
        KINDS.binary_search_by(|(version, name, _)| (*version, *name).cmp(&(api_version, kind)));
    if let Some((_, _, shape)) = place.ok().and_then(|place| KINDS.get(place)) {
        return Some(shape);
    }
    let place = OTHERS.binary_search_by(|(version, _)| (*version).cmp(api_version)).ok()?;
    let (_, kinds) = OTHERS.get(place)?;
    kinds.contains(&kind).then_some(&OTHER)
}

/// Types that schemas of other files refer to, by the names of Kubernetes' definitions.
const DEFINITIONS: &[(&str, &Shape)] = &[
    ("io.k8s.api.apps.v1.DaemonSetSpec", &WORKLOAD_SPEC),
    ("io.k8s.api.apps.v1.DeploymentSpec", &WORKLOAD_SPEC),
    ("io.k8s.api.apps.v1.ReplicaSetSpec", &WORKLOAD_SPEC),
    ("io.k8s.api.apps.v1.StatefulSetSpec", &STATEFUL_SET_SPEC),
    ("io.k8s.api.batch.v1.CronJobSpec", &CRON_JOB_SPEC),
    ("io.k8s.api.batch.v1.JobSpec", &WORKLOAD_SPEC),
    ("io.k8s.api.batch.v1.JobTemplateSpec", &JOB_TEMPLATE),
    ("io.k8s.api.core.v1.Container", &CONTAINER),
    ("io.k8s.api.core.v1.EphemeralContainer", &EPHEMERAL_CONTAINER),
    ("io.k8s.api.core.v1.PersistentVolumeClaim", &WITH_STATUS),
    ("io.k8s.api.core.v1.PodSpec", &POD_SPEC),
    ("io.k8s.api.core.v1.PodTemplateSpec", &POD_TEMPLATE_SPEC),
    ("io.k8s.api.core.v1.ServiceSpec", &SERVICE_SPEC),
    ("io.k8s.api.core.v1.Volume", &VOLUME),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", &META),
];

/// A type by the name of its definition.
pub(super) fn shape_named(name: &str) -> Option<&'static Shape> {
    DEFINITIONS.iter().find(|(own, _)| *own == name).map(|(_, shape)| *shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_for_their_search() {
        assert!(KINDS.is_sorted_by_key(|(version, kind, _)| (*version, *kind)));
        assert!(OTHERS.is_sorted_by_key(|(version, _)| *version));
        assert!(shape_of("v1", "Service").is_some());
        assert!(shape_of("autoscaling/v2", "HorizontalPodAutoscaler").is_none());
    }
}
