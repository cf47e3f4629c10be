//! What the installation of Istio says about proxies, wherever a repository keeps it.

use stilltrace_manifest::MemoryTree;
use stilltrace_model::SidecarProxy;
use stilltrace_platform::{ParseCache, read};

use super::{NAMESPACE, platform, shown, workload};

const WEB: &str = "
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {spec: {containers: [{name: c, image: x}]}}}
";

/// Limits and requests of the proxy's CPU, then of its memory.
fn proxy(installation: &str) -> [String; 4] {
    let platform = platform(&format!("{}{WEB}", installation.trim()));
    let proxy: &SidecarProxy = workload(&platform, "web").sidecar.as_ref().unwrap();
    let memory = [&proxy.memory_limit, &proxy.memory_request];
    let [limit, request] = memory.map(|setting| shown(&setting.map(|b| b.map(|b| b.to_string()))));
    [shown(&proxy.cpu_limit), shown(&proxy.cpu_request), limit, request]
}

const INJECTOR: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-sidecar-injector, namespace: istio-system}
data:
  config: "policy: enabled"
  values: |-
    {
      "global": {
        "proxy": {
          "resources": {
            "limits": {
              "cpu": "1"
            },
            "requests": {
              "memory": "64Mi"
            }
          }
        }
      }
    }
"#;

#[test]
fn what_the_injector_reads_is_complete() {
    let expected = [
        "Millicores(1000), line 12",
        "Millicores(1000), line 12",
        "unset, line 11",
        "\"64Mi\", line 15",
    ];
    assert_eq!(proxy(INJECTOR), expected);
}

#[test]
fn what_the_injector_reads_wins_over_what_made_it() {
    let both = format!("{}\n---\n{}", INJECTOR.trim(), OPERATOR.trim());
    assert_eq!(proxy(&both)[0], "Millicores(1000), line 12");
}

#[test]
fn an_injector_of_another_revision_is_taken_only_where_there_is_no_own() {
    let canary = INJECTOR
        .replace("istio-sidecar-injector,", "istio-sidecar-injector-canary,")
        .replace("\"cpu\": \"1\"", "\"cpu\": \"3\"");
    let both = format!("{}\n---\n{}", canary.trim(), INJECTOR.trim());
    assert_eq!(proxy(&both)[0], "Millicores(1000), line 33");
    assert_eq!(proxy(&canary)[0], "Millicores(3000), line 12");
}

const OPERATOR: &str = "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: mesh, namespace: istio-system}
spec:
  profile: demo
  values:
    global: {proxy: {resources: {limits: {memory: 2Gi}}}}
";

#[test]
fn the_demo_profile_asks_for_less() {
    let demo = "Istio 1.31 demo profile";
    let expected = [
        "Millicores(2000), Istio 1.31 installation default".to_owned(),
        format!("Millicores(10), {demo}"),
        "\"2Gi\", line 7".to_owned(),
        format!("\"40Mi\", {demo}"),
    ];
    assert_eq!(proxy(OPERATOR), expected);
}

const APPLICATION: &str = "
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: istiod, namespace: argocd}
spec:
  destination: {namespace: istio-system, server: https://kubernetes.default.svc}
  sources:
  - repoURL: https://istio.example/charts
    chart: istiod
    helm:
      values: |
        global:
          proxy:
            resources:
              limits:
                cpu: 700m
";

const SHOP: &str = "
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  destination: {namespace: shop, server: https://kubernetes.default.svc}
  source: {repoURL: https://example.com/me/shop, path: shop}
";

#[test]
fn values_in_the_text_of_an_application_keep_their_lines() {
    let tree = MemoryTree::new()
        .with("apps/istiod.yaml", APPLICATION.trim_start())
        .with("apps/shop.yaml", SHOP.trim_start())
        .with("shop/a.yaml", NAMESPACE)
        .with("shop/web.yaml", WEB.trim_start());
    let platform = read(&tree, &mut ParseCache::new());
    let proxy = workload(&platform, "web").sidecar.as_ref().unwrap();
    assert_eq!(shown(&proxy.cpu_limit), "Millicores(700), line 15");
}

const FLUX: &str = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec: {path: ./shop, sourceRef: {kind: GitRepository, name: flux-system}}
";

#[test]
fn values_of_other_releases_say_nothing_about_proxies() {
    let request = |chart: &str, values: &str| {
        let release = format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n\
             metadata: {{name: one, namespace: istio-system}}\n\
             spec: {{chart: {{spec: {{chart: {chart}}}}}, values: {values}}}\n"
        );
        let tree = MemoryTree::new()
            .with("flux/shop.yaml", FLUX.trim_start())
            .with("shop/a.yaml", NAMESPACE)
            .with("shop/one.yaml", &release)
            .with("shop/web.yaml", WEB.trim_start());
        let platform = read(&tree, &mut ParseCache::new());
        shown(&workload(&platform, "web").sidecar.as_ref().unwrap().cpu_request)
    };
    for (values, own) in [
        ("{profile: demo}", "Millicores(10), Istio 1.31 demo profile"),
        ("{global: {proxy: {resources: {requests: {cpu: 7m}}}}}", "Millicores(7), line 4"),
    ] {
        let nothing = "Millicores(100), Istio 1.31 installation default";
        assert_eq!(request("frontend", values), nothing);
        assert_eq!(request("istiod", values), own);
        assert_eq!(request("./charts/istio-discovery/", values), own);
        // Helm hands what stands below a chart's name to that chart.
        assert_eq!(request("platform", &format!("{{istiod: {values}}}")), own);
        assert_eq!(request("platform", &format!("{{istio-discovery: {values}}}")), own);
        assert_eq!(request("platform", &format!("{{other: {values}}}")), nothing);
    }
}

#[test]
fn values_of_other_applications_say_nothing_about_proxies() {
    let limit = |application: &str| {
        let tree = MemoryTree::new()
            .with("apps/one.yaml", application.trim_start())
            .with("apps/shop.yaml", SHOP.trim_start())
            .with("shop/a.yaml", NAMESPACE)
            .with("shop/web.yaml", WEB.trim_start());
        let platform = read(&tree, &mut ParseCache::new());
        shown(&workload(&platform, "web").sidecar.as_ref().unwrap().cpu_limit)
    };
    let other = APPLICATION.replace("chart: istiod", "chart: frontend");
    assert_eq!(limit(&other), "Millicores(2000), Istio 1.31 installation default");
    // A chart of another name that says what only Istio's has is a copy of it.
    let copy = other.replace("        global:", "        meshConfig: {}\n        global:");
    assert_eq!(limit(&copy), "Millicores(700), line 16");
}

#[test]
fn global_values_of_a_chart_win_over_those_of_the_chart_that_it_wraps() {
    let application = APPLICATION.replace("chart: istiod", "chart: platform");
    let (head, values) = application.split_once("        global:\n").unwrap();
    let below = format!("        global:\n{values}").replace("\n ", "\n   ");
    let wrapped = format!("{head}        istiod:\n  {below}");
    let limit = |application: &str| {
        let tree = MemoryTree::new()
            .with("apps/one.yaml", application.trim_start())
            .with("apps/shop.yaml", SHOP.trim_start())
            .with("shop/a.yaml", NAMESPACE)
            .with("shop/web.yaml", WEB.trim_start());
        let platform = read(&tree, &mut ParseCache::new());
        shown(&workload(&platform, "web").sidecar.as_ref().unwrap().cpu_limit)
    };
    assert_eq!(limit(&wrapped), "Millicores(700), line 16");
    let global = "        global: {proxy: {resources: {limits: {cpu: 3}}}}\n";
    assert_eq!(limit(&format!("{wrapped}{global}")), "Millicores(3000), line 17");
}
