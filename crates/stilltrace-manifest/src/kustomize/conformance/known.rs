//! Cases and roots that come out otherwise than with Kustomize, by reason.

/// Cases of Kustomize's own suite.
pub(super) const KRUSTY: &[(&str, &[&str])] = &[
    (
        "`configurations` is not evaluated yet",
        &["intermediateresourceid-IntermediateNameSecretKeyRefDiamond", "variableref-Issue3449"],
    ),
    (
        "`openapi` is not evaluated yet",
        &[
            "openapicustomschema-CustomOpenApiFieldBasicUsage",
            "openapicustomschema-CustomOpenApiFieldFromBase",
            "openapicustomschema-CustomOpenApiFieldFromComponent",
            "openapicustomschema-CustomOpenApiFieldFromComponentWithOverlays",
            "openapicustomschema-CustomOpenApiFieldFromOverlay",
            "openapicustomschema-CustomOpenApiFieldOverlayTakesPrecedence",
            "openapicustomschema-CustomOpenApiFieldVersion",
            "openapicustomschema-CustomOpenApiFieldWithTwoGvks",
            "openapicustomschema-CustomOpenApiFieldYaml",
        ],
    ),
    (
        "`replacements` is not evaluated yet",
        &[
            "component-OrderOfAccumulatedComponent-components-are-applied-before-replacements-transformer-applied",
            "replacementtransformer-ReplacementTransformerAppendToAnnotationUsingRegex",
            "replacementtransformer-ReplacementTransformerServiceNamespaceUrlUsingRegex",
            "replacementtransformer-ReplacementTransformerWithConfigMapGenerator",
            "replacementtransformer-ReplacementTransformerWithDiamondShape",
            "replacementtransformer-ReplacementTransformerWithNamePrefixOverlay",
            "replacementtransformer-ReplacementTransformerWithNamespaceOverlay",
            "replacementtransformer-ReplacementTransformerWithOriginalName",
            "replacementtransformer-ReplacementsField",
            "replacementtransformer-ReplacementsFieldWithPath",
            "replacementtransformer-ReplacementsFieldWithPathMultiple",
        ],
    ),
    ("`transformers` is not evaluated yet", &["localconfig-SKipLocalConfigAfterTransform"]),
    (
        "`vars` is not evaluated yet",
        &[
            "customconfig-CustomConfig",
            "customconfig-CustomConfigWithDefaultOverspecification",
            "customconfig-FixedBug605-BaseCustomizationAvailableInOverlay",
            "issue3377-Issue3377",
            "namespaces-VariablesAmbiguousWorkaround",
            "namespaces-VariablesDisambiguatedWithNamespace",
            "variableref-BasicVariableRef",
            "variableref-DeploymentAnnotations",
            "variableref-SimpleServicePortVarReplace",
            "variableref-VarPropagatesUp",
            "variableref-VarRefBig",
            "variableref-VariableRefIngressBasic",
            "variableref-VariableRefIngressOverlay",
            "variableref-VariableRefMaps",
            "variableref-VariableRefMountPath",
            "variableref-VariableRefNFSServer",
            "variableref-VaribaleRefDifferentPrefix",
        ],
    ),
    (
        "keys set twice in a kustomization are accepted by Kustomize, the last one counts",
        &[
            "replacementtransformer-ReplacementTransformerWithSuffixTransformerAndReject",
            "replacementtransformer-ReplacementTransformerWithSuffixTransformerAndRejectUsingRegex",
        ],
    ),
];

/// Roots of real repositories.
pub(super) const REPOSITORIES: &[(&str, &[&str])] = &[
    (
        "`replacements` is not evaluated yet",
        &[
            "konflux-ci__konflux-ci/operator/config/default",
            "redhat-cop__gitops-catalog/amq-broker-operator/examples/amq-cluster-ssl-init-self-signed",
            "redhat-cop__gitops-catalog/amq-broker-operator/instance/components/certificates/cert-manager/acceptor-ssl-keystore-and-truststore",
            "redhat-cop__gitops-catalog/amq-broker-operator/instance/components/certificates/cert-manager/cluster-ssl-keystore-and-truststore",
            "redhat-cop__gitops-catalog/amq-broker-operator/instance/overlays/clustered-ephemeral-tls-init-container",
            "redhat-cop__gitops-catalog/apicurio-registry-operator/aggregate/apicurio-registry-sql",
            "redhat-cop__gitops-catalog/apicurio-registry-operator/instance/overlays/postgresql-tls-letsencrypt",
        ],
    ),
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
];
