//! Which lists of Kubernetes' own kinds are merged by key.

/// How a list behaves under a strategic merge patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListMerge {
    /// The patch's list takes the place of the old one.
    Replaced,
    /// Items with equal values of these keys are merged; a missing later key is not compared.
    ByKeys(&'static [&'static str]),
    /// A set of scalars: the union.
    Union,
}

/// How the list `field` inside `parent` is merged, for objects of Kubernetes' own API groups.
///
/// From the markers `x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key` and
/// `x-kubernetes-list-map-keys` of Kubernetes' OpenAPI document. Custom resources have none of
/// them: all their lists are replaced.
pub(super) fn list_merge(parent: &str, field: &str) -> ListMerge {
    use ListMerge::{ByKeys, Replaced, Union};
    match (parent, field) {
        (
            "template" | "spec" | "podTemplate",
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "volumes"
            | "imagePullSecrets"
            | "resourceClaims"
            | "schedulingGates",
        )
        | ("containers" | "initContainers" | "ephemeralContainers", "env")
        | ("webhooks" | "spec", "matchConditions" | "variables")
        | ("", "webhooks" | "secrets") => ByKeys(&["name"]),
        ("containers" | "initContainers" | "ephemeralContainers", "ports") => {
            ByKeys(&["containerPort", "protocol"])
        }
        ("containers" | "initContainers" | "ephemeralContainers", "volumeMounts") => {
            ByKeys(&["mountPath"])
        }
        ("containers" | "initContainers" | "ephemeralContainers", "volumeDevices") => {
            ByKeys(&["devicePath"])
        }
        ("spec", "ports") => ByKeys(&["port", "protocol"]),
        ("spec", "hostAliases") => ByKeys(&["ip"]),
        ("spec", "topologySpreadConstraints") => ByKeys(&["topologyKey", "whenUnsatisfiable"]),
        ("status", "conditions") => ByKeys(&["type"]),
        ("metadata", "ownerReferences") => ByKeys(&["uid"]),
        ("metadata", "finalizers") => Union,
        _ => Replaced,
    }
}
