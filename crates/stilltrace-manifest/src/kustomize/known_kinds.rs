//! The kinds that Kustomize knows to live in no namespace.
//!
//! Kustomize 5.8 carries the OpenAPI document of Kubernetes 1.21 with a few later kinds. A kind, or a
//! version of one, that is not in it counts as namespaced: custom resources and newer kinds too.

/// `apiVersion` and the kinds of it that live in no namespace; sorted.
const KNOWN: &[(&str, &[&str])] = &[
    (
        "admissionregistration.k8s.io/v1",
        &[
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
    ),
    ("apiextensions.k8s.io/v1", &["CustomResourceDefinition"]),
    ("apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io/v1", &["APIService"]),
    ("apiregistration.k8s.io/v1beta1", &["APIService"]),
    ("certificates.k8s.io/v1", &["CertificateSigningRequest"]),
    ("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"]),
    ("flowcontrol.apiserver.k8s.io/v1beta1", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io/v1", &["IngressClass"]),
    ("networking.k8s.io/v1beta1", &["IngressClass"]),
    ("node.k8s.io/v1", &["RuntimeClass"]),
    ("node.k8s.io/v1beta1", &["RuntimeClass"]),
    ("policy/v1beta1", &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io/v1", &["ClusterRole", "ClusterRoleBinding"]),
    ("rbac.authorization.k8s.io/v1beta1", &["ClusterRole", "ClusterRoleBinding"]),
    ("scheduling.k8s.io/v1", &["PriorityClass"]),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"]),
    ("storage.k8s.io/v1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
    ("storage.k8s.io/v1beta1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
    ("v1", &["ComponentStatus", "Namespace", "Node", "NodeProxyOptions", "PersistentVolume"]),
];

/// Whether Kustomize is certain that a kind lives in no namespace.
pub(super) fn is_certainly_cluster_scoped(api_version: &str, kind: &str) -> bool {
    let place = KNOWN.binary_search_by(|(version, _)| (*version).cmp(api_version));
    place.ok().and_then(|place| KNOWN.get(place)).is_some_and(|(_, kinds)| kinds.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_its_search() {
        assert!(KNOWN.is_sorted_by_key(|(version, _)| version));
        assert!(is_certainly_cluster_scoped("v1", "Namespace"));
        assert!(!is_certainly_cluster_scoped("networking.k8s.io/v1", "ServiceCIDR"));
        assert!(!is_certainly_cluster_scoped(
            "admissionregistration.k8s.io/v1alpha1",
            "MutatingAdmissionPolicy"
        ));
    }
}
