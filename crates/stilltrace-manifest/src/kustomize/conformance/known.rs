//! Cases and roots that come out otherwise than with Kustomize, by reason.

/// Cases of Kustomize's own suite.
pub(super) const KRUSTY: &[(&str, &[&str])] = &[];

/// Roots of real repositories.
pub(super) const REPOSITORIES: &[(&str, &[&str])] = &[
    (
        "a symbolic link to a file is missing from the tree of the test",
        &[
            "monosense-io__k8s-gitops/kubernetes/workloads/platform/cicd/actions-runner-system",
            "monosense-io__k8s-gitops/kubernetes/workloads/platform/cicd/actions-runner-system/runners",
            "monosense-io__k8s-gitops/kubernetes/workloads/platform/cicd/actions-runner-system/runners/pilar",
        ],
    ),
    (
        "other: RefusedHere components/operators/servicemeshoperator/instanc",
        &[
            "redhat-na-ssa__demo-ai-gitops-catalog/components/operators/servicemeshoperator/aggregate",
        ],
    ),
    (
        "refused too; the corpus leaves out a file or holds a symbolic link as a file, so the first reason differs",
        &[
            "GoogleCloudPlatform__anthos-config-management-samples/namespace-specific-policy/automated-rendering",
            "redhat-na-ssa__demo-ai-gitops-catalog/components/cluster-configs/autoscale/base",
        ],
    ),
];
