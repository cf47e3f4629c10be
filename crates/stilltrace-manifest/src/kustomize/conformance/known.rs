//! Cases and roots that come out otherwise than with Kustomize, by reason.

/// Cases of Kustomize's own suite.
pub(super) const KRUSTY: &[(&str, &[&str])] = &[
    (
        "`buildMetadata` is not evaluated yet",
        &[
            "originannotation-AnnoOriginBuiltinGeneratorFromFileWithOverlay",
            "originannotation-AnnoOriginConfigMapGeneratorMerge",
            "originannotation-AnnoOriginConfigMapGeneratorReplace",
            "originannotation-AnnoOriginLocalBuiltinGenerator",
            "originannotation-AnnoOriginLocalFiles",
            "originannotation-AnnoOriginLocalFilesWithOverlay",
            "originannotation-GeneratorWithAnnoOrigin",
            "transformerannotation-AnnoOriginAndTransformerBuiltinLocal",
            "transformerannotation-AnnoTransformerBuiltinLocal",
            "transformerannotation-AnnoTransformerLocalFilesWithOverlay",
        ],
    ),
    (
        "`configurations` is not evaluated yet",
        &["intermediateresourceid-IntermediateNameSecretKeyRefDiamond", "variableref-Issue3449"],
    ),
    (
        "`generators` is not evaluated yet",
        &[
            "namespacepropagation-NamespacePropagationDoesNotBreakGeneratorMerge",
            "originannotation-AnnoOriginGeneratorFromFile",
            "originannotation-AnnoOriginInlineBuiltinGenerator",
        ],
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
    (
        "`transformers` is not evaluated yet",
        &[
            "localconfig-SKipLocalConfigAfterTransform",
            "transformerannotation-AnnoTransformerBuiltinInline",
        ],
    ),
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
            "component-OrderOfAccumulatedComponent-components-using-a-generated-resource-by-configMapGenerator",
            "configmaps-GeneratorRepeatsInKustomization",
            "namespaces-NamespaceNotAddedToValidatingAdmissionPolicies",
            "replacementtransformer-ReplacementTransformerWithSuffixTransformerAndReject",
            "replacementtransformer-ReplacementTransformerWithSuffixTransformerAndRejectUsingRegex",
        ],
    ),
];

/// Roots of real repositories.
pub(super) const REPOSITORIES: &[(&str, &[&str])] = &[
    (
        "YAML that only the Go libraries accept is refused",
        &[
            "istio-ecosystem__admiral/install/admiral/base",
            "istio-ecosystem__admiral/install/admiral/overlays/demosinglecluster",
            "istio-ecosystem__admiral/install/admiralremote/base",
        ],
    ),
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
        "a kustomization with fields but nothing in them counts as empty",
        &[
            "GoogleCloudPlatform__anthos-config-management-samples/asm-acm-tutorial/ingress-gateway/init",
            "GoogleCloudPlatform__anthos-config-management-samples/asm-acm-tutorial/online-boutique/init",
            "GoogleCloudPlatform__anthos-service-mesh-workshop/infrastructure/ops/prod/k8s_repo/config/app",
            "GoogleCloudPlatform__anthos-service-mesh-workshop/infrastructure/ops/prod/k8s_repo/config/app-authorization",
            "GoogleCloudPlatform__anthos-service-mesh-workshop/infrastructure/ops/prod/k8s_repo/config/app-canary",
            "GoogleCloudPlatform__anthos-service-mesh-workshop/infrastructure/ops/prod/k8s_repo/config/app-cnrm",
            "GoogleCloudPlatform__anthos-service-mesh-workshop/infrastructure/ops/prod/k8s_repo/config/app-ingress",
            "GoogleCloudPlatform__anthos-service-mesh-workshop/infrastructure/ops/prod/k8s_repo/config/app-loadgenerator",
            "GoogleCloudPlatform__anthos-service-mesh-workshop/infrastructure/ops/prod/k8s_repo/config/istio-networking",
            "GoogleCloudPlatform__anthos-service-mesh-workshop/infrastructure/ops/prod/k8s_repo/config/istio-telemetry",
            "GoogleCloudPlatform__anthos-service-mesh-workshop/k8s_manifests/prod/app-loadgenerator",
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
