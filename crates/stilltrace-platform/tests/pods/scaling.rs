//! Who decides the number, size and place of pods.

use stilltrace_model::{Bytes, Millicores};

use super::{gaps, platform, workload};

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      topologySpreadConstraints:
      - {topologyKey: zone, maxSkew: 1, labelSelector: {matchLabels: {app: web}}}
      - {topologyKey: node, maxSkew: 1, labelSelector: {matchLabels: {app: other}}}
      - {topologyKey: rack, maxSkew: 1}
      containers:
      - {name: c, image: x, resources: {requests: {cpu: 300m, memory: 1Gi}}}
---
";

fn with(object: &str) -> String {
    format!("{}{}", WEB.trim_start(), object.trim_start())
}

fn vertical(policy: &str) -> String {
    with(&format!(
        "
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {{name: web, namespace: shop}}
spec:
  targetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
{policy}"
    ))
}

#[test]
fn a_vertical_autoscaler_is_named_with_its_line() {
    let gaps = gaps(&platform(&vertical("  updatePolicy: {updateMode: Initial}\n")));
    let expected = "b.yaml:20:30: VerticalPodAutoscaler shop/web sets requests and limits of \
                    Deployment shop/web while it runs (updateMode Initial)";
    assert!(gaps.contains(expected), "{gaps}");
}

#[test]
fn a_vertical_autoscaler_says_what_it_leaves_alone() {
    let policy = "  resourcePolicy:\n    containerPolicies:\n    - {containerName: c, mode: \"Off\"}\n    \
                  - {containerName: \"*\", controlledValues: RequestsOnly}\n";
    let gaps = gaps(&platform(&vertical(policy)));
    let expected = "sets requests of Deployment shop/web while it runs, except of c";
    assert!(gaps.contains(expected), "{gaps}");
}

#[test]
fn a_vertical_autoscaler_that_only_recommends_overwrites_nothing() {
    let off = gaps(&platform(&vertical("  updatePolicy: {updateMode: \"Off\"}\n")));
    assert!(!off.contains("VerticalPodAutoscaler"), "{off}");
}

fn horizontal(metrics: &str) -> String {
    with(&format!(
        "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web, namespace: shop}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  maxReplicas: 9
  metrics: [{metrics}]
"
    ))
}

const OF_PODS: &str =
    "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}";

#[test]
fn a_percentage_is_of_all_requests_with_the_proxys() {
    let platform = platform(&horizontal(OF_PODS));
    let web = workload(&platform, "web");
    assert_eq!(web.cpu_request(), Some(Millicores(400)));
    assert_eq!(web.memory_request(), Some(Bytes((1024 + 128) << 20)));
    assert!(!gaps(&platform).contains("has no meaning"), "{}", gaps(&platform));
}

#[test]
fn a_percentage_of_a_proxy_without_a_request_scales_nothing() {
    let annotated =
        "metadata: {labels: {app: web}, annotations: {sidecar.istio.io/proxyMemory: 1Gi}}";
    let manifests = horizontal(OF_PODS).replace("metadata: {labels: {app: web}}", annotated);
    let platform = platform(&manifests);
    assert_eq!(workload(&platform, "web").cpu_request(), None);
    let expected = "60% of Resource cpu has no meaning for Deployment shop/web: istio-proxy has no \
                    request";
    assert!(gaps(&platform).contains(expected), "{}", gaps(&platform));
}

#[test]
fn a_metric_of_one_container_names_it() {
    let metric = "{type: ContainerResource, containerResource: {name: cpu, container: c, target: \
                  {type: Utilization, averageUtilization: 70}}}";
    let platform = platform(&horizontal(metric));
    let scaler = workload(&platform, "web").pod_rules.autoscaler.as_ref().unwrap();
    assert_eq!(scaler.targets[0].0, "ContainerResource cpu of c");
    assert_eq!(scaler.targets[0].1.value, "70%");
}

#[test]
fn a_spread_that_counts_none_of_its_pods_is_named() {
    let gaps = gaps(&platform(WEB));
    for (place, why) in [("10:9", "matches other labels"), ("11:9", "is absent")] {
        let expected = format!(
            "b.yaml:{place}: the rule counts none of the pods of Deployment shop/web: its \
             labelSelector {why}"
        );
        assert!(gaps.contains(&expected), "{gaps}");
    }
    assert!(!gaps.contains("b.yaml:9:9"), "{gaps}");
}

#[test]
fn budgets_keep_percentages_as_written_and_an_empty_selector_takes_every_pod() {
    let budget = |selector: &str| {
        with(&format!(
            "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: b, namespace: shop}}\n\
             spec: {{minAvailable: 50%{selector}}}\n"
        ))
    };
    let found = |selector: &str| {
        let platform = platform(&budget(selector));
        let budgets = workload(&platform, "web").pod_rules.disruption_budgets.iter();
        let least = budgets.filter_map(|own| own.min_available.as_ref());
        least.map(|least| least.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(found(", selector: {}"), ["50%"]);
    assert!(found("").is_empty() && found(", selector: {matchLabels: {app: no}}").is_empty());
}

#[test]
fn two_autoscalers_of_one_workload_scale_nothing() {
    let scaler = |name: &str, target: &str| {
        format!(
            "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n\
             metadata: {{name: {name}, namespace: shop}}\n\
             spec: {{scaleTargetRef: {{kind: Deployment, name: {target}}}, maxReplicas: 4}}\n"
        )
    };
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n\
               spec: {template: {spec: {containers: [{name: c, image: x}]}}}\n";
    let both = platform(&format!("{web}{}{}", scaler("one", "web"), scaler("two", "web")));
    assert!(workload(&both, "web").pod_rules.autoscaler.is_none());
    let expected = "b.yaml:11:1: HorizontalPodAutoscaler shop/two and HorizontalPodAutoscaler \
                    shop/one both scale Deployment shop/web";
    assert!(gaps(&both).contains("both scale Deployment shop/web"), "{expected}\n{}", gaps(&both));
    let apart = platform(&format!("{web}{}{}", scaler("one", "web"), scaler("two", "api")));
    assert!(workload(&apart, "web").pod_rules.autoscaler.is_some());
    assert!(!gaps(&apart).contains("both scale"));
}
