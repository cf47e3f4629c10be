//! What Argo CD and Flux apply, where that differs from what `kustomize build` would print.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use stilltrace_manifest::MemoryTree;
use stilltrace_manifest::helm::{HelmCall, HelmRefusal, HelmRenderer};
use stilltrace_model::Platform;
use stilltrace_platform::{Options, ParseCache, read_with};

const CHARTED: &str = "resources: [web.yaml]\nhelmCharts:\n- {name: cache, releaseName: cache}\n";
const SERVER: &str = "destination: {server: 'https://kubernetes.default.svc', namespace: shop}";

/// Prints one workload for every chart.
struct OneWorkload;

impl HelmRenderer for OneWorkload {
    fn render(&self, _: &HelmCall) -> Result<String, HelmRefusal> {
        Ok(format!("---\n# Source: cache/templates/a.yaml\n{}", workload("cache")))
    }
}

fn workload(name: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: app, image: x}}]}}
"
    )
}

fn application(spec: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: shop, namespace: argocd}}
spec: {{{spec}, {SERVER}}}
"
    )
}

fn repository(applied_by: &str) -> MemoryTree {
    MemoryTree::new()
        .with("apps/shop.yaml", applied_by)
        .with("shop/kustomization.yaml", CHARTED)
        .with("shop/web.yaml", &workload("web"))
        .with("shop/charts/cache/values.yaml", "{}\n")
        .with("shop/charts/cache/Chart.yaml", "name: cache\nversion: 1.0.0\n")
        .with("shop/charts/cache/templates/a.yaml", &workload("cache"))
}

fn read(tree: &MemoryTree) -> Platform {
    let options = Options { helm: Some(&OneWorkload), ..Options::default() };
    read_with(tree, &mut ParseCache::new(), &options)
}

fn names(platform: &Platform) -> Vec<&str> {
    platform.workloads.values().map(|workload| workload.id.name.as_str()).collect()
}

fn gaps(platform: &Platform) -> String {
    let lines =
        platform.gaps.iter().map(|gap| format!("{} | {} | {}\n", gap.what, gap.why, gap.remedy));
    lines.collect()
}

const SHOP: &str = "source: {repoURL: 'https://example.com/me/shop', path: shop}";

#[test]
fn flux_renders_no_charts_of_kustomizations() {
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec: {path: ./shop, sourceRef: {kind: GitRepository, name: flux-system}}
";
    let platform = read(&repository(flux));
    assert!(names(&platform).is_empty(), "Flux stops at the chart and applies nothing");
    let gaps = gaps(&platform);
    assert!(gaps.contains("nothing of `shop` is applied"), "{gaps}");
    assert!(
        gaps.contains("shop/kustomization.yaml:3:3: the chart `cache` is not rendered: Flux"),
        "{gaps}"
    );
}

#[test]
fn without_a_reconciler_charts_are_rendered() {
    let platform = read(&repository("# nobody\n"));
    assert_eq!(names(&platform), ["cache", "web"], "{}", gaps(&platform));
}

fn settings(data: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: argocd-cm, namespace: argocd}}\ndata: {data}\n"
    )
}

#[test]
fn argo_cd_renders_charts_where_its_settings_say_so() {
    let on = "{kustomize.buildOptions: --load-restrictor LoadRestrictionsNone --enable-helm}";
    let tree = repository(&application(SHOP)).with("argocd/cm.yaml", &settings(on));
    let platform = read(&tree);
    assert_eq!(names(&platform), ["cache", "web"], "{}", gaps(&platform));
    assert!(!gaps(&platform).contains("chart"), "{}", gaps(&platform));

    let off = repository(&application(SHOP)).with("argocd/cm.yaml", &settings("{url: x}"));
    let platform = read(&off);
    assert_eq!(names(&platform), ["web"]);
    assert!(gaps(&platform).contains("`argocd-cm` does not set"), "{}", gaps(&platform));
}

#[test]
fn the_operator_of_argo_cd_says_it_too() {
    let operator = "apiVersion: argoproj.io/v1beta1
kind: ArgoCD
metadata: {name: argocd}
spec: {kustomizeBuildOptions: --enable-helm}
";
    let tree = repository(&application(SHOP)).with("argocd/operator.yaml", operator);
    assert_eq!(names(&read(&tree)), ["cache", "web"]);
}

#[test]
fn the_chart_of_argo_cd_says_it_in_its_values() {
    let cm = |options: &str| format!("{{configs: {{cm: {{kustomize.buildOptions: {options}}}}}}}");
    let chart = |helm: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: argocd, namespace: argocd}}
spec: {{source: {{repoURL: 'https://example.com/charts', chart: argo-cd, helm: {helm}}}, {SERVER}}}
"
        )
    };
    let says = |path: &str, text: &str| {
        let platform = read(&repository(&application(SHOP)).with(path, text));
        let doubt = gaps(&platform).contains("is not known: `argocd-cm`");
        (platform.workloads.len(), doubt)
    };
    let object = chart(&format!("{{valuesObject: {}}}", cm("--enable-helm")));
    assert_eq!(says("argocd/app.yaml", &object), (2, false));
    let text = chart(&format!("{{values: \"{}\"}}", cm("--enable-helm")));
    assert_eq!(says("argocd/app.yaml", &text), (2, false));
    let parameter = "{name: 'configs.cm.kustomize\\.buildOptions', value: --enable-helm}";
    let parameter = chart(&format!("{{parameters: [{parameter}]}}"));
    assert_eq!(says("argocd/app.yaml", &parameter), (2, false));
    assert_eq!(says("argocd/values.yaml", &cm("--enable-helm")), (2, false));
    let literal = "configMapGenerator:\n- name: argocd-cm\n  behavior: merge\n  \
                   literals: ['kustomize.buildOptions=--enable-helm']\n";
    assert_eq!(says("argocd/kustomization.yaml", literal), (2, false));
    assert_eq!(says("argocd/values.yaml", &cm("--enable-alpha-plugins")), (1, false));
    assert_eq!(says("argocd/values.yaml", "{}\n"), (2, true));
}

#[test]
fn options_of_a_kustomize_version_count_for_applications_that_name_it() {
    let of_version = "{kustomize.buildOptions: --enable-helm, kustomize.buildOptions.v4: ''}";
    let named =
        "source: {repoURL: 'https://example.com/me/shop', path: shop, kustomize: {version: v4}}";
    let tree = repository(&application(named)).with("argocd/cm.yaml", &settings(of_version));
    assert_eq!(names(&read(&tree)), ["web"]);
}

#[test]
fn without_argo_cds_settings_charts_are_rendered_and_the_doubt_is_named() {
    let platform = read(&repository(&application(SHOP)));
    assert_eq!(names(&platform), ["cache", "web"], "{}", gaps(&platform));
    let gaps = gaps(&platform);
    assert!(gaps.contains("whether Argo CD renders the charts of `shop` is not known"), "{gaps}");
}

#[test]
fn a_source_that_is_rendered_into_a_branch_is_read_where_people_write_it() {
    let hydrated = "sourceHydrator: {drySource: {repoURL: 'https://example.com/me/shop', path: shop, targetRevision: HEAD}, syncSource: {targetBranch: env/prod, path: out}}";
    let platform = read(&repository(&application(hydrated)));
    assert_eq!(names(&platform), ["cache", "web"], "{}", gaps(&platform));
    assert!(
        gaps(&platform).contains("first rendered into branch `env/prod`"),
        "{}",
        gaps(&platform)
    );
    let web = platform.workloads.values().find(|one| one.id.name == "web").unwrap();
    assert_eq!(web.reconciler.as_ref().unwrap().path, "shop");
}

#[test]
fn the_rendered_branch_is_read_where_the_dry_source_is_not() {
    let hydrated = "sourceHydrator: {drySource: {repoURL: 'https://example.com/me/shop', path: shop, targetRevision: HEAD}, syncSource: {targetBranch: env/prod, path: out}}";
    let tree = MemoryTree::new()
        .with("apps/shop.yaml", &application(hydrated))
        .with("out/manifest.yaml", &workload("web"));
    let platform = read(&tree);
    assert_eq!(names(&platform), ["web"]);
    assert_eq!(
        platform.workloads.values().next().unwrap().reconciler.as_ref().unwrap().path,
        "out"
    );
}

fn project(spec: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: team, namespace: argocd}}\nspec: {spec}\n"
    )
}

#[test]
fn an_application_that_its_project_does_not_permit_is_not_in_effect() {
    let everything = "{sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}";
    let elsewhere = "{sourceRepos: ['*'], destinations: [{server: '*', namespace: other}]}";
    let foreign = "{sourceRepos: ['https://example.com/you/*'], destinations: [{server: '*', namespace: '*'}]}";
    let with = |spec: &str| {
        let of_team = application(&format!("project: team, {SHOP}"));
        read(&repository(&of_team).with("argocd/project.yaml", &project(spec)))
    };
    assert_eq!(names(&with(everything)), ["cache", "web"]);
    for (spec, what) in [(elsewhere, "the namespace `shop`"), (foreign, "the source `https://")] {
        let platform = with(spec);
        assert!(names(&platform).is_empty(), "{spec}");
        let gaps = gaps(&platform);
        assert!(gaps.contains(what) && gaps.contains("does not permit"), "{gaps}");
    }
}

#[test]
fn one_object_that_the_project_does_not_permit_stops_the_whole_sync() {
    let with = |spec: &str| {
        let of_team = application(&format!("project: team, {SHOP}"));
        let tree = repository(&of_team)
            .with("shop/kustomization.yaml", "resources: [web.yaml, more.yaml]\n")
            .with("shop/more.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
        let spec = format!("{{sourceRepos: ['*'], destinations: [{spec}}}");
        read(&tree.with("argocd/project.yaml", &project(&spec)))
    };
    let all = "{server: '*', namespace: '*'}]";
    let namespaces = format!("{all}, clusterResourceWhitelist: [{{group: '', kind: Name*}}]");
    assert_eq!(names(&with(&namespaces)), ["web"]);
    let named = "clusterResourceWhitelist: [{group: '', kind: Namespace, name: a*}]";
    let denied = "clusterResourceWhitelist: [{group: '*', kind: '*'}], \
                  clusterResourceBlacklist: [{group: '', kind: Namespace}]";
    let no_apps = "namespaceResourceBlacklist: [{group: apps, kind: '*'}]";
    for (spec, refused) in [
        (all.to_owned(), "does not permit Namespace shop, so nothing of it is synced"),
        (format!("{all}, {named}"), "Namespace shop"),
        (format!("{all}, {denied}"), "Namespace shop"),
        (format!("{namespaces}, {no_apps}"), "Deployment shop/web"),
        (format!("{namespaces}, namespaceResourceWhitelist: []"), "Deployment shop/web"),
    ] {
        let platform = with(&spec);
        assert!(names(&platform).is_empty(), "{spec}");
        assert!(gaps(&platform).contains(refused), "{spec}: {}", gaps(&platform));
    }
}

#[test]
fn an_object_in_a_namespace_that_the_project_does_not_permit_stops_the_sync() {
    let of_team = application(&format!("project: team, {SHOP}"));
    let elsewhere =
        workload("web").replace("  name: web\nspec", "  name: web\n  namespace: other\nspec");
    let tree = repository(&of_team).with("shop/kustomization.yaml", "resources: [web.yaml]\n");
    let project = |to: &str| project(&format!("{{sourceRepos: ['*'], destinations: [{to}]}}"));
    let one = "{server: '*', namespace: shop}";
    let refused = tree.with("argocd/project.yaml", &project(one)).with("shop/web.yaml", &elsewhere);
    let platform = read(&refused);
    assert!(names(&platform).is_empty());
    let told = gaps(&platform);
    assert!(told.contains("does not permit Deployment other/web"), "{told}");
    let both = format!("{one}, {{server: '*', namespace: other}}");
    let permitted = refused.with("argocd/project.yaml", &project(&both));
    assert_eq!(names(&read(&permitted)), ["web"]);
}

#[test]
fn an_object_that_argo_cd_and_flux_apply_is_contested_and_named_where_they_differ() {
    let flux = "---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec:
  path: ./shop
  sourceRef: {kind: GitRepository, name: flux-system}
  targetNamespace: shop
  patches:
  - patch: '[{op: add, path: /spec/replicas, value: 3}]'
    target: {kind: Deployment}
";
    let both = format!("{}{flux}", application(SHOP));
    let tree = repository(&both).with("shop/kustomization.yaml", "resources: [web.yaml]\n");
    let platform = read(&tree);
    let [one] = platform.contested.as_slice() else { panic!("{:?}", platform.contested) };
    let by: Vec<String> = one.claims.iter().map(|(_, by)| by.object.to_string()).collect();
    assert_eq!(one.object.to_string(), "Deployment shop/web");
    assert_eq!(by, ["Application argocd/shop", "Kustomization flux-system/shop"]);
    assert!(one.differs);
    let told = gaps(&platform);
    assert!(told.contains("Deployment shop/web is applied twice: "), "{told}");
    assert!(told.contains("in one way by Application argocd/shop and in another by"), "{told}");
    assert_eq!(names(&platform), ["web"], "it is shown once");
}

#[test]
fn an_artifact_is_read_where_its_generator_copies_it_from() {
    let generator = |copy: &str| {
        format!(
            "apiVersion: source.extensions.fluxcd.io/v1beta1
kind: ArtifactGenerator
metadata: {{name: parts, namespace: flux-system}}
spec:
  sources: [{{alias: git, kind: GitRepository, name: flux-system}}]
  artifacts:
  - name: shop
    copy: [{copy}]
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: shop, namespace: flux-system}}
spec: {{path: ./here, sourceRef: {{kind: ExternalArtifact, name: shop}}}}
"
        )
    };
    let with = |copy: &str| {
        let tree = repository(&generator(copy));
        read(&tree.with("shop/kustomization.yaml", "resources: [web.yaml]\n"))
    };
    let copied = with("{from: '@git/shop/**', to: '@artifact/here/'}");
    assert_eq!(names(&copied), ["web"], "{}", gaps(&copied));
    let web = copied.workloads.values().next().unwrap();
    assert_eq!(web.reconciler.as_ref().unwrap().path, "shop");

    let elsewhere = with("{from: '@git/shop/**', to: '@artifact/there/'}");
    assert!(names(&elsewhere).is_empty());
    let told = gaps(&elsewhere);
    assert!(told.contains("the folder `./here` is not in its source"), "{told}");

    let unnamed = repository(&generator("").replace("  - name: shop\n", "  - name: other\n"));
    let told = gaps(&read(&unnamed));
    assert!(told.contains("nothing in Git says what the artifact `shop` holds"), "{told}");
}

#[test]
fn a_source_that_no_object_is_is_named_once_though_git_holds_none_of_its_kind() {
    let flux = |name: &str, source: &str| {
        format!(
            "---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec: {{path: ./shop, sourceRef: {{kind: GitRepository, name: {source}}}}}
"
        )
    };
    let told = |source: &str| {
        let two = format!("{}{}", flux("one", source), flux("two", source));
        let told = gaps(&read(&repository(&two)));
        told.matches("no object that was read is the GitRepository").count()
    };
    assert_eq!(told("tools"), 1);
    assert_eq!(told("flux-system"), 0, "Flux was installed with it");
}

#[test]
fn a_values_file_of_a_source_that_the_application_lacks_is_named() {
    let source = |of: &str| {
        format!(
            "sources: [{{repoURL: 'https://example.com/me/shop', path: shop/charts/cache, \
             helm: {{valueFiles: [${of}/shop/charts/cache/values.yaml]}}}}, \
             {{repoURL: 'https://example.com/me/shop', ref: values}}]"
        )
    };
    let platform = read(&repository(&application(&source("values"))));
    assert_eq!(names(&platform), ["cache"], "{}", gaps(&platform));
    let wrong = read(&repository(&application(&source("value"))));
    assert!(names(&wrong).is_empty());
    let told = gaps(&wrong);
    assert!(told.contains("none of its sources is the `ref: value` of"), "{told}");
}

fn with_metadata(metadata: &str) -> Platform {
    let text = workload("web")
        .replace("  name: web\n", &format!("  name: web\n  namespace: shop\n  {metadata}\n"));
    read(&MemoryTree::new().with("web.yaml", &text))
}

fn writer(platform: &Platform) -> Option<String> {
    let web = platform.workloads.values().next().unwrap();
    let reconciler = web.reconciler.as_ref()?;
    Some(format!("{} @ {}", reconciler.object, reconciler.at))
}

#[test]
fn marks_of_reconcilers_say_who_writes_an_object() {
    let flux = with_metadata(
        "labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}",
    );
    let said = writer(&flux).unwrap();
    assert!(said.contains("apps") && said.contains("web.yaml:6:"), "{said}");
    let argo = with_metadata(
        "annotations: {argocd.argoproj.io/tracking-id: 'front:apps/Deployment:shop/web'}",
    );
    assert!(writer(&argo).unwrap().contains("front"));
}

#[test]
fn a_tracking_id_of_another_object_says_nothing() {
    let copied = with_metadata(
        "annotations: {argocd.argoproj.io/tracking-id: 'front:apps/Deployment:shop/other'}",
    );
    assert_eq!(writer(&copied), None);
    let label = with_metadata("labels: {app.kubernetes.io/instance: front}");
    assert_eq!(writer(&label), None, "charts set this label too");
}
