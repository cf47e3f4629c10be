//! Fields that no kind has are named with their line, and nothing else is.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::fmt::Write as _;

use stilltrace_manifest::MemoryTree;
use stilltrace_model::{Gap, Platform};
use stilltrace_platform::{ParseCache, read};

fn platform(text: &str) -> Platform {
    read(&MemoryTree::new().with("a.yaml", text), &mut ParseCache::new())
}

fn gaps(text: &str) -> Vec<Gap> {
    let gaps = platform(text).gaps.into_iter();
    gaps.filter(|gap| gap.what.starts_with("a.yaml:")).collect()
}

fn what(text: &str) -> Vec<String> {
    gaps(text).into_iter().map(|gap| gap.what).collect()
}

fn rule(spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: cart, namespace: shop}}\nspec:\n  hosts: [cart]\n  http:\n  - {spec}\n    \
         route: [{{destination: {{host: cart}}}}]\n"
    )
}

#[test]
fn a_misspelled_field_says_what_becomes_of_it_and_how_to_mend_it() {
    let found = gaps(&rule("retries: {attempts: 3, perTryTimout: 2s}"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].what,
        "a.yaml:7:28: VirtualService shop/cart: there is no field \
         `spec.http[0].retries.perTryTimout` in Istio 1.31; did you mean `perTryTimeout`?"
    );
    assert!(found[0].why.contains("the API server drops this field"));
    assert_eq!(found[0].remedy, "write `perTryTimeout`");
    assert!(gaps(&rule("retries: {attempts: 3, perTryTimeout: 2s}")).is_empty());
}

#[test]
fn a_field_at_the_wrong_level_says_where_it_belongs() {
    let found = gaps(&rule("perTryTimeout: 2s"));
    assert!(
        found[0].what.ends_with("does it belong at `spec.http[].retries.perTryTimeout`?"),
        "{found:?}"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_told_once() {
    let mesh = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n\
                data:\n  mesh: |\n    connectTimeout: 7\n";
    let found = gaps(&format!("{mesh}{CLIENT}"));
    let found: Vec<_> = found.iter().filter(|gap| gap.what.contains("connectTimeout")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].what.contains("must be a duration"));
    assert!(found[0].why.starts_with("Istio cannot read this MeshConfig"));
}

#[test]
fn an_object_of_the_wrong_structure_has_no_effect() {
    let routes = |attempts: &str| {
        let rule = rule(&format!("retries: {{attempts: {attempts}}}")).replace("cart", "web");
        let platform = platform(&format!("{rule}{CLIENT}"));
        let own = platform.edges.values().flat_map(|edge| edge.routes.iter().cloned());
        (own.filter(|route| route.object.is_some()).count(), platform.refused, platform.gaps)
    };
    let (ruled, refused, _) = routes("3");
    assert!(ruled > 0 && refused.is_empty(), "{refused:?}");
    let (ruled, refused, gaps) = routes("\"3\"");
    assert_eq!(ruled, 0);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].field, "spec.http[0].retries.attempts");
    assert_eq!(refused[0].message, "`spec.http[0].retries.attempts` must be a whole number");
    assert_eq!(refused[0].at.to_string(), "a.yaml:7:25");
    let told = gaps.iter().filter(|gap| gap.what.contains("attempts")).count();
    assert_eq!(told, 0, "told once, as refused: {gaps:?}");
}

#[test]
fn an_object_that_admission_refuses_is_not_refused_twice() {
    let text = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
                metadata: {name: cart, namespace: shop}\nspec:\n  host: cart\n  trafficPolicy:\n    \
                loadBalancer: {simple: RANDOMM}\n    tlss: {}\n";
    let platform = platform(text);
    assert_eq!(platform.refused.len(), 1);
    let gaps: Vec<_> = platform.gaps.iter().filter(|gap| gap.what.contains("a.yaml:")).collect();
    assert_eq!(gaps.len(), 1, "the dropped field is still told: {gaps:?}");
    assert!(gaps[0].what.contains("`tls`"));
}

#[test]
fn a_release_of_a_chart_is_judged_but_not_its_values() {
    let found = what(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n\
         metadata: {name: cart, namespace: shop}\nspec:\n  interval: 5m\n  chart:\n    spec:\n      \
         chart: cart\n      sourceRef: {kind: HelmRepository, name: own}\n      \
         valueFiles: [a.yaml]\n  values: {whatever: [1]}\n  install: {remediation: {retries: many}}\n",
    );
    let told = |text: &str| found.iter().filter(|what| what.contains(text)).count();
    assert_eq!(told("`spec.chart.spec.valueFiles`"), 1, "{found:?}");
    assert_eq!(told("did you mean `valuesFiles`?"), 1, "{found:?}");
    assert_eq!(told("`spec.install.remediation.retries`"), 1, "{found:?}");
    assert_eq!(told("whatever"), 0, "{found:?}");
}

const MESH: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: \
                    istio-system}\ndata:\n  mesh: |\n    enable_auto_mtls: false\n    \
                    acessLogFile: /dev/stdout\n    defaultConfig:\n      concurency: 2\n";

#[test]
fn the_mesh_configuration_is_judged_in_place() {
    assert_eq!(
        what(MESH),
        [
            "a.yaml:7:5: MeshConfig of ConfigMap istio-system/istio: there is no field \
             `data.mesh.acessLogFile` in Istio 1.31; did you mean `accessLogFile`?",
            "a.yaml:9:7: MeshConfig of ConfigMap istio-system/istio: there is no field \
             `data.mesh.defaultConfig.concurency` in Istio 1.31; did you mean `concurrency`?",
        ]
    );
    assert!(gaps(MESH)[0].why.starts_with("Istio ignores"));
    let operator = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\n\
                    metadata: {name: i, namespace: istio-system}\nspec:\n  meshConfig: {conectTimeout: 1s}\n";
    assert!(what(operator)[0].contains("`spec.meshConfig.conectTimeout`"), "{:?}", what(operator));
}

const CLIENT: &str = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: \
                      shop}\nspec:\n  template:\n    metadata:\n      labels: {app: web, \
                      sidecar.istio.io/inject: \"true\"}\n      annotations:\n        \
                      proxy.istio.io/config: |\n          concurrency: 3\n          concurency: 4\n    \
                      spec: {containers: [{name: c}]}\n---\napiVersion: v1\nkind: Service\nmetadata: \
                      {name: web, namespace: shop}\nspec: {selector: {app: web}, ports: [{name: http, \
                      port: 80}]}\n";

#[test]
fn second_names_of_the_mesh_configuration_are_in_effect() {
    let timeout = |mesh: &str| {
        let text = format!("{mesh}{CLIENT}");
        let platform = platform(&text);
        let edge = platform.edges.values().next().unwrap();
        edge.settings().into_iter().find(|(name, ..)| name.contains("connect")).unwrap().1
    };
    let mesh = |line: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\n\
             data:\n  mesh: |\n    {line}\n"
        )
    };
    assert_eq!(timeout(&mesh("connect_timeout: 7s")), timeout(&mesh("connectTimeout: 7s")));
    assert_ne!(timeout(&mesh("connect_timeout: 7s")), timeout(&mesh("connect_timeouts: 7s")));
    let both = mesh("{connect_timeout: 7s, connectTimeout: 8s}");
    assert_eq!(timeout(&both), timeout(&mesh("connectTimeout: 8s")), "the first name wins");
}

#[test]
fn the_annotation_of_a_proxy_is_judged_in_place() {
    let found = what(CLIENT.trim_start_matches("---\n"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("a.yaml:11:11: ProxyConfig of Deployment shop/web"), "{found:?}");
}

#[test]
fn a_definition_in_the_repository_decides() {
    let crd = "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
               metadata: {name: virtualservices.networking.istio.io}\nspec:\n  group: networking.istio.io\n  \
               names: {kind: VirtualService}\n  versions:\n  - name: v1\n    schema:\n      \
               openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n            \
               type: object\n            properties:\n              hosts: {type: array, items: {type: string}}\n              \
               http:\n                type: array\n                items:\n                  \
               type: object\n                  properties:\n                    \
               route: {x-kubernetes-preserve-unknown-fields: true}\n                    \
               newer: {type: integer}\n";
    let newer = rule("newer: 1");
    assert_eq!(gaps(&newer).len(), 1);
    assert!(gaps(&format!("{newer}{crd}")).is_empty());
    let older = rule("timeout: 1s");
    assert!(gaps(&older).is_empty());
    assert_eq!(gaps(&format!("{older}{crd}")).len(), 1);
}

#[test]
fn kinds_that_do_not_exist_are_named_once() {
    let text = rule("timeout: 1s");
    let twice = |kind: &str| {
        let text = text.replace("kind: VirtualService", kind);
        format!("{text}---\n{}", text.replace("name: cart", "name: other"))
    };
    assert_eq!(
        what(&twice("kind: VirtualServce")),
        [
            "a.yaml:2:7: there is no kind `VirtualServce` of `networking.istio.io/v1` (2 objects); did \
          you mean `VirtualService`?"
        ]
    );
    let old = text.replace("networking.istio.io/v1", "networking.istio.io/v1alpha1");
    assert!(what(&old)[0].ends_with(
        "did you mean `networking.istio.io/v1` or `networking.istio.io/v1alpha3` or \
         `networking.istio.io/v1beta1`?"
    ));
    let gone = text.replace("networking.istio.io/v1", "rbac.istio.io/v1alpha1");
    assert_eq!(what(&gone).len(), 1);
    let others = text.replace("networking.istio.io/v1", "networking.example.com/v1");
    assert!(what(&others).is_empty());
}

#[test]
fn what_goes_beyond_the_budget_is_counted() {
    let mut text = String::new();
    for object in 0..30 {
        writeln!(
            text,
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n\
             metadata: {{name: e{object}, namespace: shop}}\nspec:\n  hosts: [a{object}.com]\n  \
             resolution: NONE\n  ports: [{{number: 80, name: http, protocol: HTTP}}]"
        )
        .unwrap();
        for field in 0..12 {
            writeln!(text, "  unheardOf{field}: 1").unwrap();
        }
    }
    let gaps = platform(&text).gaps;
    let told = gaps.iter().filter(|gap| gap.what.contains("there is no field")).count();
    assert_eq!(told, 200, "{gaps:?}");
    assert!(gaps.iter().any(|gap| gap.what.starts_with("120 more fields")), "beyond the cluster's");
    assert!(
        gaps.iter()
            .any(|gap| gap.what
                == "ServiceEntry shop/e1: 2 more fields or values that it cannot have")
    );
}
