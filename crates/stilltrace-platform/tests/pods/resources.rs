//! CPU and memory of containers and proxies, and the worker threads that follow from them.

use stilltrace_model::{AppContainer, SidecarProxy};

use super::{gaps, platform, shown, workload};

const RANGE: &str = "
apiVersion: v1
kind: LimitRange
metadata: {name: defaults, namespace: shop}
spec:
  limits:
  - type: Pod
    max: {cpu: 7}
  - type: Container
    default: {cpu: 500m}
    defaultRequest: {cpu: 50m}
    max: {memory: 1Gi}
---
";

/// A deployment of namespace `shop` whose pod template is one line.
fn deployment(annotations: &str, spec: &str) -> String {
    let template = format!("{{metadata: {{annotations: {{{annotations}}}}}, spec: {{{spec}}}}}");
    let metadata = "metadata: {name: web, namespace: shop}";
    format!("\napiVersion: apps/v1\nkind: Deployment\n{metadata}\nspec: {{template: {template}}}\n")
}

/// The deployment's line in manifests that start with [`RANGE`].
const BELOW_RANGE: &str = "line 17";

/// Limits and requests of CPU, then of memory.
fn of_app(app: &AppContainer) -> [String; 4] {
    let memory = [&app.memory_limit, &app.memory_request];
    let [limit, request] = memory.map(|setting| shown(&setting.map(|b| b.map(|b| b.to_string()))));
    [shown(&app.cpu_limit), shown(&app.cpu_request), limit, request]
}

fn of_proxy(proxy: &SidecarProxy) -> [String; 4] {
    let memory = [&proxy.memory_limit, &proxy.memory_request];
    let [limit, request] = memory.map(|setting| shown(&setting.map(|b| b.map(|b| b.to_string()))));
    [shown(&proxy.cpu_limit), shown(&proxy.cpu_request), limit, request]
}

fn app(manifests: &str) -> [String; 4] {
    of_app(&workload(&platform(manifests), "web").containers[0])
}

fn proxy(manifests: &str) -> [String; 4] {
    of_proxy(workload(&platform(manifests), "web").sidecar.as_ref().unwrap())
}

fn threads(manifests: &str) -> String {
    shown(&workload(&platform(manifests), "web").sidecar.as_ref().unwrap().concurrency)
}

const SILENT: &str = "containers: [{name: c, image: x}]";

#[test]
fn a_limit_range_fills_a_container_that_says_nothing() {
    let expected = [
        "Millicores(500), line 9",
        "Millicores(50), line 10",
        "\"1Gi\", line 11",
        "\"1Gi\", line 11",
    ];
    assert_eq!(app(&format!("{}{}", RANGE.trim_start(), deployment("", SILENT))), expected);
}

#[test]
fn a_request_follows_its_own_limit_before_the_limit_range_is_asked() {
    let limited = "containers: [{name: c, image: x, resources: {limits: {cpu: 1}}}]";
    let found = app(&format!("{}{}", RANGE.trim_start(), deployment("", limited)));
    assert_eq!(found[0], format!("Millicores(1000), {BELOW_RANGE}"));
    assert_eq!(found[1], format!("Millicores(1000), {BELOW_RANGE}"));
}

#[test]
fn a_limit_range_of_another_namespace_does_nothing() {
    let range = RANGE.replace("namespace: shop", "namespace: other");
    let found = app(&format!("{}{}", range.trim_start(), deployment("", SILENT)));
    assert!(found.iter().all(|amount| amount == "unset, Kubernetes default"), "{found:?}");
}

#[test]
fn two_limit_ranges_with_defaults_are_named() {
    let other = RANGE.replace("name: defaults", "name: more");
    let gaps = gaps(&platform(&format!("{}{}", RANGE.trim_start(), other.trim_start())));
    assert!(gaps.contains("both have defaults for containers"), "{gaps}");
}

#[test]
fn an_injected_proxy_has_the_installations_amounts_and_no_others() {
    let istio = "Istio 1.31 installation default";
    let expected = [
        format!("Millicores(2000), {istio}"),
        format!("Millicores(100), {istio}"),
        format!("\"1Gi\", {istio}"),
        format!("\"128Mi\", {istio}"),
    ];
    assert_eq!(proxy(&deployment("", SILENT)), expected);
    assert_eq!(proxy(&format!("{}{}", RANGE.trim_start(), deployment("", SILENT))), expected);
}

#[test]
fn one_annotation_takes_all_other_amounts_away_and_a_limit_range_fills_them() {
    let annotated = deployment("sidecar.istio.io/proxyMemoryLimit: 300Mi", SILENT);
    let none = "unset, Istio 1.31: one sidecar resource annotation replaces all default resources";
    assert_eq!(proxy(&annotated), [none, none, "\"300Mi\", line 4", "\"300Mi\", line 4"]);
    let found = proxy(&format!("{}{annotated}", RANGE.trim_start()));
    assert_eq!(found[..2], ["Millicores(500), line 9", "Millicores(50), line 10"]);
}

#[test]
fn a_proxy_written_by_hand_wins_amount_by_amount_in_either_list() {
    let written = "{name: istio-proxy, image: auto, resources: {limits: {cpu: 3}}}";
    for spec in [
        format!("containers: [{{name: c, image: x}}, {written}]"),
        format!("containers: [{{name: c, image: x}}], initContainers: [{written}]"),
    ] {
        let found = proxy(&deployment("sidecar.istio.io/proxyCPULimit: 100m", &spec));
        assert_eq!(found[0], "Millicores(3000), line 4");
        assert_eq!(found[1], "Millicores(3000), line 4");
    }
}

#[test]
fn an_injected_gateway_gets_nothing_from_its_template() {
    let gateway = deployment(
        "inject.istio.io/templates: gateway",
        "containers: [{name: istio-proxy, image: auto}]",
    );
    let found = proxy(&gateway);
    assert!(found.iter().all(|amount| amount == "unset, Kubernetes default"), "{found:?}");
    assert_eq!(
        threads(&gateway),
        "unset, Istio 1.31 default without a CPU limit: the node's cores"
    );
}

#[test]
fn an_installation_replaces_what_it_names_and_a_null_takes_it_away() {
    let installation = "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: mesh, namespace: istio-system}
spec:
  values:
    global:
      proxy:
        resources:
          limits: {cpu: null, memory: 2Gi}
---
";
    let found = proxy(&format!("{}{}", installation.trim_start(), deployment("", SILENT)));
    let request = "Millicores(100), Istio 1.31 installation default";
    assert_eq!(found[..3], ["unset, line 9", request, "\"2Gi\", line 9"]);
}

#[test]
fn worker_threads_follow_the_cpu_limit_rounded_up() {
    let limited = deployment("sidecar.istio.io/proxyCPULimit: 2100m", SILENT);
    assert_eq!(threads(&limited), "3, line 4");
    let expected = "2, Istio 1.31 default: the proxy's CPU limit, rounded up";
    assert_eq!(threads(&deployment("", SILENT)), expected);
}

#[test]
fn a_written_zero_means_the_nodes_cores_whatever_the_limit() {
    let zero = deployment("proxy.istio.io/config: \"concurrency: 0\"", SILENT);
    assert_eq!(threads(&zero), "unset, line 4");
}

#[test]
fn init_containers_that_keep_running_are_containers_of_the_pod() {
    let spec = "containers: [{name: c, image: x}], initContainers: [{name: once, image: x}, \
                {name: beside, image: y, restartPolicy: Always}]";
    let platform = platform(&deployment("", spec));
    let names: Vec<&str> =
        workload(&platform, "web").containers.iter().map(|own| own.name.as_str()).collect();
    assert_eq!(names, ["c", "beside"]);
}
